"""The student's process: it runs cells, and answers when something in it is called. It knows no test and no score."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import operator
import os
import signal
import socket
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from autograde.sandbox import wire
from autograde.sandbox.shell import Output, Shell
from course_utils.calls import second

PRINTED = 20_000  # characters that one call may print
REST = 0.05  # seconds in which an interrupt that was sent arrives


class Student:
    """One student's cells and objects, at one end of a wire."""

    def __init__(self, connection: socket.socket, shell: Shell, limits: Mapping[str, int]):
        self.connection = connection
        self.shell = shell
        self.limits = limits
        self.process = os.getpid()
        self.number: Any = None  # of the last request
        self.busy = 0  # how many pieces of the student's code are running, one called by the other
        self.interrupted = False  # since the last request
        self.objects: dict[int, Any] = {}
        self.numbers = itertools.count()
        self.results: dict[int, Any] = {}  # of several calls, those that later ones need: place → result
        self.actions: Mapping[str, Callable[[dict[str, Any]], Any]] = {
            "call": lambda m: self._call(m),
            "call in turn": lambda m: self._call_in_turn(m),
            "attribute": lambda m: getattr(m["target"], m["name"]),
            "set": lambda m: setattr(m["target"], m["name"], m["value"]),
            "item": lambda m: m["target"][m["key"]],
            "iterate": lambda m: iter(m["target"]),
            "next": lambda m: next(m["target"]),
            "length": lambda m: len(m["target"]),
            "put": lambda m: operator.setitem(m["target"], m["key"], m["value"]),
            "remove": lambda m: operator.delitem(m["target"], m["key"]),
            "operate": lambda m: getattr(operator, m["name"])(*m["args"]),
            "text": lambda m: str(m["target"]),
            "make": lambda m: m["recipe"],
        }

    def serve(self) -> None:
        """Answer requests until the other side hangs up."""
        signal.signal(signal.SIGINT, self._interrupted)
        with contextlib.suppress(wire.ClosedError):
            while True:
                self.busy = 0
                with contextlib.suppress(KeyboardInterrupt):  # on the way out of the student's code
                    self._answer(self._receive())

    def _interrupted(self, *_: Any) -> None:
        """Control-C stops the student's code, never a message that is on its way."""
        self.interrupted = True
        if self.busy:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def _running(self) -> Iterator[None]:
        self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1

    def _answer(self, frame: wire.Frame) -> None:
        request = frame.tree
        self.interrupted = False
        if request["do"] == "cell":
            outputs, failed = self._run(request["source"])
            self._send(wire.Frame({"outputs": outputs, "failed": failed}))
        elif request["do"] == "names":
            self._send_names(request["names"])
        elif request["do"] == "file":
            self._write(request["name"], frame.buffers[0])
        elif request["do"] == "loaded":
            self._send(wire.Frame({"loaded": [name for name in request["names"] if name in sys.modules]}))
        elif request["do"] == "rest":
            time.sleep(REST)
            self._send(wire.Frame({}))
        else:
            self._act(frame)

    def _run(self, source: str) -> tuple[list[Output], str]:
        try:
            with self._running():
                return self.shell.run(source, self.limits["output_characters"])
        except BaseException as error:  # of what the cell did to IPython, or an interrupt when it had just ended
            return self.shell.recorder.finished(), type(error).__name__

    def _write(self, name: str, content: bytes) -> None:
        """A file that lies beside the notebook."""
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self._send(wire.Frame({}))

    def _send_names(self, names: list[str]) -> None:
        scope = self.shell.names
        encoder = wire.Encoder(self._export)
        values = {}
        for name in names:
            if name in scope:
                with contextlib.suppress(wire.TooLargeError):
                    values[name] = encoder.encode(scope[name])
        self._send(encoder.frame({"value": values}))

    def _act(self, frame: wire.Frame) -> None:
        """Do something with an object, and say what came of it; of several calls, how each went."""
        decoder, encoder = wire.Decoder(frame, self._resolve, trusting=True), wire.Encoder(self._export)
        request = frame.tree
        if request["do"] != "calls":
            self._send(encoder.frame(self._done(request["do"], lambda: decoder.decode(request["with"]), encoder)))
            return
        targets = [decoder.decode(each) for each in request["targets"]]
        if request["from"] == 0:
            self.results = {}
        replies: list[dict[str, Any]] = []
        for place, call in enumerate(request["with"], request["from"]):
            if replies and (self.interrupted or encoder.is_full):
                break
            replies.append(self._done("call in turn", partial(self._turn, place, call, targets, decoder), encoder))
        self._send(encoder.frame({"replies": replies}))

    def _turn(self, place: int, call: list[Any], targets: list[Any], decoder: wire.Decoder) -> dict[str, Any]:
        """One of several calls. An argument may be the second of the pair that an earlier one returned."""
        target, args, kwargs, look, kept = call
        own = {number: a["of"] for number, a in enumerate(args) if isinstance(a, dict) and a["t"] == "second"}
        return {
            "target": targets[target],
            "args": [second(self.results[own[n]]) if n in own else decoder.decode(a) for n, a in enumerate(args)],
            "kwargs": {name: decoder.decode(value) for name, value in kwargs.items()},
            "own": own,
            "look": look,
            "place": place if kept else None,
        }

    def _call_in_turn(self, message: dict[str, Any]) -> Any:
        """What is to be looked at of a call's result; the result itself stays here, where a later call needs it."""
        result = self._call(message)
        if message["place"] is not None:
            self.results[message["place"]] = result
        if message["look"] == "first" and isinstance(result, tuple | list) and len(result) == 2:
            return result[0], None
        return None if message["look"] == "none" else result

    def _done(self, action: str, read: Callable[[], dict[str, Any]], encoder: wire.Encoder) -> dict[str, Any]:
        """What came of doing something; the encoder holds no more of it than that needs."""
        self.shell.recorder.outputs, self.shell.recorder.left = [], PRINTED
        before = encoder.size, encoder.count, len(encoder.buffers)
        reply: dict[str, Any]
        try:
            message = read()
            given = Arguments(message)
            with self._running():
                with self.shell.printing(), warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    value = self.actions[action](message)
                reply = {"value": encoder.encode(value)}
                if changed := [[path, encoder.encode(now)] for path, now in given.changes()]:
                    reply["changed"] = changed
        except wire.TooLargeError as error:
            encoder.forget(*before)
            reply = {"too large": str(error)}
        except wire.ClosedError:
            raise
        except BaseException as error:
            encoder.forget(*before)
            reply = {"raised": described(error)}
        if printed := "".join("".join(o.get("text", ())) for o in self.shell.recorder.outputs):
            reply["printed"] = printed
        return reply

    def _receive(self) -> wire.Frame:
        frame = wire.receive(self.connection, self.limits["wire_bytes"])
        self.number = frame.tree["n"]
        return frame

    def _send(self, frame: wire.Frame) -> None:
        if os.getpid() != self.process:  # a child that the student's code forked comes back from there
            os._exit(0)
        number = {"n": self.number}
        try:
            wire.send(self.connection, wire.Frame({**frame.tree, **number}, frame.buffers), self.limits["wire_bytes"])
        except wire.TooLargeError as error:
            wire.send(self.connection, wire.Frame({"too large": str(error), "printed": "", **number}))

    @staticmethod
    def _call(message: dict[str, Any]) -> Any:
        return message["target"](*message["args"], **message["kwargs"])

    def _export(self, value: Any) -> Mapping[str, Any]:
        """An object that stays here, as the other side is told of it."""
        number = next(self.numbers)
        self.objects[number] = value
        described = {"t": "object", "number": number, "type": type(value).__name__[:80]}
        if callable(value):
            described["parameters"] = parameters(value)
        if hasattr(type(value), "__next__"):
            described["iterator"] = True
        library = next((name for kind in type(value).__mro__ if (name := wire.library_name(kind))), "")
        return {**described, "class": library}

    def _resolve(self, tree: Mapping[str, Any]) -> Any:
        """An object that the other side speaks of: one of ours, or a function of its own."""
        if tree["t"] == "object":
            return self.objects[tree["number"]]
        if tree["t"] == "callback":
            return self._callback(tree["number"])
        raise wire.WireError(f"an unknown kind of value, {tree['t']}")

    def _callback(self, number: int) -> Callable[..., Any]:
        """A function of the other side, called back there."""

        def call_back(*args: Any, **kwargs: Any) -> Any:
            encoder = wire.Encoder(self._export)
            tree = {"callback": number, "args": encoder.items(args, 0), "kwargs": encoder.encode(kwargs)}
            before, self.busy = self.busy, 0
            try:
                frame = self._asked(encoder.frame(tree))
            finally:
                self.busy = before
            reply = wire.Decoder(frame, self._resolve, trusting=True)
            if "raised" in frame.tree:
                raise RuntimeError(frame.tree["raised"]["message"])
            return reply.decode(frame.tree["value"])

        return call_back

    def _asked(self, question: wire.Frame) -> wire.Frame:
        """The other side's answer; what it was given may be looked at meanwhile."""
        self._send(question)
        while True:
            frame = self._receive()
            if "do" not in frame.tree:
                return frame
            self._answer(frame)


