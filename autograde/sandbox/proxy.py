"""What the judge holds of the student's: stand-ins. Each thing asked of one is asked of the student's process.

A stand-in never decides anything: it is equal to nothing but itself, is neither true nor false, and is no number. So
an object that claims to be equal to everything is of no use; what counts is data, and data are copied.
"""

from __future__ import annotations

import builtins
import inspect
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, Protocol

import numpy as np

from autograde.sandbox import wire
from autograde.sandbox.session import Cause, Ended, Reply, Session
from course_utils.recipe import Recipe
from course_utils.remote import Remote, RemoteTrace

SHOWN = 300  # characters of a call in a message


class Source(Protocol):
    """What is known of a submission without running it."""

    def references(self, name: str) -> Iterable[str]: ...


class Line:
    """A line to one student's process, for one cell of tests: so many seconds to answer all that is asked.

    What the judge itself takes, to import PyTorch, say, is not the student's time.
    """

    def __init__(self, session: Session, source: Source, seconds: float):
        self.session = session
        self.source = source
        self.left = seconds
        self.callbacks: dict[int, Callable[..., Any]] = {}
        self.numbers = itertools.count()
        self.doing: Callable[[], str] = str

    def names(self, wanted: Sequence[str]) -> dict[str, Any]:
        """The student's values of these names; those that are not defined are left out."""
        reply = self._asked({"do": "names", "names": list(wanted)})
        found = reply.tree.get("value")
        if not isinstance(found, dict):
            raise self._broken("it does not say which names it knows")
        return {name: self._named(name, self._decoded(reply, found[name])) for name in wanted if name in found}

    def _named(self, name: str, value: Any) -> Any:
        """A stand-in goes by the name that it was asked for, whatever its object says that it is called."""
        if isinstance(value, Stand):
            value._name = name
        return value

    def ask(self, action: str, parts: Mapping[str, Any], doing: Callable[[], str] = str) -> Any:
        """Have the student's process do something (``doing`` says what); its value, or its exception raised."""
        self.doing = doing
        encoder = wire.Encoder(self._export)
        tree = {"do": action, "with": encoder.encode(dict(parts))}
        reply = self._converse(tree, encoder.buffers)
        printed = reply.tree.get("printed")
        if isinstance(printed, str) and printed:
            print(printed[:100_000], end="")
        if "too large" in reply.tree:
            raise ValueError(f"the result is too large to look at ({str(reply.tree['too large'])[:100]})")
        if "raised" in reply.tree:
            raise_again(reply.tree["raised"], at_end=action == "next")
        if "value" not in reply.tree:
            raise self._broken("its answer has no value")
        self._write_back(reply, parts)
        return self._decoded(reply, reply.tree["value"])

    def _converse(self, tree: Mapping[str, Any], buffers: Sequence[bytes]) -> Reply:
        """Send a request; call functions of ours back for as long as the other side wants."""
        try:
            reply = self._asked(tree, buffers)
            while "callback" in reply.tree:
                frame = self._called_back(reply)
                reply = self._asked(frame.tree, frame.buffers)
        except Ended as ended:
            raise Ended(ended.cause, f"{ended.detail} during {self.doing()}") from None
        if reply.interrupted:
            raise Ended(Cause.TIME, f"it took too long during {self.doing()}")
        return reply

    def _asked(self, tree: Any, buffers: Sequence[bytes] = ()) -> Reply:
        started = time.monotonic()
        try:
            return self.session.ask(tree, buffers, deadline=started + self.left)
        finally:
            self.left -= time.monotonic() - started

    def _called_back(self, reply: Reply) -> wire.Frame:
        function = self.callbacks.get(reply.tree["callback"]) if isinstance(reply.tree["callback"], int) else None
        if function is None:
            raise self._broken("it calls a function that there is not")
        encoder = wire.Encoder(self._export)
        args = [self._decoded(reply, arg) for arg in _listed(reply.tree.get("args"))]
        kwargs = self._decoded(reply, reply.tree.get("kwargs"))
        try:
            value = encoder.encode(function(*args, **(kwargs if isinstance(kwargs, dict) else {})))
            return encoder.frame({"value": value})
        except Exception as error:
            return wire.Frame({"raised": {"message": f"{type(error).__name__}: {error}"[:500]}})

    def _decoded(self, reply: Reply, tree: Any) -> Any:
        try:
            return wire.Decoder(reply.frame, self._resolve).decode(tree)
        except wire.WireError as error:
            raise self._broken(str(error)) from None

    def _broken(self, reason: str) -> Ended:
        return self.session.end(Cause.DIED, f"what it sent cannot be read ({reason})")

    def _resolve(self, tree: Mapping[str, Any]) -> Any:
        """A stand-in for an object that stays over there."""
        if tree.get("t") == "library":
            return Stand(self, -1, str(tree["v"])[:SHOWN])
        if tree.get("t") != "object" or not isinstance(tree.get("number"), int):
            raise wire.WireError("an unknown kind of value")
        kind = str(tree.get("type"))[:SHOWN]
        if "parameters" in tree:
            return CallableStand(self, tree["number"], kind, signature(tree["parameters"]))
        return Stand(self, tree["number"], kind)

    def _export(self, value: Any) -> Mapping[str, Any]:
        if isinstance(value, Stand):
            return {"t": "object", "number": value._number}
        if callable(value):
            number = next(self.numbers)
            self.callbacks[number] = value
            return {"t": "callback", "number": number}
        raise TypeError(
            f"An object of type {type(value).__name__} cannot be handed to an answer: it is no plain data. Say how it "
            "is made instead: course_utils.recipe.Recipe."
        )

    def _write_back(self, reply: Reply, parts: Mapping[str, Any]) -> None:
        """What the call did to its arguments is done to ours."""
        given: dict[Any, Any] = {**dict(enumerate(parts.get("args", ()))), **parts.get("kwargs", {})}
        for entry in _listed(reply.tree.get("changed")):
            key, now = entry if isinstance(entry, list) and len(entry) == 2 else (None, None)
            if isinstance(key, int | str) and key in given:
                overwrite(given[key], self._decoded(reply, now))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def overwrite(old: Any, new: Any) -> None:
    """Give an array, list, dict or set the content of another, as far as that is possible."""
    if isinstance(old, np.ndarray) and isinstance(new, np.ndarray):
        if old.shape != new.shape:
            old.shape = new.shape  # never another size: whoever else looks at the same memory would be left without it
        old[...] = new
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in [key for key in old if key not in new]:
            del old[key]
        for key, value in new.items():
            old[key] = _merged(old.get(key), value)
    elif isinstance(old, list) and isinstance(new, list):
        old[:] = [_merged(before, now) for before, now in itertools.zip_longest(old, new)][: len(new)]
    elif isinstance(old, tuple) and isinstance(new, tuple):
        for before, now in zip(old, new, strict=False):
            overwrite(before, now)
    elif isinstance(old, set) and isinstance(new, set):
        old.clear()
        old.update(new)


