#!/usr/bin/env -S python3 -B
"""kin-chat as an IRC server, a process a client and with workers."""
import contextlib
import os
import re
import signal

from chat import HANG, Client, Server, run

EITHER = [(), ('--workers', '2')]


class Irc(Client):
    """Registers, and joins rooms; a line without its CR."""

    def __init__(self, server, nick=None, *rooms, caps=''):
        super().__init__(server)
        if caps:
            self.send(f'CAP REQ :{caps}')
        if nick:
            self.send(f'NICK {nick}')
            self.send(f'USER {nick} 0 * :{nick} of the test')
            if caps:
                self.send('CAP END')
            self.until(' 422 ')
        for room in rooms:
            self.send(f'JOIN {room}')
            self.until(' 366 ')

    def send(self, text):
        self.socket.sendall((text + '\r\n').encode())

    def line(self):
        return super().line().replace('\r\n', '\n')

    def ask(self, text, pattern):
        self.send(text)
        return self.until(pattern)


def each_once(client, texts):
    """In any order: rooms have none among them."""
    left = list(texts)
    while left:
        line = client.until('|'.join(map(re.escape, texts)))[-1]
        left.remove(line.split(' ', 1)[1])


def each(test):
    def both():
        for options in EITHER:
            with Server('--rate', '0', *options) as server:
                test(server)
    both.__doc__ = test.__doc__
    return both


@each
def registration(server):
    """registration: in any order, after CAP END, with numerics 001 to 005"""
    ann = Irc(server)
    ann.send('PASS x')
    ann.ask('JOIN #a', ' 451 ')
    ann.ask('CAP LS 302', 'CAP \\* LS :message-tags server-time echo-message multi-prefix$')
    ann.send('NICK ann')
    ann.send('USER ann 0 * :Ann')
    ann.ask('CAP REQ :nonsense', 'CAP ann NAK :nonsense')
    ann.ask('CAP REQ :server-time', 'CAP ann ACK :server-time')
    lines = ann.ask('CAP END', ' 422 ')
    for number in range(1, 6):
        assert any(f' {number:03} ann ' in line for line in lines), lines
    assert any('CASEMAPPING=ascii' in line for line in lines)
    other = Irc(server)
    other.ask('NICK Ann', ' 433 \\* Ann ')
    other.ask('NICK 1x', ' 432 ')
    other.ask('NICK', ' 431 ')
    other.ask('USER a', ' 461 ')
    ann.ask('USER a 0 * :b', ' 462 ')
    ann.ask('NONSENSE', ' 421 ann NONSENSE ')
    ann.ask('PING :x y', 'PONG kin.chat :x y')


@each
def talk(server):
    """channels: joined, named, talked in, left; own words come back with echo-message only"""
    ann, bob = Irc(server, 'ann', '#a'), Irc(server, 'bob', caps='echo-message server-time')
    lines = bob.ask('JOIN #a', ' 366 ')
    assert any(re.search(r' 353 bob = #a :@ann bob$', line) for line in lines), lines
    ann.until(':bob!bob@.* JOIN #a')
    ann.send('PRIVMSG #a :hello all')
    bob.until(r'^@time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z :ann!ann@127.0.0.1 PRIVMSG #a :hello all$')
    bob.send('PRIVMSG #a :hello ann')
    bob.until(':bob!.* PRIVMSG #a :hello ann$')
    assert not any('hello all' in line for line in ann.until(':bob!.* PRIVMSG #a :hello ann$'))
    bob.send('PRIVMSG #a :\x01ACTION waves\x01')
    ann.until('PRIVMSG #a :\x01ACTION waves\x01$')
    bob.send('NOTICE #a :\x02bold\x02 words')
    ann.until('NOTICE #a :bold words$')
    bob.send('PRIVMSG ann :psst')
    ann.until('^:bob!bob@127.0.0.1 PRIVMSG ann :psst$')
    bob.until('^:bob!bob@127.0.0.1 PRIVMSG ann :psst$')
    ann.ask('PRIVMSG ann :to myself', 'PRIVMSG ann :to myself$')
    bob.ask('PRIVMSG nobody :psst', ' 401 bob nobody ')
    bob.ask('PRIVMSG #b :x', ' 403 bob #b ')
    bob.ask('PRIVMSG', ' 411 ')
    bob.ask('PRIVMSG ann', ' 412 ')
    ann.ask('AWAY :at lunch', ' 306 ')
    bob.ask('PRIVMSG ann :there?', ' 301 bob ann :at lunch')
    bob.send('PART #a :enough')
    ann.until(':bob!.* PART #a :enough')
    bob.until(':bob!.* PART #a :enough')
    bob.ask('PRIVMSG #a :x', ' 404 bob #a ')
    bob.send('NICK robert')
    bob.until(':bob!.* NICK :robert')
    bob.ask('JOIN #a', ' 366 ')
    bob.send('QUIT :gone')
    ann.until(':robert!.* QUIT :gone')


