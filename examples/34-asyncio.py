#!/usr/bin/env python3
"""A queue and a lock in asyncio, by cffi: 34-asyncio.py [hold]; KIN_LIBRARY names libkin.so.

With "hold" it holds the door until it is killed. It ends at a line "end" (kin send events)."""
import asyncio
import errno
import os
import signal
import sys

import cffi

ffi = cffi.FFI()
ffi.cdef('''
    typedef struct kin_queue kin_queue;
    typedef struct kin_segment kin_segment;
    typedef struct kin_lock kin_lock;
    struct kin_message { void *data; uint64_t length; int64_t type; uint32_t priority, attempts; uint64_t sequence;
                         uint32_t slot, owner; };
    int kin_queue_open(void *domain, const char *name, const void *options, kin_queue **out);
    int kin_queue_receive(kin_queue *queue, void *buffer, uint64_t capacity, const void *how, int64_t until,
                          struct kin_message *out);
    int kin_queue_fd(kin_queue *queue, int what);
    int kin_queue_clear(kin_queue *queue, int what);
    int kin_lock_open(void *domain, const char *name, const void *options, kin_segment **home, kin_lock **out);
    int kin_lock_acquire(kin_segment *segment, kin_lock *lock, int64_t until);
    int kin_lock_release(kin_segment *segment, kin_lock *lock);
    int kin_lock_fd(kin_segment *segment, kin_lock *lock);
    int kin_lock_clear(kin_segment *segment, kin_lock *lock);
    const char *kin_reason(void);
''')
kin = ffi.dlopen(os.environ.get('KIN_LIBRARY', 'libkin.so.0'))
NOW, FOREVER, CAN_RECEIVE, RECOVERED = 0, 2**63 - 1, 1, 1


def must(result):
    if result < 0:
        raise OSError(-result, ffi.string(kin.kin_reason()).decode())
    return result


def serve_queue(queue, ended):
    buffer, message = ffi.new('char[1024]'), ffi.new('struct kin_message *')
    must(kin.kin_queue_clear(queue, CAN_RECEIVE))  # first clear, then try until nothing is left
    while kin.kin_queue_receive(queue, buffer, 1024, ffi.NULL, NOW, message) == 0:
        text = ffi.unpack(buffer, message.length).decode()
        print(text, flush=True)
        if text == 'end':
            ended.set()


def serve_door(loop, fd, home, door):
    must(kin.kin_lock_clear(home, door))
    result = kin.kin_lock_acquire(home, door, NOW)
    if result == -errno.ETIMEDOUT:
        return  # somebody was faster
    print('the door: its last owner died' if must(result) == RECOVERED else 'the door', flush=True)
    must(kin.kin_lock_release(home, door))
    loop.remove_reader(fd)


async def main():
    queue, home, door = ffi.new('kin_queue **'), ffi.new('kin_segment **'), ffi.new('kin_lock **')
    must(kin.kin_queue_open(ffi.NULL, b'events', ffi.NULL, queue))
    must(kin.kin_lock_open(ffi.NULL, b'door', ffi.NULL, home, door))
    if len(sys.argv) > 1:
        must(kin.kin_lock_acquire(home[0], door[0], FOREVER))
        print('held', flush=True)
        signal.pause()
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    fd = must(kin.kin_lock_fd(home[0], door[0]))
    loop.add_reader(fd, serve_door, loop, fd, home[0], door[0])
    loop.add_reader(must(kin.kin_queue_fd(queue[0], CAN_RECEIVE)), serve_queue, queue[0], ended)
    await ended.wait()


asyncio.run(main())
