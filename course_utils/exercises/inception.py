"""Lesson 08: Network in Network, the inception module, GoogLeNet, Inception-v3 and v4, Inception-ResNet-v2."""

# Several exercises know the same mistake under the same name.
# ruff: noqa: F811
# mypy: disable-error-code="no-redef"

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from course_utils.contract import Case, Draw, Example, case
from course_utils.exercises import declarations
from course_utils.exercises.declarations import network
from course_utils.exercises.thinned import Look, remember, thinned

LESSON = "08_inception"
TABLE = {  # Szegedy et al. 2015, table 1: 1 × 1, 3 × 3 reduced, 3 × 3, 5 × 5 reduced, 5 × 5, pool
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
Step = tuple[Any, ...]


class _Branches(torch.nn.ModuleList):
    """All branches of one input, concatenated."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(x) for branch in self], 1)


def _relu_conv(channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> list[torch.nn.Module]:
    return [torch.nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2), torch.nn.ReLU()]


def _nin(classes: int = 10) -> torch.nn.Module:
    """Lin, Chen, Yan 2014, for CIFAR-10; kernels, widths and pools of the configuration that the authors released."""
    layers, width = [], 3
    for kernel, widths in ((5, (192, 160, 96)), (5, (192, 192, 192)), (3, (192, 192, classes))):
        for i, channels in enumerate(widths):
            layers += _relu_conv(width, channels, 1 if i else kernel)
            width = channels
        if len(layers) < 16:
            pool = torch.nn.AvgPool2d if len(layers) > 6 else torch.nn.MaxPool2d
            layers += [pool(3, 2, ceil_mode=True), torch.nn.Dropout(0.5)]
    return torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())


def _inception(
    in_channels: int, c1: int, c3_reduce: int, c3: int, c5_reduce: int, c5: int, pool: int
) -> torch.nn.Module:
    """Szegedy et al. 2015, figure 2b."""
    return _Branches(
        torch.nn.Sequential(*layers)
        for layers in (
            _relu_conv(in_channels, c1, 1),
            [*_relu_conv(in_channels, c3_reduce, 1), *_relu_conv(c3_reduce, c3, 3)],
            [*_relu_conv(in_channels, c5_reduce, 1), *_relu_conv(c5_reduce, c5, 5)],
            [torch.nn.MaxPool2d(3, 1, padding=1), *_relu_conv(in_channels, pool, 1)],
        )
    )


def _response_norm() -> torch.nn.Module:
    """Lesson 07's constants; the library divides alpha by the size of the window."""
    return torch.nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)


class _Heads(torch.nn.Module):
    """Parts one after the other; after each but the last its head is computed too while training."""

    def __init__(self, parts: Sequence[torch.nn.Module], heads: Sequence[torch.nn.Module]):
        super().__init__()
        self.parts, self.heads = torch.nn.ModuleList(parts), torch.nn.ModuleList(heads)

    def forward(self, x: torch.Tensor) -> Any:
        given = []
        for i, part in enumerate(self.parts):
            x = part(x)
            if self.training and i < len(self.heads):
                given.append(self.heads[i](x))
        return (x, *given) if given else x


def _googlenet_head(width: int, classes: int) -> torch.nn.Module:
    """Szegedy et al. 2015, section 5, the auxiliary network."""
    hidden = [torch.nn.Flatten(), torch.nn.Linear(128 * 4 * 4, 1024), torch.nn.ReLU(), torch.nn.Dropout(0.7)]
    return torch.nn.Sequential(
        torch.nn.AvgPool2d(5, 3), *_relu_conv(width, 128, 1), *hidden, torch.nn.Linear(1024, classes)
    )


def _googlenet(classes: int = 1000, aux: bool = False) -> torch.nn.Module:
    """Szegedy et al. 2015, table 1 and figure 3."""
    layers, width = [*_relu_conv(3, 64, 7, 2), torch.nn.MaxPool2d(3, 2, ceil_mode=True), _response_norm()], 192
    layers += [*_relu_conv(64, 64, 1), *_relu_conv(64, 192, 3), _response_norm()]
    parts = [layers]
    for name, (c1, r3, c3, r5, c5, pool) in TABLE.items():
        if name in ("3a", "4a", "5a"):
            parts[-1].append(torch.nn.MaxPool2d(3, 2, ceil_mode=True))
        parts[-1].append(_inception(width, c1, r3, c3, r5, c5, pool))
        width = c1 + c3 + c5 + pool
        if name in ("4a", "4d"):
            parts.append([])
    ends = [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Dropout(0.4), torch.nn.Linear(width, classes)]
    parts[-1] += ends
    heads = [_googlenet_head(512, classes), _googlenet_head(528, classes)] if aux else []
    return _Heads([torch.nn.Sequential(*part) for part in parts], heads)


# Batch norm in every convolution from here on


def _conv(channels_in: int, channels_out: int, kernel: Any, stride: int = 1, same: bool = True) -> list[Any]:
    height, width = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    padding = (height // 2, width // 2) if same else 0
    conv = torch.nn.Conv2d(channels_in, channels_out, (height, width), stride, padding, bias=False)
    return [conv, torch.nn.BatchNorm2d(channels_out, eps=1e-3), torch.nn.ReLU()]


def _chain(width: int, *steps: Step) -> torch.nn.Sequential:
    """Convolutions (channels, kernel), padded; or (channels, kernel, stride), not padded."""
    layers = []
    for channels, kernel, *stride in steps:
        layers += _conv(width, channels, kernel, stride[0] if stride else 1, same=not stride)
        width = channels
    return torch.nn.Sequential(*layers)


def _averaged(channels_in: int, channels_out: int) -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.AvgPool2d(3, 1, padding=1, count_include_pad=False), *_conv(channels_in, channels_out, 1)
    )


def _smaller() -> torch.nn.Module:
    return torch.nn.MaxPool2d(3, 2)


def _fanned(width: int, channels: int, *steps: Step) -> torch.nn.Module:
    """A chain, and behind it a 1 × 3 and a 3 × 1 convolution side by side."""
    last = _Branches(_chain(steps[-1][0], (channels, kernel)) for kernel in ((1, 3), (3, 1)))
    return torch.nn.Sequential(_chain(width, *steps), last)


def _stem() -> list[torch.nn.Module]:
    """299 × 299 becomes 35 × 35, in Inception-v3 and in Inception-ResNet-v2."""
    first, second = _chain(3, (32, 3, 2), (32, 3, 1), (64, 3)), _chain(64, (80, 1), (192, 3, 1))
    return [first, _smaller(), second, _smaller()]


def _grid35(width: int, pool: int, c1: int = 64) -> torch.nn.Module:
    threes = _chain(width, (64, 1), (96, 3), (96, 3))
    return _Branches([_chain(width, (c1, 1)), _chain(width, (48, 1), (64, 5)), threes, _averaged(width, pool)])


def _grid17(inner: int) -> torch.nn.Module:
    """Szegedy, Vanhoucke, Ioffe, Shlens, Wojna 2016, figure 6, with n = 7."""
    short = _chain(768, (inner, 1), (inner, (1, 7)), (192, (7, 1)))
    long = _chain(768, (inner, 1), (inner, (7, 1)), (inner, (1, 7)), (inner, (7, 1)), (192, (1, 7)))
    return _Branches([_chain(768, (192, 1)), short, long, _averaged(768, 192)])


