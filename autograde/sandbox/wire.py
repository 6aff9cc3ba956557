"""Plain data across a socket: numbers, texts, containers, arrays and tensors. Nothing that is decoded can run.

A frame is a head (lengths), a text of JSON and raw buffers. Whoever reads does not trust whoever writes: every length,
type and depth is looked at first, and anything odd is a :class:`WireError`.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import itertools
import json
import math
import re
import socket
import struct
import sys
import time
from collections import namedtuple
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np

from course_utils.recipe import Recipe

HEAD = struct.Struct("!IIQ")  # bytes of text, how many buffers, bytes of all that follows
DEEPEST = 60
MOST_VALUES = 1_000_000
MOST_BUFFERS = 10_000
MOST_NAMES = 100  # of the items of a tuple
LARGEST = 64_000_000  # bytes of a message
FULL = 1_000_000  # bytes after which what else there is goes into the next message
LONGEST_TEXT = 32_000_000  # bytes of JSON
LONGEST_EMPTY = 1_000_000  # along the other axes of an array that holds nothing
SLOWEST = 10.0  # seconds for putting a set or dict together: its items may have been made to collide
LARGEST_INTEGER = 1 << 14_000  # of about as many digits as Python writes out
WHOLE = 2.0  # seconds that a message may be late, once it has begun to come
KINDS = "biufcSUmM"  # of NumPy's types: no objects, no records
_TO_TEXT = json.JSONEncoder(separators=(",", ":"), check_circular=False)  # what encodes has bounded the depth
_DTYPE = re.compile(rf"[<>|][{KINDS}]\d{{1,9}}(\[\d{{0,9}}[A-Za-z]{{1,7}}\])?")
LIBRARIES = ("numpy", "torch", "math", "builtins", "operator", "functools")
OURS = ("course_utils.passes", "course_utils.scalars")  # their functions, too, are there wherever an answer runs
TYPES = (bool, int, float, complex, str, bytes, list, tuple, dict, set, slice)

_NO_VALUE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError, MemoryError)

Exporter = Callable[[Any], Mapping[str, Any]]
Resolver = Callable[[Mapping[str, Any]], Any]


class WireError(Exception):
    """What came over the wire is no message."""


class TooLargeError(WireError):
    """A message is larger than may be."""


class TimeoutOnWireError(WireError):
    """No message came in time; ``begun`` when a part of one did."""

    def __init__(self, text: str, *, begun: bool = False):
        super().__init__(text)
        self.begun = begun


class ClosedError(WireError):
    """The other side is gone."""


@dataclass
class Frame:
    """A message: a tree of JSON, and the buffers that it refers to.

    taken, spent : which buffers were made into values, and seconds that sets and dicts took, so that neither a buffer
    that is named many times nor items that collide can cost more than the message itself.
    """

    tree: Any
    buffers: tuple[bytes, ...] = ()
    taken: set[int] = field(default_factory=set, compare=False)
    spent: float = field(default=0.0, compare=False)
    size: int = field(default=0, compare=False)  # bytes on the wire, of a frame that was received


def send(connection: socket.socket, frame: Frame, largest: int | None = None) -> None:
    """Send a frame; :class:`TooLargeError` before anything is sent when it is larger than that many bytes."""
    text = _TO_TEXT.encode(frame.tree).encode()
    lengths = struct.pack(f"!{len(frame.buffers)}Q", *map(len, frame.buffers))
    total = len(text) + sum(map(len, frame.buffers))
    if largest is not None and (total > largest or len(text) > LONGEST_TEXT):
        raise TooLargeError(f"{total / 1e6:.0f} MB of {largest / 1e6:.0f}")
    try:
        head = HEAD.pack(len(text), len(frame.buffers), len(lengths) + total)
        connection.sendall(b"".join([head, lengths, text, *frame.buffers]))
    except TimeoutError as error:
        raise TimeoutOnWireError("nobody reads") from error
    except OSError as error:
        raise ClosedError(str(error)) from error


def receive(connection: socket.socket, largest: int, deadline: float | None = None) -> Frame:
    """The next frame, which must come before the deadline (by ``time.monotonic``)."""
    length, count, rest = HEAD.unpack(_read(connection, HEAD.size, deadline))
    if length > min(largest, LONGEST_TEXT) or count > MOST_BUFFERS or rest > largest + 8 * count:
        raise TooLargeError(f"{rest / 1e6:.0f} MB of {largest / 1e6:.0f}, {length / 1e6:.0f} of text, {count} buffers")
    try:
        content = _read(connection, rest, None if deadline is None else deadline + WHOLE)
    except TimeoutOnWireError as error:
        raise TimeoutOnWireError("half an answer in time", begun=True) from error
    return _taken_apart(content, length, count)


def _taken_apart(content: memoryview, length: int, count: int) -> Frame:
    """The frame of what follows a head: the buffers' lengths, a text, the buffers."""
    if len(content) < 8 * count:
        raise WireError("a message that is too short for its buffers")
    ends = list(itertools.accumulate(struct.unpack_from(f"!{count}Q", content), initial=8 * count + length))
    if ends[-1] != len(content):
        raise WireError(f"a message of {len(content)} bytes that says it has {ends[-1]}")
    text = bytes(content[8 * count : 8 * count + length])
    if length > 4 * MOST_VALUES and sum(map(text.count, (b",", b"[", b"{"))) > 4 * MOST_VALUES:
        raise TooLargeError("too many values")
    buffers = tuple(bytes(content[start:end]) for start, end in itertools.pairwise(ends))
    try:
        return Frame(json.loads(text.decode()), buffers, size=len(content))
    except (ValueError, RecursionError) as error:
        raise WireError(f"no JSON: {error}") from error


