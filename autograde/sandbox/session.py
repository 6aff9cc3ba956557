"""The trusted side: a warm process, and the students' processes that it forks, with a clock on all that they do."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
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
from autograde.sandbox import cage, kernel, memory, wire

RECEIVED = 512_000_000  # bytes of all messages together, for one cell of the notebook
GRACE = 2.0  # seconds between an interrupt and the end
REST = 5.0  # seconds for a process that was interrupted to come to itself
GONE = "Python ended"
START = 120.0  # seconds for a warm process to start in
HEAVY = ("torch", "sklearn.datasets")  # what takes seconds to import, and what not every lesson uses
ASKED = 0.5  # seconds in which a process that is no longer needed may say what it has imported

ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "NBGRADER_EXECUTION": "autograde",
    "MALLOC_ARENA_MAX": "2",  # else each thread reserves 64 MB of addresses, which are limited
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

    @classmethod
    def because(cls, reason: str) -> IsolationError:
        return cls(
            f"Submissions cannot be isolated here ({reason}). Grading needs Linux and user namespaces; a container or "
            "the system's settings may forbid them: autograde doctor says what is missing. With --isolation=process "
            "submissions run with limits only, and can read whatever you can."
        )


class Cause(StrEnum):
    """Why a student's process was ended, or ended."""

    TIME = "time"
    MEMORY = "memory"
    OUTPUT = "output"
    DIED = "died"
    BROKEN = "broken"  # the sandbox, not the student's code


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
        self.threaded: set[str] = set()  # modules that start a thread when imported, so that no fork could follow
        self.wanted: list[str] = []  # of the heavy ones, what submissions have imported themselves

    def start(self) -> None:
        """Start it; :class:`IsolationError` where the machine does not allow that."""
        self.stop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, _PACKETS)
        folder = tempfile.mkdtemp(prefix="autograde-")
        Path(folder).chmod(0o755)
        command = [sys.executable, "-P", "-W", "ignore", "-m", "autograde.sandbox.warm", str(theirs.fileno())]
        home = cage.HOME if self.isolated else folder
        self.process = subprocess.Popen(
            command,
            env=_environment(home),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Control-C on a terminal is not for it
        )
        theirs.close()
        self.control, self.imported = ours, set()
        ours.settimeout(START)
        try:
            reply = self._ask({"isolated": self.isolated, "folder": folder})
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if "error" in reply:
            self.stop()
            raise IsolationError.because(reply["error"])

    def probe(self) -> None:
        """Run nothing in a student's process; :class:`IsolationError` where none comes to life, whoever killed one."""
        reason = ""
        for _ in range(3):
            try:
                session = self.fork(Limits())
                session.ask({"do": "names", "names": []}, deadline=time.monotonic() + START)
                session.close()
                return
            except (Ended, OSError) as error:
                reason = error.detail if isinstance(error, Ended) else str(error)
        self.stop()
        raise IsolationError.because(reason)

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
                self._prepare(modules)
                return self._fork(limits)
            except (OSError, ValueError):
                self.stop()
                if attempt == 2:
                    raise
        raise AssertionError

    def _prepare(self, modules: Sequence[str]) -> None:
        """Have it running, with these modules imported; one that starts a thread is left to the forks."""
        if self.process is None or self.process.poll() is not None:
            self.start()
        for name in (*modules, *self.wanted):
            if name not in self.imported and name not in self.threaded:
                self.imported.add(name)
                if self._ask({"import": [name]})["threads"] > 1:
                    self.threaded.add(name)
                    self.start()
                    self._prepare(modules)
                    return

    def _fork(self, limits: Limits) -> Session:
        home = cage.HOME if self.isolated else tempfile.mkdtemp(prefix="autograde-")
        ours, theirs = socket.socketpair()
        with theirs:
            settings = {**asdict(limits), "wire_bytes": wire.LARGEST}
            process = self._ask({"fork": settings, "home": home}, [theirs.fileno()])["process"]
        return Session(self, int(process), ours, limits, home)

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

    def end(self, process: int, patience: float = 0.0) -> tuple[int | None, bool]:
        """Kill a student's process with all that it started; how it ended, if that is known, and whether by itself."""
        try:
            reply = self._ask({"end": process, "patience": patience})
            return int(reply["status"]), not reply["killed"]
        except (OSError, KeyError, ValueError):
            return None, False


_PACKETS = socket.SOCK_SEQPACKET if sys.platform == "linux" else socket.SOCK_DGRAM