def _grid8(width: int) -> torch.nn.Module:
    fans = [_fanned(width, 384, (384, 1)), _fanned(width, 384, (448, 1), (384, 3))]
    return _Branches([_chain(width, (320, 1)), *fans, _averaged(width, 192)])


def _ends(width: int, classes: int) -> list[torch.nn.Module]:
    mean = [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()]
    return [*mean, torch.nn.Dropout(0.2), torch.nn.Linear(width, classes)]


def _inception_v3(classes: int = 1000, aux: bool = True) -> torch.nn.Module:
    """Szegedy, Vanhoucke, Ioffe, Shlens, Wojna 2016, as in the code released with TensorFlow (slim, inception_v3)."""
    to17 = _Branches([_chain(288, (384, 3, 2)), _chain(288, (64, 1), (96, 3), (96, 3, 2)), _smaller()])
    sevens = _chain(768, (192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3, 2))
    to8 = _Branches([_chain(768, (192, 1), (320, 3, 2)), sevens, _smaller()])
    first = [*_stem(), _grid35(192, 32), _grid35(256, 64), _grid35(288, 64), to17, *map(_grid17, (128, 160, 160, 192))]
    last = [to8, _grid8(1280), _grid8(2048), *_ends(2048, classes)]
    head = [torch.nn.AvgPool2d(5, 3), _chain(768, (128, 1), (768, 5, 1)), torch.nn.AdaptiveAvgPool2d(1)]
    heads = [torch.nn.Sequential(*head, torch.nn.Flatten(), torch.nn.Linear(768, classes))] if aux else []
    return _Heads([torch.nn.Sequential(*first), torch.nn.Sequential(*last)], heads)


def _inception_v4(classes: int = 1000) -> torch.nn.Module:
    """Szegedy, Ioffe, Vanhoucke, Alemi 2017, figures 3 to 9, as in the code released with TensorFlow."""

    def a() -> torch.nn.Module:
        chains = [_chain(384, (96, 1)), _chain(384, (64, 1), (96, 3)), _chain(384, (64, 1), (96, 3), (96, 3))]
        return _Branches([*chains, _averaged(384, 96)])

    def b() -> torch.nn.Module:
        short = _chain(1024, (192, 1), (224, (1, 7)), (256, (7, 1)))
        long = _chain(1024, (192, 1), (192, (7, 1)), (224, (1, 7)), (224, (7, 1)), (256, (1, 7)))
        return _Branches([_chain(1024, (384, 1)), short, long, _averaged(1024, 128)])

    def c() -> torch.nn.Module:
        fans = [_fanned(1536, 256, (384, 1)), _fanned(1536, 256, (384, 1), (448, (3, 1)), (512, (1, 3)))]
        return _Branches([_chain(1536, (256, 1)), *fans, _averaged(1536, 256)])

    sevens = _chain(160, (64, 1), (64, (1, 7)), (64, (7, 1)), (96, 3, 1))
    stem = [
        _chain(3, (32, 3, 2), (32, 3, 1), (64, 3)),
        _Branches([_smaller(), _chain(64, (96, 3, 2))]),
        _Branches([_chain(160, (64, 1), (96, 3, 1)), sevens]),
        _Branches([_chain(192, (192, 3, 2)), _smaller()]),
    ]
    to17 = _Branches([_chain(384, (384, 3, 2)), _chain(384, (192, 1), (224, 3), (256, 3, 2)), _smaller()])
    sevens = _chain(1024, (256, 1), (256, (1, 7)), (320, (7, 1)), (320, 3, 2))
    to8 = _Branches([_chain(1024, (192, 1), (192, 3, 2)), sevens, _smaller()])
    modules = *(a() for _ in range(4)), to17, *(b() for _ in range(7)), to8, *(c() for _ in range(3))
    return torch.nn.Sequential(*stem, *modules, *_ends(1536, classes))


class _Scaled(torch.nn.Module):
    """x and a part of what the branches make of it; Szegedy, Ioffe, Vanhoucke, Alemi 2017, section 3.3."""

    def __init__(self, width: int, inner: int, scale: float, bent: bool, *chains: torch.nn.Module):
        super().__init__()
        self.branches, self.up = _Branches(chains), torch.nn.Conv2d(inner, width, 1)
        self.scale, self.bent = scale, bent

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total = x + self.scale * self.up(self.branches(x))
        return torch.relu(total) if self.bent else total


def _inception_resnet_v2(classes: int = 1000) -> torch.nn.Module:
    """Szegedy, Ioffe, Vanhoucke, Alemi 2017, with the 10, 20 and 10 blocks of the code released with TensorFlow."""

    def block35() -> torch.nn.Module:
        threes = _chain(320, (32, 1), (48, 3), (64, 3))
        return _Scaled(320, 128, 0.17, True, _chain(320, (32, 1)), _chain(320, (32, 1), (32, 3)), threes)

    def block17() -> torch.nn.Module:
        sevens = _chain(1088, (128, 1), (160, (1, 7)), (192, (7, 1)))
        return _Scaled(1088, 384, 0.10, True, _chain(1088, (192, 1)), sevens)

    def block8(scale: float = 0.20, bent: bool = True) -> torch.nn.Module:
        threes = _chain(2080, (192, 1), (224, (1, 3)), (256, (3, 1)))
        return _Scaled(2080, 448, scale, bent, _chain(2080, (192, 1)), threes)

    to17 = _Branches([_chain(320, (384, 3, 2)), _chain(320, (256, 1), (256, 3), (384, 3, 2)), _smaller()])
    chains = [_chain(1088, (256, 1), (384, 3, 2)), _chain(1088, (256, 1), (288, 3, 2))]
    to8 = _Branches([*chains, _chain(1088, (256, 1), (288, 3), (320, 3, 2)), _smaller()])
    blocks = *(block35() for _ in range(10)), to17, *(block17() for _ in range(20)), to8, *(block8() for _ in range(9))
    last = block8(1.0, False), _chain(2080, (1536, 1))
    return torch.nn.Sequential(*_stem(), _grid35(192, 64, 96), *blocks, *last, *_ends(1536, classes))


# Exercises


def _largest(call, x, *more, **options):
    return torch.nn.functional.max_pool2d(x, 3, 2, ceil_mode=True)


def _straight(call, x, *more, **options):
    return x


# The paper says maximum pooling; the authors' configuration has means in the second, and a ReLU on the last maps.
_NIN_TOO = [("avg_pool", 0, _largest)], [("relu", 8, _straight)], [("avg_pool", 0, _largest), ("relu", 8, _straight)]


_look_nin = Look(_nin)


@thinned(
    LESSON,
    _look_nin,
    "(classes=10)",
    also=_NIN_TOO,
    examples=[Example(case("parameters", (0, 3, 32, 32), None), (966_986, {}))],
)
def nin(images, seed, classes=10, *edits):
    return _look_nin((classes,), images, seed, edits)


@nin.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("scores", (2, 3, 32, 32), draw.int(0, 10**6), classes=draw.int(3, 12))
    yield case("another size of images", (2, 3, 28, 36), draw.int(0, 10**6), classes=draw.int(3, 12))


@nin.mistake(
    "No ReLU follows your 1 × 1 convolutions. Then each is one linear step with the convolution before it: the small "
    "network inside the layer is gone."
)
def no_relu_after_the_1x1(right, images, seed, classes=10, *edits):
    return right(images, seed, classes, *edits, ("relu", (1, 2, 4, 5, 7, 8), lambda call, x, *more, **options: x))


