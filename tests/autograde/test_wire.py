"""What crosses between judge and student: all kinds of plain data, unchanged; and nothing else, whoever writes it."""

import contextlib
import enum
import math
import socket
import struct
import threading
import time
from collections import OrderedDict, namedtuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograde.sandbox import wire
from autograde.sandbox.proxy import Line
from autograde.sandbox.wire import Decoder, Encoder, Frame, TooLargeError, WireError
from course_utils import exercises
from course_utils.recipe import Recipe

Point = namedtuple("Point", "x y")
Color = enum.IntEnum("Color", "RED GREEN")


def export(value):
    raise AssertionError(f"{value!r} is not plain")


def resolve(tree):
    raise WireError("an object")


def there(value, *, trusting=False):
    """A value after it has crossed a real socket."""
    encoder = Encoder(export, trusted=trusting)
    frame = crossed(encoder.frame(encoder.encode(value)))
    return Decoder(frame, resolve, trusting=trusting).decode(frame.tree)


def crossed(frame):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=wire.send, args=[ours, frame])
        sender.start()
        received = wire.receive(theirs, wire.LARGEST, time.monotonic() + 10)
        sender.join()
    return received


def same(one, other):
    """Equal, of the same type, and of the same make where they are arrays."""
    if isinstance(one, np.ndarray):
        flags = (one.flags.c_contiguous, one.flags.f_contiguous) == (other.flags.c_contiguous, other.flags.f_contiguous)
        alike = type(one) is type(other) and one.dtype == other.dtype and one.shape == other.shape and flags
        return alike and one.tobytes() == other.tobytes()
    if isinstance(one, torch.Tensor):
        alike = type(one) is type(other) and one.dtype == other.dtype and one.requires_grad == other.requires_grad
        return alike and torch.equal(one.detach(), other.detach())
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float | complex | np.generic):
        return repr(one) == repr(other)
    return one == other


NUMBERS = np.arange(24.0).reshape(2, 3, 4)
VALUES = {
    "nothing": None,
    "truths": [True, False],
    "integers": [0, -1, 2**53 - 1, 2**53, -(2**53), 2**64, -(10**4000)],
    "floats": [0.0, -0.0, 1.5, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan, 0.1 + 0.2],
    "complex": [1j, complex(-0.0, math.nan), complex(math.inf, -0.0)],
    "texts": ["", "plain", "ünï\u2028", "\x00\x1b", "\ud800 alone", "\U0001f600", '"\\'],
    "bytes": [b"", b"\x00\xff" * 100],
    "containers": [(), (1,), [], {}, {1: 2, "1": 3, (1, 2): [4]}, {1, 2}, frozenset(), {None: {}}],
    "slices": [slice(None), slice(1, None, -2), range(0), range(10, 0, -3), Ellipsis],
    "rows first": NUMBERS,
    "columns first": np.asfortranarray(NUMBERS),
    "with gaps": NUMBERS[:, ::2, ::2],
    "transposed": NUMBERS.transpose(2, 0, 1),
    "empty arrays": [np.zeros(0), np.zeros((0, 3)), np.zeros((2, 0, 4), np.int8), np.zeros((), complex)],
    "without dimensions": [np.array(1.5), np.array(True), np.array("x")],
    "types of arrays": [
        np.ones(3, dtype)
        for dtype in ["?", "i1", "u1", "<i2", ">i4", "i8", "u8", "f2", "f4", "f8", "f16", "c8", "c16", "S3", "U3"]
    ],
    "times": np.array(["2020-01-01", "NaT"], "M8[D]"),
    "spans": np.array([1, 2], "m8[25s]"),
    "special floats": np.array([math.nan, -0.0, math.inf]),
    "scalars": [np.float32(0.1), np.float64(-0.0), np.int8(-1), np.bool_(True), np.str_("x"), np.complex64(1j)],
    "dtypes": [np.dtype("f4"), np.dtype(">i2"), np.dtype("M8[us]")],
    "types": [int, float, np.float32, torch.float32, torch.bfloat16],
    "tensors": [torch.arange(6.0).reshape(2, 3), torch.ones(2, requires_grad=True), torch.tensor(3), torch.zeros(0, 2)],
    "halves": [torch.tensor([1.5, -0.0], dtype=dtype) for dtype in (torch.bfloat16, torch.float16)],
    "other tensors": [torch.tensor([True, False]), torch.tensor([1 + 2j]), torch.arange(3, dtype=torch.uint8)],
    "parameters": torch.nn.Parameter(torch.ones(2, 2)),
    "frozen parameters": torch.nn.Parameter(torch.ones(2), requires_grad=False),
    "nested": {"a": [(NUMBERS, {"b": torch.ones(1)}), [[[np.int64(1)]]]], "c": (b"x", slice(1))},
}