@each
def lists(server):
    """lists of targets: each is served once, with its key"""
    ann, bob = Irc(server, 'ann'), Irc(server, 'bob')
    ann.send('JOIN #a,#b,#c')
    for room in 'abc':
        ann.until(f' 366 ann #{room} ')
    ann.ask('MODE #b +k secret', 'MODE #b \\+k secret')
    bob.send('JOIN #a,#b x,secret')
    bob.until(' 366 bob #a ')
    bob.until(' 366 bob #b ')
    bob.send('PRIVMSG #a,#b,ann :thrice')
    each_once(ann, ['PRIVMSG #a :thrice', 'PRIVMSG #b :thrice', 'PRIVMSG ann :thrice'])
    bob.send('PART #a,#b :off')
    each_once(ann, ['PART #a :off', 'PART #b :off'])


@each
def operators(server):
    """topic, modes, kick, ban, invite, as their numerics say"""
    ann, bob = Irc(server, 'ann', '#a'), Irc(server, 'bob', '#a')
    bob.ask('KICK #a ann', ' 482 bob #a ')
    bob.ask('TOPIC #a', ' 331 bob #a ')
    ann.ask('TOPIC #a :Roses and more', ':ann!.* TOPIC #a :Roses and more')
    bob.until('TOPIC #a :Roses and more')
    lines = bob.ask('TOPIC #a', ' 333 bob #a ann ')
    assert any(' 332 bob #a :Roses and more' in line for line in lines)
    ann.ask('MODE #a +m', 'MODE #a \\+m')
    bob.ask('PRIVMSG #a :x', ' 404 ')
    ann.ask('MODE #a +v bob', 'MODE #a \\+v bob')
    bob.until('MODE #a \\+v bob')
    bob.send('PRIVMSG #a :now')
    ann.until(':now$')
    ann.ask('MODE #a +l 7', 'MODE #a \\+l 7')
    ann.ask('MODE #a', ' 324 ann #a \\+mnl 7')
    ann.ask('MODE #a +b *!*@nowhere', 'MODE #a \\+b')
    ann.ask('MODE #a +b', ' 367 ann #a \\*!\\*@nowhere ann ')
    ann.ask('MODE #a +q', ' 472 ')
    ann.ask('MODE ann', ' 221 ')
    ann.send('MODE #a +ot-vl bob bob')
    for change in '\\+o bob', '\\+t', '-v bob', '-l':
        bob.until(f':ann!.* MODE #a {change}$')
    ann.ask('KICK #a nobody', ' 401 ann nobody ')
    ann.ask('INVITE bob #a', ' 443 ann bob #a ')
    ann.ask('KICK #a bob :out', ':ann!.* KICK #a bob :out')
    bob.until('KICK #a bob :out')
    ann.ask('MODE #a +i', 'MODE #a \\+i')
    bob.ask('JOIN #a', ' 473 ')
    ann.ask('INVITE bob #a', ' 341 ann bob #a')
    bob.until('INVITE bob #a')
    bob.ask('JOIN #a', ' 366 ')


@each
def asked(server):
    """WHO, WHOIS, LIST, NAMES, LUSERS, ISON, USERHOST"""
    ann = Irc(server, 'ann', '#a')
    bob = Irc(server, 'bob', '#a')
    bob.ask('TOPIC #a :T', 'TOPIC')
    lines = ann.ask('WHO #a', ' 315 ann #a ')
    assert any(' 352 ann #a ann 127.0.0.1 kin.chat ann H@ :0 ann of the test' in line for line in lines), lines
    lines = ann.ask('WHOIS bob', ' 318 ann bob ')
    assert any(' 311 ann bob bob 127.0.0.1 * :bob of the test' in line for line in lines), lines
    ann.ask('WHOIS nobody', ' 401 ann nobody ')
    lines = ann.ask('LIST', ' 323 ')
    assert any(' 322 ann #a 2 :T' in line for line in lines), lines
    ann.ask('NAMES #a', ' 353 ann = #a :@ann bob')
    ann.ask('LUSERS', ' 265 ann 2 2 ')
    ann.ask('ISON bob nobody ann', ' 303 ann :bob ann')
    ann.ask('USERHOST bob', r' 302 ann :bob=\+bob@127.0.0.1')


