"""The nets of the course by name, to count and to time: ``make("ResNet-50")``.

They are the lessons' reference nets, with their first, random weights. A lesson that is not there has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from course_utils.cost import Cost

__all__ = ["Net", "count", "make", "nets"]


@dataclass(frozen=True)
class Net:
    """Where a net is made, and what it takes.

    module : of ``course_utils.exercises``.
    maker : the function's name there.
    args : its arguments.
    shape : of one image, (C, H, W).
    classes : how many scores come out.
    """

    module: str
    maker: str
    args: tuple[Any, ...]
    shape: tuple[int, int, int]
    classes: int = 1000


_LARGE, _SMALL = (3, 224, 224), (3, 32, 32)
_NETS = {
    "LeNet-5": Net("lenet", "_lenet5", (), (1, 32, 32), 10),
    "LeNet 20/50/500": Net("lenet", "_lenet_caffe", (), (1, 28, 28), 10),
    "AlexNet": Net("alexnet_vgg", "_alexnet", (1000, 2), (3, 227, 227)),
    "ZFNet": Net("alexnet_vgg", "_zfnet", (), _LARGE),
    **{f"VGG-{name}": Net("alexnet_vgg", "_vgg", (name,), _LARGE) for name in ("A", "A-LRN", "B", "C", "D", "E")},
    "NiN": Net("inception", "_nin", (), _SMALL, 10),
    "GoogLeNet": Net("inception", "_googlenet", (), _LARGE),
    "Inception-v3": Net("inception", "_inception_v3", (1000, False), (3, 299, 299)),
    "Inception-v4": Net("inception", "_inception_v4", (), (3, 299, 299)),
    "Inception-ResNet-v2": Net("inception", "_inception_resnet_v2", (), (3, 299, 299)),
    **{f"ResNet-{depth}": Net("resnet", "_resnet", (depth,), _LARGE) for depth in (18, 34, 50, 101, 152)},
    **{f"CIFAR ResNet-{n}": Net("resnet", "_cifar_resnet", (n,), _SMALL, 10) for n in (20, 32, 44, 56, 110)},
    **{f"DenseNet-{depth}": Net("resnet", "_densenet", (depth,), _LARGE) for depth in (121, 169, 201, 161)},
}


def nets() -> dict[str, Net]:
    """Name → net, in the order of the course, of the lessons that are there."""
    there = {m for m in {net.module for net in _NETS.values()} if find_spec(f"course_utils.exercises.{m}")}
    return {name: net for name, net in _NETS.items() if net.module in there}


def make(name: str) -> nn.Module:
    """A net with random weights.

    Raises
    ------
    ValueError
        for a name that is none.
    """
    known = nets()
    if name not in known:
        raise ValueError(f"expected one of {', '.join(known)}, got {name!r}: choose a net of the course")
    net = known[name]
    made: nn.Module = getattr(import_module(f"course_utils.exercises.{net.module}"), net.maker)(*net.args)
    return made


def count(name: str) -> Cost:
    """What a net costs for one image (:func:`course_utils.cost.count`), without memory for its weights."""
    import torch

    from course_utils import cost

    with torch.device("meta"):
        model = make(name)
    return cost.count(model, nets()[name].shape)