def _read(connection: socket.socket, size: int, deadline: float | None) -> memoryview:
    """So many bytes; room is made for them only as they come."""
    content = bytearray(min(size, 1 << 20))
    got = 0
    while got < size:
        if got == len(content):
            content += bytes(min(size - got, len(content)))
        try:
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutOnWireError("no answer in time", begun=got > 0)
                connection.settimeout(left)
            part = connection.recv_into(memoryview(content)[got:])
        except TimeoutError as error:
            raise TimeoutOnWireError("no answer in time", begun=got > 0) from error
        except OSError as error:
            raise ClosedError(str(error)) from error
        if not part:
            raise ClosedError("the other side is gone")
        got += part
    return memoryview(content)


class Encoder:
    """Values to a tree; ``export`` says how an object that is no plain data is spoken of.

    trusted : whether the other side takes whatever a library has by its name, and one buffer for several arrays; the
        judge takes types of data only, and each buffer once.
    exported : types whose objects are never data.
    """

    def __init__(self, export: Exporter, *, trusted: bool = False, exported: Collection[type] = ()):
        self.export = export
        self.trusted = trusted
        self.exported = exported
        self.buffers: list[bytes] = []
        self.sent: dict[int, tuple[Any, int]] = {}  # what lies in a buffer already, by its id
        self.size = 0
        self.count = 0

    def frame(self, tree: Any) -> Frame:
        return Frame(tree, tuple(self.buffers))

    def encode(self, value: Any, depth: int = 0) -> Any:
        self.count += 1
        if depth > DEEPEST or self.count > MOST_VALUES:
            raise TooLargeError("lists in lists without end" if depth > DEEPEST else "too many values")
        if value is None or value is True or value is False:
            return value
        kind = type(value)
        if kind is np.ndarray:
            return self._numpy(value, depth)
        simple = _SIMPLE.get(kind) or self._derived(kind)
        if simple is not None:
            return simple(self, value, depth)
        return self._other(value, depth)

    def _derived(self, kind: type) -> _Maker | None:
        """How a value of a class derived from a plain one goes: a named tuple as a tuple, say."""
        if not issubclass(kind, _PLAIN) or issubclass(kind, np.generic) or not (self.trusted or not _has_methods(kind)):
            return None
        return next(make for plain, make in _SIMPLE.items() if issubclass(kind, plain))

    def _other(self, value: Any, depth: int) -> Any:
        if type(value) in self.exported:
            return dict(self.export(value))
        if isinstance(value, Recipe):
            given = [value.path, list(value.args), dict(value.kwargs), value.state]
            return {"t": "recipe", "v": [self.encode(part, depth + 1) for part in given]}
        if isinstance(value, np.ndarray) and not _has_methods(type(value)):
            return self._numpy(np.ndarray.view(value, np.ndarray), depth)
        if isinstance(value, np.generic) and value.dtype.kind in "biuf" and value.dtype.itemsize <= 8:
            return {"t": "number", "dtype": value.dtype.str, "v": self.encode(value.item(), depth + 1)}
        if isinstance(value, np.generic) and value.dtype.kind in KINDS:
            return {"t": "scalar", **self._array(np.asarray(value))}
        if isinstance(value, np.dtype) and value.kind in KINDS:
            return {"t": "dtype", "v": value.str}
        if type(value) is Fraction:
            return {"t": "fraction", "v": self.items((value.numerator, value.denominator), depth)}
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor) and not _has_methods(type(value)):
            with torch._C.DisableTorchFunctionSubclass():
                return self._tensor(torch, value) if value.layout is torch.strided else dict(self.export(value))
        if value is Ellipsis:
            return {"t": "ellipsis"}
        name = library_name(value)
        return {"t": "named", "v": name} if name and (self.trusted or _is_type(value)) else dict(self.export(value))

    def _numpy(self, value: np.ndarray[Any, Any], depth: int) -> dict[str, Any]:
        if value.dtype.kind in KINDS:
            tree = {"t": "array", **self._array(value)}
            return tree if value.flags.c_contiguous else {**tree, "order": "F" if value.flags.f_contiguous else "S"}
        if value.dtype.kind == "O":
            return {"t": "objects", "shape": list(value.shape), "v": self.items(value.ravel(), depth)}
        return dict(self.export(value))

    def _array(self, value: np.ndarray[Any, Any]) -> dict[str, Any]:
        if id(value) not in self.sent:
            self.grow(value.nbytes)
            place = self.buffer(value.tobytes())
            if self.trusted:  # whoever reads takes one buffer for several arrays
                self.sent[id(value)] = value, place
        else:
            place = self.sent[id(value)][1]
        return {"dtype": value.dtype.str, "shape": list(value.shape), "b": place}

    def _tensor(self, torch: Any, value: Any) -> dict[str, Any]:
        self.grow(value.nbytes)
        flat = value.detach().cpu().resolve_conj().resolve_neg().contiguous()
        kind = str(flat.dtype).removeprefix("torch.")
        if flat.dtype is torch.bfloat16:
            flat = flat.view(torch.int16)
        buffer = self.buffer(flat.numpy().tobytes())
        grad = bool(value.requires_grad and value.is_leaf)
        own = isinstance(value, torch.nn.Parameter)
        tree = {"t": "tensor", "dtype": kind, "shape": list(value.shape), "b": buffer, "grad": grad, "own": own}
        if value.is_leaf and value.grad is not None and value.grad.layout is torch.strided:
            tree["gradient"] = self._tensor(torch, value.grad.detach())
        return tree

    def text(self, value: str) -> str:
        self.grow(len(value), LONGEST_TEXT)
        return value

    def buffer(self, content: bytes) -> int:
        self.buffers.append(content)
        return len(self.buffers) - 1

    @property
    def is_full(self) -> bool:
        """Whether what else there is should go into the next message."""
        return self.size > FULL or 10 * self.count > MOST_VALUES or 10 * len(self.buffers) > MOST_BUFFERS

    def forget(self, size: int, count: int, buffers: int) -> None:
        """Be as it was when it had so many bytes, values and buffers."""
        self.size, self.count = size, count
        del self.buffers[buffers:]

    def grow(self, size: int, most: int = LARGEST) -> None:
        """Count bytes that are about to be copied."""
        self.size += size
        if self.size > most:
            raise TooLargeError(f"{self.size / 1e6:.0f} MB of {most / 1e6:.0f}")

    def items(self, values: Any, depth: int) -> list[Any]:
        return [self.encode(value, depth + 1) for value in values]


