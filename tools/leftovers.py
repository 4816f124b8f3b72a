"""What tests leave behind on the machine: shared memory, System V objects, POSIX queues, processes."""
import ctypes
import os
import re
import signal
import time
from pathlib import Path

FOLDERS = ['/dev/shm', '/dev/mqueue']
TABLES = ['/proc/sysvipc/shm', '/proc/sysvipc/sem', '/proc/sysvipc/msg']
PR_SET_CHILD_SUBREAPER = 36
PATIENCE = 5  # seconds that the killed may take to go


def entries():
    """All names and System V ids that are there now, in words."""
    found = {f'{folder}/{name}' for folder in FOLDERS if os.path.isdir(folder) for name in os.listdir(folder)}
    for table in filter(os.path.exists, TABLES):
        for line in Path(table).read_text().splitlines()[1:]:
            key, number = line.split()[:2]
            found.add(f'System V {Path(table).name} {number} (key {key})')
    return found


def is_of_another_run(entry):
    """Names such as kin-test-1234-abcdef carry the KIN_TEST_RUN of whoever runs tests on this machine as well."""
    found = re.search(r'/kin-[a-z]+-(\d+)-', entry)
    return bool(found) and int(found[1]) != os.getpid()


def children():
    """The pids, with their commands, of whatever runs below this process."""
    found = {}
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            name, rest = re.fullmatch(r'\d+ \((.*)\) (.*)', (folder / 'stat').read_text().strip(), re.DOTALL).groups()
        except OSError:
            continue
        if int(rest.split()[1]) == os.getpid():
            found[int(folder.name)] = name
    return found


class Snapshot:
    """The state before the tests. Orphans of the tests become children of this process, so that none gets away."""

    def __init__(self):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.before = entries()

    def leftovers(self):
        """One sentence for each thing left. Processes are ended, so that the caller can end too."""
        end = time.monotonic() + PATIENCE
        while self.processes() and time.monotonic() < end:
            time.sleep(0.05)
        found = [f'process {pid} ({name}) still runs' for pid, name in self.processes().items()]
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        left = sorted(entry for entry in entries() - self.before if not is_of_another_run(entry))
        return found + [f'{entry} was left' for entry in left]

    @staticmethod
    def processes():
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        return children()