@nin.mistake("No ReLU follows your 5 × 5 and 3 × 3 convolutions. It follows every convolution, the 1 × 1 too.")
def no_relu_after_the_larger_kernels(right, images, seed, classes=10, *edits):
    return right(images, seed, classes, *edits, ("relu", (0, 3, 6), lambda call, x, *more, **options: x))


@nin.mistake("There is no ReLU in your net. Convolutions in a row without one compute no more than one of them could.")
def no_relu(right, images, seed, classes=10, *edits):
    return right(images, seed, classes, *edits, ("relu", None, lambda call, x, *more, **options: x))


@nin.mistake("Your pools round down: 32 becomes 15. These nets round up, and 32 becomes 16: ceil_mode=True.")
def pools_round_down(right, images, seed, classes=10, *edits):
    from torch.nn.functional import avg_pool2d, max_pool2d

    first = ("max_pool", 0, lambda call, x, *more, **options: max_pool2d(x, 3, 2))
    second = ("avg_pool", 0, lambda call, x, *more, **options: avg_pool2d(x, 3, 2))
    return right(images, seed, classes, *edits, first, second)


@nin.mistake(
    "Your pools are padded by 1. The sizes come out the same, but the windows lie one pixel further up and left: "
    "round up instead, ceil_mode=True."
)
def pools_padded(right, images, seed, classes=10, *edits):
    from torch.nn.functional import avg_pool2d, max_pool2d

    first = ("max_pool", 0, lambda call, x, *more, **options: max_pool2d(x, 3, 2, 1))
    second = ("avg_pool", 0, lambda call, x, *more, **options: avg_pool2d(x, 3, 2, 1))
    return right(images, seed, classes, *edits, first, second)


@nin.mistake(
    "Your pooling windows are 2 × 2. The sizes come out the same, but here they are 3 × 3 with stride 2: they overlap."
)
def pools_without_overlap(right, images, seed, classes=10, *edits):
    from torch.nn.functional import avg_pool2d, max_pool2d

    first = ("max_pool", 0, lambda call, x, *more, **options: max_pool2d(x, 2))
    second = ("avg_pool", 0, lambda call, x, *more, **options: avg_pool2d(x, 2))
    return right(images, seed, classes, *edits, first, second)


@nin.mistake("Your first pooling takes means. The first takes the largest of nine values; means come second.")
def average_pooling_first(right, images, seed, classes=10, *edits):
    from torch.nn.functional import avg_pool2d

    return right(
        images,
        seed,
        classes,
        *edits,
        ("max_pool", 0, lambda call, x, *more, **options: avg_pool2d(x, 3, 2, ceil_mode=True)),
    )


@nin.mistake(
    "Your net ends in a linear layer. The idea of this net is to have none: the last convolution makes a map for each "
    "class, and its mean is the score."
)
def linear_layer_at_the_end(right, images, seed, classes=10, *edits):
    def linear(net):
        from torch import nn

        net[-2] = nn.Identity()
        net.append(nn.Linear(classes * 8 * 8, classes))

    return right(images, seed, classes, *edits, ("net", linear))


@nin.mistake(
    "Your scores are the largest values of the last maps. They are the means, so that every place has its say."
)
def maximum_at_the_end(right, images, seed, classes=10, *edits):
    return right(
        images,
        seed,
        classes,
        *edits,
        ("global_pool", 0, lambda call, x, *more, **options: x.amax((2, 3), keepdim=True)),
    )


@nin.mistake(
    "Your net ends in a softmax. A model returns scores: cross entropy takes the logarithm of the softmax itself, and "
    "a second softmax before it makes all gradients small."
)
def softmax_at_the_end(right, images, seed, classes=10, *edits):
    return right(
        images,
        seed,
        classes,
        *edits,
        ("flatten", 0, lambda call, x, *more, **options: call(x, *more, **options).softmax(-1)),
    )


@nin.mistake("There is no dropout in your net. It stands behind both pools, with p = 0.5.")
def no_dropout(right, images, seed, classes=10, *edits):
    return right(images, seed, classes, *edits, ("dropout", None, lambda call, x, *more, **options: x))


@nin.mistake(
    "Where a 1 × 1 convolution belongs, yours is 3 × 3. The small network works on one pixel at a time, and costs a "
    "ninth."
)
def three_by_three_for_one_by_one(right, images, seed, classes=10, *edits):
    def wide(net):
        from torch import nn

        for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1)):
            conv.weight = nn.Parameter(conv.weight.detach().repeat(1, 1, 3, 3))
            conv.kernel_size, conv.padding = (3, 3), (1, 1)

    return right(images, seed, classes, *edits, ("net", wide))


@nin.mistake("Your first two larger kernels are 3 × 3. They are 5 × 5; only the third is 3 × 3.")
def three_by_three_for_five_by_five(right, images, seed, classes=10, *edits):
    def narrow(net):
        from torch import nn

        for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (5, 5)):
            conv.weight = nn.Parameter(conv.weight.detach()[:, :, 1:4, 1:4])
            conv.kernel_size, conv.padding = (3, 3), (1, 1)

    return right(images, seed, classes, *edits, ("net", narrow))


@network(
    LESSON,
    "(in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool)",
    alone=False,
    examples=[
        # 2·1 + 1; 2·2 + 2 and 2·3·9 + 3; 2·1 + 1 and 1·2·25 + 2; 2·1 + 1
        Example(
            case("worked example", (2, 2, 5, 4), None, 2, 1, 2, 3, 1, 2, 1),
            (
                124,
                {
                    "layer 1": "1 × 5 × 4",
                    "layer 2": "2 × 5 × 4",
                    "layer 3": "1 × 5 × 4",
                    "layer 4": "1 × 5 × 4",
                    "layer 5": "3 × 5 × 4",
                    "layer 6": "2 × 5 × 4",
                },
            ),
        )
    ],
)
def Inception(images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits):
    widths = (in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool)
    return declarations.seen(_inception, widths, images, seed, edits)


@Inception.cases
def _(draw: Draw) -> Iterator[Case]:
    size = draw.size(5, 7), draw.size(6, 8)
    yield case("six widths", (2, 6, *size), draw.int(0, 10**6), 6, 4, 3, 5, 2, 6, 7)
    yield case("one channel in", (2, 1, 6, 5), draw.int(0, 10**6), 1, 3, 2, 4, 3, 2, 2)
    yield case("all of one width", (2, 4, *size), draw.int(0, 10**6), 4, 4, 4, 4, 4, 4, 4)


@Inception.mistake(
    "No ReLU stands between your 1 × 1 reductions and the larger kernels behind them. Every convolution has one; "
    "without it the two are one linear step."
)
def no_relu_after_the_reductions(right, images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits):
    return right(
        images,
        seed,
        in_channels,
        c1,
        c3_reduce,
        c3,
        c5_reduce,
        c5,
        pool,
        *edits,
        ("relu", (1, 3), lambda call, x, *more, **options: x),
    )


@Inception.mistake(
    "No ReLU follows the last convolution of your branches. Every convolution has one, those that are concatenated too."
)
def no_relu_on_what_comes_out(right, images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits):
    return right(
        images,
        seed,
        in_channels,
        c1,
        c3_reduce,
        c3,
        c5_reduce,
        c5,
        pool,
        *edits,
        ("relu", (0, 2, 4, 5), lambda call, x, *more, **options: x),
    )


