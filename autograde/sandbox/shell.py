"""Cells, run as IPython runs them; what they print, show and raise is kept as a notebook's outputs."""

from __future__ import annotations

import builtins
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import DEVNULL, PIPE, STDOUT, Popen
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Any as AnyTrait
from traitlets import Type
from traitlets.config import Config

Output = dict[str, Any]


class Recorder:
    """The outputs of one cell, up to so many characters; what is more is dropped, and that is said."""

    def __init__(self, characters: int):
        self.left = characters
        self.outputs: list[Output] = []
        self.dropped = False

    def stream(self, name: str, text: str) -> None:
        kept = text[: max(0, self.left)]
        self.left -= len(kept)
        self.dropped |= len(kept) < len(text)
        if not kept:
            return
        last = self.outputs[-1] if self.outputs else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["text"].append(kept)
        else:
            self.outputs.append({"output_type": "stream", "name": name, "text": [kept]})

    def add(self, output: Output) -> None:
        size = sum(len(v) if isinstance(v, str | bytes) else 1000 for v in output.get("data", {}).values()) + 100
        if size > self.left:
            self.dropped = True
            return
        self.left -= size
        self.outputs.append(output)

    def finished(self) -> list[Output]:
        """The outputs, each stream in one piece."""
        for output in self.outputs:
            if output["output_type"] == "stream":
                output["text"] = "".join(output["text"])
        if self.dropped:
            said = "\n[There was more output than is kept.]\n"
            self.outputs.append({"output_type": "stream", "name": "stderr", "text": said})
        return self.outputs


class _Stream(io.TextIOBase):
    """What stands for ``sys.stdout`` or ``sys.stderr``."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, shell: Shell, name: str):
        self.shell, self.name = shell, name

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.shell.recorder.stream(self.name, str(text))
        return len(text)


class _Publisher(DisplayPublisher):
    owner = AnyTrait()

    def publish(self, data: Any, *_: Any, update: bool = False, **__: Any) -> None:
        if not update:
            self.owner.recorder.add({"output_type": "display_data", "data": _texts(data), "metadata": {}})

    def clear_output(self, wait: bool = False) -> None:
        self.owner.recorder.outputs.clear()


class _Hook(DisplayHook):
    owner = AnyTrait()

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        output = {"output_type": "execute_result", "data": _texts(format_dict), "metadata": {}}
        self.owner.recorder.add({**output, "execution_count": None})

    def finish_displayhook(self) -> None:
        pass


class _Inner(InteractiveShell):
    """IPython without a terminal and without a kernel."""

    display_pub_class = Type(_Publisher)
    displayhook_class = Type(_Hook)

    def enable_gui(self, gui: Any = None) -> None:
        pass

    def system(self, command: str) -> None:
        """What follows an exclamation mark, without a terminal."""
        text = self.var_expand(command, depth=1)
        if text.rstrip().endswith("&"):
            raise OSError("Background processes are not supported.")  # as Jupyter says
        with Popen(text, shell=True, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, errors="replace") as process:
            while process.stdout and (part := process.stdout.read(1 << 16)):
                sys.stdout.write(part)
        self.user_ns["_exit_code"] = process.returncode


def _texts(data: Any) -> dict[str, Any]:
    """A display's data as JSON can hold them: pictures in base64."""
    import base64

    found = {}
    for kind, value in dict(data).items():
        if isinstance(value, bytes):
            found[str(kind)] = base64.b64encode(value).decode("ascii")
        elif isinstance(value, str):
            found[str(kind)] = value
    return found


class Shell:
    """One student's IPython. It is made in the warm parent, where nothing has run yet, and used after a fork."""

    def __init__(self) -> None:
        config = Config()
        config.HistoryManager.enabled = False  # its database would be shared by all forks
        config.InteractiveShell.colors = "nocolor"
        config.InteractiveShell.autoindent = False
        config.HistoryAccessor.enabled = False
        self.recorder = Recorder(0)
        self.inner = _Inner.instance(config=config)
        self.inner.display_pub.owner = self  # type: ignore[attr-defined]
        self.inner.displayhook.owner = self  # type: ignore[attr-defined]
        self.inner.showtraceback = self._show_error  # type: ignore[method-assign]
        self.inner.showsyntaxerror = self._show_error  # type: ignore[method-assign]
        self.streams = _Stream(self, "stdout"), _Stream(self, "stderr")
        self.failed = ""
        builtins.input = _no_input
        self.inner.run_line_magic("matplotlib", "inline")

    @property
    def names(self) -> dict[str, Any]:
        """What the cells define."""
        return dict.__or__(self.inner.user_ns, {})

    def run(self, source: str, characters: int) -> tuple[list[Output], str]:
        """Run a cell; its outputs, and the name of the exception that ended it."""
        self.recorder, self.failed = Recorder(characters), ""
        with self.printing():
            result = self.inner.run_cell(source, store_history=False)
        if not result.success and not self.failed:
            self.failed = type(result.error_before_exec or result.error_in_exec).__name__
        return self.recorder.finished(), self.failed

    @contextmanager
    def printing(self) -> Iterator[None]:
        """What is printed meanwhile goes to the recorder."""
        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = self.streams
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before

    def _show_error(self, *_: Any, **__: Any) -> None:
        """An exception as a notebook keeps it; one that cannot even be shown is an exception all the same."""
        error = sys.exc_info()[1] or Exception()
        kind, trace = type(error), error.__traceback__
        self.failed = str(getattr(kind, "__name__", "Error"))
        try:
            lines = [str(line) for line in self.inner.InteractiveTB.structured_traceback(kind, error, trace)]
            said = str(error)
        except BaseException:
            lines, said = [self.failed], ""
        lines = "\n".join(lines)[-20_000:].split("\n")
        self.recorder.add({"output_type": "error", "ename": self.failed, "evalue": said[:2000], "traceback": lines})


def _no_input(prompt: object = "") -> str:
    """Nobody is there to type."""
    print(prompt)
    return ""