@pytest.mark.parametrize("name", VALUES)
def test_plain_data_cross_unchanged(name):
    value = VALUES[name]
    found = there(value)
    assert same(value, found), found


def test_classes_derived_from_plain_ones_cross_as_those():
    assert there([Point(1, 2), OrderedDict(b=1), Color.RED]) == [(1, 2), {"b": 1}, 1]
    assert there(Point(1, 2)).y == 2


def test_arrays_that_cross_are_their_own():
    found = there([NUMBERS, NUMBERS])
    found[0][...] = 0
    assert found[1].any() and NUMBERS.any()
    assert all(array.flags.writeable for array in found)


def test_views_and_conjugates_of_tensors():
    whole = torch.arange(12.0).reshape(3, 4)
    assert torch.equal(there(whole.T[::2]), whole.T[::2])
    assert torch.equal(there(torch.tensor([1 + 2j]).conj()), torch.tensor([1 - 2j]))


def test_library_functions_cross_only_to_where_they_are_trusted():
    value = [np.sin, torch.relu, math.sqrt, np.linalg.norm]
    assert there(value, trusting=True) == value
    recipe = Recipe("torch.nn:Linear", (2, 3))
    assert isinstance(there(recipe, trusting=True), torch.nn.Linear)
    for each in (np.sin, recipe):
        encoder = Encoder(export, trusted=True)
        tree = encoder.encode(each)
        with pytest.raises(WireError):
            Decoder(encoder.frame(tree), resolve).decode(tree)


@pytest.mark.parametrize(
    "value",
    [10**5000, "x" * 40_000_000, np.zeros(10_000_000), [0] * 1_000_001, range(10**9), [b"x" * 40_000_000] * 2],
    ids=["digits", "text", "array", "values", "range", "bytes"],
)
def test_what_is_too_large_is_said_before_it_is_sent(value):
    with pytest.raises(TooLargeError):
        Encoder(export).encode(value)


def test_containers_that_hold_themselves_end():
    endless = []
    endless.append(endless)
    with pytest.raises(TooLargeError):
        Encoder(export).encode(endless)