@Inception.mistake("There is no ReLU in your module. One follows each of the six convolutions.")
def no_relu(right, images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits):
    return right(
        images,
        seed,
        in_channels,
        c1,
        c3_reduce,
        c3,
        c5_reduce,
        c5,
        pool,
        *edits,
        ("relu", None, lambda call, x, *more, **options: x),
    )


@Inception.mistake("No ReLU follows the 1 × 1 convolution of your pool branch. Every convolution has one.")
def no_relu_after_the_projection(right, images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits):
    return right(
        images,
        seed,
        in_channels,
        c1,
        c3_reduce,
        c3,
        c5_reduce,
        c5,
        pool,
        *edits,
        ("relu", 5, lambda call, x, *more, **options: x),
    )


@Inception.mistake(
    "The pool branch has no 1 × 1 convolution behind it. Pooling keeps all channels that come in, so without a "
    "projection each module puts out more than the one before."
)
def pool_branch_without_projection(right, images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits):
    plain = ("conv", 5, lambda call, x, *more: x)
    straight = ("relu", 5, lambda call, x, *more, **options: x)
    return right(images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits, plain, straight)


@Inception.mistake("In your pool branch the 1 × 1 convolution comes before the pooling. Pool first, then project.")
def projection_before_pooling(right, images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits):
    from torch.nn.functional import max_pool2d

    dropped = ("max_pool", 0, lambda call, x, *more, **options: x)
    late = ("relu", 5, lambda call, x, *more, **options: max_pool2d(call(x, *more, **options), 3, 1, 1))
    return right(images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits, dropped, late)


@Inception.mistake("The pool branch of your module takes means. In GoogLeNet it takes the largest of nine values.")
def average_in_the_pool_branch(right, images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits):
    from torch.nn.functional import avg_pool2d

    return right(
        images,
        seed,
        in_channels,
        c1,
        c3_reduce,
        c3,
        c5_reduce,
        c5,
        pool,
        *edits,
        ("max_pool", 0, lambda call, x, *more, **options: avg_pool2d(x, 3, 1, 1)),
    )


@Inception.mistake("Your module puts the pool branch first. The order is 1 × 1, 3 × 3, 5 × 5, pool.")
def pool_branch_first(right, images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits):
    def turned(call, tensors, *more, **options):
        return call([tensors[-1], *tensors[:-1]], *more, **options)

    return right(images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits, ("cat", 0, turned))


@Inception.mistake("Your module puts the 5 × 5 branch before the 3 × 3 branch. The order is 1 × 1, 3 × 3, 5 × 5, pool.")
def five_before_three(right, images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits):
    def turned(call, tensors, *more, **options):
        return call([tensors[0], tensors[2], tensors[1], tensors[3]], *more, **options)

    return right(images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits, ("cat", 0, turned))


@Inception.mistake("Your module puts the 1 × 1 branch last. The order is 1 × 1, 3 × 3, 5 × 5, pool.")
def one_by_one_last(right, images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits):
    def turned(call, tensors, *more, **options):
        return call([*tensors[1:], tensors[0]], *more, **options)

    return right(images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits, ("cat", 0, turned))


@Inception.mistake(
    "The widths of your two reductions are exchanged: c3_reduce is in front of the 3 × 3, c5_reduce in front of the 5 "
    "× 5."
)
def reductions_exchanged(right, images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits):
    return right(images, seed, in_channels, c1, c5_reduce, c3, c3_reduce, c5, pool, *edits)


@Inception.mistake(
    "Your 3 × 3 and 5 × 5 convolutions look at all channels that come in. In front of each a 1 × 1 convolution makes "
    "fewer of them: that is what makes the module affordable."
)
def no_reductions(right, images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits):
    def direct(net):
        from torch import nn

        for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d) and m.kernel_size[0] > 1):
            conv.weight = nn.Parameter(conv.weight.detach()[:, :1].repeat(1, in_channels, 1, 1))
            conv.in_channels = in_channels

    dropped = ("conv", (1, 3), lambda call, x, *more: x)
    straight = ("relu", (1, 3), lambda call, x, *more, **options: x)
    return right(
        images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits, ("net", direct), dropped, straight
    )


@Inception.mistake(
    "Your third branch has a 3 × 3 kernel. It is 5 × 5 with padding 2. (A well-known library has the same slip.)"
)
def three_by_three_for_five_by_five(right, images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits):
    def narrow(net):
        from torch import nn

        for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (5, 5)):
            conv.weight = nn.Parameter(conv.weight.detach()[:, :, 1:4, 1:4])
            conv.kernel_size, conv.padding = (3, 3), (1, 1)

    return right(images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits, ("net", narrow))


@Inception.mistake(
    "Your convolutions have no bias. This module has no batch norm, which would replace it: leave the bias on."
)
def no_bias(right, images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits):
    def unbiased(net):
        from torch import nn

        for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d)):
            conv.bias = None

    return right(images, seed, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool, *edits, ("net", unbiased))


_look_googlenet = Look(_googlenet)


@thinned(
    LESSON,
    _look_googlenet,
    "(classes=1000, aux=False)",
    builds_on=("Inception",),
    examples=[
        Example(case("parameters", (0, 3, 224, 224), None), (6_998_552, {})),
        Example(case("parameters with heads", (0, 3, 224, 224), None, aux=True), (13_378_280, {})),
    ],
)
def GoogLeNet(images, seed, classes=1000, aux=False, *edits):
    return _look_googlenet((classes, aux), images, seed, edits)


@GoogLeNet.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("scores with heads", (2, 3, 224, 224), draw.int(0, 10**6), classes=draw.int(5, 15), aux=True)
    yield case("scores", (2, 3, 96, 96), draw.int(0, 10**6), classes=draw.int(5, 15))


@GoogLeNet.mistake(
    "Your pools between the stages round down: 112 becomes 55. GoogLeNet's round up, and 112 becomes 56: "
    "ceil_mode=True."
)
def pools_round_down(right, images, seed, classes=1000, aux=False, *edits):
    from torch.nn.functional import max_pool2d

    return right(
        images,
        seed,
        classes,
        aux,
        *edits,
        ("max_pool", (0, 1, 4, 10), lambda call, x, *more, **options: max_pool2d(x, 3, 2)),
    )


@GoogLeNet.mistake(
    "Your pools between the stages are padded by 1. The sizes come out the same, but the windows lie one pixel "
    "further up and left: round up instead, ceil_mode=True."
)
def pools_padded(right, images, seed, classes=1000, aux=False, *edits):
    from torch.nn.functional import max_pool2d

    return right(
        images,
        seed,
        classes,
        aux,
        *edits,
        ("max_pool", (0, 1, 4, 10), lambda call, x, *more, **options: max_pool2d(x, 3, 2, 1)),
    )


@GoogLeNet.mistake(
    "The windows of your pools between the stages are 2 × 2. The sizes come out the same, but here they are 3 × 3 "
    "with stride 2: they overlap."
)
def pools_without_overlap(right, images, seed, classes=1000, aux=False, *edits):
    from torch.nn.functional import max_pool2d

    return right(
        images,
        seed,
        classes,
        aux,
        *edits,
        ("max_pool", (0, 1, 4, 10), lambda call, x, *more, **options: max_pool2d(x, 2, 2, ceil_mode=True)),
    )