def _has_methods(kind: type) -> bool:
    """Whether a class has methods of its own, so that an object of it is more than the data that it derives from."""
    own = (c for c in kind.__mro__ if str(c.__module__).split(".")[0] not in (*LIBRARIES, "collections"))
    return any(callable(value) for c in own for name, value in vars(c).items() if not name.startswith("_"))


def _is_type(value: Any) -> bool:
    """Whether a library's object is one of those types that say what data are."""
    torch = sys.modules.get("torch")
    if isinstance(value, type) and (value in TYPES or issubclass(value, np.generic)):
        return True
    return torch is not None and isinstance(value, torch.dtype)


def _integer(coder: Encoder, value: int, depth: int) -> Any:
    number = int.__index__(value)
    if -(1 << 53) < number < 1 << 53:
        return int.__add__(number, 0)
    if abs(number) >= LARGEST_INTEGER:
        raise TooLargeError("an integer of more than 4,200 digits")
    return {"t": "int", "v": hex(number)}


def _float(coder: Encoder, value: float, depth: int) -> Any:
    number = float.__add__(value, 0.0) if value else float.__mul__(value, 1.0)
    return number if math.isfinite(number) else {"t": "float", "v": repr(number)}


def _bytes(coder: Encoder, value: bytes, depth: int) -> Any:
    coder.grow(len(value))
    return {"t": "bytes", "b": coder.buffer(bytes(value))}


