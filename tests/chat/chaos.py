#!/usr/bin/env -S python3 -B
"""chaos.py [CLIENTS SECONDS]: all clients talk while a worker, or the listener, is killed every 100 ms. What each
client received must be complete, in one order for all, and undoubled."""
import os
import random
import re
import signal
import sys
import threading
import time

from chat import HANG, Client, Server, run

COUNT, SECONDS = (int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (30, 10)


def kill_now_and_then(server, over, killed):
    while not over.wait(0.1):
        children = server.children()
        if children:
            victim = random.choice(children)
            os.kill(victim, signal.SIGKILL)
            killed.append(victim)


def talk(clients, said):
    """Three messages at a time, each third time cut in the middle of a line."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        who = random.randrange(COUNT)
        text = b''.join(b'word %d\n' % (said[who] + number) for number in range(3))
        said[who] += 3
        cut = random.randrange(len(text)) if random.random() < 0.3 else len(text)
        for part in text[:cut], text[cut:]:
            clients[who].socket.sendall(part)
            time.sleep(0.001)  # the load, not a wait for anybody


def received(client, out):
    for _ in range(COUNT):
        out.extend(client.until('> the end$'))


def judge(heard, said):
    words = [[line for line in lines if ' word ' in line] for lines in heard]
    per = [[] for _ in range(COUNT)]
    for line in words[0]:
        who, number = re.fullmatch(r'#lobby <c(\d+)> word (\d+)', line).groups()
        per[int(who)].append(int(number))
    for who in range(COUNT):
        assert per[who] == list(range(said[who])), f'c0 heard {len(per[who])} words of c{who}, of {said[who]}'
    for who in range(COUNT):
        assert words[who] == words[0], f'c{who} heard other things than c0'
        assert not any('dropped' in line for line in heard[who])


def chaos():
    """every message reaches everybody once, in one order, while workers and the listener are killed"""
    seed = random.randrange(1 << 32)
    random.seed(seed)
    print(f'# seed {seed}')
    with Server('--workers', '2', '--rate', '0', '--messages', '65536', '--history', '0') as server:
        clients = [Client(server, f'c{number}') for number in range(COUNT)]
        heard, said = [[] for _ in clients], [0] * COUNT
        readers = [threading.Thread(target=received, args=pair, daemon=True) for pair in zip(clients, heard)]
        over, killed = threading.Event(), []
        killer = threading.Thread(target=kill_now_and_then, args=(server, over, killed))
        for thread in [*readers, killer]:
            thread.start()
        talk(clients, said)
        over.set()
        killer.join()
        for client in clients:
            client.send('the end')
        for number, thread in enumerate(readers):
            thread.join(HANG)
            assert not thread.is_alive(), f'c{number} did not hear the end of all'
        judge(heard, said)
        print(f'# {len(killed)} killed, {sum(said)} words, {sum(map(len, heard))} lines received')
        assert killed


run([chaos])