@GoogLeNet.mistake("Your pools between the stages take means. They take the largest of nine values.")
def average_pooling_between_the_stages(right, images, seed, classes=1000, aux=False, *edits):
    from torch.nn.functional import avg_pool2d

    return right(
        images,
        seed,
        classes,
        aux,
        *edits,
        ("max_pool", (0, 1, 4, 10), lambda call, x, *more, **options: avg_pool2d(x, 3, 2, ceil_mode=True)),
    )


@GoogLeNet.mistake(
    "There is no local response normalization in your net. It follows the first pooling, and the 3 × 3 convolution "
    "with 192 filters."
)
def no_response_norm(right, images, seed, classes=1000, aux=False, *edits):
    return right(images, seed, classes, aux, *edits, ("response_norm", None, lambda call, x, *more, **options: x))


@GoogLeNet.mistake(
    "Your response normalization has alpha 1e-4 divided by 5: nn.LocalResponseNorm takes a mean over the window, "
    "where lesson 07's takes a sum. Give it 5 times the alpha."
)
def alpha_divided_by_the_window(right, images, seed, classes=1000, aux=False, *edits):
    return right(
        images,
        seed,
        classes,
        aux,
        *edits,
        ("response_norm", None, lambda call, x, *more, **options: call(x, 5, 1e-4, 0.75, 2.0)),
    )


@GoogLeNet.mistake(
    "Your response normalization has the library's constants. Its k is 1, and its alpha is divided by the window; "
    "lesson 07 has k = 2, and alpha = 1e-4 times the sum."
)
def response_norm_of_the_library(right, images, seed, classes=1000, aux=False, *edits):
    return right(
        images, seed, classes, aux, *edits, ("response_norm", None, lambda call, x, *more, **options: call(x, 5))
    )


@GoogLeNet.mistake(
    "Your first response normalization comes before the pooling, as in AlexNet. In GoogLeNet it comes after the first "
    "pooling."
)
def first_response_norm_before_pooling(right, images, seed, classes=1000, aux=False, *edits):
    from torch.nn.functional import local_response_norm

    def early(call, x, *more, **options):
        return call(local_response_norm(x, 5, 5e-4, 0.75, 2.0), *more, **options)

    dropped = ("response_norm", 0, lambda call, x, *more, **options: x)
    return right(images, seed, classes, aux, *edits, dropped, ("max_pool", 0, early))


@GoogLeNet.mistake(
    "Your second response normalization comes after the pooling. It comes before it, right behind the 192 filters."
)
def second_response_norm_after_pooling(right, images, seed, classes=1000, aux=False, *edits):
    from torch.nn.functional import local_response_norm

    def late(call, x, *more, **options):
        return local_response_norm(call(x, *more, **options), 5, 5e-4, 0.75, 2.0)

    dropped = ("response_norm", 1, lambda call, x, *more, **options: x)
    return right(images, seed, classes, aux, *edits, dropped, ("max_pool", 1, late))


@GoogLeNet.mistake(
    "The 1 × 1 convolution with 64 filters in front of the 192 is missing. It is the 64 in the column of 3 × 3 "
    "reductions."
)
def no_1x1_before_the_192(right, images, seed, classes=1000, aux=False, *edits):
    def removed(net):
        from torch import nn

        conv = next(m for m in net.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1))
        conv.weight = conv.bias = None
        conv.forward = lambda x: x

    return right(images, seed, classes, aux, *edits, ("net", removed))


@GoogLeNet.mistake(
    "The third branch of your modules has a 3 × 3 kernel. It is 5 × 5 with padding 2. (A well-known library has the "
    "same slip.)"
)
def three_by_three_for_five_by_five(right, images, seed, classes=1000, aux=False, *edits):
    def narrow(net):
        from torch import nn

        for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (5, 5)):
            conv.weight = nn.Parameter(conv.weight.detach()[:, :, 1:4, 1:4])
            conv.kernel_size, conv.padding = (3, 3), (1, 1)

    return right(images, seed, classes, aux, *edits, ("net", narrow))


@GoogLeNet.mistake(
    "There is no dropout in your net. It stands before the linear layer, with p = 0.4, and in the heads with p = 0.7."
)
def no_dropout(right, images, seed, classes=1000, aux=False, *edits):
    return right(images, seed, classes, aux, *edits, ("dropout", None, lambda call, x, *more, **options: x))


@GoogLeNet.mistake(
    "Your dropout keeps what it should drop: 40 % are dropped before the linear layer and 70 % in the heads. That is "
    "nn.Dropout's p."
)
def kept_for_dropped(right, images, seed, classes=1000, aux=False, *edits):
    def rest(call, x, p=0.5, *more, **options):
        return call(x, 1 - p, *more, **options)

    return right(images, seed, classes, aux, *edits, ("dropout", None, rest))


@GoogLeNet.mistake("Your first head stands behind 4b. The heads stand behind 4a and 4d.")
def heads_one_module_late(right, images, seed, classes=1000, aux=False, *edits):
    def late(net):
        if len(net.heads):
            net.parts[0].append(net.parts[1].pop(0))

    return right(images, seed, classes, aux, *edits, ("net", late))