def _range(coder: Encoder, value: range, depth: int) -> Any:
    if _is_long(value):
        raise TooLargeError("too many values")
    return {"t": "range", "v": coder.items((value.start, value.stop, value.step), depth)}


def _is_long(value: range) -> bool:
    return (value.stop - value.start) // value.step > MOST_VALUES


def _named_items(value: tuple[Any, ...]) -> dict[str, Any]:
    """The names of the items of a named tuple, or of what PyTorch returns in such a place."""
    kind = type(value)
    if kind is tuple:
        return {}
    given = getattr(kind, "_fields", None) or [
        name for name, part in vars(kind).items() if inspect.isdatadescriptor(part)
    ]
    known = len(value) if isinstance(given, tuple | list) and len(given) == len(value) else 0
    return {"fields": [str(name) for name in given]} if known else {}


@functools.lru_cache(maxsize=100)
def _fields(names: tuple[str, ...]) -> Any:
    """A kind of tuple whose items have names; anything but words is a ValueError."""
    return namedtuple("Named", names)


def _pairs(coder: Encoder, value: dict[Any, Any], depth: int) -> Any:
    return {"t": "dict", "v": [[coder.encode(k, depth + 1), coder.encode(v, depth + 1)] for k, v in dict.items(value)]}


_Maker = Callable[[Encoder, Any, int], Any]
_SIMPLE: Mapping[type, _Maker] = {
    int: _integer,
    float: _float,
    str: lambda coder, value, depth: coder.text(str.__str__(value)),
    bytes: _bytes,
    complex: lambda coder, value, depth: {"t": "complex", "v": [repr(value.real), repr(value.imag)]},
    list: lambda coder, value, depth: coder.items(list.__iter__(value), depth),
    tuple: lambda coder, value, depth: {
        "t": "tuple",
        "v": coder.items(tuple.__iter__(value), depth),
        **_named_items(value),
    },
    set: lambda coder, value, depth: {"t": "set", "v": coder.items(set.__iter__(value), depth)},
    frozenset: lambda coder, value, depth: {"t": "frozenset", "v": coder.items(frozenset.__iter__(value), depth)},
    dict: _pairs,
    slice: lambda coder, value, depth: {"t": "slice", "v": coder.items((value.start, value.stop, value.step), depth)},
    range: _range,
}
_PLAIN = tuple(_SIMPLE)


_OF_LIBRARIES = (type, FunctionType, BuiltinFunctionType, np.ufunc, type(np.sum))  # what has a name there


def library_name(value: Any) -> str:
    """What both sides know a function or class of NumPy, PyTorch or Python by; empty where it is none of theirs."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.dtype):
        return str(value).replace("torch.", "torch:")
    if not isinstance(value, _OF_LIBRARIES):
        return ""
    names = {str(getattr(value, key, "")) for key in ("__qualname__", "__name__")}
    own = str(getattr(value, "__module__", None) or "builtins")
    for module, name in itertools.product((own, "numpy") if own.split(".")[0] in LIBRARIES else (), sorted(names)):
        if name and _named(f"{module}:{name}") is value:
            return f"{module}:{name}"
    return ""


def our_name(value: Any) -> str:
    """What an answer's process knows a function of ours by that may run there; empty where it is none."""
    if not isinstance(value, FunctionType) or value.__module__ not in OURS:
        return ""
    name = f"{value.__module__}:{value.__qualname__}"
    return name if _named(name) is value else ""


