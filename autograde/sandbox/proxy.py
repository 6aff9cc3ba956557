"""What the judge holds of the student's: stand-ins. Each thing asked of one is asked of the student's process.

A stand-in never decides anything: it is equal to nothing but itself, is neither true nor false, and is no number. So
an object that claims to be equal to everything is of no use; what counts is data, and data are copied.
"""

from __future__ import annotations

import builtins
import inspect
import itertools
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn, Protocol

import numpy as np

from autograde.sandbox import wire
from autograde.sandbox.session import Cause, Ended, Reply, Session
from course_utils.calls import Ready, Second, Uncached, Unseen
from course_utils.recipe import Recipe
from course_utils.remote import Remote, RemoteTrace

SHOWN = 300  # characters of a call in a message
PRINTED = 100_000  # characters that are kept of what an answer prints, for each cell of tests
LONGEST = 1_000_000  # of a sequence that stays over there
LOOK = {Unseen: "none", Uncached: "first"}  # what a kind of call shows of its result
OWN = ("_line", "_number", "_kind", "_name", "_class", "_parameters")  # a stand-in's own attributes
CLASSES = ("torch.nn:Module", "torch.optim:Optimizer", "torch.utils.data:Dataset", "torch.utils.data:DataLoader")


class Source(Protocol):
    """What is known of a submission without running it."""

    def references(self, name: str) -> Iterable[str]: ...


class Line:
    """A line to one student's process, with so many seconds, for each cell of tests, to answer all that is asked.

    What the judge itself takes, to import PyTorch, say, is not the student's time.
    """

    def __init__(self, session: Session, source: Source):
        self.session = session
        self.source = source
        self.callbacks: dict[int, Callable[..., Any]] = {}
        self.numbers = itertools.count()
        self.verdicts: dict[str, bool] = {}
        self.doing: Callable[[int], str] = str  # of the number of calls, of several, that were begun (0: nobody knows)
        self.renew(0.0)

    def renew(self, seconds: float) -> None:
        """Begin another cell of tests."""
        self.left = seconds
        self.characters = PRINTED
        self.ended: Ended | None = None

    def confirm(self) -> None:
        """:class:`Ended` if the student's process was stopped in this cell, whoever has caught that."""
        if self.ended is not None:
            raise self.ended

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
        self.doing = lambda _: doing()
        encoder = self._encoder()
        tree = {"do": action, "with": encoder.encode(dict(parts))}
        reply = self._converse(tree, encoder.buffers)
        return self._settled(reply, reply.tree, parts, at_end=action == "next")

    def ask_each(self, calls: Sequence[partial[Any]], doing: Callable[[int], str]) -> Iterator[Ready]:
        """Have calls made one after the other, in as few messages as the size of their results allows.

        For each call a function comes that takes the same arguments: it gives the value, raises the exception, prints
        what was printed, and does to the arguments what the call did. ``doing`` says what was going on in the call of
        that number, from 1, or, for 0, in one of them.
        """
        begun = 0
        places = {call: place for place, call in enumerate(calls)}
        kept = {arg.call for call in calls for arg in call.args if isinstance(arg, Second)}
        while begun < len(calls):
            encoder = self._encoder()
            targets: dict[Any, Any] = {}
            sent: list[Any] = []
            for call in calls[begun:]:
                if sent and encoder.is_full:
                    break
                target = targets.setdefault(call.func, (len(targets), call.func))[0]
                args = [
                    {"t": "second", "of": places[a.call]} if isinstance(a, Second) else encoder.encode(a)
                    for a in call.args
                ]
                kwargs = {name: encoder.encode(value) for name, value in call.keywords.items()}
                sent.append([target, args, kwargs, LOOK.get(type(call), "all"), call in kept])
            tree = {"do": "calls", "targets": [encoder.encode(each) for _, each in targets.values()], "from": begun}
            self.doing = partial(_counted, doing, begun, len(sent))
            reply = self._converse({**tree, "with": sent}, encoder.buffers)
            _look_at_size(reply.tree)
            replies = _listed(reply.tree.get("replies"))
            if not 0 < len(replies) <= len(sent) or not all(isinstance(each, dict) for each in replies):
                raise self._broken("it does not say how the calls went")
            for each in replies:
                quiet = not (each.get("changed") or each.get("printed"))
                yield Ready(partial(self._settled_call, reply, each), quiet)
            begun += len(replies)

    def _settled_call(self, reply: Reply, tree: Mapping[str, Any], /, *args: Any, **kwargs: Any) -> Any:
        return self._settled(reply, tree, {"args": args, "kwargs": kwargs})

    def _settled(self, reply: Reply, tree: Mapping[str, Any], parts: Mapping[str, Any], *, at_end: bool = False) -> Any:
        """What came of a request, or of one of its calls: the value, or the exception raised."""
        printed = tree.get("printed")
        if isinstance(printed, str) and printed and self.characters > 0:
            print(printed[: self.characters], end="")
            self.characters -= len(printed)
        _look_at_size(tree)
        if "raised" in tree:
            raise_again(tree["raised"], at_end=at_end)
        if "value" not in tree:
            raise self._broken("its answer has no value")
        self._write_back(reply, tree, parts)
        return self._decoded(reply, tree["value"])

    def _converse(self, tree: Mapping[str, Any], buffers: Sequence[bytes]) -> Reply:
        """Send a request; call functions of ours back for as long as the other side wants."""
        try:
            reply = self._asked(tree, buffers)
            while "callback" in reply.tree:
                if reply.interrupted:  # it goes on asking
                    raise self.session.end(Cause.TIME, "it took too long")
                frame = self._called_back(reply)
                reply = self._asked(frame.tree, frame.buffers)
        except Ended as ended:
            self.ended = Ended(ended.cause, f"{ended.detail} during {self.doing(0)}")
            raise self.ended from None
        if reply.interrupted:
            begun = len(_listed(reply.tree.get("replies")))
            self.ended = Ended(Cause.TIME, f"it took too long during {self.doing(begun)}")
            raise self.ended
        return reply

    def _asked(self, tree: Any, buffers: Sequence[bytes] = ()) -> Reply:
        started = time.monotonic()
        try:
            return self.session.ask(tree, buffers, deadline=started + self.left)
        except Ended as ended:
            self.ended = ended
            raise
        finally:
            self.left -= time.monotonic() - started

    def _called_back(self, reply: Reply) -> wire.Frame:
        function = self.callbacks.get(reply.tree["callback"]) if isinstance(reply.tree["callback"], int) else None
        if function is None:
            raise self._broken("it calls a function that there is not")
        encoder = self._encoder()
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
        self.ended = self.session.end(Cause.DIED, f"what it sent cannot be read ({reason})")
        return self.ended

    def _resolve(self, tree: Mapping[str, Any]) -> Any:
        """A stand-in for an object that stays over there."""
        if tree.get("t") != "object" or not isinstance(tree.get("number"), int):
            raise wire.WireError("an unknown kind of value")
        kind = str(tree.get("type"))[:SHOWN]
        if "parameters" in tree:
            made: Stand = CallableStand(self, tree["number"], kind, tree["parameters"])
        elif tree.get("iterator") is True:
            made = IteratorStand(self, tree["number"], kind)
        else:
            made = Stand(self, tree["number"], kind)
        made._class = _class(tree.get("class"))
        return made

    def _encoder(self) -> wire.Encoder:
        return wire.Encoder(self._export, trusted=True, exported=(Stand, CallableStand, IteratorStand))

    def _export(self, value: Any) -> Mapping[str, Any]:
        if isinstance(value, Stand):
            return {"t": "object", "number": value._number}
        if name := wire.our_name(value):
            return {"t": "named", "v": name}
        if callable(value):
            number = next(self.numbers)
            self.callbacks[number] = value
            return {"t": "callback", "number": number}
        raise TypeError(
            f"An object of type {type(value).__name__} cannot be handed to an answer: it is no plain data. Say how it "
            "is made instead: course_utils.recipe.Recipe."
        )

    def _write_back(self, reply: Reply, tree: Mapping[str, Any], parts: Mapping[str, Any]) -> None:
        """What the call did to its arguments is done to ours."""
        given: dict[Any, Any] = {**dict(enumerate(parts.get("args", ()))), **parts.get("kwargs", {})}
        for entry in _listed(tree.get("changed")):
            key, now = entry if isinstance(entry, list) and len(entry) == 2 else (None, None)
            if isinstance(key, int | str) and key in given:
                overwrite(given[key], self._decoded(reply, now))


