"""The warm process: it has imported what notebooks need, sees nothing but Python, and forks. It never computes.

Started as ``python -m autograde.sandbox.warm NUMBER`` with a socket at that number, on which requests come:

{"import": [modules]}                  import them, so that no fork has to; → {"threads": those that run then}
{"fork": limits, "home": folder} and a file descriptor
                                       fork a submission's processes, with the descriptor for a wire; → {"process": n}
{"interrupt": n}                       press Control-C in it
{"end": n, "patience": seconds}        kill it and all that belongs to it, if it has not ended by itself by then;
                                       → {"status": how it ended, "killed": whether that was necessary}
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import course_utils
from autograde.sandbox import cage, kernel, memory, view
from autograde.sandbox.shell import Shell
from autograde.sandbox.student import Student, prepare

MODULES = ("matplotlib.pyplot", "matplotlib_inline.backend_inline", "IPython.display")
MASKED = "exercises"  # the folder of course_utils that holds right answers and known mistakes
LONGEST = 1 << 16
PATIENCE = 8.0  # seconds for a keeper without walls to find all that it has to end


def main(number: int) -> None:
    """Serve until the other end of the socket is gone."""
    control = socket.socket(fileno=number)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        if settings := control.recv(LONGEST):
            _serve(control, json.loads(settings))


def _serve(control: socket.socket, settings: Mapping[str, Any]) -> None:
    try:
        serving = _start(settings["folder"], isolated=settings["isolated"])
    except Exception as error:
        control.send(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
        return
    control.send(json.dumps({"ready": True}).encode())
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, LONGEST, 1)
        if not message:
            return
        control.send(json.dumps(serving.answer(json.loads(message), descriptors)).encode())


def _start(folder: str, *, isolated: bool) -> Warm:
    if kernel.is_linux():
        kernel.die_with_parent(signal.SIGKILL)
    importlib.import_module("matplotlib.font_manager")  # while its list of fonts can be found, or kept
    if isolated:
        see_only_python(folder)
    shell = warm_up()
    if _threads() > 1:  # what another one holds, a fork would wait for without end
        raise RuntimeError(f"after its imports the warm process has {_threads()} threads, so that it cannot fork")
    return Warm(shell, isolated=isolated)


def _threads() -> int:
    return memory.threads(os.getpid())


def see_only_python(folder: str) -> None:
    """Leave everything behind but the system's libraries, Python, and course_utils without its answers."""
    package = str(Path(course_utils.__file__).resolve().parent)
    answers = [f"{package}/{MASKED}", *(f"{entry}/course_utils/{MASKED}" for entry in sys.path)]
    user, group = os.getuid(), os.getgid()
    kernel.unshare(kernel.NEW_MOUNTS | (kernel.NEW_USERS if user else 0))
    if user:
        cage.map_user(user, user, group, group)
    view.enter(folder, [*view.python_paths(), package], dict.fromkeys(answers))


def warm_up() -> Shell:
    """Import what notebooks need, and put a stand-in in the place of ``check``."""
    prepare(os.environ["HOME"])
    os.environ["MPLCONFIGDIR"] = f"{os.environ['HOME']}/.matplotlib"
    os.environ.pop("PYTHONPATH", None)
    shell = Shell()
    for name in MODULES:
        importlib.import_module(name)
    course_utils.check = sys.modules["course_utils.check"].check = _later  # type: ignore[attr-defined]
    return shell


def _later(*_: Any, **__: Any) -> None:
    """What ``check`` does when a student's own cell calls it while the notebook is graded."""
    print("check runs outside of your notebook when it is graded.")


class Warm:
    """What is done on request."""

    def __init__(self, shell: Shell, *, isolated: bool):
        self.shell = shell
        self.isolated = isolated

    def answer(self, request: Mapping[str, Any], descriptors: Sequence[int]) -> dict[str, Any]:
        if "import" in request:
            for name in request["import"]:
                with contextlib.suppress(Exception):  # the cell that imports it will say
                    importlib.import_module(name)
            return {"threads": _threads()}
        if "fork" in request:
            return {"process": self._fork(request["fork"], request["home"], descriptors[0])}
        if "interrupt" in request:
            with contextlib.suppress(ProcessLookupError):
                os.kill(request["interrupt"], signal.SIGINT)
            return {}
        return self._end(request["end"], request["patience"])

    def _fork(self, limits: Mapping[str, int], home: str, wire: int) -> int:
        gc.freeze()  # else a collection in the fork would touch, and so copy, everything
        parent = os.getpid()
        process = os.fork()
        if process == 0:
            run = functools.partial(self._run, limits, home, wire)
            cage.enter(limits, run, isolated=self.isolated, keep=wire, parent=parent)
        os.close(wire)
        return process

    def _run(self, limits: Mapping[str, int], home: str, wire: int) -> None:
        if not self.isolated:
            os.environ |= {"HOME": home, "IPYTHONDIR": f"{home}/.ipython", "MPLCONFIGDIR": f"{home}/.matplotlib"}
        prepare(home)
        sys.path.insert(0, "")  # modules beside the notebook, as in Jupyter
        Student(socket.socket(fileno=wire), self.shell, limits).serve()

    def _end(self, process: int, patience: float) -> dict[str, Any]:
        """How a submission's processes ended; those that have not within so many seconds are killed."""
        status = _ended(process, patience)
        killed = status is None
        if status is None and not self.isolated:
            os.kill(process, signal.SIGTERM)  # there are no walls: the keeper finds the others
            status = _ended(process, PATIENCE)
        if status is None:
            os.kill(process, signal.SIGKILL)
            status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        return {"status": status, "killed": killed}


def _ended(process: int, patience: float) -> int | None:
    """How a child ended; None when it has not yet, after so many seconds."""
    deadline = time.monotonic() + patience
    while True:
        gone, status = os.waitpid(process, os.WNOHANG)
        if gone:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            return None
        time.sleep(0.002)


if __name__ == "__main__":
    main(int(sys.argv[1]))