def _merged(before: Any, now: Any) -> Any:
    """The old object with the new content, where both are alike; else the new one."""
    if type(before) is type(now) and isinstance(now, np.ndarray | list | dict | set):
        if isinstance(now, np.ndarray) and (before.shape != now.shape or before.dtype != now.dtype):
            return now
        overwrite(before, now)
        return before
    return now


def signature(parameters: Any) -> inspect.Signature | None:
    """A signature from data; None where they describe none."""
    try:
        kinds = list(inspect._ParameterKind)
        made = [
            inspect.Parameter(str(name), kinds[kind], default=_DEFAULT if default else inspect.Parameter.empty)
            for name, kind, default in parameters
        ]
        return inspect.Signature(made)
    except (TypeError, ValueError, IndexError):
        return None


class _Default:
    def __repr__(self) -> str:
        return "…"


_DEFAULT = _Default()


def raise_again(described: Any, *, at_end: bool = False) -> NoReturn:
    """Raise the builtin exception that one of the student's process is, or is derived from.

    Only at the end of an iterator may that be StopIteration: elsewhere it would end a loop of the judge's early.
    """
    data = described if isinstance(described, dict) else {}
    classes = [str(name) for name in _listed(data.get("classes"))]
    known = (getattr(builtins, name, None) for name in classes)
    kind = next((k for k in known if isinstance(k, type) and issubclass(k, Exception)), RuntimeError)
    kind = RuntimeError if issubclass(kind, StopIteration) and not at_end else kind
    text = str(data.get("message", ""))[:2000]
    if kind is UnicodeDecodeError or kind is UnicodeEncodeError or kind is UnicodeTranslateError:
        kind = ValueError
    lines = [str(line)[:500] for line in _listed(data.get("trace"))][:4]
    own = classes[0][:100] if classes else kind.__name__
    trace = "\n".join([*lines, f"    {own}" + (f": {text.splitlines()[0][:200]}" if text.strip() else "")])
    raise kind(text) from RemoteTrace(trace)


