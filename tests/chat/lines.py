#!/usr/bin/env -S python3 -B
"""kin-chat by plain lines, a process a client and with workers."""
import os
import signal
import subprocess

from chat import Client, Server, run

EITHER = [(), ('--workers', '2')]


def each(test):
    def both():
        for options in EITHER:
            with Server('--rate', '0', *options) as server:
                test(server)
    both.__doc__ = test.__doc__
    return both


@each
def talk(server):
    """what one says all hear, in order, and the speaker too"""
    ann, bob = Client(server, 'ann'), Client(server, 'bob')
    ann.until('bob joined')
    for number in range(100):
        ann.send(f'word {number}')
    for client in ann, bob:
        lines = client.until('word 99$')
        assert lines == [f'#lobby <ann> word {number}' for number in range(100)], lines


@each
def nicks(server):
    """a nick is one person's, in any case, and free when that one has gone"""
    ann, other = Client(server, 'ann'), Client(server)
    other.send('ANN')
    other.until('that nick is taken')
    ann.send('/quit tired')
    watcher = Client(server, 'eve')
    watcher.send('/nick adam')
    watcher.until('eve is now adam')
    assert ann.until('closed: tired')
    other.send('Ann')
    other.until('Ann joined')
    watcher.until('Ann joined')


@each
def private(server):
    """a private message reaches its one receiver"""
    ann, bob, eve = (Client(server, nick) for nick in ('ann', 'bob', 'eve'))
    ann.send('/msg bob psst')
    bob.until(r'^<ann> \(to you\) psst$')
    ann.send('/msg nobody psst')
    ann.until('nobody has that nick')
    ann.send('aloud')
    assert not any('psst' in line for line in eve.until('aloud'))


@each
def rooms(server):
    """rooms keep apart, tell who is in them, and have topics"""
    ann, bob = Client(server, 'ann'), Client(server, 'bob')
    ann.send('/join Garden')
    ann.until('ann joined #garden')
    ann.send('/topic Roses')
    ann.until('topic of #garden: Roses')
    ann.send('only here')
    ann.until('#garden <ann> only here')
    bob.send('/rooms')
    bob.until(r'#garden 1 Roses')
    bob.send('/who garden')
    assert bob.until('@ann')
    bob.send('end')
    assert not any('only here' in line for line in bob.until('<bob> end'))
    ann.send('/part garden enough')
    ann.until(r'ann left #garden \(enough\)')
    ann.send('lost')
    ann.until('you are not in that room')


@each
def operators(server):
    """an operator kicks, bans, and makes rooms for the invited or with a key"""
    ann, bob = Client(server, 'ann'), Client(server, 'bob')
    bob.send('/kick ann')
    bob.until('only an operator')
    ann.send('/mode +b bob!*@*')
    bob.until(r'mode of #lobby: \+b bob!\*@\*')
    bob.send('may I?')
    bob.until('you may not speak')
    ann.send('/kick bob spam')
    bob.until(r'put bob out of #lobby \(spam\)')
    bob.send('/join lobby')
    bob.until('you are banned')
    ann.send('/mode -b bob!*@*')
    ann.send('/mode +k sesame')
    ann.until(r'\+k sesame')
    bob.send('/join lobby')
    bob.until('another key')
    bob.send('/join lobby sesame')
    bob.until('bob joined')
    ann.send('/mode +o bob')
    bob.until(r'\+o bob')
    bob.send('/mode +m')
    bob.until(r'\+m')


@each
def bad_input(server):
    """noise, half lines and lines without an end are refused, and disturb nobody"""
    ann, bob = Client(server, 'ann'), Client(server, 'bob')
    bob.socket.sendall(b'caf\xe9\n')
    bob.until('not UTF-8')
    bob.socket.sendall(b'\x1b[31mred\n')
    bob.until('control characters')
    bob.socket.sendall(b'x' * (1 << 20) + b'\n')
    bob.until('too long')
    bob.send('y' * 513)
    bob.until('longer than 512')
    noise = Client(server)
    noise.socket.sendall(os.urandom(4096).replace(b'\n', b''))
    half = Client(server)
    half.socket.sendall(b'hal')
    ann.send('still here')
    ann.until('still here')
    half.socket.sendall(b'f\n')
    half.until('half joined')


