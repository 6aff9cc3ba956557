"""Three processes a submission, each forked from the one before:

door    outside, where nothing inside can reach it: it makes the namespaces, watches the memory, and passes on how
        the keeper ended
keeper  the first process inside: it buries orphans, and takes all others along when it ends
cells   where the student's code runs, without any privilege

Whoever of them is killed, nothing is left: the keeper dies with the door, and all inside die with the keeper. Without
isolation there is no inside; then the keeper looks for what is left, as well as can be.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import signal
import socket
import struct
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from autograde.sandbox import filter, kernel, memory, wire
from autograde.sandbox.memory import MEGABYTE, PAGE, Memory

HOME = "/tmp/home"
MEMORY = 70  # exit statuses of the door that say more than a number
BROKEN = 71
UNKNOWN_USER = 1_900_000_000  # from here on, users that no one is
RESERVED = 1024  # megabytes of addresses that may be reserved and not used: the stacks of threads, say
OPEN_FILES = 256
EVERY = 0.05  # seconds between two looks at the memory
PATIENCE = 5.0  # seconds for burying what does not want to be buried

Run = Callable[[], None]


def enter(limits: Mapping[str, int], run: Run, *, isolated: bool, keep: int, parent: int) -> NoReturn:
    """In a new child of the warm process ``parent``: become the door, and run something in the cells' process."""
    status = BROKEN
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if isolated:
            _leave()
        _die_with_parent(isolated)
        if os.getppid() != parent:  # it died before that
            os._exit(status)
        born = memory.own_resident()
        above, below = socket.socketpair()
        keeper = os.fork()
        if keeper == 0:
            above.close()
            _keep(limits, run, below, isolated=isolated, keep=keep)
        below.close()
        os.close(keep)
        _forward(keeper, signal.SIGINT, *(() if isolated else (signal.SIGTERM,)))
        status = _watch(keeper, above, limits["memory_mb"] * MEGABYTE, born, isolated=isolated)
    except BaseException as error:
        _tell(keep, error)
    finally:
        os._exit(status)


def _die_with_parent(isolated: bool) -> None:
    if kernel.is_linux():
        kernel.die_with_parent(signal.SIGKILL if isolated else signal.SIGTERM)


def _forward(process: int, *numbers: int) -> None:
    for each in numbers:
        signal.signal(each, lambda number, _: os.kill(process, number))


def _tell(keep: int, error: BaseException) -> None:
    """Why no cells could be run, in the place of an answer."""
    with contextlib.suppress(Exception):
        wire.send(socket.socket(fileno=keep), wire.Frame({"broken": f"{type(error).__name__}: {error}"}))


def _leave() -> None:
    """New namespaces, as a user that no one is (or the caller, where that is not root and cannot be anyone else)."""
    nobody = UNKNOWN_USER + os.getpid()
    if os.getuid() == 0 and _exists(nobody):
        _become(nobody)
    user, group = os.getuid(), os.getgid()
    kernel.unshare(
        kernel.NEW_USERS | kernel.NEW_MOUNTS | kernel.NEW_PIDS | kernel.NEW_NETWORK | kernel.NEW_IPC | kernel.NEW_NAMES
    )
    map_user(1000, user, 1000, group)


def _exists(user: int) -> bool:
    """Whether there can be such a user: the root of some containers has few."""
    lines = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    return any(int(first) <= user < int(first) + int(count) for first, _, count in lines)


def _become(user: int) -> None:
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    kernel.set_dumpable(True)  # else the maps that follow could not be written