def array(**changes):
    return {"t": "array", "dtype": "<f8", "shape": [1], "b": 0, "order": "C", **changes}


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"t": "array"},
        array(shape=[2]),
        array(shape=[-1]),
        array(shape=["x"]),
        array(shape=[1e308]),
        array(shape=[math.inf]),
        array(shape=[1] * 70),
        array(dtype="O"),
        array(dtype="f8,f8"),
        array(dtype="(2,)f4"),
        array(dtype="V8"),
        array(dtype="<U2"),
        array(b=1),
        array(b=-1),
        array(b=None),
        [array(), array()],
        array(b=1, shape=[0, 10**12]),
        array(b=1, shape=[10**9, 0], dtype="|u1"),
        {"t": "objects", "shape": [10**9, 0], "v": []},
        {"t": "objects", "shape": [2], "v": [1]},
        {"t": "number", "dtype": "|S1", "v": 10**10},
        {"t": "number", "dtype": "<f8", "v": [1, 2]},
        {"t": "number", "dtype": "|i1", "v": 1000},
        {"t": "fraction", "v": ["1e999999999"]},
        {"t": "fraction", "v": ["1e999999999", 1]},
        {"t": "fraction", "v": [1, 0]},
        {"t": "tuple", "fields": ["a b"], "v": [1]},
        {"t": "tuple", "fields": ["def"], "v": [1]},
        {"t": "tuple", "fields": ["a"], "v": [1, 2]},
        {"t": "tuple", "fields": [f"a{n}" for n in range(1000)], "v": [1] * 1000},
        {"t": "scalar", "dtype": "<U2", "shape": [], "b": 0},
        {"t": "tensor", "dtype": "nn", "shape": [1], "b": 0},
        {"t": "tensor", "dtype": "float8_e5m2", "shape": [1], "b": 0},
        {"t": "tensor", "dtype": "__name__", "shape": [1], "b": 0},
        {"t": "int", "v": "0x" + "f" * 10_000},
        {"t": "int", "v": "x"},
        {"t": "float", "v": "x"},
        {"t": "complex", "v": [1, 2, 3]},
        {"t": "range", "v": [0, 10**12]},
        {"t": "range", "v": [0, 10, 0]},
        {"t": "slice", "v": []},
        {"t": "set", "v": [[]]},
        {"t": "set", "v": 3},
        {"t": "dict", "v": [[1]]},
        {"t": "dict", "v": [[[], 1]]},
        {"t": "dtype", "v": "O"},
        {"t": "named", "v": "os:system"},
        {"t": "named", "v": "builtins:eval"},
        {"t": "named", "v": "numpy:load"},
        {"t": "recipe", "v": ["os:system", ["true"], {"t": "dict", "v": []}, None]},
        {"t": []},
    ],
    ids=lambda tree: str(tree)[:70],
)
def test_what_is_no_value_is_refused(tree):
    with pytest.raises(WireError):
        Decoder(Frame(tree, (struct.pack("d", 1.0), b"")), resolve).decode(tree)


def test_a_truth_is_true_or_false():
    tree = {"t": "array", "dtype": "|b1", "shape": [3], "b": 0, "order": "C"}
    found = Decoder(Frame(tree, (b"\x00\x01\x02",)), resolve).decode(tree)
    assert found.view(np.uint8).tolist() == [0, 1, 1]


def test_items_that_collide_are_not_put_together_for_ever(monkeypatch):
    monkeypatch.setattr(wire, "SLOWEST", 0.5)
    items = [(2**61 - 1) * number for number in range(30_000)]
    tree = {"t": "set", "v": [{"t": "int", "v": hex(number)} for number in items]}
    started = time.monotonic()
    with pytest.raises(WireError, match="collide"):
        Decoder(Frame(tree), resolve).decode(tree)
    assert time.monotonic() - started < 20


