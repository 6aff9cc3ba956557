"""Three processes a submission, each forked from the one before:

door    outside; makes the namespaces, waits for the keeper, and passes on how it ended
keeper  the first process inside: it buries orphans, watches the memory, and takes all others along when it ends
cells   where the student's code runs, without any privilege

Whoever of them is killed, nothing is left: the keeper dies with the door, and all inside die with the keeper.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import signal
import socket
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from autograde.sandbox import filter, kernel

HOME = "/tmp/home"
MEMORY = 70  # exit statuses of the keeper that say more than a number
BROKEN = 71
UNKNOWN_USER = 200_000  # from here on, users that no one is
MEGABYTE = 1 << 20
PAGE = resource.getpagesize()
EVERY = 0.05  # seconds between two looks at the memory

Run = Callable[[], None]


def enter(limits: Mapping[str, int], run: Run, *, isolated: bool, keep: int) -> NoReturn:
    """In a new child of the warm process: become the door, and run something in the cells' process."""
    status = BROKEN
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if isolated:
            _leave()
        if kernel.is_linux():
            kernel.die_with_parent(signal.SIGKILL)
        keeper = os.fork()
        if keeper == 0:
            _keep(limits, run, isolated=isolated, keep=keep)
        signal.signal(signal.SIGINT, lambda *_: os.kill(keeper, signal.SIGINT))
        os.close(keep)
        status = _status(_wait(keeper))
    finally:
        os._exit(status)


def _leave() -> None:
    """New namespaces, as a user that no one is (or the caller's own, where the caller is not root)."""
    user = os.getuid()
    if user == 0:
        user = UNKNOWN_USER + os.getpid()
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        kernel.set_dumpable(True)  # else the maps below could not be written
    group = os.getgid()
    kernel.unshare(
        kernel.NEW_USERS | kernel.NEW_MOUNTS | kernel.NEW_PIDS | kernel.NEW_NETWORK | kernel.NEW_IPC | kernel.NEW_NAMES
    )
    map_user(1000, user, 1000, group)


def map_user(inside: int, outside: int, group_inside: int, group_outside: int) -> None:
    """Say who the user of a new user namespace is outside of it."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inside} {outside} 1"),
        ("gid_map", f"{group_inside} {group_outside} 1"),
    ):
        Path(f"/proc/self/{name}").write_text(text)


def _keep(limits: Mapping[str, int], run: Run, *, isolated: bool, keep: int) -> NoReturn:
    """The keeper: prepare the inside, start the cells, and stay until they end."""
    status = BROKEN
    try:
        if kernel.is_linux():
            kernel.die_with_parent(signal.SIGKILL)
        os.setsid()
        if isolated:
            _furnish(limits)
            kernel.set_dumpable(False)  # so that the cells, which are the same user, cannot look into the keeper
        cells = os.fork()
        if cells == 0:
            _become_cells(limits, run, keep)
        os.close(keep)
        signal.signal(signal.SIGINT, lambda *_: os.kill(cells, signal.SIGINT))
        if isolated:
            status = _watch(cells, limits["memory_mb"] * MEGABYTE)
        else:
            status = _status(_wait(cells))
            with contextlib.suppress(OSError):
                os.killpg(cells, signal.SIGKILL)
    finally:
        os._exit(status)


def _furnish(limits: Mapping[str, int]) -> None:
    """Processes, a little disk and a network that reaches nowhere: all of the submission's own. Then, no privileges."""
    kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    size = f"size={limits['disk_mb']}m,nr_inodes={limits['files']},mode=1777"
    for folder in ("/tmp", "/dev/shm"):
        kernel.mount("tmpfs", folder, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, size)
    socket.sethostname("student")
    _raise_loopback()
    with contextlib.suppress(OSError):
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
    kernel.drop_capabilities()
    kernel.no_new_privileges()
    filter.install()


def _raise_loopback() -> None:
    """A process may talk to itself through 127.0.0.1."""
    with socket.socket() as probe:
        request = struct.pack("16sH14x", b"lo", 1)  # IFF_UP
        fcntl.ioctl(probe, 0x8914, request)  # SIOCSIFFLAGS


def _become_cells(limits: Mapping[str, int], run: Run, keep: int) -> NoReturn:
    try:
        os.setsid()
        if kernel.is_linux():
            kernel.set_dumpable(True)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        _limit(limits)
        _close_others(keep)
        run()
    finally:
        os._exit(0)


def _limit(limits: Mapping[str, int]) -> None:
    for what, most in (
        (resource.RLIMIT_CPU, limits["submission_seconds"]),
        (resource.RLIMIT_AS, _size() + limits["memory_mb"] * MEGABYTE),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_FSIZE, limits["disk_mb"] * MEGABYTE),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
    ):
        hard = resource.getrlimit(what)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS has no limit of addresses
            resource.setrlimit(what, (value, value))


def _size() -> int:
    """Bytes of this process's addresses."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * PAGE
    except OSError:
        return 1 << 34


def _close_others(keep: int) -> None:
    """Nothing that was open stays open, but the wire."""
    nothing = os.open("/dev/null", os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    os.closerange(3, keep)
    os.closerange(keep + 1, 4096)


def _watch(cells: int, most: int) -> int:
    """Wait for the cells to end; end all when they hold too much memory together."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    base = _resident(cells)
    while True:
        signal.sigtimedwait([signal.SIGCHLD], EVERY)
        while True:
            try:
                gone, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return BROKEN
            if gone == cells:
                return _status(status)
            if gone == 0:
                break
        if _all(base) > most and _precisely() > most:
            return MEMORY


def _all(base: int) -> int:
    """About how much memory all processes hold beyond what they were born with: cheap, and never too little."""
    return sum(max(0, _resident(process) - base) for process in _others())


def _others() -> list[int]:
    own = os.getpid()
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and int(path.name) != own]


def _resident(process: int) -> int:
    """Bytes of memory that a process has in its addresses, shared or not."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError, ValueError):
        return 0


def _precisely() -> int:
    """How much memory all processes hold, what several share counted once."""
    return sum(map(_share, _others()))


def _share(process: int) -> int:
    """Bytes of memory of a process, what it shares with others divided among them."""
    try:
        lines = [line.split() for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()]
    except OSError:  # it has ended, or hides
        return _resident(process)
    return sum(int(fields[1]) for fields in lines if fields[0] in ("Pss_Anon:", "Pss_Shmem:")) * 1024


def _wait(process: int) -> int:
    while True:
        try:
            return os.waitpid(process, 0)[1]
        except InterruptedError:
            continue


def _status(waited: int) -> int:
    """How a process ended, as an exit status: above 128 for a signal."""
    return 128 + os.WTERMSIG(waited) if os.WIFSIGNALED(waited) else os.WEXITSTATUS(waited)