def map_user(inside: int, outside: int, group_inside: int, group_outside: int) -> None:
    """Say who the user of a new user namespace is outside of it."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inside} {outside} 1"),
        ("gid_map", f"{group_inside} {group_outside} 1"),
    ):
        Path(f"/proc/self/{name}").write_text(text)


def _watch(keeper: int, above: socket.socket, most: int, born: int, *, isolated: bool) -> int:
    """The door: wait for the keeper to end; end all when they hold too much memory together."""
    if not kernel.is_linux():
        return _passed_on(_wait(keeper))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    _, descriptors, _, _ = socket.recv_fds(above, 1, 1)
    if isolated and not descriptors:
        return _passed_on(_wait(keeper))
    if isolated:
        proc = descriptors[0]
        held = Memory(proc, lambda: memory.numbered(proc), most, born)
    else:
        held = Memory(os.open("/proc", os.O_RDONLY), lambda: memory.descendants(keeper), most, born)
    while True:
        gone, status = os.waitpid(keeper, os.WNOHANG)
        if gone:
            return _passed_on(status)
        if held.is_exceeded():
            os.kill(keeper, signal.SIGKILL if isolated else signal.SIGTERM)
            _wait(keeper)
            return MEMORY
        signal.sigtimedwait([signal.SIGCHLD], EVERY)


def _keep(limits: Mapping[str, int], run: Run, below: socket.socket, *, isolated: bool, keep: int) -> NoReturn:
    """The keeper: prepare the inside, start the cells, and stay until they end."""
    status = BROKEN
    try:
        _die_with_parent(isolated)
        os.setsid()
        if isolated:
            _furnish(limits)
            socket.send_fds(below, [b"/"], [os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)])  # fails without a door
            kernel.set_dumpable(False)  # so that the cells, which are the same user, cannot look into the keeper
        elif kernel.is_linux():
            kernel.adopt_orphans()
        below.close()
        cells = os.fork()
        if cells == 0:
            _become_cells(limits, run, keep, isolated=isolated)
        os.close(keep)
        _forward(cells, signal.SIGINT)
        if not isolated:
            signal.signal(signal.SIGTERM, lambda *_: _leave_nothing(cells))
        status = _reap(cells)
        if not isolated:
            _bury(cells)
    except BaseException as error:
        _tell(keep, error)
    finally:
        os._exit(status)


def _furnish(limits: Mapping[str, int]) -> None:
    """Processes, a little disk and a network that reaches nowhere: all of the submission's own. Then, no privileges."""
    kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    size = f"size={limits['disk_mb']}m,nr_inodes={limits['files']},mode=1777"
    shown = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    kept = {path: os.open(path, os.O_PATH) for path in shown if path.startswith("/tmp/") and Path(path).is_dir()}
    for folder in ("/tmp", "/dev/shm"):
        kernel.mount("tmpfs", folder, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, size)
    for path, descriptor in kept.items():  # Python itself may lie in /tmp
        Path(path).mkdir(parents=True, exist_ok=True)
        kernel.mount(f"/proc/self/fd/{descriptor}", path, "", kernel.MS_BIND | kernel.MS_REC)
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


def _become_cells(limits: Mapping[str, int], run: Run, keep: int, *, isolated: bool) -> NoReturn:
    try:
        os.setsid()
        if kernel.is_linux():
            kernel.set_dumpable(True)
            kernel.die_with_parent(signal.SIGKILL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        limit(limits, alone=isolated)
        _close_others(keep)
        run()
    finally:
        os._exit(0)


def limit(limits: Mapping[str, int], *, alone: bool) -> None:
    """Limits that the kernel keeps, for this process and each that it starts."""
    processes = limits["processes"] + (0 if alone else _tasks_of(os.getuid()))  # else they are the user's, too
    addresses = _size() + (limits["memory_mb"] + RESERVED) * MEGABYTE
    for what, most in (
        (resource.RLIMIT_CPU, limits["submission_seconds"]),
        (resource.RLIMIT_AS, addresses),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_FSIZE, limits["disk_mb"] * MEGABYTE),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
    ):
        hard = resource.getrlimit(what)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        last = value + 5 if what == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY else value
        with contextlib.suppress(ValueError, OSError):  # macOS has no limit of addresses
            resource.setrlimit(what, (value, last))


def _tasks_of(user: int) -> int:
    """How many processes and threads a user has."""
    found = 0
    for folder in Path("/proc").glob("[0-9]*/task"):
        with contextlib.suppress(OSError):
            found += len(list(folder.iterdir())) if folder.stat().st_uid == user else 0
    return found


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


def _reap(cells: int) -> int:
    """Wait for the cells to end, and bury all others that do."""
    while True:
        gone, status = os.waitpid(-1, 0)
        if gone == cells:
            return _status(status)


def _leave_nothing(cells: int) -> NoReturn:
    """When the keeper is told to end."""
    try:
        _bury(cells)
    finally:
        os._exit(128 + signal.SIGTERM)


def _bury(cells: int) -> None:
    """Kill what the cells have left, where no namespace does it."""
    deadline = time.monotonic() + PATIENCE
    left = memory.descendants(os.getpid()) if kernel.is_linux() else [-cells]
    while left and time.monotonic() < deadline:
        for process in left:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        left = memory.descendants(os.getpid()) if kernel.is_linux() else []


def _passed_on(waited: int) -> int:
    """What the keeper says, if nobody has killed it."""
    return BROKEN if os.WIFSIGNALED(waited) else os.WEXITSTATUS(waited)


def _wait(process: int) -> int:
    return os.waitpid(process, 0)[1]


def _status(waited: int) -> int:
    """How a process ended, as an exit status: above 128 for a signal."""
    return 128 + os.WTERMSIG(waited) if os.WIFSIGNALED(waited) else os.WEXITSTATUS(waited)
