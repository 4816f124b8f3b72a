#!/usr/bin/env python3
"""GNU sem with one slot: sem itself is killed while its job runs; then another sem asks for the slot."""
import os
import signal
import subprocess
import tempfile

PATIENCE = 10  # seconds: sem is a Perl program that polls


def sem(home, *words):
    environment = dict(os.environ, HOME=home, PARALLEL_HOME=home)
    return subprocess.Popen(["sem", "--will-cite", "--fg", "-u", "--id", "neighbour", "-j1", *words], env=environment,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                            start_new_session=True)


def judge(home, started):
    first = sem(home, "echo $$; exec sleep 60")
    started.append(first.pid)
    job = int(first.stdout.readline())
    started.append(job)
    first.kill()
    first.wait()
    second = sem(home, "echo second")
    started.append(second.pid)
    try:
        said = second.communicate(timeout=PATIENCE)[0]
    except subprocess.TimeoutExpired:
        return "hangs\tthe slot is not given again"
    running = os.path.exists("/proc/%d" % job)
    if "second" in said and running:
        return "wrong\tthe slot is given again while the job still runs: two at once"
    return "undone\tthe slot is given again"


def main():
    started = []
    with tempfile.TemporaryDirectory(prefix="neighbour-") as home:
        try:
            print(judge(home, started))
        finally:
            for pid in started:
                try:
                    os.killpg(os.getpgid(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass


if __name__ == "__main__":
    main()
