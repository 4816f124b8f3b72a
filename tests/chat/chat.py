"""A kin-chat of the test's own, its clients, and TAP. KIN_CHAT is the program."""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile

HANG = 60  # seconds: longer than anything here takes by a factor of 100


class Server:
    """In a domain of its own, at a free port."""

    def __init__(self, *options):
        self.domain = tempfile.mkdtemp(prefix='kin-test-chat-', dir='/dev/shm')
        self.options = options
        self.start()

    def start(self):
        self.process = subprocess.Popen([os.environ['KIN_CHAT'], '--port', '0', *self.options], text=True,
                                        stdout=subprocess.PIPE, env={**os.environ, 'KIN_DOMAIN': self.domain})
        self.port = int(self.process.stdout.readline().split()[-1])

    def children(self):
        pid = self.process.pid
        with open(f'/proc/{pid}/task/{pid}/children') as file:
            return [int(word) for word in file.read().split()]

    def end(self):
        self.process.terminate()
        status = self.process.wait(HANG)
        self.process.stdout.close()
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.end()
        shutil.rmtree(self.domain)


class Client:
    """Of plain lines. With a nick it enters, and waits until it is in the lobby."""

    def __init__(self, server, nick=None, buffer=None):
        self.socket = socket.socket()
        self.socket.settimeout(HANG)
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.connect(('127.0.0.1', server.port))
        self.file = self.socket.makefile('r', encoding='utf-8', errors='replace', newline='\n')
        if nick:
            self.send(nick)
            self.until(f'{re.escape(nick)} joined #lobby')

    def send(self, text):
        self.socket.sendall((text + '\n').encode())

    def line(self):
        return self.file.readline()

    def until(self, pattern):
        """All lines up to the one that matches."""
        lines = []
        while True:
            line = self.line()
            if not line:
                raise AssertionError(f'the end, where {pattern!r} was wanted; before it {lines}')
            lines.append(line.rstrip('\n'))
            if re.search(pattern, line):
                return lines

    def close(self):
        self.file.close()
        self.socket.close()


def run(cases):
    """Runs functions, prints TAP."""
    signal.alarm(10 * HANG)
    failed = 0
    print(f'1..{len(cases)}', flush=True)
    for number, case in enumerate(cases, 1):
        try:
            case()
            print(f'ok {number} - {case.__doc__}', flush=True)
        except Exception as error:  # whatever it is, the next case is run
            failed += 1
            print(f'# {type(error).__name__}: {error}'.replace('\n', '\n# '))
            print(f'not ok {number} - {case.__doc__}', flush=True)
    raise SystemExit(failed != 0)
