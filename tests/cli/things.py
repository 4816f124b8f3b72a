#!/usr/bin/env python3
"""things.py KIND [leave|wait]: makes an object of the kind, uses it once, and prints its name as kin has it.

Then it keeps it until it is killed. With leave it ends and leaves the object; with wait a child of it sleeps in it, and
the child's pid is printed too.
"""
import ctypes
import fcntl
import mmap
import os
import signal
import socket
import sys

libc = ctypes.CDLL(None, use_errno=True)
PRIVATE, MODE = 0, 0o600
NAME = f'/kin-see-{os.getpid()}'


class SemaphoreOperation(ctypes.Structure):
    _fields_ = [('number', ctypes.c_ushort), ('operation', ctypes.c_short), ('flags', ctypes.c_short)]


def need(result):
    """What a call of libc gave, unless it failed."""
    if result is None or result == -1:
        sys.exit(f'skip: {os.strerror(ctypes.get_errno())}')
    return result


def message_queue():
    number = need(libc.msgget(PRIVATE, MODE))
    need(libc.msgsnd(number, ctypes.create_string_buffer(b'\1\0\0\0\0\0\0\0x'), 1, 0))

    def wait():
        libc.msgrcv(number, ctypes.create_string_buffer(100), 50, 7, 0)
    return f'sysv:msg:{number}', wait


def semaphore_set():
    number = need(libc.semget(PRIVATE, 1, MODE))

    def operate(by):
        libc.semop(number, ctypes.byref(SemaphoreOperation(0, by, 0)), 1)
    operate(3)
    return f'sysv:sem:{number}', lambda: operate(-4)


def segment():
    number = need(libc.shmget(PRIVATE, 4096, MODE))
    libc.shmat.restype = ctypes.c_void_p
    need(libc.shmat(number, None, 0))
    return f'sysv:shm:{number}', None


def posix_queue():
    if not hasattr(libc, 'mq_open'):
        libc.mq_open = ctypes.CDLL('librt.so.1', use_errno=True).mq_open
    number = need(libc.mq_open(NAME.encode(), os.O_CREAT | os.O_RDWR, MODE, None))

    def wait():
        libc.mq_timedreceive(number, ctypes.create_string_buffer(10000), 10000, None, None)
    return f'mq:{NAME}', wait


def posix_semaphore():
    libc.sem_open.restype = ctypes.c_void_p
    need(libc.sem_open(NAME.encode(), os.O_CREAT, MODE, 5))
    return f'sem:{NAME}', None


def posix_memory():
    file = os.open(f'/dev/shm{NAME}', os.O_RDWR | os.O_CREAT, MODE)
    os.ftruncate(file, 8192)
    kept.append(mmap.mmap(file, 8192))
    os.close(file)
    return f'shm:{NAME}', None


def fifo():
    os.mkfifo('fifo', MODE)
    os.open('fifo', os.O_RDWR)
    return f'fifo:{os.getcwd()}/fifo', None


def listener():
    kept.append(socket.socket(socket.AF_UNIX))
    kept[-1].bind(f'{os.getcwd()}/socket')
    kept[-1].listen()
    return f'socket:{os.getcwd()}/socket', None


def file_lock():
    file = os.open('locked', os.O_RDWR | os.O_CREAT, MODE)
    os.set_inheritable(file, False)
    fcntl.flock(file, fcntl.LOCK_EX)

    def wait():
        os.close(file)
        fcntl.flock(os.open('locked', os.O_RDWR), fcntl.LOCK_EX)
    return f'filelock:{os.getcwd()}/locked', wait


def memfd():
    file = os.memfd_create('some title')
    os.ftruncate(file, 4096)
    return f'memfd:{os.fstat(file).st_ino}', None


KINDS = {
    'sysv:msg': message_queue, 'sysv:sem': semaphore_set, 'sysv:shm': segment, 'mq': posix_queue,
    'sem': posix_semaphore, 'shm': posix_memory, 'fifo': fifo, 'socket': listener, 'filelock': file_lock,
    'memfd': memfd,
}
kept = []
name, wait = KINDS[sys.argv[1]]()
mode = sys.argv[2] if len(sys.argv) > 2 else ''
if mode == 'wait':
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() == parent:
            wait()
        os._exit(0)
    name = f'{name} {child}'
print(name, flush=True)
if mode != 'leave':
    signal.pause()
