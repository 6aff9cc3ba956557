"""What a network computes, whatever its parts are called: its parameters counted, its layers' sizes, its scores.

Two networks are given the same weights without copying any: each parameter gets its numbers from a stream that a seed
begins, in the order in which parameters stand in the computation, seen from the scores. That order is the same whether
a shortcut is computed before or after the main path, whether layers are modules, lists of them or plain function calls.
So a network can be looked at where it lives, and only sizes and scores come back.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from course_utils.computation import order
from course_utils.variation import Varied

__all__ = ["PARTS", "look"]

PARTS = ("parameters", "layers", "scores in training mode", "scores in evaluation mode")
PERIOD = 262_147  # numbers until the stream repeats: a prime, so that no two filters of a layer are alike
MOMENTUM = 0.1  # of the running statistics, in each network that is looked at: it is no part of the function
SMALL = 30_000  # numbers in the images, up to which a pass costs less than the first use of tensors without numbers
Shape = tuple[int, ...]


def look(
    make: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], images: Shape, seed: int | None = None
) -> tuple[Any, ...]:
    """Look at a network.

    Parameters
    ----------
    make : a class or function that makes the network.
    args, kwargs : its arguments.
    images : the shape of the batch to put in, such as (2, 3, 224, 224). Of a batch of none, (0, 3, 224, 224), nothing
        is computed: the network is made, without memory for numbers if it allows that, and its parameters are counted.
    seed : where the weights and the images come from; None looks at sizes only, without memory for numbers.

    Returns
    -------
    The number of parameters; "layer 1", … → the size of what each layer with weights puts out, as text; and with a
    seed, as float64 arrays: the scores in training mode (in a tuple where there are several; None where the network
    draws random numbers other than by the library's dropout), and after it the scores of other images in evaluation
    mode. Dropout in training is left out; an average pooling that is larger than its map averages the whole map.

    Raises
    ------
    TypeError
        when what is made is no module; and whatever the network raises.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if images[0] == 0:
            return _parameters(make, args, kwargs, images), {}
        if seed is None:
            return _sizes(make, args, kwargs, images)
        with _Uninitialized():
            net = _made(make, args, kwargs)
        found = _traced(net, images, small=True)
        _fill(net, found.names, found.transposed, seed)
        return (_count(net), found.layers, *_scores(net, images, seed))


def _parameters(make: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], images: Shape) -> Any:
    with contextlib.suppress(Exception), torch.device("meta"), _Uninitialized():
        return _count(_made(make, args, kwargs))
    return _sizes(make, args, kwargs, (2, *images[1:]))[0]  # lazy layers need a pass


def _sizes(make: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], images: Shape) -> tuple[Any, ...]:
    """Parameters and layers; where images are large, with tensors without numbers if the network allows that."""
    small = math.prod(images) <= SMALL

    def measured() -> tuple[Any, ...]:
        with _Uninitialized():
            net = _made(make, args, kwargs)
        layers = _traced(net, images, small=small).layers  # lazy layers have their sizes from now on
        return _count(net), layers

    if not small:
        with contextlib.suppress(Exception), torch.device("meta"):
            return measured()
    return measured()