@GoogLeNet.mistake(
    "Your net returns its heads' scores in evaluation mode too. They are there for training: when self.training is "
    "False, return the scores alone."
)
def heads_in_evaluation(right, images, seed, classes=1000, aux=False, *edits):
    def always(net):
        from torch import nn

        class Always(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = net

            def forward(self, x):
                given = []
                for i, part in enumerate(self.net.parts):
                    x = part(x)
                    given += [self.net.heads[i](x)] if i < len(self.net.heads) else []
                return (x, *given) if given else x

        return Always()

    return right(images, seed, classes, aux, *edits, ("net", always))


@GoogLeNet.mistake(
    "Your net returns the heads' scores first. The order is scores, first head, second head, as they count."
)
def heads_before_the_scores(right, images, seed, classes=1000, aux=False, *edits):
    def turned(net):
        from torch import nn

        class Turned(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = net

            def forward(self, x):
                out = self.net(x)
                return (*out[1:], out[0]) if isinstance(out, tuple) else out

        return Turned()

    return right(images, seed, classes, aux, *edits, ("net", turned))


@GoogLeNet.mistake(
    "The argument aux changes nothing: with aux=True your net has no head. While training it returns its scores and "
    "those of the heads."
)
def aux_ignored(right, images, seed, classes=1000, aux=False, *edits):
    return right(images, seed, classes, False, *edits)


@GoogLeNet.mistake(
    "Your heads divide the map into 4 × 4 pieces (AdaptiveAvgPool2d). The sizes come out the same, but the windows "
    "are 5 × 5 with stride 3: they overlap."
)
def heads_pooled_to_four_by_four(right, images, seed, classes=1000, aux=False, *edits):
    from torch.nn.functional import adaptive_avg_pool2d

    return right(
        images,
        seed,
        classes,
        aux,
        *edits,
        ("avg_pool", None, lambda call, x, *more, **options: adaptive_avg_pool2d(x, 4)),
    )


@GoogLeNet.mistake(
    "There is no ReLU between the two linear layers of your heads. In a row they compute no more than one would."
)
def no_relu_between_the_linear_layers_of_the_heads(right, images, seed, classes=1000, aux=False, *edits):
    def straight(call, x, *more, **options):
        return x if x.ndim == 2 else call(x, *more, **options)

    return right(images, seed, classes, aux, *edits, ("relu", None, straight))


@GoogLeNet.mistake(
    "Your net ends in a softmax. A model returns scores: cross entropy takes the logarithm of the softmax itself, and "
    "a second softmax before it makes all gradients small."
)
def softmax_at_the_end(right, images, seed, classes=1000, aux=False, *edits):
    def squashed(call, x, w, *more):
        scores = call(x, w, *more)
        return scores.softmax(-1) if len(w) == classes else scores

    return right(images, seed, classes, aux, *edits, ("linear", None, squashed))


def _counting_padding(call, x, kernel, *more, **options):
    return torch.nn.functional.avg_pool2d(x, 3, 1, 1) if kernel == 3 else call(x, kernel, *more, **options)


# TensorFlow's means leave the padding out, PyTorch's own count it.
_MEANS_TOO = [[("avg_pool", None, _counting_padding)]]


_look_inception_v3 = Look(_inception_v3, layers=False)


@thinned(
    LESSON,
    _look_inception_v3,
    "(classes=1000, aux=True)",
    also=_MEANS_TOO,
    rates={"p = 0.5": "p = 0.2"},  # in other code
    examples=[
        Example(case("parameters", (0, 3, 299, 299), None), (27_161_264, {})),
        Example(case("parameters without head", (0, 3, 299, 299), None, aux=False), (23_834_568, {})),
    ],
)
def InceptionV3(images, seed, classes=1000, aux=True, *edits):
    return _look_inception_v3((classes, aux), images, seed, edits)


@InceptionV3.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("scores", (2, 3, 299, 299), draw.int(0, 10**6), classes=draw.int(5, 15))


@InceptionV3.mistake(
    "Your batch norms have the library's eps, 1e-5. The Inception nets are made with 1e-3: BatchNorm2d(channels, "
    "eps=1e-3)."
)
def eps_of_the_library(right, images, seed, classes=1000, aux=True, *edits):
    def small(net):
        from torch import nn

        for norm in (m for m in net.modules() if isinstance(m, nn.BatchNorm2d)):
            norm.eps = 1e-5

    return right(images, seed, classes, aux, *edits, ("net", small))


@InceptionV3.mistake(
    "Your convolutions have a bias in front of batch norm. Batch norm takes the mean away right after it, so it does "
    "nothing: bias=False."
)
def bias_before_batch_norm(right, images, seed, classes=1000, aux=True, *edits):
    def biased(net):
        from torch import nn

        for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d) and m.bias is None):
            conv.bias = nn.Parameter(conv.weight[:, 0, 0, 0].clone())

    return right(images, seed, classes, aux, *edits, ("net", biased))


@InceptionV3.mistake(
    "Your 1 × 7 and 7 × 1 convolutions stand in the other order. A kernel (1, 7) is one row high and seven columns "
    "wide; the tables say which comes first."
)
def factors_exchanged(right, images, seed, classes=1000, aux=True, *edits):
    def turned(net):
        from torch import nn

        for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d) and 7 in m.kernel_size):
            conv.weight = nn.Parameter(conv.weight.detach().transpose(2, 3))
            conv.kernel_size, conv.padding = conv.kernel_size[::-1], conv.padding[::-1]

    return right(images, seed, classes, aux, *edits, ("net", turned))


@InceptionV3.mistake(
    "No ReLU follows your 1 × 7 and 7 × 1 convolutions. One by one they are layers like every other, each with batch "
    "norm and ReLU."
)
def no_relu_after_the_factors(right, images, seed, classes=1000, aux=True, *edits):
    kernels = []

    def noted(call, x, w, *more):
        kernels.append(w.shape[2:])
        return call(x, w, *more)

    def straight(call, x, *more, **options):
        return x if 7 in kernels[-1] else call(x, *more, **options)

    return right(images, seed, classes, aux, *edits, ("conv", None, noted), ("relu", None, straight))


@InceptionV3.mistake(
    "The pool branch of your modules takes the largest of nine values. That is GoogLeNet's; from Inception-v3 on it "
    "takes their mean."
)
def maximum_in_the_pool_branch(right, images, seed, classes=1000, aux=True, *edits):
    from torch.nn.functional import max_pool2d

    def largest(call, x, kernel, *more, **options):
        return max_pool2d(x, 3, 1, 1) if kernel == 3 else call(x, kernel, *more, **options)

    return right(images, seed, classes, aux, *edits, ("avg_pool", None, largest))


@InceptionV3.mistake(
    "Your modules put the pool branch first. The branches are concatenated as they are listed: the 1 × 1 first, the "
    "pool branch last."
)
def pool_branch_first(right, images, seed, classes=1000, aux=True, *edits):
    def turned(call, tensors, *more, **options):
        return call([tensors[-1], *tensors[:-1]] if len(tensors) == 4 else tensors, *more, **options)

    return right(images, seed, classes, aux, *edits, ("cat", None, turned))


@InceptionV3.mistake(
    "Where the grid becomes smaller, your pooling takes means. There it takes the largest of nine values; means are "
    "for the pool branches of the modules."
)
def average_pooling_in_the_reductions(right, images, seed, classes=1000, aux=True, *edits):
    from torch.nn.functional import avg_pool2d

    return right(
        images, seed, classes, aux, *edits, ("max_pool", (2, 3), lambda call, x, *more, **options: avg_pool2d(x, 3, 2))
    )


@InceptionV3.mistake("There is no dropout in your net. It stands before the linear layer, with p = 0.2.")
def no_dropout(right, images, seed, classes=1000, aux=True, *edits):
    return right(images, seed, classes, aux, *edits, ("dropout", None, lambda call, x, *more, **options: x))


@InceptionV3.mistake("Your head stands one module too early. It stands behind the last module at 17 × 17.")
def head_one_module_early(right, images, seed, classes=1000, aux=True, *edits):
    def early(net):
        if len(net.heads):
            net.parts[1].insert(0, net.parts[0].pop(-1))

    return right(images, seed, classes, aux, *edits, ("net", early))


