"""One forward pass of a network without its numbers: which layers run, on what shapes, at what cost.

The network is copied onto PyTorch's "meta" device, where a tensor has a shape but no memory. Two modes watch the copy:
one sees each function that its code calls (``__torch_function__``) and gives layers their names; below it, one sees
the few basic operations that everything comes down to (``__torch_dispatch__``), and counts. So nothing is missed that
is called as a function and is no module, and nothing is counted twice.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from dataclasses import field as made_by
from typing import Any

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.flop_counter import flop_registry

from course_utils import receptive_fields

__all__ = ["Layer", "trace"]

# Operations on one number at a time, as the pointwise ones that PyTorch tags. Batch norm belongs here: it scales and
# shifts each number by what it knows of the channel.
LOCAL = frozenset(
    (
        *("native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training", "native_dropout"),
        *("native_group_norm", "native_layer_norm", "hardswish", "hardswish_", "_prelu_kernel", "channel_shuffle"),
        *("_to_copy", "copy_", "bernoulli_", "fill_", "zero_", "detach", "alias", "lift_fresh"),
    )
)
# These take a tensor only for its size.
FRESH = frozenset(
    (
        *("new_empty", "new_zeros", "new_ones", "new_full", "empty_like", "zeros_like", "ones_like", "full_like"),
        *("rand_like", "randn_like"),
    )
)


@dataclass
class Layer:
    """A call of a module that has no parts, or of a function outside of such modules; numbers are for the whole batch.

    kind : the class of the module, or the name of the function.
    local : it works on one number at a time, so that its output may overwrite its input.
    field : what its output sees; None where that is not known.
    kept : bytes that it keeps for the backward pass and that no layer before it has kept.
    sources, made : storages that it reads, and that it makes.
    """

    name: str
    kind: str
    shape: tuple[int, ...] = ()
    activations: int = 0
    parameters: int = 0
    multiply_adds: int = 0
    kept: int = 0
    field: receptive_fields.Field | None = None
    local: bool = True
    sources: set[int] = made_by(default_factory=set)
    made: set[int] = made_by(default_factory=set)


def trace(model: nn.Module, shape: Sequence[int], *, training: bool) -> list[Layer]:
    """Run a copy of the model on a batch of images of a shape, all on the meta device.

    Parameters
    ----------
    model : any module that takes one tensor of images. It is not run and not changed.
    shape : (N, C, H, W), or with one or three axes behind the channels.
    training : the mode of the copy.

    Returns
    -------
    The input as the first layer, then every layer in the order of the calls. A layer without any computation (flatten,
    dropout in evaluation mode) is none.

    Notes
    -----
    An error of the model's own is raised again with a note that names the layer. A model whose code looks at numbers
    (``.item()``, an ``if`` on a tensor) cannot be traced.
    """
    twin = _twin(model).train(training)
    watcher = _Watcher(twin)
    kind = next((p.dtype for p in twin.parameters() if p.is_floating_point()), torch.float32)
    image = torch.empty(tuple(shape), dtype=kind, device="meta")
    watcher.begin(image)
    try:
        with watcher.watching():
            twin(image)
    except Exception as error:
        error.add_note(
            f"This happened {watcher.place()}, for an input of shape {tuple(shape)}, traced without numbers."
        )
        raise
    return watcher.layers


def _twin(model: nn.Module) -> nn.Module:
    """A copy of the modules that shares no tensor with them and holds no numbers."""
    if any(nn.parameter.is_lazy(parameter) for parameter in model.parameters()):
        raise ValueError("expected layers that know their sizes, got lazy ones: pass one image through the model first")
    memo: dict[int, Any] = {}
    for module in model.modules():
        for tensor in [*module._parameters.values(), *module._buffers.values(), *vars(module).values()]:
            if isinstance(tensor, torch.Tensor):
                memo[id(tensor)] = _without_numbers(tensor)
    twin = copy.deepcopy(model, memo)
    for module in twin.modules():
        for hooks in (module._forward_hooks, module._forward_pre_hooks):
            for key in [k for k, hook in hooks.items() if not hook.__module__.startswith("torch.")]:
                del hooks[key]  # a student's own; PyTorch's belong to the model (weight norm)
    return twin


def _without_numbers(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.device.type == "meta" and not isinstance(tensor, nn.Parameter):
        return tensor
    empty = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
    return nn.Parameter(empty, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else empty


def _storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _view(tensor: torch.Tensor) -> tuple[Any, ...]:
    return _storage(tensor), tensor.storage_offset(), tuple(tensor.shape), tensor.stride()


def _tensors(tree: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


class _Watcher:
    """What the modes and hooks report to, and the layers that come of it."""

    def __init__(self, twin: nn.Module):
        self.twin = twin
        self.layers: list[Layer] = []
        self.open: Layer | None = None  # the layer that runs now
        self.path: list[str] = []  # of the modules with parts that run now
        self.unused = {_storage(p): p.numel() for p in twin.parameters()}
        self.owned = {_storage(t) for t in [*twin.parameters(), *twin.buffers()]}
        self.kept: set[int] = set()
        self.fields: dict[tuple[Any, ...], receptive_fields.Field | None] = {}
        self.alive: list[torch.Tensor] = []  # so that no storage's number is used twice
        self.names: Counter[str] = Counter()

    def begin(self, image: torch.Tensor) -> None:
        self.alive.append(image)
        self.fields[_view(image)] = field = receptive_fields.of_image(image.shape[2:])
        layer = Layer("input", "", tuple(image.shape[1:]), image.numel(), field=field, local=False)
        layer.made = {_storage(image)}
        self.layers.append(layer)

    @contextmanager
    def watching(self) -> Iterator[None]:
        for name, module in self.twin.named_modules():
            has_parts = module is self.twin or any(True for _ in module.children())
            enter, leave = (self.enter, self.leave) if has_parts else (self.start, self.stop)
            module.register_forward_pre_hook(lambda m, _, do=enter, name=name: do(name, type(m).__name__))
            module.register_forward_hook(lambda _m, _, out, do=leave: do(out))
        with ExitStack() as stack:
            for mode in (
                torch.enable_grad(),
                torch.device("meta"),
                saved_tensors_hooks(self.keep, lambda tensor: tensor),
                _Operations(self),
                _Functions(self),
            ):
                stack.enter_context(mode)
            yield

    def enter(self, name: str, kind: str) -> None:
        self.path.append(name)

    def leave(self, out: Any) -> None:
        self.path.pop()

    def start(self, name: str, kind: str) -> None:
        self.open = Layer(name, kind)

    def stop(self, out: Any) -> None:
        """The open layer is over; it counts if it computed anything."""
        layer, self.open = self.open, None
        results = _tensors(out)
        if layer is None or not layer.made or not results:
            return
        new = {_storage(t): t.numel() for t in results if _storage(t) in layer.made}
        layer.activations = 0 if layer.local else sum(new.values())
        layer.shape = tuple(results[0].shape[1:])
        layer.field = self.fields.get(_view(results[0]))
        self.names[layer.name] += 1
        if self.names[layer.name] > 1:
            layer.name += f" ({self.names[layer.name]})"
        self.layers.append(layer)

    def start_function(self, function: str) -> None:
        self.start(".".join(filter(None, (*self.path[-1:], function))), function)

    def place(self) -> str:
        if self.open is not None:
            return f"in {self.open.name}" + f" ({self.open.kind})" * (self.open.kind != self.open.name)
        return f"in {self.path[-1]}" if self.path and self.path[-1] else f"in {type(self.twin).__name__}"

    def keep(self, tensor: torch.Tensor) -> torch.Tensor:
        """Autograd keeps a tensor for the backward pass."""
        storage = _storage(tensor)
        if storage not in self.owned and storage not in self.kept and self.open is not None:
            self.kept.add(storage)
            self.alive.append(tensor)
            self.open.kept += tensor.untyped_storage().nbytes()
        return tensor

    def operated(self, op: Any, arguments: dict[str, Any], out: Any, multiply_adds: int) -> None:
        """A basic operation was done: note its cost, and how far its results see."""
        given, results = _tensors(arguments), _tensors(out)
        self.alive += results
        name = op.overloadpacket.__name__
        depends = name not in FRESH and any(_view(t) in self.fields for t in given)  # on the image
        local = torch.Tag.pointwise in op.tags or name in LOCAL
        if depends:
            self._see(name, arguments, results, local)
        layer, sources = self.open, {_storage(t) for t in given}
        another_view = not op._schema.is_mutable and any(_storage(t) in sources for t in results)
        if layer is None or another_view:
            return
        layer.multiply_adds += multiply_adds
        layer.parameters += sum(self.unused.pop(storage, 0) for storage in sources)
        layer.local = layer.local and (local or not depends)
        layer.sources |= sources
        layer.made |= {_storage(t) for t in results}

    def _see(self, op: str, arguments: dict[str, Any], results: list[torch.Tensor], local: bool) -> None:
        known: dict[str, Any] = {}
        for name, value in arguments.items():
            found = [self.fields[_view(t)] for t in _tensors(value) if _view(t) in self.fields]
            if None in found:
                self.fields.update((_view(out), None) for out in results)
                return
            if found:
                known[name] = found[0] if isinstance(value, torch.Tensor) else found
        for out in results:
            try:
                self.fields[_view(out)] = receptive_fields.propagate(op, arguments, known, out, local=local)
            except (receptive_fields.UnknownFieldError, LookupError, ValueError):  # or arguments that no rule foresees
                self.fields[_view(out)] = None


class _Operations(TorchDispatchMode):
    """Reports every basic operation. Tensors that the model's code brought from elsewhere lose their numbers here."""

    def __init__(self, watcher: _Watcher):
        super().__init__()
        self.watcher = watcher
        self.results: dict[Any, Any] = {}  # operation and shapes → what comes out, to be made again

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here, and the import of the compiler takes seconds

    def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        args, kwargs = tree_map_only(torch.Tensor, _as_meta, (args, kwargs or {}))
        out = self._done(op, args, kwargs)
        formula = flop_registry.get(op.overloadpacket)  # PyTorch's own formulas: 2 operations a multiply-add
        multiply_adds = formula(*args, **kwargs, out_val=out) // 2 if formula else 0
        given = zip((a.name for a in op._schema.arguments), args, strict=False)
        defaults = {a.name: a.default_value for a in op._schema.arguments if a.has_default_value()}
        self.watcher.operated(op, {**defaults, **dict(given), **kwargs}, out, multiply_adds)
        return out

    def _done(self, op: Any, args: Any, kwargs: Any) -> Any:
        """What comes out. A net does the same to tensors of the same shapes again and again: once is worked out."""
        with torch._C.DisableTorchFunction():
            if op._schema.is_mutable or any(result.alias_info for result in op._schema.returns):
                return op(*args, **kwargs)
            of = op, _shapes(args), _shapes(tuple(kwargs.items()))
            if of not in self.results:
                self.results[of] = op(*args, **kwargs)
            return tree_map_only(torch.Tensor, _another, self.results[of])


class _Functions(TorchFunctionMode):
    """Opens a layer for every function that is called outside of a module without parts."""

    def __init__(self, watcher: _Watcher):
        super().__init__()
        self.watcher = watcher

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self.watcher.open is not None:
            return function(*args, **(kwargs or {}))
        self.watcher.start_function(function.__name__.strip("_"))
        out = function(*args, **(kwargs or {}))
        self.watcher.stop(out)
        return out


def _as_meta(tensor: torch.Tensor) -> torch.Tensor:
    return tensor if tensor.device.type == "meta" else _without_numbers(tensor)


def _shapes(value: Any) -> Any:
    """An argument with its tensors' shapes in the place of the tensors, and 2 apart from 2.0."""
    if isinstance(value, torch.Tensor):
        return value.shape, value.stride(), value.dtype
    return tuple(map(_shapes, value)) if isinstance(value, list | tuple) else (type(value), value)


def _another(tensor: torch.Tensor) -> torch.Tensor:
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