def _made(make: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> nn.Module:
    net = make(*args, **kwargs)
    if not isinstance(net, nn.Module):
        raise TypeError(f"a torch.nn.Module is expected, and an object of type {type(net).__name__} came")
    return net.train()


def _count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


class _Trace:
    """How a network computes, from a pass over zeros.

    names : of the parameters, in the order of the computation.
    transposed : the names of those that are used the other way round.
    layers : what each layer with weights puts out.
    known : how many parameters there were before.
    """

    def __init__(self, net: nn.Module, images: Shape, real: bool, small: bool):
        device = "cpu" if real else "meta"
        stand_ins = {n: p if real else nn.Parameter(p.detach().to("meta")) for n, p in net.named_parameters()}
        buffers = {n: b.clone() if real else b.to("meta") for n, b in net.named_buffers()}
        data = torch.zeros(images, device=device).requires_grad_()
        with _Watched(stand_ins, small=small) as watched:
            out = torch.func.functional_call(net, {**stand_ins, **buffers}, (data * 1,))
        names = {id(p): n for n, p in stand_ins.items()}
        self.known = len(names)
        found = order(_tensors(out), list(stand_ins.values()), data)
        self.names = [names[id(use.parameter)] for use in found]
        self.transposed = {names[id(use.parameter)] for use in found if use.transposed}
        sizes = [watched.sizes[n] for n in self.names if n in watched.sizes]
        self.layers = {f"layer {i}": size for i, size in enumerate(sizes, 1)}


def _traced(net: nn.Module, images: Shape, *, small: bool = False) -> _Trace:
    """A trace, without numbers where images are large; a variation loses the parameters that nothing uses any more."""
    shape = (max(images[0], 2), *images[1:])  # batch norm in training needs two values a channel
    found = None
    if not any(map(is_lazy, net.parameters())):
        with contextlib.suppress(Exception):
            found = _Trace(net, shape, real=math.prod(shape) <= SMALL, small=small)
    if found is None or found.known != len(list(net.parameters())):
        with _Watched({}, small=small), torch.no_grad():
            device = next((p.device for p in net.parameters()), "cpu")
            net.eval()(torch.zeros(shape, device=device))  # now its own error comes, or all its layers are there
        found = _Trace(net.train(), shape, real=True, small=small)
    if isinstance(net, Varied):
        net.drop([n for n, _ in net.named_parameters() if n not in found.names])
    return found


def _fill(net: nn.Module, names: Sequence[str], transposed: set[str], seed: int) -> None:
    """Numbers for the parameters: weights from one stream, scaled as He et al. do; biases and scales from another."""
    weights, vectors = _Stream(seed, 0), _Stream(seed, 1)
    parameters = dict(net.named_parameters())
    for name in parameters.keys() - set(names):  # what nothing depends on
        parameters[name].data = torch.zeros_like(parameters[name])
    for name in names:
        parameter = parameters[name]
        shape = parameter.shape[::-1] if name in transposed else parameter.shape
        if len(shape) > 1:
            values = weights.take(shape)
            values *= math.sqrt(6 / math.prod(shape[1:]))
        else:
            values = 0.5 + 0.8 * vectors.take(shape)
        parameter.data = torch.from_numpy(values.T if name in transposed else values)
    net.double()


class _Stream:
    """Numbers between -1 and 1, one after the other; after a while they repeat."""

    def __init__(self, seed: int, number: int):
        self.numbers = _random(seed, number)
        self.at = 0

    def take(self, shape: Shape) -> np.ndarray:
        taken = np.empty(math.prod(shape))
        start = 0
        while start < taken.size:
            part = self.numbers[self.at : self.at + taken.size - start]
            taken[start : start + part.size] = part
            start += part.size
            self.at = (self.at + part.size) % PERIOD
        return taken.reshape(shape)


@lru_cache(maxsize=16)
def _random(seed: int, number: int) -> np.ndarray:
    return 2 * np.random.default_rng([seed, number]).random(PERIOD) - 1


def _scores(net: nn.Module, images: Shape, seed: int) -> Iterator[Any]:
    generator = np.random.default_rng([seed, 2])
    for training in (True, False):
        batch = torch.from_numpy(generator.standard_normal(images))
        with _Watched({}, small=True, evaluation=not training) as watched, torch.no_grad():
            out = net.train(training)(batch)
        yield None if training and watched.random else _plain(out)


def _plain(out: Any) -> Any:
    """Tensors as arrays; lists and tuples of them as tuples."""
    if isinstance(out, torch.Tensor):
        return out.detach().numpy()
    if isinstance(out, (tuple, list)):
        return tuple(map(_plain, out))
    return {str(k): _plain(v) for k, v in out.items()} if isinstance(out, Mapping) else type(out).__name__


def _tensors(out: Any) -> list[torch.Tensor]:
    if isinstance(out, torch.Tensor):
        return [out]
    values = out.values() if isinstance(out, Mapping) else out if isinstance(out, (tuple, list)) else ()
    return [tensor for value in values for tensor in _tensors(value)]


DRAWN = (
    "uniform_",
    "normal_",
    "trunc_normal_",
    *(f"{n}_{k}_" for n in ("kaiming", "xavier") for k in ("uniform", "normal")),
)
RANDOM = ("rand", "randn", "rand_like", "randn_like", "bernoulli", "uniform", "normal", "randint", "random", "randperm")


class _Watched(TorchFunctionMode):
    """While it lasts: sizes behind weights are noted, and what is no part of the function is taken out.

    parameters : by their names, those to look for.
    small : the images may be smaller than the network was made for.
    evaluation : the network is in evaluation mode, where dropout must do nothing.
    """

    def __init__(self, parameters: Mapping[str, torch.Tensor], *, small: bool, evaluation: bool = False):
        super().__init__()
        self.owners = {id(p): name for name, p in parameters.items() if p.ndim > 1}
        self.kept: list[torch.Tensor] = []  # or another tensor would get the identity of one that is gone
        self.sizes: dict[str, str] = {}
        self.small = small
        self.evaluation = evaluation
        self.random = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = getattr(func, "__name__", "").strip("_"), kwargs or {}
        self.random |= name in RANDOM
        if "dropout" in name:
            return self._without_dropout(*args, **kwargs)
        if name == "batch_norm" and args[0].is_meta:
            return _scaled(*args, **kwargs)
        if name == "batch_norm":
            args, kwargs = _with_momentum(args, kwargs)
        if name == "avg_pool2d" and self.small and _is_larger(*args, **kwargs):
            return args[0].mean((-2, -1), keepdim=True)
        out = func(*args, **kwargs)
        if self.owners and isinstance(out, torch.Tensor):
            self._note([*_tensors(list(args)), *_tensors(list(kwargs.values()))], out)
        return out

    def _without_dropout(self, x: torch.Tensor, p: float = 0.5, training: bool = True, *_: Any, **__: Any) -> Any:
        """In training dropout passes everything; where it acts in evaluation mode too, that is made to show."""
        return x * (1 - p) if training and self.evaluation else x

    def _note(self, given: Sequence[torch.Tensor], out: torch.Tensor) -> None:
        weights = [self.owners[id(t)] for t in given if id(t) in self.owners]
        if weights and len(weights) == len(given):  # a weight in another form: transposed, viewed
            self.owners[id(out)] = weights[0]
            self.kept.append(out)
        for weight in weights if len(weights) < len(given) else ():
            self.sizes.setdefault(weight, _size(out))


def _size(out: torch.Tensor) -> str:
    """A layer's output without the batch; a map of one pixel is a row of numbers."""
    shape = list(out.shape[1:])
    while len(shape) > 1 and shape[-1] == 1:
        shape.pop()
    return " × ".join(map(str, shape))


def _scaled(x: torch.Tensor, mean: Any, variance: Any, weight: Any = None, bias: Any = None, *_: Any, **__: Any) -> Any:
    """Batch norm as far as a tensor without numbers is concerned; the library's takes milliseconds there."""
    shape = (1, -1, *(1 for _ in x.shape[2:]))
    return x if weight is None else x * weight.view(shape) + bias.view(shape)


def _with_momentum(args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    if len(args) > 6:
        return [*args[:6], MOMENTUM, *args[7:]], dict(kwargs)
    return list(args), {**kwargs, "momentum": MOMENTUM}


def _is_larger(x: torch.Tensor, kernel_size: Any, *_: Any, **__: Any) -> bool:
    height, width = kernel_size if isinstance(kernel_size, (tuple, list)) else (kernel_size, kernel_size)
    return height > x.shape[-2] or width > x.shape[-1]


class _Uninitialized(TorchFunctionMode):
    """While it lasts, random first weights are not drawn: other numbers take their place."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in DRAWN:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)