def _environment(home: str) -> dict[str, str]:
    """All that a warm process, and whatever it forks, has in its environment."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "autograde"
    own = {"HOME": home, "IPYTHONDIR": f"{home}/.ipython", "MPLCONFIGDIR": str(cache)}
    return {**ENVIRONMENT, **own, "PYTHONPATH": os.pathsep.join(_own_paths())}


def _own_paths() -> list[str]:
    """Where this very package and course_utils are imported from, and where packages are, however that was said."""
    own = [str(Path(__file__).parents[2]), str(Path(course_utils.__file__).parents[1])]
    return list(dict.fromkeys([*own, *(entry for entry in sys.path if "-packages" in entry)]))


class Session:
    """One student's process: requests go in, replies come out in time or the process is ended."""

    def __init__(self, warm: Warm, process: int, connection: socket.socket, limits: Limits, home: str):
        self.warm, self.process, self.connection, self.limits, self.home = warm, process, connection, limits, home
        self.ended: Ended | None = None
        self.received = 0
        self.lacked_memory = False  # an exception said so

    def renew(self) -> None:
        """Begin to count anew, for another cell of the notebook."""
        self.received, self.lacked_memory = 0, False

    def ask(self, tree: Mapping[str, Any], buffers: Sequence[bytes] = (), *, deadline: float) -> Reply:
        """Send a request and wait for the reply; past the deadline, interrupt, and take the reply to that.

        :class:`Ended` when no reply comes that can be read.
        """
        number = self._send(tree, buffers, deadline=deadline)
        try:
            return Reply(self._receive(number, deadline))
        except wire.TimeoutOnWireError as error:
            if error.begun:
                raise self.end(Cause.TIME, "it took too long") from None
            self.warm.interrupt(self.process)
        try:
            frame = self._receive(number, time.monotonic() + GRACE)
            rest = self._send({"do": "rest"}, deadline=time.monotonic() + REST)  # until the interrupt has surely come
            self._receive(rest, time.monotonic() + REST)
        except wire.TimeoutOnWireError:
            raise self.end(Cause.TIME, "it took too long, and did not stop when interrupted") from None
        if self._is_crowded() or not isinstance(frame.tree, dict) or "callback" in frame.tree:
            raise self.end(Cause.TIME, "it took too long, and what it had started went on")
        return Reply(frame, interrupted=True)

    def _is_crowded(self) -> bool:
        """Whether there are other threads than one, or other processes than the keeper and the cells."""
        if not kernel.is_linux():
            return False
        processes = memory.descendants(self.process)
        return len(processes) > 2 or any(memory.threads(process) > 1 for process in processes)

    def _send(self, tree: Mapping[str, Any], buffers: Sequence[bytes] = (), *, deadline: float) -> int:
        """Send a request; its number, which the reply must carry and nobody can know before."""
        if self.ended is not None:
            raise self.ended
        self.connection.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            number = secrets.randbits(53)
            wire.send(self.connection, wire.Frame({**tree, "n": number}, tuple(buffers)))
        except wire.TimeoutOnWireError:
            raise self.end(Cause.TIME, "it did not listen") from None
        except wire.ClosedError:
            raise self.end(Cause.DIED, GONE) from None
        return number

    def _receive(self, number: int, deadline: float) -> wire.Frame:
        """The reply to a request; what was written ahead of it, or twice, is passed over."""
        while True:
            frame = self._next(deadline)
            if isinstance(frame.tree, dict) and frame.tree.get("n") == number:
                return frame

    def _next(self, deadline: float) -> wire.Frame:
        try:
            frame = wire.receive(self.connection, min(wire.LARGEST, max(0, RECEIVED - self.received)), deadline)
        except wire.TimeoutOnWireError:
            raise
        except wire.TooLargeError as error:
            raise self.end(Cause.OUTPUT, f"it sent too much ({error})") from None
        except wire.ClosedError:
            raise self.end(Cause.DIED, GONE) from None
        except wire.WireError as error:
            raise self.end(Cause.DIED, f"what it sent cannot be read ({error})") from None
        self.received += frame.size
        if isinstance(frame.tree, dict) and _is_memory_error(frame.tree):
            self.lacked_memory = True
        if isinstance(frame.tree, dict) and "broken" in frame.tree:  # says the door, or the keeper
            raise self.end(Cause.DIED, str(frame.tree["broken"])[:300])
        return frame

    def end(self, cause: Cause, detail: str) -> Ended:
        """End the process; what is known about its end decides over what was guessed."""
        if self.ended is None:
            gone = cause is Cause.DIED
            status, by_itself = self.warm.end(self.process, 1.0 if gone else 0.0)
            self.connection.close()
            if self.home != cage.HOME:
                shutil.rmtree(self.home, ignore_errors=True)
            self.ended = Ended(*explained(cause, detail, status, by_itself)) if gone else Ended(cause, detail)
        return self.ended

    def close(self) -> None:
        """End a process that is no longer needed. What it had to import itself, the next ones will find imported."""
        with contextlib.suppress(Ended):
            known = {*self.warm.imported, *self.warm.wanted}
            self.warm.wanted += self._loaded([name for name in HEAVY if name not in known])
        if self.ended is None:
            self.end(Cause.TIME, "it is no longer needed")

    def _loaded(self, names: Sequence[str]) -> list[str]:
        """Which of these modules it has imported, or says that it has."""
        if self.ended is not None or not names:
            return []
        said = self.ask({"do": "loaded", "names": list(names)}, deadline=time.monotonic() + ASKED).tree.get("loaded")
        return [name for name in names if isinstance(said, list) and name in said]


def _is_memory_error(tree: Mapping[str, Any]) -> bool:
    """Whether a reply says that a cell, or a call, had no memory left."""
    if isinstance(replies := tree.get("replies"), list):
        return any(_is_memory_error(reply) for reply in replies if isinstance(reply, dict))
    raised = tree.get("raised")
    classes = raised.get("classes") if isinstance(raised, dict) else None
    return tree.get("failed") == "MemoryError" or (isinstance(classes, list) and "MemoryError" in classes[:3])


def explained(cause: Cause, detail: str, status: int | None, by_itself: bool) -> tuple[Cause, str]:
    """What an exit status of the door says."""
    if status is None or status == cage.BROKEN or (status < 0 and by_itself):
        return Cause.BROKEN, f"{detail}: the sandbox broke (status {status})"
    if status < 0:  # it had to be killed
        return cause, "it closed its connection" if detail == GONE else detail
    if status == cage.MEMORY:
        return Cause.MEMORY, "it held too much memory"
    if status == 128 + signal.SIGXCPU:
        return Cause.TIME, "it computed too long"
    if status > 128:
        return cause, f"{detail} ({_name_of(status - 128)})"
    return cause, f"{detail} (status {status})"


def _name_of(number: int) -> str:
    """A signal's name; those for programs' own use have none."""
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
