"""The trusted side: a warm process, and the students' processes that it forks, with a clock on all that they do."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import course_utils
from autograde.course import Limits
from autograde.errors import AutogradeError
from autograde.sandbox import cage, wire

WIRE_BYTES = 64_000_000  # of one message
GRACE = 2.0  # seconds between an interrupt and the end
START = 120.0  # seconds for a warm process to start in

ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": cage.HOME,
    "IPYTHONDIR": f"{cage.HOME}/.ipython",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "NBGRADER_EXECUTION": "autograde",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PIP_RETRIES": "0",
    "PIP_TIMEOUT": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
}


class IsolationError(AutogradeError):
    """This machine does not let a process be walled off."""


class Cause(StrEnum):
    """Why a student's process was ended, or ended."""

    TIME = "time"
    MEMORY = "memory"
    OUTPUT = "output"
    DIED = "died"


class Ended(BaseException):
    """The student's process is gone: why, and what it was doing."""

    def __init__(self, cause: Cause, detail: str):
        super().__init__(cause, detail)
        self.cause, self.detail = cause, detail


@dataclass(frozen=True)
class Reply:
    """An answer of the student's process: a frame, not yet looked at; ``interrupted`` when it came only after that."""

    frame: wire.Frame
    interrupted: bool = False

    @property
    def tree(self) -> Mapping[str, Any]:
        return self.frame.tree if isinstance(self.frame.tree, dict) else {}


class Warm:
    """A warm process. It is started when it is first needed, and again when it has died."""

    def __init__(self, *, isolated: bool = True):
        self.isolated = isolated
        self.process: subprocess.Popen[bytes] | None = None
        self.control: socket.socket | None = None
        self.imported: set[str] = set()

    def start(self) -> None:
        """Start it; :class:`IsolationError` where the machine does not allow that."""
        self.stop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET if self.isolated else socket.SOCK_DGRAM)
        folder = tempfile.mkdtemp(prefix="autograde-")
        Path(folder).chmod(0o755)
        cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "autograde"
        command = [sys.executable, "-P", "-W", "ignore", "-m", "autograde.sandbox.warm", str(theirs.fileno())]
        environment = {**ENVIRONMENT, "PYTHONPATH": os.pathsep.join(_own_paths()), "MPLCONFIGDIR": str(cache)}
        self.process = subprocess.Popen(
            command, env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        theirs.close()
        self.control, self.imported = ours, set()
        ours.settimeout(START)
        try:
            reply = self._ask({"isolated": self.isolated, "folder": folder})
        finally:
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
        if "error" in reply:
            self.stop()
            raise IsolationError(f"Submissions cannot be isolated here: {reply['error']}. See autograde doctor.")

    def stop(self) -> None:
        if self.control is not None:
            self.control.close()
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = self.control = None

    def fork(self, limits: Limits, modules: Sequence[str] = ()) -> Session:
        """A new student's process."""
        for attempt in (1, 2):
            try:
                if self.process is None or self.process.poll() is not None:
                    self.start()
                return self._fork(limits, modules)
            except (OSError, ValueError):
                self.stop()
                if attempt == 2:
                    raise
        raise AssertionError

    def _fork(self, limits: Limits, modules: Sequence[str]) -> Session:
        new = [name for name in modules if name not in self.imported]
        if new:
            self._ask({"import": new})
            self.imported.update(new)
        ours, theirs = socket.socketpair()
        with theirs:
            settings = {**asdict(limits), "wire_bytes": WIRE_BYTES}
            process = self._ask({"fork": settings}, [theirs.fileno()])["process"]
        return Session(self, int(process), ours, limits)

    def _ask(self, request: Mapping[str, Any], descriptors: Sequence[int] = ()) -> Mapping[str, Any]:
        if self.control is None:
            raise OSError("the warm process is not there")
        socket.send_fds(self.control, [json.dumps(request).encode()], list(descriptors))
        reply = self.control.recv(1 << 16)
        if not reply:
            raise OSError("the warm process has died")
        answer: Mapping[str, Any] = json.loads(reply)
        return answer

    def interrupt(self, process: int) -> None:
        with contextlib.suppress(OSError):
            self._ask({"interrupt": process})

    def end(self, process: int, patience: float = 0.0) -> int | None:
        """Kill a student's process with all that it started; how it had ended, where that is known."""
        try:
            return int(self._ask({"end": process, "patience": patience})["status"])
        except (OSError, KeyError, ValueError):
            return None


def _own_paths() -> list[str]:
    """Where this very package and course_utils are imported from."""
    return list(dict.fromkeys([str(Path(__file__).parents[2]), str(Path(course_utils.__file__).parents[1])]))


class Session:
    """One student's process: requests go in, replies come out in time or the process is ended."""

    def __init__(self, warm: Warm, process: int, connection: socket.socket, limits: Limits):
        self.warm, self.process, self.connection, self.limits = warm, process, connection, limits
        self.ended: Ended | None = None

    def ask(self, tree: Any, buffers: Sequence[bytes] = (), *, deadline: float) -> Reply:
        """Send a request and wait for the reply; past the deadline, interrupt, and take the reply to that.

        :class:`Ended` when no reply comes that can be read.
        """
        self.send(tree, buffers, deadline=deadline)
        try:
            return Reply(self._receive(deadline))
        except wire.TimeoutOnWireError:
            self.warm.interrupt(self.process)
        try:
            return Reply(self._receive(time.monotonic() + GRACE), interrupted=True)
        except wire.TimeoutOnWireError:
            raise self.end(Cause.TIME, "it took too long, and did not stop when interrupted") from None

    def send(self, tree: Any, buffers: Sequence[bytes] = (), *, deadline: float) -> None:
        if self.ended is not None:
            raise self.ended
        self.connection.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            wire.send(self.connection, wire.Frame(tree, tuple(buffers)))
        except wire.TimeoutOnWireError:
            raise self.end(Cause.TIME, "it did not listen") from None
        except wire.ClosedError:
            raise self.end(Cause.DIED, "it has ended") from None

    def _receive(self, deadline: float) -> wire.Frame:
        try:
            return wire.receive(self.connection, WIRE_BYTES, deadline)
        except wire.TimeoutOnWireError:
            raise
        except wire.TooLargeError as error:
            raise self.end(Cause.OUTPUT, f"it sent too much ({error})") from None
        except wire.WireError as error:
            raise self.end(Cause.DIED, str(error)) from None

    def end(self, cause: Cause, detail: str) -> Ended:
        """End the process; what is known about its end decides over what was guessed."""
        if self.ended is None:
            gone = cause is Cause.DIED
            status = self.warm.end(self.process, 1.0 if gone else 0.0)
            self.connection.close()
            self.ended = Ended(*_explained(cause, detail, status)) if gone else Ended(cause, detail)
        return self.ended

    def close(self) -> None:
        if self.ended is None:
            self.end(Cause.TIME, "it is no longer needed")


def _explained(cause: Cause, detail: str, status: int | None) -> tuple[Cause, str]:
    """What an exit status of the door says."""
    if status == cage.MEMORY:
        return Cause.MEMORY, "it held too much memory"
    if status == 128 + signal.SIGXCPU:
        return Cause.TIME, "it computed too long"
    if status is None or status < 0 or status == cage.BROKEN:
        return cause, f"{detail}: the sandbox broke (status {status})"
    if status > 128:
        return cause, f"{detail}: {signal.Signals(status - 128).name}"
    return cause, f"{detail}: it ended itself (status {status})" if status else detail
