"""How much memory a submission's processes hold together, watched from outside of their reach."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterable
from pathlib import Path

MEGABYTE = 1 << 20
PAGE = resource.getpagesize()
SHARE = 10  # to look closely may cost one part in so many of the time

Processes = Callable[[], Iterable[int]]


class Memory:
    """What the processes that a function names hold.

    proc : a descriptor of the folder /proc in which those processes have these numbers.
    born : bytes that the first of them was born with, and shares.
    """

    def __init__(self, proc: int, processes: Processes, most: int, born: int):
        self.proc, self.processes, self.most, self.born = proc, processes, most, born
        self.next_look = 0.0
        self.looked_at = 0

    def is_exceeded(self) -> bool:
        """Whether they hold too much.

        What is resident in each, summed, is never too little, and cheap to know; but pages that several share count
        several times. So only where the sum is too much is it counted page by page, and not all the time.
        """
        resident_all = sum(resident(self.proc, process) for process in self.processes()) - self.born
        if resident_all <= self.most or (time.monotonic() < self.next_look and resident_all < self.looked_at):
            return False
        started = time.monotonic()
        held = sum(own(self.proc, process) for process in self.processes())
        self.next_look = time.monotonic() + SHARE * (time.monotonic() - started)
        self.looked_at = resident_all + max(64 * MEGABYTE, (self.most - held) // 2)
        return held > self.most


def numbered(proc: int) -> list[int]:
    """The processes in a folder /proc, without the first of them."""
    return [int(name) for name in os.listdir(proc) if name.isdigit() and name != "1"]


def descendants(process: int) -> list[int]:
    """A process's children, theirs, and so on."""
    found = [process]
    for parent in found:
        found += children(parent)
    return found[1:]


def children(process: int) -> list[int]:
    """The processes that a process has started, or adopted, in this order; none when it has ended."""
    try:
        return [int(number) for number in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def threads(process: int) -> int:
    """How many threads a process has; 0 when it has ended."""
    try:
        return len(list(Path(f"/proc/{process}/task").iterdir()))
    except OSError:
        return 0


def own_resident() -> int:
    """Bytes of memory that this very process has in its addresses; 0 where nobody says."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
    except OSError:
        return 0


def resident(proc: int, process: int) -> int:
    """Bytes of memory that a process has in its addresses, shared or not."""
    try:
        return int(_read(proc, f"{process}/statm").split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def own(proc: int, process: int) -> int:
    """Bytes of memory of a process, what it shares with others divided among them; all of it, where it hides that."""
    try:
        lines = [line.split() for line in _read(proc, f"{process}/smaps_rollup").splitlines()]
    except OSError:
        return resident(proc, process)
    return sum(int(fields[1]) for fields in lines if fields[0] in (b"Pss_Anon:", b"Pss_Shmem:")) * 1024


def _read(proc: int, path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY, dir_fd=proc)
    try:
        return os.read(descriptor, 1 << 14)
    finally:
        os.close(descriptor)