class Arguments:
    """The arrays, tensors, lists and dicts that a call was given from elsewhere, as they were before it."""

    def __init__(self, message: Mapping[str, Any]):
        args = [(n, value) for n, value in enumerate(message.get("args", ())) if n not in message.get("own", ())]
        given = [*args, *message.get("kwargs", {}).items()]
        self.given = [(key, value, _as_it_is(value)) for key, value in given]

    def changes(self) -> Iterator[tuple[int | str, Any]]:
        """Those that a call changed, as they are now."""
        for key, value, before in self.given:
            if not _alike(value, before):
                yield key, value


def _as_it_is(value: Any) -> Any:
    """A copy of what can change and can be sent; objects that stay here are themselves."""
    if type(value) is np.ndarray:
        return value.copy()
    if type(value) is dict:
        return {key: _as_it_is(item) for key, item in value.items()}
    if type(value) in (list, tuple, set):
        return type(value)(map(_as_it_is, value))
    if _is_tensor(value):
        made = value.detach().clone().requires_grad_(value.requires_grad)
        made.grad = None if value.grad is None else value.grad.detach().clone()
        return made
    return value


def _is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor) and value.is_leaf


def _alike(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if isinstance(one, np.ndarray):
        alike = type(other) is type(one) and one.shape == other.shape and one.dtype == other.dtype
        return alike and one.tobytes() == other.tobytes()
    if _is_tensor(one):
        return _is_tensor(other) and _same_tensors(one, other)
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    return isinstance(one, set | int | float | complex | str | bytes) and bool(one == other or one != one)


def _same_tensors(one: Any, other: Any) -> bool:
    """The same numbers, and the same gradients."""
    if one.shape != other.shape or one.dtype != other.dtype or one.requires_grad != other.requires_grad:
        return False
    same = one.detach().eq(other.detach()) | (one.detach().ne(one.detach()) & other.detach().ne(other.detach()))
    return bool(same.all()) and ((one.grad is None) == (other.grad is None)) and _alike(one.grad, other.grad)


def parameters(function: Any) -> list[list[Any]] | None:
    """Name, kind and whether there is a default, of each parameter; None where that cannot be known."""
    try:
        found = inspect.signature(function).parameters.values()
        return [[p.name, int(p.kind), p.default is not p.empty] for p in found]
    except Exception:  # some builtins have none, and an answer can make this raise anything
        return None


def described(error: BaseException) -> dict[str, Any]:
    """An exception as data: the names of its classes, its text, and where in the student's code it came from."""
    try:
        said = str(error)[:2000]
    except BaseException:
        said = ""
    classes = [str(kind.__name__) for kind in type(error).__mro__]
    frames = [f for f in traceback.extract_tb(error.__traceback__, limit=-60) if "<ipython-input" in f.filename]
    lines = [f"    line {f.lineno} in {f.name}:  {(f.line or '').strip()[:300]}".rstrip(": ") for f in frames[-4:]]
    return {"classes": classes[:20], "message": said, "trace": lines}


def prepare(folder: str) -> None:
    """A home for the cells to run in."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
