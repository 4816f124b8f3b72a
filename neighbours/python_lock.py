#!/usr/bin/env python3
"""multiprocessing.Lock: the process that holds it is killed."""
import multiprocessing
import time

PATIENCE = 5  # seconds


def hold(lock, inside):
    with lock:
        inside.set()
        time.sleep(3600)


def main():
    lock, inside = multiprocessing.Lock(), multiprocessing.Event()
    holder = multiprocessing.Process(target=hold, args=(lock, inside), daemon=True)
    holder.start()
    inside.wait()
    holder.kill()
    holder.join()
    if lock.acquire(timeout=PATIENCE):
        print("silent\tthe next acquire succeeds")
    else:
        print("hangs\tthe lock is lost for ever: the next acquire never returns")


if __name__ == "__main__":
    main()
