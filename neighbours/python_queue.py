#!/usr/bin/env python3
"""multiprocessing.Queue: a process that waits in get() is killed; then there is an item, and another one asks."""
import multiprocessing
import os
import queue

PATIENCE = 5  # seconds


def wait_for_item(items):
    items.get()


def is_waiting(items):
    """Whether somebody is inside get(): it holds the queue's lock while it waits."""
    free = items._rlock.acquire(block=False)
    if free:
        items._rlock.release()
    return not free


def main():
    items = multiprocessing.Queue()
    waiter = multiprocessing.Process(target=wait_for_item, args=(items,), daemon=True)
    waiter.start()
    while not is_waiting(items):
        os.sched_yield()
    waiter.kill()
    waiter.join()
    items.put("item")
    try:
        items.get(timeout=PATIENCE)
        print("undone\tanother get() receives the item")
    except queue.Empty:
        print("hangs\tthe next get() never returns, though there is an item")
    items.cancel_join_thread()


if __name__ == "__main__":
    main()