@InceptionV3.mistake(
    "Your net returns its heads' scores in evaluation mode too. They are there for training: when self.training is "
    "False, return the scores alone."
)
def heads_in_evaluation(right, images, seed, classes=1000, aux=True, *edits):
    def always(net):
        from torch import nn

        class Always(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = net

            def forward(self, x):
                given = []
                for i, part in enumerate(self.net.parts):
                    x = part(x)
                    given += [self.net.heads[i](x)] if i < len(self.net.heads) else []
                return (x, *given) if given else x

        return Always()

    return right(images, seed, classes, aux, *edits, ("net", always))


@InceptionV3.mistake(
    "Your net returns the heads' scores first. The order is scores, first head, second head, as they count."
)
def heads_before_the_scores(right, images, seed, classes=1000, aux=True, *edits):
    def turned(net):
        from torch import nn

        class Turned(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = net

            def forward(self, x):
                out = self.net(x)
                return (*out[1:], out[0]) if isinstance(out, tuple) else out

        return Turned()

    return right(images, seed, classes, aux, *edits, ("net", turned))


@InceptionV3.mistake(
    "The argument aux changes nothing: with aux=True your net has no head. While training it returns its scores and "
    "those of the heads."
)
def aux_ignored(right, images, seed, classes=1000, aux=True, *edits):
    return right(images, seed, classes, False, *edits)


@InceptionV3.mistake(
    "Your net ends in a softmax. A model returns scores: cross entropy takes the logarithm of the softmax itself, and "
    "a second softmax before it makes all gradients small."
)
def softmax_at_the_end(right, images, seed, classes=1000, aux=True, *edits):
    def squashed(call, x, w, *more):
        scores = call(x, w, *more)
        return scores.softmax(-1) if len(w) == classes else scores

    return right(images, seed, classes, aux, *edits, ("linear", None, squashed))


_look_inception_v4 = Look(_inception_v4, layers=False)


@thinned(
    LESSON,
    _look_inception_v4,
    "(classes=1000)",
    also=_MEANS_TOO,
    examples=[Example(case("parameters", (0, 3, 299, 299), None), (42_679_816, {}))],
)
def InceptionV4(images, seed, classes=1000, *edits):
    return _look_inception_v4((classes,), images, seed, edits)


@InceptionV4.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("scores", (2, 3, 139, 143), draw.int(0, 10**6), classes=draw.int(5, 15))


@InceptionV4.mistake(
    "Your batch norms have the library's eps, 1e-5. The Inception nets are made with 1e-3: BatchNorm2d(channels, "
    "eps=1e-3)."
)
def eps_of_the_library(right, images, seed, classes=1000, *edits):
    def small(net):
        from torch import nn

        for norm in (m for m in net.modules() if isinstance(m, nn.BatchNorm2d)):
            norm.eps = 1e-5

    return right(images, seed, classes, *edits, ("net", small))


@InceptionV4.mistake(
    "Your convolutions have a bias in front of batch norm. Batch norm takes the mean away right after it, so it does "
    "nothing: bias=False."
)
def bias_before_batch_norm(right, images, seed, classes=1000, *edits):
    def biased(net):
        from torch import nn

        for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d) and m.bias is None):
            conv.bias = nn.Parameter(conv.weight[:, 0, 0, 0].clone())

    return right(images, seed, classes, *edits, ("net", biased))


@InceptionV4.mistake(
    "Your 1 × 7 and 7 × 1 convolutions stand in the other order. A kernel (1, 7) is one row high and seven columns "
    "wide; the tables say which comes first."
)
def factors_exchanged(right, images, seed, classes=1000, *edits):
    def turned(net):
        from torch import nn

        for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d) and 7 in m.kernel_size):
            conv.weight = nn.Parameter(conv.weight.detach().transpose(2, 3))
            conv.kernel_size, conv.padding = conv.kernel_size[::-1], conv.padding[::-1]

    return right(images, seed, classes, *edits, ("net", turned))


@InceptionV4.mistake(
    "No ReLU follows your 1 × 7 and 7 × 1 convolutions. One by one they are layers like every other, each with batch "
    "norm and ReLU."
)
def no_relu_after_the_factors(right, images, seed, classes=1000, *edits):
    kernels = []

    def noted(call, x, w, *more):
        kernels.append(w.shape[2:])
        return call(x, w, *more)

    def straight(call, x, *more, **options):
        return x if 7 in kernels[-1] else call(x, *more, **options)

    return right(images, seed, classes, *edits, ("conv", None, noted), ("relu", None, straight))


@InceptionV4.mistake(
    "The pool branch of your modules takes the largest of nine values. That is GoogLeNet's; from Inception-v3 on it "
    "takes their mean."
)
def maximum_in_the_pool_branch(right, images, seed, classes=1000, *edits):
    from torch.nn.functional import max_pool2d

    def largest(call, x, kernel, *more, **options):
        return max_pool2d(x, 3, 1, 1) if kernel == 3 else call(x, kernel, *more, **options)

    return right(images, seed, classes, *edits, ("avg_pool", None, largest))


@InceptionV4.mistake(
    "Your modules put the pool branch first. The branches are concatenated as they are listed: the 1 × 1 first, the "
    "pool branch last."
)
def pool_branch_first(right, images, seed, classes=1000, *edits):
    def turned(call, tensors, *more, **options):
        return call([tensors[-1], *tensors[:-1]] if len(tensors) == 4 else tensors, *more, **options)

    return right(images, seed, classes, *edits, ("cat", None, turned))


@InceptionV4.mistake(
    "Side by side, your 3 × 1 convolution comes before your 1 × 3. The 1 × 3 comes first in the concatenation."
)
def fan_exchanged(right, images, seed, classes=1000, *edits):
    def turned(call, tensors, *more, **options):
        return call(tensors[::-1] if len(tensors) == 2 else tensors, *more, **options)

    return right(images, seed, classes, *edits, ("cat", range(3, 99), turned))


@InceptionV4.mistake(
    "In your stem the branches are concatenated in another order. Where the stem is divided first, the pool comes "
    "before the convolution; the last time, the convolution before the pool."
)
def branches_of_the_stem_exchanged(right, images, seed, classes=1000, *edits):
    def turned(call, tensors, *more, **options):
        return call(tensors[::-1], *more, **options)

    return right(images, seed, classes, *edits, ("cat", (0, 2), turned))


@InceptionV4.mistake(
    "Where the grid becomes smaller, your pooling takes means. There it takes the largest of nine values; means are "
    "for the pool branches of the modules."
)
def average_pooling_in_the_reductions(right, images, seed, classes=1000, *edits):
    from torch.nn.functional import avg_pool2d

    return right(
        images, seed, classes, *edits, ("max_pool", (2, 3), lambda call, x, *more, **options: avg_pool2d(x, 3, 2))
    )


@InceptionV4.mistake("There is no dropout in your net. It stands before the linear layer, with p = 0.2.")
def no_dropout(right, images, seed, classes=1000, *edits):
    return right(images, seed, classes, *edits, ("dropout", None, lambda call, x, *more, **options: x))


@InceptionV4.mistake(
    "Your net ends in a softmax. A model returns scores: cross entropy takes the logarithm of the softmax itself, and "
    "a second softmax before it makes all gradients small."
)
def softmax_at_the_end(right, images, seed, classes=1000, *edits):
    def squashed(call, x, w, *more):
        scores = call(x, w, *more)
        return scores.softmax(-1) if len(w) == classes else scores

    return right(images, seed, classes, *edits, ("linear", None, squashed))


_look_inception_resnet_v2 = Look(_inception_resnet_v2, layers=False)


@thinned(
    LESSON,
    _look_inception_resnet_v2,
    "(classes=1000)",
    also=_MEANS_TOO,
    examples=[Example(case("parameters", (0, 3, 299, 299), None), (55_843_464, {}))],
)
def InceptionResNetV2(images, seed, classes=1000, *edits):
    return _look_inception_resnet_v2((classes,), images, seed, edits)


@InceptionResNetV2.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("scores", (2, 3, 139, 143), draw.int(0, 10**6), classes=draw.int(5, 15))


@InceptionResNetV2.mistake(
    "Your blocks add all that their branches make. It is scaled first, by 0.17, 0.10 and 0.20, or training such wide "
    "blocks may break down."
)
def no_scales(right, images, seed, classes=1000, *edits):
    scales = (*[0.17] * 10, *[0.10] * 20, *[0.20] * 9, 1.0)
    changes = [("add", i, lambda call, x, y, s=s: call(x, y / s)) for i, s in enumerate(scales)]
    return right(images, seed, classes, *edits, *changes)