def _look_at_size(tree: Mapping[str, Any]) -> None:
    if "too large" in tree:
        raise ValueError(f"the result is too large to look at ({str(tree['too large'])[:100]})")


def _counted(doing: Callable[[int], str], before: int, sent: int, begun: int) -> str:
    """What was going on in the call that was begun last, of those sent after so many before."""
    return doing(before + (begun or 1) if begun or sent == 1 else 0)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def overwrite(old: Any, new: Any) -> None:
    """Give an array, tensor, list, dict or set the content of another, as far as that is possible."""
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
    elif _is_tensor(old) and _is_tensor(new):
        old.detach().copy_(new.detach())
        old.grad = new.grad


def _is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor) and not isinstance(value, Stand)


def _merged(before: Any, now: Any) -> Any:
    """The old object with the new content, where both are alike; else the new one."""
    if type(before) is type(now) and (isinstance(now, np.ndarray | list | dict | set) or _is_tensor(now)):
        if hasattr(now, "dtype") and (before.shape != now.shape or before.dtype != now.dtype):
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


def _class(name: object) -> type | None:
    """The class that an object over there says that it is of, where that is no data: what takes it for that may ask."""
    kinds = tuple(wire.library_class(kind) for kind in CLASSES) if sys.modules.get("torch") else ()
    found = wire.library_class(name) if isinstance(name, str) else None
    return found if isinstance(found, type) and issubclass(found, tuple(filter(None, kinds))) else None