@each
def silent(server):
    """who says nothing is greeted after a second"""
    assert Client(server).line() == '*** This is kin-chat. Your nick?\n'


@each
def slow(server):
    """a reader that stands still stops nobody, and hears of what it missed"""
    ann, bob = Client(server, 'ann'), Client(server, 'bob', buffer=4096)
    ann.until('bob joined')
    count, text = 20000, 'z' * 400
    said = 0
    while said < count:
        for _ in range(100):
            ann.send(f'{said} {text}')
            said += 1
        ann.until(f'<ann> {said - 1} ')
    lines = bob.until(f'<ann> {count - 1} ')
    seen = missed = 0
    for line in lines:
        if 'messages dropped' in line:
            missed += int(line.split()[1])
        elif line.startswith('#lobby <ann> '):
            assert int(line.split()[2]) == seen + missed, line
            seen += 1
    assert missed > 0 and seen + missed == count, (seen, missed)


def one_dies():
    """a killed process takes its client with it, and the others hear of it; the nick is free"""
    with Server() as server:
        before = set(server.children())
        ann = Client(server, 'ann')
        (child,) = set(server.children()) - before
        bob = Client(server, 'bob')
        os.kill(child, signal.SIGKILL)
        bob.until(r'ann has gone \(its process was killed\)')
        ann.file.read()
        Client(server, 'ann')


def listener_dies():
    """a killed listener is replaced, and nobody notices"""
    with Server() as server:
        (listener,) = server.children()
        ann = Client(server, 'ann')
        os.kill(listener, signal.SIGKILL)
        ann.send('hello')
        ann.until('<ann> hello')
        Client(server, 'bob')
        ann.until('bob joined')


def worker_restart():
    """after SIGHUP new workers go on with all connections, in the middle of a line"""
    with Server('--workers', '2') as server:
        ann, bob = Client(server, 'ann'), Client(server, 'bob')
        ann.socket.sendall(b'half a ')
        before = set(server.children())
        server.process.send_signal(signal.SIGHUP)
        bob.send('/msg bob self')
        bob.until('self')
        while len(set(server.children()) - before) < 2:
            pass
        ann.send('line')
        bob.until('<ann> half a line')


def history():
    """the rooms' history is shown to newcomers, after a restart too, even of a killed server"""
    with Server('--history', '50') as server:
        ann = Client(server, 'ann')
        for number in range(9):
            ann.send(f'word {number}')
        ann.until('word 8')
        server.process.kill()
        server.process.wait()
        server.process.stdout.close()
        server.start()
        eve = Client(server)
        eve.send('eve')
        shown = [line for line in eve.until('eve joined') if '#lobby <ann>' in line]
        assert [line[8:] for line in shown] == [f'#lobby <ann> word {number}' for number in range(9)], shown
        eve.send('/who')
        assert eve.until('@eve') == ['*** @eve']


def limits():
    """options that cannot be meant are refused, and a full house says so"""
    for wrong in (['--port', '70000'], ['--workers', '-1'], ['--clients', 'many'], ['--name', 'a/b'], ['more']):
        got = subprocess.run([os.environ['KIN_CHAT'], *wrong], stderr=subprocess.PIPE, text=True)
        assert got.returncode == 2 and got.stderr.count('\n') == 1, got
    with Server('--clients', '1') as server:
        ann = Client(server, 'ann')
        assert 'full' in Client(server).line()
        ann.close()


if __name__ == '__main__':
    run([talk, nicks, private, rooms, operators, bad_input, silent, slow, one_dies, listener_dies, worker_restart,
         history, limits])