def _named(name: str) -> Any:
    """The library object of a name, of modules that are already imported; None where there is none."""
    module, _, path = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None) if not part.startswith("_") else None
    return found


def library_class(name: str) -> Any:
    """What a library has under a name, if it is imported here; None where there is none."""
    return _named(name) if name.partition(":")[0].split(".")[0] in LIBRARIES else None


class Decoder:
    """A frame's tree back to values. ``resolve`` gives the objects that are spoken of, never made.

    trusting : whether the other side may name library functions and recipes: the judge's side never is.
    """

    def __init__(self, frame: Frame, resolve: Resolver, *, trusting: bool = False):
        self.frame = frame
        self.resolve = resolve
        self.trusting = trusting
        self.count = 0

    def decode(self, tree: Any, depth: int = 0) -> Any:
        self.count += 1
        if depth > DEEPEST or self.count > MOST_VALUES:
            raise WireError("lists in lists without end" if depth > DEEPEST else "too many values")
        if tree is None or isinstance(tree, bool | int | float | str):
            return tree
        if isinstance(tree, list):
            return [self.decode(item, depth + 1) for item in tree]
        if not isinstance(tree, dict):
            raise WireError("no value")
        try:
            return self._tagged(str(tree.get("t")), tree, depth)
        except _NO_VALUE as error:
            raise WireError(f"no value: {type(error).__name__}: {error}") from error

    def _tagged(self, tag: str, tree: Mapping[str, Any], depth: int) -> Any:
        if tag in _DATA:
            return _DATA[tag](self, tree)
        if tag == "tuple" and "fields" in tree:
            return self.named_tuple(tree, depth)
        if tag in _CONTAINERS:
            return _CONTAINERS[tag](self._clocked([self.decode(item, depth + 1) for item in tree["v"]]))
        if tag == "dict":
            pairs = [(self.decode(k, depth + 1), self.decode(v, depth + 1)) for k, v in tree["v"]]
            return dict(self._clocked(pairs))
        if tag == "named":
            return self._library(str(tree["v"]))
        if tag == "recipe" and self.trusting:
            path, args, kwargs, state = (self.decode(part, depth + 1) for part in tree["v"])
            return Recipe(path, tuple(args), kwargs, state).build()
        return self.resolve(tree)

    def _library(self, name: str) -> Any:
        module = name.partition(":")[0]
        if self.trusting and (module.split(".")[0] in LIBRARIES or module in OURS):
            importlib.import_module(module)
        found = _named(name)
        if self.trusting or _is_type(found):
            return found
        raise WireError(f"a name of no type: {name[:80]}")

    def _clocked(self, items: Iterable[Any]) -> Iterator[Any]:
        """The items one after the other, as long as they are put together fast enough."""
        started = time.monotonic() - self.frame.spent
        for item in items:
            yield item
            if time.monotonic() - started > SLOWEST:
                raise WireError("a set or dict whose items collide")
        self.frame.spent = time.monotonic() - started

    def buffer(self, tree: Mapping[str, Any]) -> bytes:
        """The buffer of a value; each may be used once, or else a small message could cost much."""
        number = int(tree["b"])
        if number < 0 or (number in self.frame.taken and not self.trusting):
            raise WireError("a buffer that is used twice")
        self.frame.taken.add(number)
        return self.frame.buffers[number]

    def integer(self, tree: Mapping[str, Any]) -> int:
        text = str(tree["v"])
        if len(text) > LARGEST_INTEGER.bit_length() // 4 + 4:
            raise WireError("an integer that is too long")
        return int(text, 16)

    def number(self, tree: Mapping[str, Any]) -> Any:
        dtype, value = _dtype(str(tree["dtype"])), self.decode(tree["v"])
        if dtype.kind not in "biuf" or not isinstance(value, bool | int | float):
            raise WireError("no number")
        return dtype.type(value)

    def fraction(self, tree: Mapping[str, Any]) -> Fraction:
        above, below = map(self.decode, tree["v"])
        if not isinstance(above, int) or not isinstance(below, int):  # a text may stand for a number without end
            raise WireError("no fraction")
        return Fraction(above, below)

    def named_tuple(self, tree: Mapping[str, Any], depth: int) -> Any:
        names = tuple(map(str, tree["fields"]))
        if len(names) > MOST_NAMES or sum(map(len, names)) > MOST_NAMES * 20:  # a class is made of them
            raise WireError("a tuple of too many names")
        return _fields(names)(*(self.decode(item, depth + 1) for item in tree["v"]))

    def shape(self, tree: Mapping[str, Any], size: int) -> tuple[int, ...]:
        """The shape of so many items."""
        shape = tuple(int(n) for n in tree["shape"])
        if len(shape) > 32 or any(n < 0 for n in shape):
            raise WireError("no array")
        if math.prod(shape) != size or (not size and math.prod(max(n, 1) for n in shape) > LONGEST_EMPTY):
            raise WireError(f"an array of shape {shape} that holds {size} items")
        return shape

    def array(self, tree: Mapping[str, Any]) -> np.ndarray[Any, Any]:
        dtype, content = _dtype(str(tree["dtype"])), self.buffer(tree)
        size, rest = divmod(len(content), dtype.itemsize)
        if rest:
            raise WireError(f"an array of {dtype} that holds {len(content)} bytes")
        shape = self.shape(tree, size)
        if dtype.kind == "U" and content and np.frombuffer(content, dtype.str[0] + "u4").max() > sys.maxunicode:
            raise WireError("no text")
        made = np.frombuffer(content, dtype).reshape(shape).copy()
        if dtype.kind == "b":
            made[...] = made.view(np.uint8) != 0  # a byte of 2 would be neither True nor False
        return made

    def ordered(self, tree: Mapping[str, Any]) -> np.ndarray[Any, Any]:
        """An array that lies in memory as it did: rows first, columns first (F), or with gaps (S)."""
        made = self.array(tree)
        if tree.get("order") == "F":
            return np.array(made, order="F")
        if tree.get("order") == "S" and made.ndim:
            apart = np.zeros((*made.shape[:-1], 2 * made.shape[-1]), made.dtype, order="F")[..., ::2]
            apart[...] = made
            return apart
        return made

    def objects(self, tree: Mapping[str, Any]) -> np.ndarray[Any, Any]:
        """An array of any objects that can cross."""
        shape = self.shape(tree, len(tree["v"]))
        made = np.empty(len(tree["v"]), object)
        for place, item in enumerate(tree["v"]):
            made[place] = self.decode(item)
        return made.reshape(shape)

    def tensor(self, tree: Mapping[str, Any]) -> Any:
        torch = importlib.import_module("torch")
        kind = getattr(torch, str(tree["dtype"]))
        if not isinstance(kind, torch.dtype):
            raise WireError("no tensor")
        like = np.dtype("<i2" if kind is torch.bfloat16 else str(tree["dtype"]))
        raw = self.array({**tree, "dtype": like.str})
        made = torch.from_numpy(raw)
        made = made.view(torch.bfloat16) if kind is torch.bfloat16 else made
        grad = bool(tree.get("grad")) and (kind.is_floating_point or kind.is_complex)
        made = torch.nn.Parameter(made, grad) if tree.get("own") else made.requires_grad_(grad)
        if isinstance(tree.get("gradient"), dict):
            made.grad = self.tensor({**tree["gradient"], "gradient": None})
        return made


def _dtype(name: str) -> np.dtype[Any]:
    if not _DTYPE.fullmatch(name):
        raise WireError(f"no type of numbers or texts: {name[:40]}")
    return np.dtype(name)


def _short_range(*limits: int) -> range:
    made = range(*limits)
    if _is_long(made):
        raise WireError("too many values")
    return made


_DATA: Mapping[str, Callable[[Decoder, Mapping[str, Any]], Any]] = {
    "int": Decoder.integer,
    "float": lambda coder, tree: float(str(tree["v"])),
    "complex": lambda coder, tree: complex(*map(float, tree["v"])),
    "bytes": Decoder.buffer,
    "array": Decoder.ordered,
    "objects": Decoder.objects,
    "number": Decoder.number,
    "fraction": Decoder.fraction,
    "scalar": lambda coder, tree: coder.array(tree)[()],
    "tensor": Decoder.tensor,
    "dtype": lambda coder, tree: _dtype(str(tree["v"])),
    "ellipsis": lambda coder, tree: Ellipsis,
}
_CONTAINERS: Mapping[str, Callable[[Iterable[Any]], Any]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "slice": lambda items: slice(*items),
    "range": lambda items: _short_range(*items),
}
