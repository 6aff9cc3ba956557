"""Lesson 09: residual blocks and nets, DenseNet, gradients by layer, the loss around a minimum."""

# Several exercises know the same mistake under the same name.
# ruff: noqa: F811
# mypy: disable-error-code="no-redef"

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from course_utils.contract import Case, Draw, Example, case
from course_utils.exercises.declarations import changed, function, network, numbers, seen, tensor
from course_utils.recipe import Recipe
from course_utils.remote import made

LESSON = "09_resnet"
STAGES = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
DENSE = {121: (6, 12, 24, 16), 161: (6, 12, 36, 24), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}


def _conv_norm(channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> list[torch.nn.Module]:
    conv = torch.nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False)
    return [conv, torch.nn.BatchNorm2d(channels_out)]


class _Residual(torch.nn.Module):
    """ReLU of a main path plus a shortcut; He, Zhang, Ren, Sun 2015, figures 2 and 5, equation 2 (projection)."""

    def __init__(self, main: Sequence[torch.nn.Module], shortcut: torch.nn.Module):
        super().__init__()
        self.main, self.shortcut = torch.nn.Sequential(*main), shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.main(x) + self.shortcut(x))


def _projection(channels_in: int, channels_out: int, stride: int) -> torch.nn.Module:
    if stride == 1 and channels_in == channels_out:
        return torch.nn.Identity()
    return torch.nn.Sequential(*_conv_norm(channels_in, channels_out, 1, stride))


def _basic(channels_in: int, channels: int, stride: int = 1) -> torch.nn.Module:
    main = [*_conv_norm(channels_in, channels, 3, stride), torch.nn.ReLU(), *_conv_norm(channels, channels, 3)]
    return _Residual(main, _projection(channels_in, channels, stride))


def _bottleneck(channels_in: int, channels: int, stride: int = 1) -> torch.nn.Module:
    """With the stride on the 3 × 3 convolution, as in the authors' later code (Gross, Wilber 2016, "ResNet v1.5")."""
    main = [
        *(*_conv_norm(channels_in, channels, 1), torch.nn.ReLU()),
        *(*_conv_norm(channels, channels, 3, stride), torch.nn.ReLU()),
        *_conv_norm(channels, 4 * channels, 1),
    ]
    return _Residual(main, _projection(channels_in, 4 * channels, stride))


def _head(width: int, classes: int) -> list[torch.nn.Module]:
    return [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(width, classes)]


def _resnet(depth: int, classes: int = 1000) -> torch.nn.Module:
    """He, Zhang, Ren, Sun 2015, table 1."""
    block, wider = (_basic, 1) if depth < 50 else (_bottleneck, 4)
    layers = [*_conv_norm(3, 64, 7, 2), torch.nn.ReLU(), torch.nn.MaxPool2d(3, 2, padding=1)]
    width = 64
    for stage, blocks in enumerate(STAGES[depth]):
        for i in range(blocks):
            layers.append(block(width, 64 * 2**stage, 2 if stage and not i else 1))
            width = wider * 64 * 2**stage
    return torch.nn.Sequential(*layers, *_head(width, classes))


class _Padded(torch.nn.Module):
    """A shortcut without parameters (option A): every second pixel, and channels of zeros after the old ones."""

    def __init__(self, more: int):
        super().__init__()
        self.more = more

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.more))


def _cifar_resnet(depth: int, residual: bool = True) -> torch.nn.Module:
    """He, Zhang, Ren, Sun 2015, section 4.2: 6n + 2 layers, 16, 32 and 64 channels."""
    layers = [*_conv_norm(3, 16, 3), torch.nn.ReLU()]
    width = 16
    for stage in range(3):
        for i in range((depth - 2) // 6):
            channels, stride = 16 * 2**stage, 2 if stage and not i else 1
            main = [*_conv_norm(width, channels, 3, stride), torch.nn.ReLU(), *_conv_norm(channels, channels, 3)]
            shortcut = torch.nn.Identity() if stride == 1 else _Padded(channels - width)
            layers += [_Residual(main, shortcut)] if residual else [*main, torch.nn.ReLU()]
            width = channels
    return torch.nn.Sequential(*layers, *_head(64, 10))


def _norm_conv(channels_in: int, channels_out: int, kernel: int) -> list[torch.nn.Module]:
    conv = torch.nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, bias=False)
    return [torch.nn.BatchNorm2d(channels_in), torch.nn.ReLU(), conv]