class Stand(Remote):
    """Stands for an object of the student's."""

    def __init__(self, line: Line, number: int, kind: str):
        self._line, self._number, self._kind, self._name = line, number, kind, kind

    def __repr__(self) -> str:
        return f"<the student's {self._name}>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._line.ask("attribute", {"target": self, "name": name}, lambda: f"{self._name}.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            self._line.ask("set", {"target": self, "name": name, "value": value}, lambda: f"{self._name}.{name} = …")

    def __getitem__(self, key: Any) -> Any:
        return self._line.ask("item", {"target": self, "key": key}, lambda: f"{self._name}[…]")

    def __iter__(self) -> Iterator[Any]:
        iterator = self._line.ask("iterate", {"target": self}, lambda: f"iter({self._name})")
        if not isinstance(iterator, Stand):
            raise TypeError(f"{self._name} is not iterable")
        while True:
            try:
                value = self._line.ask("next", {"target": iterator}, lambda: f"next({self._name})")
            except StopIteration:
                return
            yield value

    def __len__(self) -> int:
        length = self._line.ask("length", {"target": self}, lambda: f"len({self._name})")
        if not isinstance(length, int):
            raise TypeError(f"the length of {self._name} is no number")
        return length

    def __bool__(self) -> bool:
        raise TypeError(f"{self._name} is an object, neither True nor False")

    def references(self) -> Iterable[str]:
        return self._line.source.references(self._name)

    def companion(self, name: str) -> Any:
        return self._line.names([name]).get(name)

    def make(self, recipe: Recipe) -> Any:
        return self._line.ask("make", {"recipe": recipe}, lambda: f"making {recipe.path}")


class CallableStand(Stand):
    """Stands for a function or a class of the student's."""

    def __init__(self, line: Line, number: int, kind: str, parameters: inspect.Signature | None):
        super().__init__(line, number, kind)
        if parameters is not None:
            self.__dict__["__signature__"] = parameters

    @property
    def __name__(self) -> str:
        return self._name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._line.ask(
            "call", {"target": self, "args": args, "kwargs": kwargs}, lambda: self._shown(args, kwargs)
        )

    def _shown(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        def brief(value: Any) -> str:
            if isinstance(value, np.ndarray) and value.size > 12:
                return f"array of shape {value.shape}"
            return " ".join(repr(value.tolist() if isinstance(value, np.ndarray) else value).split())[:80]

        given = [brief(a) for a in args] + [f"{k}={brief(v)}" for k, v in kwargs.items()]
        return f"{self._name}({', '.join(given)})"[:SHOWN]
