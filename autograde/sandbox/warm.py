"""The warm process: it has imported what notebooks need, sees nothing but Python, and forks. It never computes.

Started as ``python -m autograde.sandbox.warm NUMBER`` with a socket at that number, on which requests come:

{"import": [modules]}                  import them, so that no fork has to
{"fork": limits} and a file descriptor fork a submission's processes, with the descriptor for a wire; → {"process": n}
{"interrupt": n}                       press Control-C in it
{"end": n}                             kill it and all that belongs to it; → {"status": how it ended}
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import course_utils
from autograde.sandbox import cage, kernel, view
from autograde.sandbox.shell import Shell
from autograde.sandbox.student import Student, prepare

MODULES = ("torch", "matplotlib.pyplot", "matplotlib_inline.backend_inline", "IPython.display", "sklearn.datasets")
MASKED = "exercises"  # the folder of course_utils that holds right answers and known mistakes
LONGEST = 1 << 16


def main(number: int) -> None:
    """Serve until the other end of the socket is gone."""
    control = socket.socket(fileno=number)
    settings = json.loads(control.recv(LONGEST))
    isolated = bool(settings["isolated"])
    if kernel.is_linux():
        kernel.die_with_parent(signal.SIGKILL)
    try:
        importlib.import_module("matplotlib.font_manager")  # while its list of fonts can be found, or kept
        if isolated:
            see_only_python(settings["folder"])
        shell = warm_up()
    except Exception as error:
        control.send(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
        return
    control.send(json.dumps({"ready": True}).encode())
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, LONGEST, 1)
        if not message:
            return
        _serve(control, json.loads(message), descriptors, shell, isolated)


def see_only_python(folder: str) -> None:
    """Leave everything behind but the system's libraries, Python, and course_utils without its answers."""
    package = str(Path(course_utils.__file__).resolve().parent)
    user, group = os.getuid(), os.getgid()
    kernel.unshare(kernel.NEW_MOUNTS | (kernel.NEW_USERS if user else 0))
    if user:
        cage.map_user(user, user, group, group)
    view.enter(folder, [*view.python_paths(), package], [f"{package}/{MASKED}"])


def warm_up() -> Shell:
    """Import what notebooks need, and put a stand-in in the place of ``check``."""
    prepare(cage.HOME)
    os.environ["MPLCONFIGDIR"] = f"{cage.HOME}/.matplotlib"
    os.environ.pop("PYTHONPATH", None)
    shell = Shell()
    for name in MODULES:
        importlib.import_module(name)
    course_utils.check = sys.modules["course_utils.check"].check = _later  # type: ignore[attr-defined]
    return shell


def _later(*_: Any, **__: Any) -> None:
    """What ``check`` does when a student's own cell calls it while the notebook is graded."""
    print("check runs outside of your notebook when it is graded.")


def _serve(
    control: socket.socket, request: Mapping[str, Any], descriptors: list[int], shell: Shell, isolated: bool
) -> None:
    reply: dict[str, Any] = {}
    if "import" in request:
        for name in request["import"]:
            with contextlib.suppress(Exception):  # the cell that imports it will say
                importlib.import_module(name)
    elif "fork" in request:
        reply = {"process": _fork(request["fork"], descriptors[0], shell, isolated)}
        os.close(descriptors[0])
    elif "interrupt" in request:
        os.kill(request["interrupt"], signal.SIGINT)
    elif "end" in request:
        reply = {"status": _end(request["end"], request["patience"])}
    control.send(json.dumps(reply).encode())


def _fork(limits: Mapping[str, int], wire: int, shell: Shell, isolated: bool) -> int:
    gc.freeze()  # else a collection in the fork would touch, and so copy, everything
    process = os.fork()
    if process == 0:
        cage.enter(limits, lambda: _run(limits, wire, shell), isolated=isolated, keep=wire)
    return process


def _run(limits: Mapping[str, int], wire: int, shell: Shell) -> None:
    prepare(cage.HOME)
    Student(socket.socket(fileno=wire), shell, limits).serve()


def _end(process: int, patience: float) -> int:
    """How a submission's processes ended; those that have not within so many seconds are killed."""
    deadline = time.monotonic() + patience
    while True:
        gone, status = os.waitpid(process, os.WNOHANG)
        if gone:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(process, signal.SIGKILL)
            return -os.WTERMSIG(os.waitpid(process, 0)[1])
        time.sleep(0.002)


if __name__ == "__main__":
    main(int(sys.argv[1]))