class Stand(Remote):
    """Stands for an object of the student's. What it gives of itself is data, or another stand-in."""

    __array_ufunc__ = None  # NumPy's operators leave it to the object
    _class: type | None = None

    def __init__(self, line: Line, number: int, kind: str):
        self._line, self._number, self._kind, self._name = line, number, kind, kind

    def __repr__(self) -> str:
        return f"<the student's {self._name}>"

    def __str__(self) -> str:
        return str(self._line.ask("text", {"target": self}, lambda: f"str({self._name})"))

    __format__ = object.__format__

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # what isinstance goes by
        return self._class or type(self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in OWN:
            raise AttributeError(name)
        return self._line.ask("attribute", {"target": self, "name": name}, lambda: f"{self._name}.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("__") or name in OWN:
            object.__setattr__(self, name, value)
        else:
            self._line.ask("set", {"target": self, "name": name, "value": value}, lambda: f"{self._name}.{name} = …")

    def __getitem__(self, key: Any) -> Any:
        return self._line.ask("item", {"target": self, "key": key}, lambda: f"{self._name}[…]")

    def __setitem__(self, key: Any, value: Any) -> None:
        self._line.ask("put", {"target": self, "key": key, "value": value}, lambda: f"{self._name}[…] = …")

    def __delitem__(self, key: Any) -> None:
        self._line.ask("remove", {"target": self, "key": key}, lambda: f"del {self._name}[…]")

    def __iter__(self) -> Iterator[Any]:
        iterator = self._line.ask("iterate", {"target": self}, lambda: f"iter({self._name})")
        if not isinstance(iterator, IteratorStand):
            raise TypeError(f"{self._name} is not iterable")
        iterator._name = self._name
        yield from iterator

    def __len__(self) -> int:
        length = self._line.ask("length", {"target": self}, lambda: f"len({self._name})")
        if not isinstance(length, int):
            raise TypeError(f"the length of {self._name} is no number")
        if length > LONGEST:
            raise ValueError(f"the length of {self._name} is said to be {length}")
        return length

    def __bool__(self) -> bool:
        raise TypeError(f"{self._name} is an object, neither True nor False")

    def references(self) -> Iterable[str]:
        return self._line.source.references(self._name)

    @property
    def verdicts(self) -> dict[str, bool]:
        return self._line.verdicts

    def companion(self, name: str) -> Any:
        return self._line.names([name]).get(name)

    def make(self, recipe: Recipe) -> Any:
        return self._line.ask("make", {"recipe": recipe}, lambda: f"making {recipe.path}")


class IteratorStand(Stand):
    """Stands for an iterator of the student's, a generator, say."""

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self._line.ask("next", {"target": self}, lambda: f"next({self._name})")


class CallableStand(Stand):
    """Stands for a function or a class of the student's."""

    def __init__(self, line: Line, number: int, kind: str, parameters: object):
        super().__init__(line, number, kind)
        self._parameters = parameters

    @property
    def __name__(self) -> str:
        return self._name

    @property
    def __signature__(self) -> inspect.Signature:
        made = signature(self._parameters)
        if made is None:
            raise AttributeError("__signature__")
        return made

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._line.ask(
            "call", {"target": self, "args": args, "kwargs": kwargs}, lambda: self._shown(args, kwargs)
        )

    def put_through(self, protocol: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        parts = {"target": protocol, "args": (self, *args), "kwargs": kwargs}
        return self._line.ask("call", parts, lambda: self._shown(args, kwargs))

    def together(self, calls: Sequence[partial[Any]]) -> Sequence[Ready]:
        def doing(number: int) -> str:
            if not 0 < number <= len(calls):
                return f"calls of {self._name}"
            call = calls[number - 1]
            return (call.func if isinstance(call.func, CallableStand) else self)._shown(call.args, call.keywords)

        return list(self._line.ask_each(calls, doing))

    def _shown(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        def brief(value: Any) -> str:
            if isinstance(value, np.ndarray) and value.size > 12:
                return f"array of shape {value.shape}"
            return " ".join(repr(value.tolist() if isinstance(value, np.ndarray) else value).split())[:80]

        given = [brief(a) for a in args if not isinstance(a, Stand)] + [f"{k}={brief(v)}" for k, v in kwargs.items()]
        return f"{self._name}({', '.join(given)})"[:SHOWN]


def _operator(name: str, *, swapped: bool = False) -> Callable[..., Any]:
    """An operator that the student's class defines, among its own objects.

    With anything else beside it that would tell what is expected: a result minus 6, and the object says 0.
    """

    def operate(self: Stand, *other: Any) -> Any:
        if not all(isinstance(each, Stand) for each in other):
            return NotImplemented
        args = (*other, self) if swapped else (self, *other)
        return self._line.ask("operate", {"name": name, "args": args}, lambda: f"{name} of {self._name}")

    return operate


for _name in ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow"):
    setattr(Stand, f"__{_name}__", _operator(_name))
    setattr(Stand, f"__r{_name}__", _operator(_name, swapped=True))
for _name in ("neg", "pos", "abs", "invert"):
    setattr(Stand, f"__{_name}__", _operator(_name))