class _Dense(torch.nn.Sequential):
    """What came in, and after it what is new."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, super().forward(x)], 1)


def _densenet(depth: int, classes: int = 1000) -> torch.nn.Module:
    """Huang, Liu, van der Maaten, Weinberger 2017, table 1: DenseNet-BC; a last batch norm and ReLU before the mean."""
    growth = 48 if depth == 161 else 32
    width = 2 * growth
    layers = [*_conv_norm(3, width, 7, 2), torch.nn.ReLU(), torch.nn.MaxPool2d(3, 2, padding=1)]
    for stage, blocks in enumerate(DENSE[depth]):
        if stage:
            layers += [*_norm_conv(width, width // 2, 1), torch.nn.AvgPool2d(2)]
            width //= 2
        for _ in range(blocks):
            layers.append(_Dense(*_norm_conv(width, 4 * growth, 1), *_norm_conv(4 * growth, growth, 3)))
            width += growth
    return torch.nn.Sequential(*layers, torch.nn.BatchNorm2d(width), torch.nn.ReLU(), *_head(width, classes))


def _layers(*sizes: tuple[int, str]) -> dict[str, str]:
    """Layers from (how many in a row, size)."""
    every = [size for count, size in sizes for _ in range(count)]
    return {f"layer {i}": size for i, size in enumerate(every, 1)}


@network(
    LESSON,
    "(in_channels, channels, stride=1)",
    alone=False,
    examples=[
        # two 3 × 3 convolutions of 2 · 2 · 9 weights, two norms of 2 · 2
        Example(case("the same shape", (2, 2, 5, 4), None, 2, 2), (80, _layers((2, "2 × 5 × 4")))),
        # 2 · 3 · 9 and 3 · 3 · 9 weights, a projection of 2 · 3, three norms of 2 · 3
        Example(case("a smaller map", (2, 2, 5, 4), None, 2, 3, stride=2), (159, _layers((3, "3 × 3 × 2")))),
    ],
)
def BasicBlock(images, seed, in_channels, channels, stride=1, *edits):
    return seen(_basic, (in_channels, channels, stride), images, seed, edits)


@BasicBlock.cases
def _(draw: Draw) -> Iterator[Case]:
    width, size = draw.int(2, 4), (draw.size(4, 6), draw.size(5, 7))
    yield case("the same shape", (3, width, *size), draw.int(0, 10**6), width, width)
    yield case("more channels", (3, width, *size), draw.int(0, 10**6), width, width + 1)
    yield case("stride 2", (2, width, 7, 6), draw.int(0, 10**6), width, width, stride=2)
    yield case("stride 2 and twice the channels", (2, width, *size), draw.int(0, 10**6), width, 2 * width, stride=2)


@BasicBlock.mistake(
    "There is no ReLU after the addition. The block's output, main path plus shortcut, is bent last: so the next block "
    "gets values that are not negative."
)
def no_relu_after_the_addition(right, images, seed, in_channels, channels, stride=1, *edits):
    dropped = ("relu", 1, lambda call, x, *options, **more: x)
    return right(images, seed, in_channels, channels, stride, *edits, dropped)


@BasicBlock.mistake(
    "Your last ReLU stands before the addition, and nothing after it. Then a block can only ever add to what comes in, "
    "never take away: add first, bend then."
)
def relu_before_the_addition(right, images, seed, in_channels, channels, stride=1, *edits):
    early = ("batch_norm", 1, lambda call, *given, **options: call(*given, **options).relu())
    dropped = ("relu", 1, lambda call, x, *options, **more: x)
    return right(images, seed, in_channels, channels, stride, *edits, early, dropped)


@BasicBlock.mistake(
    "There is no ReLU between your two convolutions. Without it they are one linear step, and the block is as good as "
    "one convolution."
)
def no_relu_between_the_convolutions(right, images, seed, in_channels, channels, stride=1, *edits):
    dropped = ("relu", 0, lambda call, x, *options, **more: x)
    return right(images, seed, in_channels, channels, stride, *edits, dropped)


@BasicBlock.mistake(
    "One ReLU too many: you bend the main path before the addition, and the sum after it. Then the block can only add "
    "to what comes in, never take away. Nothing stands between the last batch norm and the addition."
)
def relu_before_and_after_the_addition(right, images, seed, in_channels, channels, stride=1, *edits):
    early = ("batch_norm", 1, lambda call, *given, **options: call(*given, **options).relu())
    return right(images, seed, in_channels, channels, stride, *edits, early)


@BasicBlock.mistake(
    "What comes in is never added: this is a plain block. The shortcut, x itself or its projection, is what the lesson "
    "is about."
)
def no_shortcut(right, images, seed, in_channels, channels, stride=1, *edits):
    return right(images, seed, in_channels, channels, stride, *edits, ("add", 0, lambda call, main, skip, **more: main))


@BasicBlock.mistake(
    "What you add is not what came in: on the way, `x` got another value. Keep the input under its name, and call what "
    "the convolutions make something else."
)
def input_overwritten(right, images, seed, in_channels, channels, stride=1, *edits):
    kept = []

    def keep(call, *given, **options):
        kept.append(call(*given, **options))
        return kept[-1]

    late = ("conv", 2, lambda call, x, *more: call(kept[-1], *more))
    changes = stride != 1 or in_channels != channels
    twice = ("add", 0, lambda call, main, skip, **more: call(main, skip if changes else main, **more))
    return right(images, seed, in_channels, channels, stride, *edits, ("batch_norm", 1, keep), late, twice)


@BasicBlock.mistake(
    "Your stride is on the second convolution. The first one makes the map smaller: then both the second and all that "
    "follows cost a quarter."
)
def stride_on_the_second_convolution(right, images, seed, in_channels, channels, stride=1, *edits):
    first = ("conv", 0, lambda call, x, w, b, s, *more: call(x, w, b, 1, *more))
    second = ("conv", 1, lambda call, x, w, b, s, *more: call(x, w, b, stride, *more))
    return right(images, seed, in_channels, channels, stride, *edits, first, second)


@BasicBlock.mistake(
    "No batch norm follows the 1 × 1 convolution of your shortcut. In this family one follows every convolution, the "
    "projection too, so that both sides of the addition are of one size."
)
def projection_without_batch_norm(right, images, seed, in_channels, channels, stride=1, *edits):
    dropped = ("batch_norm", 2, lambda call, x, *options, **more: x)
    return right(images, seed, in_channels, channels, stride, *edits, dropped)


@BasicBlock.mistake(
    "There is a projection in a block whose shape does not change. There x itself is added: the shortest way back for "
    "the gradient, and no parameters."
)
def projection_everywhere(right, images, seed, in_channels, channels, stride=1, *edits):
    from torch import nn

    if stride != 1 or in_channels != channels:
        return right(images, seed, in_channels, channels, stride, *edits)
    added = nn.Sequential(nn.Conv2d(in_channels, channels, 1, bias=False), nn.BatchNorm2d(channels))
    projected = ("add", 0, lambda call, main, skip, **more: call(main, added(skip), **more), added)
    return right(images, seed, in_channels, channels, stride, *edits, projected)


@BasicBlock.mistake(
    "Your convolutions have a bias. Batch norm takes the mean away right after it, so it does nothing: bias=False."
)
def bias_before_batch_norm(right, images, seed, in_channels, channels, stride=1, *edits):
    def biased(net):
        from torch import nn

        for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d)):
            conv.bias = nn.Parameter(conv.weight[:, 0, 0, 0].clone())

    return right(images, seed, in_channels, channels, stride, *edits, ("net", biased))


@BasicBlock.mistake(
    "There is no batch norm in your block. It follows every convolution, before the ReLU and before the addition."
)
def no_batch_norm(right, images, seed, in_channels, channels, stride=1, *edits):
    dropped = ("batch_norm", None, lambda call, x, *options, **more: x)
    return right(images, seed, in_channels, channels, stride, *edits, dropped)


@BasicBlock.mistake(
    "Your second batch norm comes after the addition. It belongs to the convolution: normalize, then add x as it is, "
    "so that the shortcut stays untouched from block to block."
)
def batch_norm_after_the_addition(right, images, seed, in_channels, channels, stride=1, *edits):
    norms = []

    def later(call, x, *options, **more):
        norms.append(lambda total: call(total, *options, **more))
        return x

    normed = ("add", 0, lambda call, *given, **more: norms[-1](call(*given, **more)))
    return right(images, seed, in_channels, channels, stride, *edits, ("batch_norm", 1, later), normed)


@network(
    LESSON,
    "(in_channels, channels, stride=1)",
    alone=False,
    examples=[
        # 16 · 4, 4 · 4 · 9 and 4 · 16 weights, norms of 2 · 4, 2 · 4 and 2 · 16
        Example(
            case("the same shape", (2, 16, 5, 4), None, 16, 4), (320, _layers((2, "4 × 5 × 4"), (1, "16 × 5 × 4")))
        ),
        # 3 · 4, 4 · 4 · 9 and 4 · 16 weights, a projection of 3 · 16, norms of 2 · 4, 2 · 4, 2 · 16 and 2 · 16
        Example(
            case("a smaller map", (2, 3, 5, 4), None, 3, 4, stride=2),
            (348, _layers((1, "4 × 5 × 4"), (1, "16 × 3 × 2"), (1, "4 × 3 × 2"), (1, "16 × 3 × 2"))),
        ),
    ],
)
def Bottleneck(images, seed, in_channels, channels, stride=1, *edits):
    return seen(_bottleneck, (in_channels, channels, stride), images, seed, edits)


@Bottleneck.cases
def _(draw: Draw) -> Iterator[Case]:
    size = (draw.size(4, 6), draw.size(5, 7))
    yield case("the same shape", (3, 16, *size), draw.int(0, 10**6), 16, 4)
    yield case("more channels", (3, 4, *size), draw.int(0, 10**6), 4, 4)
    yield case("stride 2", (2, 16, 7, 6), draw.int(0, 10**6), 16, 4, stride=2)
    yield case("stride 2 and twice the channels", (2, 16, *size), draw.int(0, 10**6), 16, 8, stride=2)


@Bottleneck.mistake(
    "Your stride is on the first 1 × 1 convolution, as in the paper. This course takes it on the 3 × 3, as almost all "
    "code since: a 1 × 1 with stride 2 does not look at three of four pixels at all."
)
def stride_on_the_first_convolution(right, images, seed, in_channels, channels, stride=1, *edits):
    first = ("conv", 0, lambda call, x, w, b, s, *more: call(x, w, b, stride, *more))
    second = ("conv", 1, lambda call, x, w, b, s, *more: call(x, w, b, 1, *more))
    return right(images, seed, in_channels, channels, stride, *edits, first, second)


@Bottleneck.mistake(
    "Your stride is on the last 1 × 1 convolution. It belongs to the 3 × 3: what a 1 × 1 with stride 2 leaves out was "
    "computed for nothing."
)
def stride_on_the_last_convolution(right, images, seed, in_channels, channels, stride=1, *edits):
    second = ("conv", 1, lambda call, x, w, b, s, *more: call(x, w, b, 1, *more))
    last = ("conv", 2, lambda call, x, w, b, s, *more: call(x, w, b, stride, *more))
    return right(images, seed, in_channels, channels, stride, *edits, second, last)


@Bottleneck.mistake(
    "You take `channels` for what comes out. It is the inner width, that of the 3 × 3 convolution; four times as many "
    "come out."
)
def channels_as_the_outer_width(right, images, seed, in_channels, channels, stride=1, *edits):
    return right(images, seed, in_channels, channels // 4, stride, *edits)


@Bottleneck.mistake(
    "There is no ReLU after your first convolution. A ReLU follows the first and the second, and one more the addition."
)
def no_relu_after_the_first_convolution(right, images, seed, in_channels, channels, stride=1, *edits):
    dropped = ("relu", 0, lambda call, x, *options, **more: x)
    return right(images, seed, in_channels, channels, stride, *edits, dropped)


@Bottleneck.mistake(
    "There is no ReLU after your 3 × 3 convolution. Without it, that and the last 1 × 1 are together one linear step."
)
def no_relu_after_the_second_convolution(right, images, seed, in_channels, channels, stride=1, *edits):
    dropped = ("relu", 1, lambda call, x, *options, **more: x)
    return right(images, seed, in_channels, channels, stride, *edits, dropped)


@Bottleneck.mistake(
    "There is no ReLU after the addition. The block's output, main path plus shortcut, is bent last: so the next block "
    "gets values that are not negative."
)
def no_relu_after_the_addition(right, images, seed, in_channels, channels, stride=1, *edits):
    dropped = ("relu", 2, lambda call, x, *options, **more: x)
    return right(images, seed, in_channels, channels, stride, *edits, dropped)


@Bottleneck.mistake(
    "A ReLU stands before the addition, after your last convolution, and none after it. Then a block can only ever add "
    "to what comes in, never take away: add first, bend then."
)
def relu_before_the_addition(right, images, seed, in_channels, channels, stride=1, *edits):
    early = ("batch_norm", 2, lambda call, *given, **options: call(*given, **options).relu())
    dropped = ("relu", 2, lambda call, x, *options, **more: x)
    return right(images, seed, in_channels, channels, stride, *edits, early, dropped)


@Bottleneck.mistake(
    "One ReLU too many: you bend the main path before the addition, and the sum after it. Then the block can only add "
    "to what comes in, never take away. Nothing stands between the last batch norm and the addition."
)
def relu_before_and_after_the_addition(right, images, seed, in_channels, channels, stride=1, *edits):
    early = ("batch_norm", 2, lambda call, *given, **options: call(*given, **options).relu())
    return right(images, seed, in_channels, channels, stride, *edits, early)


@Bottleneck.mistake(
    "What comes in is never added: this is a plain block. The shortcut, x itself or its projection, is what the lesson "
    "is about."
)
def no_shortcut(right, images, seed, in_channels, channels, stride=1, *edits):
    return right(images, seed, in_channels, channels, stride, *edits, ("add", 0, lambda call, main, skip, **more: main))


@Bottleneck.mistake(
    "No batch norm follows the 1 × 1 convolution of your shortcut. In this family one follows every convolution, the "
    "projection too, so that both sides of the addition are of one size."
)
def projection_without_batch_norm(right, images, seed, in_channels, channels, stride=1, *edits):
    dropped = ("batch_norm", 3, lambda call, x, *options, **more: x)
    return right(images, seed, in_channels, channels, stride, *edits, dropped)


@Bottleneck.mistake(
    "There is a projection in a block whose shape does not change. There x itself is added: the shortest way back for "
    "the gradient, and no parameters."
)
def projection_everywhere(right, images, seed, in_channels, channels, stride=1, *edits):
    from torch import nn

    if stride != 1 or in_channels != 4 * channels:
        return right(images, seed, in_channels, channels, stride, *edits)
    added = nn.Sequential(nn.Conv2d(in_channels, in_channels, 1, bias=False), nn.BatchNorm2d(in_channels))
    projected = ("add", 0, lambda call, main, skip, **more: call(main, added(skip), **more), added)
    return right(images, seed, in_channels, channels, stride, *edits, projected)


@Bottleneck.mistake(
    "Your convolutions have a bias. Batch norm takes the mean away right after it, so it does nothing: bias=False."
)
def bias_before_batch_norm(right, images, seed, in_channels, channels, stride=1, *edits):
    def biased(net):
        from torch import nn

        for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d)):
            conv.bias = nn.Parameter(conv.weight[:, 0, 0, 0].clone())

    return right(images, seed, in_channels, channels, stride, *edits, ("net", biased))


SIZES_18 = _layers((1, "64 × 32 × 32"), (4, "64 × 16 × 16"), (5, "128 × 8 × 8"), (5, "256 × 4 × 4"), (5, "512 × 2 × 2"))


@network(
    LESSON,
    "(depth, classes=1000)",
    builds_on=("BasicBlock", "Bottleneck"),
    examples=[
        Example(case("parameters and sizes", (2, 3, 64, 64), None, 18), (11_689_512, SIZES_18 | {"layer 21": "1000"}))
    ],
)
def resnet(images, seed, depth, classes=1000, *edits):
    return seen(_resnet, (depth, classes), images, seed, edits)


@resnet.cases
def _(draw: Draw) -> Iterator[Case]:
    depth, other = (50, 34) if draw.hidden else (18, 50)
    yield case("scores", (2, 3, 40, 40), draw.int(0, 10**6), depth, classes=draw.int(3, 12))
    yield case("parameters and sizes for small images", (2, 3, 32, 32), None, other)
    for deeper in (101, 152) if draw.hidden else ():
        yield case("parameters", (0, 3, 224, 224), None, deeper)


@resnet.mistake(
    "There is no pooling after your first convolution. 3 × 3 maximum pooling with stride 2 takes 112 × 112 down to "
    "56 × 56 before the first block."
)
def no_pooling_after_the_first_convolution(right, images, seed, depth, classes=1000, *edits):
    return right(images, seed, depth, classes, *edits, ("max_pool", 0, lambda call, x, *options, **more: x))


@resnet.mistake(
    "There is no ReLU after your first convolution and its batch norm. Nothing bends there until the first block does."
)
def no_relu_after_the_first_convolution(right, images, seed, depth, classes=1000, *edits):
    return right(images, seed, depth, classes, *edits, ("relu", 0, lambda call, x, *options, **more: x))


@resnet.mistake(
    "Your first convolution has stride 1. With stride 2 it takes 224 × 224 down to 112 × 112; all that follows costs a "
    "quarter."
)
def first_convolution_with_stride_one(right, images, seed, depth, classes=1000, *edits):
    slow = ("conv", 0, lambda call, x, w, b, s, *more: call(x, w, b, 1, *more))
    return right(images, seed, depth, classes, *edits, slow)


@resnet.mistake(
    "All your stages compute on maps of one size. The first block of the second, third and fourth stage has stride 2: "
    "half the height and width, twice the channels, about the same cost."
)
def stages_without_stride(right, images, seed, depth, classes=1000, *edits):
    def slow(call, x, w, b, s, *more):
        return call(x, w, b, s if w.shape[-1] == 7 else 1, *more)

    return right(images, seed, depth, classes, *edits, ("conv", None, slow))


@resnet.mistake(
    "In your bottlenecks the stride is on the first 1 × 1 convolution, as in the paper. This course takes it on the "
    "3 × 3, as almost all code since: a 1 × 1 with stride 2 does not look at three of four pixels at all."
)
def stride_on_the_1x1(right, images, seed, depth, classes=1000, *edits):
    def moved(net):
        from torch import nn

        convs = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
        for second in convs[1:]:
            first = convs[convs.index(second) - 1]
            if first.kernel_size == (1, 1) and second.kernel_size == (3, 3) and second.stride == (2, 2):
                first.stride, second.stride = second.stride, first.stride

    return right(images, seed, depth, classes, *edits, ("net", moved))


@resnet.mistake(
    "Nothing is ever added: this is a plain net. In every block the input, or its projection, is added to what the "
    "convolutions make."
)
def no_shortcuts(right, images, seed, depth, classes=1000, *edits):
    return right(images, seed, depth, classes, *edits, ("add", None, lambda call, main, skip, **more: main))


@resnet.mistake(
    "In your blocks no ReLU follows the addition. The block's output, main path plus shortcut, is bent last."
)
def no_relu_after_the_additions(right, images, seed, depth, classes=1000, *edits):
    last = range(2, 200, 2) if depth < 50 else range(3, 300, 3)
    return right(images, seed, depth, classes, *edits, ("relu", last, lambda call, x, *options, **more: x))


@resnet.mistake(
    "The first block of your first stage has a projection, though nothing changes its shape there: 64 channels come "
    "in, 64 go out. There x itself is added. (In nets of 50 layers and more it has one: 64 become 256.)"
)
def projection_in_the_first_stage(right, images, seed, depth, classes=1000, *edits):
    from torch import nn

    if depth >= 50:
        return right(images, seed, depth, classes, *edits)
    added = nn.Sequential(nn.Conv2d(64, 64, 1, bias=False), nn.BatchNorm2d(64))
    projected = ("add", 0, lambda call, main, skip, **more: call(main, added(skip), **more), added)
    return right(images, seed, depth, classes, *edits, projected)


@resnet.mistake(
    "Before the linear layer your net takes the largest value of each map. It takes the mean over the whole map, so "
    "that every place has its say."
)
def maximum_before_the_linear_layer(right, images, seed, depth, classes=1000, *edits):
    largest = ("global_pool", 0, lambda call, x, *options, **more: x.amax((2, 3)))
    return right(images, seed, depth, classes, *edits, largest)


@resnet.mistake(
    "Your net ends in a softmax. A model returns scores: cross entropy takes the logarithm of the softmax itself, and "
    "a second softmax before it makes all gradients small."
)
def softmax_at_the_end(right, images, seed, depth, classes=1000, *edits):
    return right(images, seed, depth, classes, *edits, ("linear", 0, lambda call, *given: call(*given).softmax(-1)))


@resnet.mistake(
    "Your convolutions have a bias. Batch norm takes the mean away right after it, so it does nothing: bias=False."
)
def bias_before_batch_norm(right, images, seed, depth, classes=1000, *edits):
    def biased(net):
        from torch import nn

        for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d)):
            conv.bias = nn.Parameter(conv.weight[:, 0, 0, 0].clone())

    return right(images, seed, depth, classes, *edits, ("net", biased))


SIZES_20 = _layers((7, "16 × 32 × 32"), (6, "32 × 16 × 16"), (6, "64 × 8 × 8"), (1, "10"))


@network(
    LESSON,
    "(depth, residual=True)",
    examples=[Example(case("parameters and sizes", (2, 3, 32, 32), None, 20), (269_722, SIZES_20))],
)
def cifar_resnet(images, seed, depth, residual=True, *edits):
    return seen(_cifar_resnet, (depth, residual), images, seed, edits)


@cifar_resnet.cases
def _(draw: Draw) -> Iterator[Case]:
    depth = 32 if draw.hidden else 20
    yield case("scores", (2, 3, 16, 16), draw.int(0, 10**6), depth)
    yield case("scores of the plain net", (2, 3, 16, 16), draw.int(0, 10**6), depth, residual=False)
    yield case("parameters and sizes for small images", (2, 3, 8, 8), None, 44 if draw.hidden else 32)
    for deeper in (56, 110):
        yield case("parameters", (0, 3, 32, 32), None, deeper)
    yield case("parameters of the plain net", (0, 3, 32, 32), None, 56, residual=False)


@cifar_resnet.mistake(
    "Your shortcuts put the channels of zeros on both sides of the old ones. They come after them here, so that "
    "channel i of one stage is added to channel i of the next."
)
def zeros_on_both_sides(right, images, seed, depth, residual=True, *edits):
    blocks = (depth - 2) // 6
    around = (
        "add",
        (blocks, 2 * blocks),
        lambda call, main, skip, **more: call(main, skip.roll(skip.shape[1] // 4, 1), **more),
    )
    return right(images, seed, depth, residual, *edits, around)


@cifar_resnet.mistake(
    "Your shortcuts put the channels of zeros before the old ones. They come after them here, so that channel i of one "
    "stage is added to channel i of the next."
)
def zeros_before_the_old_channels(right, images, seed, depth, residual=True, *edits):
    blocks = (depth - 2) // 6
    before = (
        "add",
        (blocks, 2 * blocks),
        lambda call, main, skip, **more: call(main, skip.roll(skip.shape[1] // 2, 1), **more),
    )
    return right(images, seed, depth, residual, *edits, before)


@cifar_resnet.mistake(
    "Where the map becomes smaller, your shortcut takes the mean of four pixels. Here it takes every second pixel, in "
    "both directions, from the first on."
)
def mean_of_four_pixels(right, images, seed, depth, residual=True, *edits):
    from torch.nn import functional

    blocks, kept = (depth - 2) // 6, []

    def keep(call, *given, **more):
        kept.append(call(*given, **more))
        return kept[-1]

    def mean(call, main, skip, **more):
        entered = kept[-2]  # the ReLU before the last one: what the block got
        zeros = main.shape[1] - entered.shape[1]
        return call(main, functional.pad(functional.avg_pool2d(entered, 2), (0, 0, 0, 0, 0, zeros)), **more)

    return right(images, seed, depth, residual, *edits, ("relu", None, keep), ("add", (blocks, 2 * blocks), mean))


@cifar_resnet.mistake(
    "Where the shape changes, your shortcut is a 1 × 1 convolution. The nets for CIFAR have shortcuts without "
    "parameters: every second pixel, and channels of zeros after the old ones."
)
def projection_shortcuts(right, images, seed, depth, residual=True, *edits):
    from torch import nn

    if not residual:
        return right(images, seed, depth, residual, *edits)
    blocks, kept, places = (depth - 2) // 6, [], {}
    places = {
        blocks * i: nn.Sequential(nn.Conv2d(16 * i, 32 * i, 1, 2, bias=False), nn.BatchNorm2d(32 * i)) for i in (1, 2)
    }

    def keep(call, *given, **more):
        kept.append(call(*given, **more))
        return kept[-1]

    def projected(place):
        return lambda call, main, skip, **more: call(main, places[place](kept[-2]), **more)

    adds = [("add", place, projected(place), net) for place, net in places.items()]
    return right(images, seed, depth, residual, *edits, ("relu", None, keep), *adds)


@cifar_resnet.mistake(
    "Your plain net has shortcuts too: the argument residual makes no difference. Without them the same layers follow "
    "one another, each with its batch norm and ReLU."
)
def plain_net_with_shortcuts(right, images, seed, depth, residual=True, *edits):
    return right(images, seed, depth, True, *edits)


@cifar_resnet.mistake(
    "Nothing is ever added: your residual net is the plain one. In every block the input, made to fit, is added to "
    "what the convolutions make."
)
def residual_net_without_shortcuts(right, images, seed, depth, residual=True, *edits):
    return right(images, seed, depth, False, *edits)


@cifar_resnet.mistake(
    "In your blocks no ReLU follows the addition. The block's output, main path plus shortcut, is bent last."
)
def no_relu_after_the_additions(right, images, seed, depth, residual=True, *edits):
    last = range(2, 200, 2) if residual else ()
    return right(images, seed, depth, residual, *edits, ("relu", last, lambda call, x, *options, **more: x))


@cifar_resnet.mistake(
    "A ReLU stands before the addition, and none after it. Then a block can only ever add to what comes in, never take "
    "away: add first, bend then."
)
def relu_before_the_additions(right, images, seed, depth, residual=True, *edits):
    last = range(2, 200, 2) if residual else ()
    early = ("add", None, lambda call, main, skip, **more: call(main.relu(), skip, **more))
    return right(images, seed, depth, residual, *edits, early, ("relu", last, lambda call, x, *options, **more: x))


@cifar_resnet.mistake(
    "Your convolutions have a bias. Batch norm takes the mean away right after it, so it does nothing: bias=False."
)
def bias_before_batch_norm(right, images, seed, depth, residual=True, *edits):
    def biased(net):
        from torch import nn

        for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d)):
            conv.bias = nn.Parameter(conv.weight[:, 0, 0, 0].clone())

    return right(images, seed, depth, residual, *edits, ("net", biased))


@cifar_resnet.mistake(
    "Your net ends in a softmax. A model returns scores: cross entropy takes the logarithm of the softmax itself, and "
    "a second softmax before it makes all gradients small."
)
def softmax_at_the_end(right, images, seed, depth, residual=True, *edits):
    return right(images, seed, depth, residual, *edits, ("linear", 0, lambda call, *given: call(*given).softmax(-1)))


@network(
    LESSON,
    "(depth, classes=1000)",
    examples=[Example(case("parameters", (0, 3, 224, 224), None, 121), (7_978_856, {}))],  # summed up in the lesson
)
def densenet(images, seed, depth, classes=1000, *edits):
    return seen(_densenet, (depth, classes), images, seed, edits)


@densenet.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("scores", (2, 3, 64, 64), draw.int(0, 10**6), 121, classes=draw.int(3, 12))
    for depth in (161, 169, 201) if draw.hidden else (161,):
        yield case("parameters", (0, 3, 224, 224), None, depth)


@densenet.mistake(
    "Your dense layers put what is new before what came in. The old features come first: so the first channels of a "
    "block stay the same from its beginning to its end."
)
def new_features_first(right, images, seed, depth, classes=1000, *edits):
    def reversed_order(call, parts, *options, **more):
        return call(list(parts)[::-1], *options, **more)

    return right(images, seed, depth, classes, *edits, ("cat", None, reversed_order))


@densenet.mistake(
    "There is no pooling after your first convolution. 3 × 3 maximum pooling with stride 2 takes 112 × 112 down to "
    "56 × 56 before the first block."
)
def no_pooling_after_the_first_convolution(right, images, seed, depth, classes=1000, *edits):
    return right(images, seed, depth, classes, *edits, ("max_pool", 0, lambda call, x, *options, **more: x))


@densenet.mistake(
    "Between your blocks the largest of four values is taken. A transition takes their mean, after its 1 × 1 "
    "convolution."
)
def maximum_in_the_transitions(right, images, seed, depth, classes=1000, *edits):
    def largest(call, x, *options, **more):
        return x.unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5))

    return right(images, seed, depth, classes, *edits, ("avg_pool", None, largest))


@densenet.mistake(
    "Your transitions do not make the map smaller. After the 1 × 1 convolution comes a mean over 2 × 2 with stride 2."
)
def no_pooling_in_the_transitions(right, images, seed, depth, classes=1000, *edits):
    return right(images, seed, depth, classes, *edits, ("avg_pool", None, lambda call, x, *options, **more: x))


@densenet.mistake(
    "No batch norm follows your last block. Its features have been normalized for those who use them, each time anew; "
    "for the linear layer one more batch norm and a ReLU do that."
)
def no_batch_norm_at_the_end(right, images, seed, depth, classes=1000, *edits):
    last = 1 + (depth - 5) + 3
    return right(images, seed, depth, classes, *edits, ("batch_norm", last, lambda call, x, *options, **more: x))


@densenet.mistake(
    "The last batch norm is not followed by a ReLU. Here norm and ReLU come before each layer, so before the linear "
    "one too."
)
def no_relu_at_the_end(right, images, seed, depth, classes=1000, *edits):
    last = 1 + (depth - 5) + 3
    return right(images, seed, depth, classes, *edits, ("relu", last, lambda call, x, *options, **more: x))


@densenet.mistake(
    "There is no ReLU before your 3 × 3 convolutions. In each dense layer both convolutions have a batch norm and a "
    "ReLU before them."
)
def no_relu_before_the_3x3(right, images, seed, depth, classes=1000, *edits):
    places, place = [], 1
    for block in {121: (6, 12, 24, 16), 161: (6, 12, 36, 24), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}[depth]:
        places += [place + 2 * i + 1 for i in range(block)]
        place += 2 * block + 1  # and that of the transition
    return right(images, seed, depth, classes, *edits, ("relu", places, lambda call, x, *options, **more: x))


@densenet.mistake(
    "Before the linear layer your net takes the largest value of each map. It takes the mean over the whole map, so "
    "that every place has its say."
)
def maximum_before_the_linear_layer(right, images, seed, depth, classes=1000, *edits):
    largest = ("global_pool", 0, lambda call, x, *options, **more: x.amax((2, 3)))
    return right(images, seed, depth, classes, *edits, largest)


@densenet.mistake(
    "Your convolutions have a bias. A batch norm sees every one of their outputs, later if not at once, and takes the "
    "mean away: bias=False."
)
def bias_before_batch_norm(right, images, seed, depth, classes=1000, *edits):
    def biased(net):
        from torch import nn

        for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d)):
            conv.bias = nn.Parameter(conv.weight[:, 0, 0, 0].clone())

    return right(images, seed, depth, classes, *edits, ("net", biased))


@densenet.mistake(
    "Your net ends in a softmax. A model returns scores: cross entropy takes the logarithm of the softmax itself, and "
    "a second softmax before it makes all gradients small."
)
def softmax_at_the_end(right, images, seed, depth, classes=1000, *edits):
    return right(images, seed, depth, classes, *edits, ("linear", 0, lambda call, *given: call(*given).softmax(-1)))


CLASSES = 4


def _sequential(function: Any, layers: Sequence[tuple[str, tuple[Any, ...]]], seed: int | None, training: bool) -> Any:
    """Layers of torch.nn in a row, beside a function, their weights from a seed (zero without one)."""
    parts = tuple(Recipe(f"torch.nn:{name}", args) for name, args in layers)
    draw = np.random.default_rng(seed)
    shapes = {k: v.shape for k, v in Recipe("torch.nn:Sequential", parts).build().state_dict().items() if v.ndim}
    state = {
        name: torch.from_numpy(draw.normal(size=tuple(shape)) * (seed is not None)) for name, shape in shapes.items()
    }
    state = {name: 0.5 + value.abs() if "running_var" in name else value for name, value in state.items()}
    state |= {name: torch.tensor(0) for name in _counters(layers)}
    model = made(Recipe("torch.nn:Sequential", parts, state={k: v.float() for k, v in state.items()}), function)
    model.train(training)
    return model


def _counters(layers: Sequence[tuple[str, tuple[Any, ...]]]) -> list[str]:
    return [f"{i}.num_batches_tracked" for i, (name, _) in enumerate(layers) if "BatchNorm" in name]


def _state(model: Any) -> dict[str, np.ndarray]:
    return {name: np.array(value) for name, value in model.state_dict().items() if "num_batches" not in name}


def _same(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> str:
    close = all(np.allclose(before[name], after[name], rtol=1e-5, atol=1e-6) for name in before)
    return "as they were" if close else "changed"


FILTERS = (("Conv2d", (1, 3, 2)), ("Tanh", ()), ("Flatten", ()), ("Linear", (12, CLASSES)))


def _norms_of(gradient_norms, images, labels, seed, stale):
    model = _sequential(gradient_norms, FILTERS, seed, True)
    if stale:
        model = made(Recipe("course_utils.witness:with_gradients", (model,)), gradient_norms)
    look = Recipe("course_utils.witness:gradients", (model,))
    before, state = made(look, gradient_norms), _state(model)
    norms = numbers(gradient_norms(model, tensor(images).float(), tensor(labels)))
    after = made(look, gradient_norms)
    left = any(after[n] is not None and after[n].any() and not _equal(after[n], before[n]) for n in after)
    return norms, "left behind" if left else "as before", _same(state, _state(model))


def _equal(after: torch.Tensor, before: torch.Tensor | None) -> bool:
    return before is not None and torch.equal(after, before)


def _gradient_norms(model, images, labels):
    loss = torch.nn.functional.cross_entropy(model(images), labels)
    names, parameters = zip(*model.named_parameters(), strict=True)
    return {n: float(g.norm()) for n, g in zip(names, torch.autograd.grad(loss, parameters), strict=True)}


def _are_images(images, labels, *rest):
    return images.shape == (len(labels), 1, 3, 3) and len(labels) >= 1 and 0 <= labels.min() <= labels.max() < CLASSES


@function(
    LESSON,
    "(model, images, labels)",
    _norms_of,
    parts=("norms", "gradients in the model", "weights"),
    shown="# Conv2d(1, 3, 2), Tanh(), Flatten(), Linear(12, 4), weights from `seed`; `stale`: .grad is full of ones\n"
    "gradient_norms(model, images, labels)",
    requires=_are_images,
    integers=False,
    tolerance=1e-5,
    # Weights of zero: every class has probability ¼, so the last bias has the gradient (¼, ¼, ¼, ¼) less the shares
    # (1, 0, 0, 0): its norm is √(9 + 1 + 1 + 1) / 4. What comes before is multiplied by zero.
    examples=[
        Example(
            case("worked example", np.ones((2, 1, 3, 3)), np.array([0, 0]), None, False),
            (
                {"0.weight": 0.0, "0.bias": 0.0, "3.weight": 0.0, "3.bias": math.sqrt(12) / 4},
                "as before",
                "as they were",
            ),
        )
    ],
)
def gradient_norms(images, labels, seed, stale, *changes):
    return _norms_of(changed(_gradient_norms, changes), images, labels, seed, stale)


@gradient_norms.cases
def _(draw: Draw) -> Iterator[Case]:
    for category, count, stale in (
        ("one image", 1, False),
        ("several images", draw.size(3, 6), False),
        ("a model that holds gradients already", draw.size(3, 6), True),
        ("a batch with a gradient of its own", draw.size(3, 6), False),
    ):
        images, labels = draw.array(count, 1, 3, 3), draw.integers(count, low=0, high=CLASSES - 1).astype(int)
        yield case(category, images, labels, draw.int(0, 10**6), stale)


@gradient_norms.mistake(
    "Your loss is the sum over the images. Take the mean, so that the norms do not grow with the batch."
)
def sum_over_the_images(right, images, labels, seed, stale, *changes):
    def summed(answer, model, images, labels):
        return {name: len(labels) * norm for name, norm in answer(model, images, labels).items()}

    return right(images, labels, seed, stale, *changes, summed)


@gradient_norms.mistake("Your norms are squared: the root of the sum of squares is missing.")
def squared_norms(right, images, labels, seed, stale, *changes):
    def squared(answer, model, images, labels):
        return {name: norm**2 for name, norm in answer(model, images, labels).items()}

    return right(images, labels, seed, stale, *changes, squared)


@gradient_norms.mistake(
    "What you measure includes gradients from before: backward() adds to .grad. torch.autograd.grad gives gradients of "
    "their own, and leaves .grad alone."
)
def older_gradients_included(right, images, labels, seed, stale, *changes):
    def accumulated(answer, model, images, labels):
        from torch.nn.functional import cross_entropy

        before = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
        cross_entropy(model(images), labels).backward()
        norms = {name: float(p.grad.norm()) for name, p in model.named_parameters()}
        for p, grad in zip(model.parameters(), before, strict=True):
            p.grad = grad
        return norms

    return right(images, labels, seed, stale, *changes, accumulated)


@gradient_norms.mistake(
    "Your measurement leaves gradients in the model, and the next step of training would use them. torch.autograd.grad "
    "gives gradients without storing them; or take them out again."
)
def gradients_left_behind(right, images, labels, seed, stale, *changes):
    def left(answer, model, images, labels):
        from torch.nn.functional import cross_entropy

        norms = answer(model, images, labels)
        for p in model.parameters():
            p.grad = None
        cross_entropy(model(images), labels).backward()
        return norms

    return right(images, labels, seed, stale, *changes, left)


@gradient_norms.mistake(
    "Your norm is the sum of absolute values. Meant is the length of the gradient: the root of the sum of squares."
)
def sum_of_absolute_values(right, images, labels, seed, stale, *changes):
    def absolute(answer, model, images, labels):
        from torch import autograd
        from torch.nn.functional import cross_entropy

        grads = autograd.grad(cross_entropy(model(images), labels), list(model.parameters()))
        return {name: float(grad.abs().sum()) for name, grad in zip(answer(model, images, labels), grads, strict=True)}

    return right(images, labels, seed, stale, *changes, absolute)


@gradient_norms.mistake(
    "Your norms are divided by the root of how many numbers a parameter has: a size a weight, not the length of the "
    "gradient."
)
def root_of_the_mean_square(right, images, labels, seed, stale, *changes):
    def averaged(answer, model, images, labels):
        norms = answer(model, images, labels)
        return {name: norms[name] / p.numel() ** 0.5 for name, p in model.named_parameters()}

    return right(images, labels, seed, stale, *changes, averaged)


@gradient_norms.mistake("Only weights are there. Biases are parameters too, and have gradients.")
def biases_left_out(right, images, labels, seed, stale, *changes):
    def some(answer, model, images, labels):
        return {name: norm for name, norm in answer(model, images, labels).items() if "bias" not in name}

    return right(images, labels, seed, stale, *changes, some)


@gradient_norms.mistake(
    "There is a softmax before your loss. cross_entropy takes scores and does the softmax itself; a second one makes "
    "every gradient smaller."
)
def softmax_before_the_loss(right, images, labels, seed, stale, *changes):
    def squashed(answer, model, images, labels):
        forward = model.forward
        model.forward = lambda x: forward(x).softmax(1)
        try:
            return answer(model, images, labels)
        finally:
            del model.forward

    return right(images, labels, seed, stale, *changes, squashed)


NORMED = (("Conv2d", (2, 3, 2)), ("BatchNorm2d", (3,)), ("Tanh", ()), ("Flatten", ()), ("Linear", (12, CLASSES)))
_WEIGHTS = ("0.weight", "4.weight")  # of NORMED, those whose first axis counts filters
_DIRECTION = {
    "shapes": "those of the parameters",
    "norm of each filter": "the model's",
    "biases and norms": "zero",
    "numbers": "of both signs",
    "the same seed again": "the same direction",
    "a second draw": "another direction",
    "global generators": "untouched",
    "model": "as it was",
}


def _direction_of(filter_normalized_direction, seed):
    """What is true of directions that a function draws, in words."""
    model = _sequential(filter_normalized_direction, NORMED, seed, True)
    state = _state(model)
    weights = [state[name] for name in _PARAMETERS]
    randoms = [made(Recipe("course_utils.witness:random_states"), filter_normalized_direction)]
    generators = [made(Recipe("course_utils.witness:generator", (seed,)), filter_normalized_direction) for _ in "ab"]
    drawn = [_drawn(filter_normalized_direction, model, g) for g in (generators[0], generators[0], generators[1])]
    randoms.append(made(Recipe("course_utils.witness:random_states"), filter_normalized_direction))
    shapes = [d.shape for d in drawn[0]] == [w.shape for w in weights]
    facts = {"shapes": "those of the parameters" if shapes else "others"}
    facts |= _filters(drawn[0], weights) if shapes else dict.fromkeys(list(_DIRECTION)[1:4], "not looked at")
    alike = _equal_lists(drawn[0], drawn[2]), _equal_lists(drawn[0], drawn[1])
    return facts | {
        "the same seed again": "the same direction" if alike[0] else "another direction",
        "a second draw": "the same direction" if alike[1] else "another direction",
        "global generators": "untouched" if randoms[0] == randoms[1] else "drawn from",
        "model": "as it was" if _same(state, _state(model)) == "as they were" else "changed",
    }


_PARAMETERS = ("0.weight", "0.bias", "1.weight", "1.bias", "4.weight", "4.bias")


def _drawn(filter_normalized_direction, model, generator):
    return [np.array(d) for d in numbers(list(filter_normalized_direction(model, generator)))]


def _equal_lists(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(map(np.array_equal, one, other))


def _filters(direction: list[np.ndarray], weights: list[np.ndarray]) -> dict[str, str]:
    pairs = [(d, w) for d, w in zip(direction, weights, strict=True) if w.ndim > 1]
    rest = [d for d, w in zip(direction, weights, strict=True) if w.ndim == 1]
    positive = np.mean([value > 0 for d, _ in pairs for value in d.ravel()])
    return {
        "norm of each filter": _normed(pairs),
        "biases and norms": "zero" if not any(d.any() for d in rest) else "not zero",
        "numbers": "of both signs" if 0.15 < positive < 0.85 else "of one sign",
    }


def _normed(pairs: list[tuple[np.ndarray, np.ndarray]]) -> str:
    """What has the norm of its counterpart in the model: each filter, kernel, layer, weight or nothing."""

    def norms(array: np.ndarray, kept: int) -> np.ndarray:
        shape = (*array.shape[:kept], -1)
        return np.sqrt((array.reshape(shape) ** 2).sum(-1))

    def match(kept: int, least: int) -> bool:
        looked_at = [(norms(d, min(kept, d.ndim)), norms(w, min(kept, w.ndim))) for d, w in pairs if w.ndim >= least]
        return all(np.allclose(d, w, rtol=1e-3) for d, w in looked_at)

    if match(1, 2):
        return "the model's a weight" if match(4, 2) else "the model's a kernel" if match(2, 4) else "the model's"
    if all(np.allclose(norms(d, 0), norms(w, 0), rtol=1e-3) for d, w in pairs):
        return "the model's a layer"
    if all(np.allclose(norms(d, 1), 1, rtol=1e-3) for d, _ in pairs):
        return "one"
    return "others"


def _filter_normalized_direction(model, generator):
    """Li, Xu, Taylor, Studer, Goldstein 2018, section 4."""
    direction = []
    for parameter in model.parameters():
        drawn = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim < 2:
            direction.append(torch.zeros_like(drawn))
            continue
        scale = parameter.detach().flatten(1).norm(dim=1) / drawn.flatten(1).norm(dim=1)
        direction.append(drawn * scale.view(-1, *[1] * (drawn.ndim - 1)))
    return direction


@function(
    LESSON,
    "(model, generator)",
    _direction_of,
    shown="# Conv2d(2, 3, 2), BatchNorm2d(3), Tanh(), Flatten(), Linear(12, 4), weights from `seed`\n"
    "filter_normalized_direction(model, torch.Generator().manual_seed(seed))",
    examples=[Example(case("what is true of every direction", 0), _DIRECTION)],
)
def filter_normalized_direction(seed, *changes):
    return _direction_of(changed(_filter_normalized_direction, changes), seed)


@filter_normalized_direction.cases
def _(draw: Draw) -> Iterator[Case]:
    for _ in draw.repeats(2):
        yield case("weights drawn anew", draw.int(1, 10**6))


@filter_normalized_direction.mistake(
    "Your direction is not scaled. Every filter of it gets the norm of the model's own filter, or layers with small "
    "weights would be shaken most."
)
def not_normalized(right, seed, *changes):
    def raw(answer, model, generator):
        scales = [3 + 5 * i for i in range(99)]
        return [d * scale for d, scale in zip(answer(model, generator), scales, strict=False)]

    return right(seed, *changes, raw)


@filter_normalized_direction.mistake(
    "Each layer as a whole has the norm of the model's, its filters have not. Scale filter by filter: the first axis "
    "of a weight counts them."
)
def normalized_by_layer(right, seed, *changes):
    def by_layer(answer, model, generator):
        made = []
        for d, p in zip(answer(model, generator), model.parameters(), strict=True):
            bent = d * d.abs() + d.flip(0)
            made.append(bent * (p.norm() / bent.norm()).item() if p.ndim > 1 else d)
        return made

    return right(seed, *changes, by_layer)


@filter_normalized_direction.mistake(
    "Each kernel, one channel of a filter, has the norm of the model's. A filter is all of its channels together."
)
def normalized_by_kernel(right, seed, *changes):
    def by_kernel(answer, model, generator):
        made = []
        for d, p in zip(answer(model, generator), model.parameters(), strict=True):
            scale = p.flatten(2).norm(dim=2) / d.flatten(2).norm(dim=2) if p.ndim > 2 else 1
            made.append((d * scale[..., None, None]).detach() if p.ndim > 2 else d)
        return made

    return right(seed, *changes, by_kernel)


@filter_normalized_direction.mistake(
    "Every filter of your direction has norm 1. It should have the norm of the model's own filter: multiply by that "
    "after dividing."
)
def norm_of_one(right, seed, *changes):
    def unit(answer, model, generator):
        made = []
        for d in answer(model, generator):
            scale = d.flatten(1).norm(dim=1) if d.ndim > 1 else d.new_ones(len(d))
            made.append(d / scale.reshape([-1] + [1] * (d.ndim - 1)))
        return made

    return right(seed, *changes, unit)


@filter_normalized_direction.mistake(
    "Biases and the parameters of batch norms move too. They stay where they are: their direction is zero."
)
def biases_move(right, seed, *changes):
    def moving(answer, model, generator):
        return [d if d.ndim > 1 else d + 1 for d in answer(model, generator)]

    return right(seed, *changes, moving)


@filter_normalized_direction.mistake(
    "All numbers of your direction have one sign (rand gives numbers from 0 to 1). Draw normal numbers, so that every "
    "direction is as likely."
)
def numbers_of_one_sign(right, seed, *changes):
    def positive(answer, model, generator):
        return [d.abs() for d in answer(model, generator)]

    return right(seed, *changes, positive)


@filter_normalized_direction.mistake(
    "Your numbers do not come from `generator`, but from PyTorch's global one: the same seed gives another direction, "
    "and whoever draws after you gets other numbers. Hand it on: torch.randn(..., generator=generator)."
)
def global_generator(right, seed, *changes):
    def elsewhere(answer, model, generator):
        from torch import randint

        return answer(model, generator.manual_seed(int(randint(2**31, ()))))

    return right(seed, *changes, elsewhere)


@filter_normalized_direction.mistake(
    "Two draws from one generator give the same direction: you begin it anew. Whoever calls you chooses the seed, and "
    "needs two directions."
)
def seeded_anew(right, seed, *changes):
    def again(answer, model, generator):
        return answer(model, generator.manual_seed(generator.initial_seed()))

    return right(seed, *changes, again)


@filter_normalized_direction.mistake(
    "Your direction is drawn into the model's own weights: what normal_() or copy_() is called on is changed. Draw "
    "into new tensors: torch.randn(parameter.shape)."
)
def drawn_into_the_model(right, seed, *changes):
    def into(answer, model, generator):
        direction = answer(model, generator)
        for d, p in zip(direction, model.parameters(), strict=True):
            p.data.copy_(d)
        return direction

    return right(seed, *changes, into)


def _surface_of(loss_surface, images, labels, grid, seed, training):
    model = _sequential(loss_surface, NORMED, seed, training)
    state = _state(model)
    draw = np.random.default_rng([seed or 0, 1])
    directions = [[torch.from_numpy(draw.normal(size=state[n].shape)).float() for n in _PARAMETERS] for _ in "ab"]
    steps = [float(step) for step in grid]
    surface = numbers(loss_surface(model, tensor(images).float(), tensor(labels), directions, steps))
    mode = "training" if model.training else "evaluation"
    return surface, _same(state, _state(model)), mode


def _loss_surface(model, images, labels, directions, grid):
    """By calling the model with other parameters, so that its own never change."""
    start = {name: p.detach() for name, p in model.named_parameters()}
    mode = model.training
    model.eval()

    @torch.no_grad()
    def loss(a: float, b: float) -> float:
        moved = {n: p + a * d + b * e for (n, p), d, e in zip(start.items(), *directions, strict=True)}
        scores = torch.func.functional_call(model, moved, (images,))
        return float(torch.nn.functional.cross_entropy(scores, labels))

    surface = np.array([[loss(a, b) for b in grid] for a in grid])
    model.train(mode)
    return surface


def _is_surface(images, labels, grid, seed, training):
    shapes = images.shape == (len(labels), 2, 3, 3) and len(grid) >= 1
    return shapes and len(labels) >= 2 and 0 <= labels.min() <= labels.max() < CLASSES


@function(
    LESSON,
    "(model, images, labels, directions, grid)",
    _surface_of,
    parts=("surface", "weights and running statistics", "mode afterwards"),
    shown="# Conv2d(2, 3, 2), BatchNorm2d(3), Tanh(), Flatten(), Linear(12, 4); weights and directions from `seed`\n"
    "loss_surface(model, images, labels, directions, grid)",
    requires=_is_surface,
    integers=False,
    tolerance=1e-4,
    # Weights of zero, and no step away from them: four classes are equally likely, so the loss is ln 4.
    examples=[
        Example(
            case("worked example", np.ones((2, 2, 3, 3)), np.array([0, 3]), np.array([0.0]), None, True),
            (np.array([[math.log(4)]]), "as they were", "training"),
        )
    ],
)
def loss_surface(images, labels, grid, seed, training, *changes):
    return _surface_of(changed(_loss_surface, changes), images, labels, grid, seed, training)


@loss_surface.cases
def _(draw: Draw) -> Iterator[Case]:
    for category, count, steps, training in (
        ("two steps", 3, 2, True),
        ("a model in evaluation mode", 4, 2, False),
        ("steps to both sides", draw.size(4, 6), 3, True),
        ("uneven steps", draw.size(4, 6), draw.size(3, 4), True),
    ):
        images, labels = draw.array(count, 2, 3, 3), draw.integers(count, low=0, high=CLASSES - 1).astype(int)
        grid = (
            np.linspace(-1, 1, steps) if "both" in category else np.sort(np.round(draw.generator.normal(size=steps), 2))
        )
        yield case(category, images, labels, grid, draw.int(0, 10**6), training)


@loss_surface.mistake(
    "Rows and columns are exchanged: [i, j] belongs to grid[i] along the first direction and grid[j] along the second."
)
def transposed(right, images, labels, grid, seed, training, *changes):
    def exchanged(answer, model, images, labels, directions, grid):
        return np.array(answer(model, images, labels, directions, grid)).T

    return right(images, labels, grid, seed, training, *changes, exchanged)


@loss_surface.mistake(
    "The model is evaluated in training mode: batch norm then normalizes by the batch at hand, and its running "
    "statistics change with every point. Call model.eval() first."
)
def training_mode(right, images, labels, grid, seed, training, *changes):
    def unset(answer, model, images, labels, directions, grid):
        from torch.nn.functional import cross_entropy

        own = [p.detach().clone() for p in model.parameters()]
        surface = np.zeros((len(grid), len(grid)))
        for i, a in enumerate(grid):
            for j, b in enumerate(grid):
                for p, w, d, e in zip(model.parameters(), own, *directions, strict=True):
                    p.data = w + a * d + b * e
                surface[i, j] = cross_entropy(model(images), labels).item()
        for p, w in zip(model.parameters(), own, strict=True):
            p.data = w
        return surface

    return right(images, labels, grid, seed, training, *changes, unset)


@loss_surface.mistake("The model is left in evaluation mode. Remember model.training, and give that mode back.")
def mode_not_given_back(right, images, labels, grid, seed, training, *changes):
    def left(answer, model, images, labels, directions, grid):
        surface = answer(model, images, labels, directions, grid)
        model.eval()
        return surface

    return right(images, labels, grid, seed, training, *changes, left)


@loss_surface.mistake(
    "The model's weights are those of the last point afterwards. Copy them first, and put the copies back at the end."
)
def weights_not_put_back(right, images, labels, grid, seed, training, *changes):
    def moved(answer, model, images, labels, directions, grid):
        surface = answer(model, images, labels, directions, grid)
        for p, d, e in zip(model.parameters(), *directions, strict=True):
            p.data += grid[-1] * d + grid[-1] * e
        return surface

    return right(images, labels, grid, seed, training, *changes, moved)


@loss_surface.mistake(
    "Each point starts from the one before: your steps add up. Every point is the model's own weights plus grid[i] "
    "times one direction plus grid[j] times the other."
)
def steps_add_up(right, images, labels, grid, seed, training, *changes):
    def walking(answer, model, images, labels, directions, grid):
        own = [p.detach().clone() for p in model.parameters()]
        surface = np.zeros((len(grid), len(grid)))
        for i, a in enumerate(grid):
            for j, b in enumerate(grid):
                for p, d, e in zip(model.parameters(), *directions, strict=True):
                    p.data += a * d + b * e
                surface[i, j] = float(np.array(answer(model, images, labels, directions, [0.0])).item())
        for p, w in zip(model.parameters(), own, strict=True):
            p.data = w
        return surface

    return right(images, labels, grid, seed, training, *changes, walking)


@loss_surface.mistake(
    "The weights are the step alone, not the model's own weights plus the step: at (0, 0) your loss is that of a net "
    "whose weights are all zero."
)
def own_weights_missing(right, images, labels, grid, seed, training, *changes):
    def alone(answer, model, images, labels, directions, grid):
        own = [p.detach().clone() for p in model.parameters()]
        for p in model.parameters():
            p.data = 0 * p.data
        surface = answer(model, images, labels, directions, grid)
        for p, w in zip(model.parameters(), own, strict=True):
            p.data = w
        return surface

    return right(images, labels, grid, seed, training, *changes, alone)


@loss_surface.mistake(
    "Your loss is the sum over the images. Take the mean, so that surfaces of different numbers of images can be "
    "compared."
)
def sum_over_the_images(right, images, labels, grid, seed, training, *changes):
    def summed(answer, model, images, labels, directions, grid):
        return len(labels) * np.array(answer(model, images, labels, directions, grid))

    return right(images, labels, grid, seed, training, *changes, summed)


@loss_surface.mistake(
    "There is a softmax before your loss. cross_entropy takes scores and does the softmax itself; a second one makes "
    "every surface flat."
)
def softmax_before_the_loss(right, images, labels, grid, seed, training, *changes):
    def squashed(answer, model, images, labels, directions, grid):
        from copy import deepcopy

        from torch import nn

        net = nn.Sequential(*deepcopy(model), nn.Softmax(1)).train(model.training)
        return answer(net, images, labels, directions, grid)

    return right(images, labels, grid, seed, training, *changes, squashed)


@loss_surface.mistake(
    "Only the diagonal is walked on: the same step is made along both directions, whatever j is. The step along the "
    "second direction is grid[j]."
)
def the_same_step_twice(right, images, labels, grid, seed, training, *changes):
    def diagonal(answer, model, images, labels, directions, grid):
        surface = np.array(answer(model, images, labels, directions, grid))
        return np.repeat(np.diag(surface)[:, None], len(grid), 1)

    return right(images, labels, grid, seed, training, *changes, diagonal)