@InceptionResNetV2.mistake(
    "All your blocks have the scale 0.1. It is 0.17 at 35 × 35, 0.10 at 17 × 17, and 0.20 at 8 × 8, but for the last "
    "block."
)
def one_scale_for_all(right, images, seed, classes=1000, *edits):
    scales = (*[0.17] * 10, *[0.10] * 20, *[0.20] * 9, 1.0)
    changes = [("add", i, lambda call, x, y, s=s: call(x, 0.1 / s * y)) for i, s in enumerate(scales[:-1])]
    return right(images, seed, classes, *edits, *changes)


@InceptionResNetV2.mistake("You scale what comes in. It is what the branches make that is scaled; x is added as it is.")
def shortcut_scaled(right, images, seed, classes=1000, *edits):
    scales = (*[0.17] * 10, *[0.10] * 20, *[0.20] * 9, 1.0)
    changes = [("add", i, lambda call, x, y, s=s: call(s * x, y / s)) for i, s in enumerate(scales)]
    return right(images, seed, classes, *edits, *changes)


@InceptionResNetV2.mistake(
    "The last block at 8 × 8 is scaled like the nine before it. It is not scaled: its scale is 1."
)
def last_block_scaled(right, images, seed, classes=1000, *edits):
    return right(images, seed, classes, *edits, ("add", 39, lambda call, x, y: call(x, 0.2 * y)))


@InceptionResNetV2.mistake(
    "A ReLU follows the last block at 8 × 8. There is none: the 1 × 1 convolution to 1536 channels behind it gets "
    "negative numbers too."
)
def relu_on_the_last_block(right, images, seed, classes=1000, *edits):
    return right(images, seed, classes, *edits, ("add", 39, lambda call, *given: call(*given).relu()))


@InceptionResNetV2.mistake(
    "The last block at 8 × 8 is like the nine before it. It has the scale 1 and no ReLU behind it."
)
def last_block_like_the_others(right, images, seed, classes=1000, *edits):
    return right(images, seed, classes, *edits, ("add", 39, lambda call, x, y: call(x, 0.2 * y).relu()))


@InceptionResNetV2.mistake(
    "No ReLU follows your additions. A block's output is bent last; only in the last block it is not."
)
def no_relu_after_the_additions(right, images, seed, classes=1000, *edits):
    added = []

    def noted(call, *given):
        added.append(call(*given))
        return added[-1]

    def straight(call, x, *more, **options):
        return x if added and x is added[-1] else call(x, *more, **options)

    return right(images, seed, classes, *edits, ("add", None, noted), ("relu", None, straight))


@InceptionResNetV2.mistake(
    "In your blocks a ReLU stands before the addition, and none after it. Then a block can only ever add to what "
    "comes in, never take away: add first, bend then."
)
def relu_before_the_additions(right, images, seed, classes=1000, *edits):
    added = []

    def noted(call, x, y):
        added.append(call(x, y.relu() if len(added) % 40 < 39 else y))
        return added[-1]

    def straight(call, x, *more, **options):
        return x if added and x is added[-1] else call(x, *more, **options)

    return right(images, seed, classes, *edits, ("add", None, noted), ("relu", None, straight))


@InceptionResNetV2.mistake(
    "A ReLU follows the 1 × 1 convolutions that lead back to the block's width. They are linear: neither batch norm "
    "nor ReLU, but a bias."
)
def relu_on_the_linear_convolutions(right, images, seed, classes=1000, *edits):
    def bent(call, x, w, b, *more):
        return call(x, w, b, *more) if b is None else call(x, w, b, *more).relu()

    return right(images, seed, classes, *edits, ("conv", None, bent))


@InceptionResNetV2.mistake(
    "The 1 × 1 convolutions that lead back to the block's width have no bias. No batch norm follows them, so they "
    "need one."
)
def linear_convolutions_without_bias(right, images, seed, classes=1000, *edits):
    def unbiased(net):
        from torch import nn

        for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d)):
            conv.bias = None

    return right(images, seed, classes, *edits, ("net", unbiased))


@InceptionResNetV2.mistake(
    "Your net has 5, 10 and 5 blocks, as in the paper's figure. The released net has 10, 20 and 10, the last without "
    "scale and ReLU."
)
def blocks_of_the_figure(right, images, seed, classes=1000, *edits):
    def fewer(net):
        from torch import nn

        blocks = [m for m in net.modules() if hasattr(m, "up")]
        for i in (*range(5, 10), *range(20, 30), *range(34, 39)):
            blocks[i].branches = blocks[i].up = nn.Identity()
            blocks[i].forward = lambda x: x

    return right(images, seed, classes, *edits, ("net", fewer))


@InceptionResNetV2.mistake("What comes in is never added. Each block is x plus the scaled output of its branches.")
def no_shortcuts(right, images, seed, classes=1000, *edits):
    return right(images, seed, classes, *edits, ("add", None, lambda call, x, y: y))


@InceptionResNetV2.mistake(
    "Your batch norms have the library's eps, 1e-5. The Inception nets are made with 1e-3: BatchNorm2d(channels, "
    "eps=1e-3)."
)
def eps_of_the_library(right, images, seed, classes=1000, *edits):
    def small(net):
        from torch import nn

        for norm in (m for m in net.modules() if isinstance(m, nn.BatchNorm2d)):
            norm.eps = 1e-5

    return right(images, seed, classes, *edits, ("net", small))


@InceptionResNetV2.mistake(
    "Your convolutions have a bias in front of batch norm. Batch norm takes the mean away right after it, so it does "
    "nothing: bias=False."
)
def bias_before_batch_norm(right, images, seed, classes=1000, *edits):
    def biased(net):
        from torch import nn

        for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d) and m.bias is None):
            conv.bias = nn.Parameter(conv.weight[:, 0, 0, 0].clone())

    return right(images, seed, classes, *edits, ("net", biased))


@InceptionResNetV2.mistake(
    "Your 1 × 7 and 7 × 1 convolutions stand in the other order. A kernel (1, 7) is one row high and seven columns "
    "wide; the tables say which comes first."
)
def factors_exchanged(right, images, seed, classes=1000, *edits):
    def turned(net):
        from torch import nn

        for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d) and 7 in m.kernel_size):
            conv.weight = nn.Parameter(conv.weight.detach().transpose(2, 3))
            conv.kernel_size, conv.padding = conv.kernel_size[::-1], conv.padding[::-1]

    return right(images, seed, classes, *edits, ("net", turned))


@InceptionResNetV2.mistake("There is no dropout in your net. It stands before the linear layer, with p = 0.2.")
def no_dropout(right, images, seed, classes=1000, *edits):
    return right(images, seed, classes, *edits, ("dropout", None, lambda call, x, *more, **options: x))


@InceptionResNetV2.mistake(
    "Your net ends in a softmax. A model returns scores: cross entropy takes the logarithm of the softmax itself, and "
    "a second softmax before it makes all gradients small."
)
def softmax_at_the_end(right, images, seed, classes=1000, *edits):
    def squashed(call, x, w, *more):
        scores = call(x, w, *more)
        return scores.softmax(-1) if len(w) == classes else scores

    return right(images, seed, classes, *edits, ("linear", None, squashed))


remember(nin, GoogLeNet, InceptionV3, InceptionV4, InceptionResNetV2)