def told(data):
    """What a reader makes of bytes on the wire."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        writer = threading.Thread(target=_write, args=[ours, data])
        writer.start()
        try:
            frame = wire.receive(theirs, wire.LARGEST, time.monotonic() + 5)
            return Decoder(frame, resolve).decode(frame.tree)
        finally:
            theirs.close()
            writer.join()


def _write(connection, data):
    try:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
    except OSError:  # the reader has seen enough
        pass


GOOD = {
    "t": "dict",
    "v": [["a", array()], [{"t": "tuple", "v": [1, 2.5]}, [{"t": "int", "v": "0xff"}, {"t": "bytes", "b": 1}]]],
}


BUFFERS = (struct.pack("d", 1.0), b"bytes")


def packed(tree, buffers=BUFFERS):
    text = wire.json.dumps(tree).encode()
    content = struct.pack(f"!{len(buffers)}Q", *map(len, buffers)) + text + b"".join(buffers)
    return wire.HEAD.pack(len(text), len(buffers), len(content)) + content


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_noise_is_no_message(data):
    with pytest.raises(WireError):
        told(data)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_message_with_bytes_changed_is_a_value_or_an_error_of_the_wire(data):
    message = bytearray(packed(GOOD))
    for _ in range(data.draw(st.integers(1, 6))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(WireError):
        told(bytes(message[: data.draw(st.integers(1, len(message)))]))


TAGS = [*wire._DATA, *wire._CONTAINERS, "dict", "named", "recipe", "object", "callback", "x"]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["<f8", "|b1", "float32", "bfloat16", "0x10", "nan", "numpy:float32", "builtins:int", "C", "F", "S"]
    )
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["t", "v", "b", "dtype", "shape", "order", "grad", "own"]), inner, max_size=5)
        | st.fixed_dictionaries(
            {"t": st.sampled_from(TAGS)},  # each kind with parts of all kinds
            optional={
                "v": inner | st.lists(inner, max_size=4),
                "b": st.integers(-1, 2),
                "dtype": LEAVES,
                "shape": st.lists(st.integers(-1, 4), max_size=4),
                "order": LEAVES,
                "grad": st.booleans(),
                "gradient": inner,
                "fields": st.lists(st.text(max_size=3), max_size=3),
                "own": st.booleans(),
            },
        )
    ),
    max_leaves=20,
)


@settings(max_examples=600, deadline=None)
@given(TREES)
def test_any_tree_is_a_value_or_an_error_of_the_wire(tree):
    with contextlib.suppress(WireError):
        told(packed(tree))


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text() | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.integers() | st.booleans(), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(PLAIN)
def test_any_plain_value_crosses_unchanged(value):
    assert same(value, there(value))


@pytest.mark.parametrize(
    "head",
    [
        wire.HEAD.pack(0xFFFFFFFF, 0, 0xFFFFFFFF),
        wire.HEAD.pack(2, 0xFFFFFFFF, 8 * 0xFFFFFFFF + 2),
        wire.HEAD.pack(2, 1, 1 << 60),
        wire.HEAD.pack(2, 2, 2 * wire.LARGEST),
    ],
)
def test_lengths_are_looked_at_before_anything_is_read(head):
    with pytest.raises(TooLargeError):
        told(head)


@pytest.mark.parametrize(
    ("head", "lengths"),
    [((2, 0, 3), ()), ((2, 1, 9), ()), ((2, 1, 11), (1 << 63,)), ((9, 0, 2), ()), ((0, 2, 16), (0, 1))],
)
def test_lengths_that_do_not_fit_are_refused(head, lengths):
    content = struct.pack(f"!{len(lengths)}Q", *lengths) + b"{}"
    with pytest.raises(WireError, match="message"):
        told(wire.HEAD.pack(*head) + content.ljust(head[2])[: head[2]])


def test_a_text_of_very_many_values_is_not_parsed():
    text = b"[" + b"[]," * 2_500_000 + b"[]]"
    with pytest.raises(TooLargeError):
        told(wire.HEAD.pack(len(text), 0, len(text)) + text)


def test_half_a_message_is_waited_for_only_so_long(monkeypatch):
    monkeypatch.setattr(wire, "WHOLE", 0.2)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(packed(GOOD)[:-1])
        with pytest.raises(wire.TimeoutOnWireError) as caught:
            wire.receive(theirs, wire.LARGEST, time.monotonic() + 0.1)
        assert caught.value.begun
        with pytest.raises(wire.TimeoutOnWireError) as caught:
            wire.receive(theirs, wire.LARGEST, time.monotonic() + 0.1)
        assert not caught.value.begun
        ours.close()
        with pytest.raises(wire.ClosedError):
            wire.receive(theirs, wire.LARGEST, time.monotonic() + 5)


@pytest.mark.parametrize("name", [name for name in exercises.names() if exercises.find(name)._goes_beside])
def test_what_may_run_beside_an_answer_has_a_name_there(name):
    """Else it would be called back, and each of its calls would cross again."""
    protocol = exercises.find(name)._protocol
    sent = Encoder(Line(None, None)._export, trusted=True).encode(protocol)
    assert sent["t"] == "named"
    assert Decoder(Frame(sent), None, trusting=True).decode(sent) is protocol


def test_an_array_that_is_sent_several_times_is_sent_once_to_those_who_trust():
    array = np.arange(5.0)
    trusted, other = Encoder(export, trusted=True), Encoder(export)
    trees = [encoder.encode([array, (array, array[1:])]) for encoder in (trusted, other)]
    assert (len(trusted.buffers), len(other.buffers)) == (2, 3)
    one, (two, three) = Decoder(trusted.frame(trees[0]), resolve, trusting=True).decode(trees[0])
    two += 1
    assert (one.tolist(), two.tolist(), three.tolist()) == ([0, 1, 2, 3, 4], [1, 2, 3, 4, 5], [1, 2, 3, 4])
    with pytest.raises(WireError, match="used twice"):
        Decoder(trusted.frame(trees[0]), resolve).decode(trees[0])