@each
def faces_meet(server):
    """lines and IRC are in the same rooms"""
    ann, bob = Client(server, 'ann'), Irc(server, 'bob', '#lobby')
    ann.until('bob joined #lobby')
    ann.send('from lines')
    bob.until(':ann!lines@127.0.0.1 PRIVMSG #lobby :from lines')
    bob.send('PRIVMSG #lobby :from irc')
    ann.until('#lobby <bob> from irc')
    ann.send('/msg bob ' + 'ä' * 250)
    lines = bob.until('^:ann!.* PRIVMSG bob :ä+$')
    assert all(len(line.encode()) <= 510 for line in lines)


@each
def history(server):
    """history comes behind the joining, with its times"""
    ann = Irc(server, 'ann', '#a')
    for number in range(20):
        ann.send(f'PRIVMSG #a :old {number}')
    ann.ask('PING x', 'PONG')
    bob = Irc(server, 'bob', caps='server-time')
    lines = bob.ask('JOIN #a', 'old 19$')
    joined = next(i for i, line in enumerate(lines) if ' JOIN #a' in line)
    assert [line.split(':')[-1] for line in lines if 'PRIVMSG' in line] == [f'old {number}' for number in range(20)]
    assert all(i > joined and line.startswith('@time=') for i, line in enumerate(lines) if 'PRIVMSG' in line)


@each
def many(server):
    """names of many come in many lines, all of them"""
    nicks = [f'somebody{number:03}' for number in range(60)]
    clients = [Irc(server, nick, '#big') for nick in nicks]
    lines = clients[0].ask('NAMES #big', ' 366 ')
    found = ' '.join(line.rsplit(':', 1)[1] for line in lines if ' 353 ' in line).replace('@', '').split()
    assert sorted(found) == nicks, found
    lines = clients[0].ask('WHO #big', ' 315 ')
    assert sum(' 352 ' in line for line in lines) == 60


@each
def nonsense(server):
    """noise, long lines, half lines, NUL, bad UTF-8: refused, and the others go on"""
    ann, bob = Irc(server, 'ann', '#a'), Irc(server, 'bob', '#a')
    bob.socket.sendall(b'PRIVMSG #a :' + b'x' * 2000 + b'\r\n')
    bob.until(' 417 ')
    bob.socket.sendall(b'PRIVMSG #a :\xff\xfe\r\n')
    bob.until(' 404 ')
    bob.socket.sendall(b'PRIVMSG #a :a\0b\r\n')
    bob.until(' 417 ')
    bob.socket.sendall(b'\r\n\n:\r\n@\r\n: :\r\n@a=b :c PING half')
    bob.socket.sendall(b' \r\n')
    bob.until('PONG kin.chat :half')
    bob.socket.sendall(b'@' + b't' * 4000 + b' PING tags\r\n')
    bob.until('PONG kin.chat :tags')
    noise = Irc(server)
    noise.socket.sendall(b'NICK ' + os.urandom(4000) + b'\r\n')
    noise.close()
    flood = Irc(server)
    flood.socket.sendall(b'NICK x\r\n')
    try:
        flood.socket.sendall(b'y' * (1 << 20))
    except OSError:
        pass  # it was cut off meanwhile
    flood.socket.settimeout(HANG)
    try:
        while flood.socket.recv(65536):
            pass
    except ConnectionResetError:
        pass
    bob.send('PRIVMSG #a :still here')
    ann.until(':still here$')


def survives():
    """with workers, a killed one's connections go on in the middle of a line"""
    with Server('--rate', '0', '--workers', '2') as server:
        ann, bob = Irc(server, 'ann', '#a'), Irc(server, 'bob', '#a', caps='echo-message')
        for number in range(30):
            bob.socket.sendall(b'PRIVMSG #a :wo')
            for pid in server.children() if number % 3 == 0 else []:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            bob.socket.sendall(f'rd {number}\r\n'.encode())
            bob.until(f':word {number}$')
        heard = [line for line in ann.until(':word 29$') if 'PRIVMSG' in line]
        assert [line.rsplit(' ', 1)[1] for line in heard] == [str(number) for number in range(30)], heard


run([registration, talk, lists, operators, asked, faces_meet, history, many, nonsense, survives])
