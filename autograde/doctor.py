"""``autograde doctor``: what this machine can isolate, and how fast."""

from __future__ import annotations

import platform
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograde import schedule
from autograde.course import Limits
from autograde.sandbox import kernel
from autograde.sandbox.session import Ended, IsolationError, Warm

FORKS = 20
CLOSED = (  # what keeps an ordinary user from making namespaces: the file, the value that forbids, and what to do
    ("/proc/sys/user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=10000"),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: whether it is well, what was found, and what to do where it is not."""

    what: str
    well: bool
    found: str
    advice: str = ""

    def line(self) -> str:
        sign = "✓" if self.well else "✗"
        return f"{sign} {self.what}: {self.found}" + (f"\n    {self.advice}" if self.advice else "")


def examine() -> tuple[Finding, ...]:
    """Look at the machine, and try the real thing."""
    return (*_system(), *_isolation())


def _system() -> Iterator[Finding]:
    version = platform.python_version()
    yield Finding("Python", True, f"{version} in {sys.prefix}, {schedule.cores()} cores")
    system = f"{platform.system()} {platform.release()}, {kernel.machine()}"
    known = kernel.is_linux() and kernel.machine() in ("x86_64", "aarch64")
    yield Finding("system", known, system, "" if known else _NO_LINUX)
    for path, forbids, command in CLOSED:
        if Path(path).is_file() and Path(path).read_text().strip() == forbids:
            yield Finding(Path(path).name, False, f"is {forbids}", f"As root: {command}")
    free = shutil.disk_usage("/tmp").free / 1e9
    yield Finding("disk", free > 1, f"{free:.1f} GB free in /tmp", "" if free > 1 else "Make room: runs write there.")


_NO_LINUX = "Isolation needs Linux 5.14 or newer on x86-64 or 64-bit Arm. Grade in a container or a virtual machine."


def _isolation() -> Iterator[Finding]:
    warm = Warm()
    try:
        started = time.perf_counter()
        warm.start()
        seconds = time.perf_counter() - started
        times = [_fork(warm) for _ in range(FORKS)]
    except (IsolationError, Ended, OSError) as error:
        yield Finding("isolation", False, str(error), ADVICE)
        return
    finally:
        warm.stop()
    yield Finding("isolation", True, "namespaces, read-only root, no privileges, filtered system calls")
    yield Finding("warm start", True, f"{seconds:.1f} s")
    median = statistics.median(times)
    yield Finding(
        "forks", True, f"{1 / median:.0f} a second and worker ({1000 * median:.0f} ms each, with a first cell)"
    )


ADVICE = (
    "In a container, start it with --security-opt seccomp=unconfined --security-opt systempaths=unconfined (Docker, "
    "Podman). Where nothing helps, --isolation=process limits time and memory, but walls nothing off."
)


def _fork(warm: Warm) -> float:
    """Seconds from asking for a student's process to the reply of its first cell."""
    started = time.perf_counter()
    session = warm.fork(Limits())
    session.ask({"do": "cell", "source": "1 + 1"}, deadline=time.monotonic() + 30)
    seconds = time.perf_counter() - started
    session.close()
    return seconds
