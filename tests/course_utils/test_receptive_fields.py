"""Receptive fields by rule are those that gradients show, unit by unit, in nets of any shape."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from course_utils.receptive_fields import of_image, sizes
from course_utils.tracing import trace

SIZE = 57
EDGE = 10


class Branches(nn.Module):
    """Several paths over the same input, concatenated or, with an equal number of channels, added."""

    def __init__(self, paths, add):
        super().__init__()
        self.paths, self.add = nn.ModuleList(paths), add

    def forward(self, x):
        results = [path(x) for path in self.paths]
        return sum(results) if self.add else torch.cat(results, 1).sum(1, keepdim=True)


class Everything(nn.Module):
    """A function as a net; what follows it makes a layer even of a mere view."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x) * 1.0


def positive(net):
    """Every weight is 1, so that no path cancels another."""
    for parameter in net.parameters():
        nn.init.ones_(parameter)
    return net.double()


def field_by_gradient(net, size=SIZE):
    """For each output position on the diagonal: the first and last pixel with a gradient, rows."""
    image = torch.full((1, 1, size, size), 1.1, dtype=torch.float64, requires_grad=True)
    out = net(image)
    found = []
    for i in range(out.shape[2]):
        (gradient,) = torch.autograd.grad(out[0, 0, i].sum(), image, retain_graph=True)
        rows = gradient.abs().sum((0, 1, 3)).nonzero().ravel()
        found.append((int(rows.min()), int(rows.max())) if len(rows) else None)
    return found


def field_by_rule(net, size=SIZE):
    rows = trace(net, (1, 1, size, size), training=False)[-1].field[0]
    return list(zip(rows.first, rows.last, strict=True))


@st.composite
def a_step(draw):
    kind = draw(st.sampled_from(["convolution", "pool", "ceil pool", "transposed", "nearest", "skip", "branches"]))
    kernel, stride = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    if kind == "convolution":
        return nn.Conv2d(1, 1, kernel, stride, draw(st.integers(0, 2)), dilation=draw(st.integers(1, 2)), bias=False)
    if kind == "pool":
        return nn.AvgPool2d(kernel, stride, padding=draw(st.integers(0, kernel // 2)))
    if kind == "ceil pool":
        return nn.AvgPool2d(kernel, stride, ceil_mode=True)
    if kind == "transposed":
        return nn.ConvTranspose2d(1, 1, kernel, stride, padding=draw(st.integers(0, kernel - 1)), bias=False)
    if kind == "nearest":
        return nn.Upsample(scale_factor=draw(st.integers(1, 2)))
    if kind == "skip":
        odd = draw(st.sampled_from([1, 3, 5]))
        return Branches([nn.Identity(), nn.Conv2d(1, 1, odd, padding=odd // 2, bias=False)], add=True)
    odds = [draw(st.sampled_from([1, 3, 5])) for _ in range(2)]
    return Branches([nn.Conv2d(1, 1, odd, padding=odd // 2, bias=False) for odd in odds], add=draw(st.booleans()))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.lists(a_step(), min_size=1, max_size=4))
def test_every_unit_inside_the_image_sees_what_its_gradient_shows(steps):
    net = positive(nn.Sequential(*steps))
    try:
        with torch.no_grad():
            net(torch.ones(1, 1, SIZE, SIZE, dtype=torch.float64))
    except RuntimeError:
        return  # a kernel that does not fit
    for ruled, shown in zip(field_by_rule(net), field_by_gradient(net), strict=True):
        if shown is None or ruled[0] < EDGE or ruled[1] > SIZE - 1 - EDGE:
            continue  # near the edge, padding stands for pixels, also for those that a stride has dropped
        assert ruled == shown


FUNCTIONS = {
    "slice": lambda x: x[:, :, 3:50:2, ::3],
    "from the end": lambda x: x[..., -20:, 5:],
    "pad": lambda x: functional.avg_pool2d(functional.pad(x, (1, 2, 3, 4)), 5, 2),
    "flip": lambda x: functional.avg_pool2d(x.flip(2), 3, 2),
    "transpose": lambda x: functional.avg_pool2d(functional.avg_pool2d(x, 3, 2).transpose(2, 3), 2).transpose(2, 3),
    "permute": lambda x: functional.avg_pool2d(x, 3, 2).permute(0, 2, 3, 1).permute(0, 3, 1, 2),
    "bilinear": lambda x: functional.interpolate(x, scale_factor=2, mode="bilinear")[:, :, 2:-2],
    "adaptive pool": lambda x: functional.adaptive_avg_pool2d(x, 7),
    "global pool": lambda x: functional.adaptive_avg_pool2d(x, 1),
    "mean of rows": lambda x: x.mean(2, keepdim=True),
    "gate": lambda x: functional.avg_pool2d(x, 3) * x.mean((2, 3), keepdim=True),
    "channels in groups": lambda x: functional.avg_pool2d(x.view(1, 1, 1, SIZE, SIZE).transpose(1, 2).flatten(1, 2), 3),
    "stack and sum": lambda x: torch.stack([x, functional.avg_pool2d(x, 3, 1, 1)]).sum(0)[:, :, 1:-1],
    "unsqueeze": lambda x: functional.avg_pool3d(x.unsqueeze(2), (1, 3, 3)).squeeze(2),
    "a window over the flipped": lambda x: functional.max_pool2d(x.flip(2) + x.flip(2).flip(2), 1)[:, :, ::4],
    "softmax of channels": lambda x: functional.avg_pool2d(torch.cat([x, x * x], 1).softmax(1)[:, 1:], 2),
    "clone, type, in place": lambda x: functional.avg_pool2d(x.clone().add_(1).double().mul_(2), 3),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_functions_see_what_their_gradient_shows(function):
    net = Everything(function)
    shown = field_by_gradient(net)
    assert [(max(int(first), 0), min(int(last), SIZE - 1)) for first, last in field_by_rule(net)] == shown


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([nn.Flatten(), nn.Linear(SIZE * SIZE, 3)], SIZE),
        ([nn.Conv2d(1, 2, 5, 2), nn.Flatten(), nn.ReLU(), nn.Linear(2 * 27 * 27, 3), nn.ReLU(), nn.Linear(3, 2)], SIZE),
        ([nn.Conv2d(1, 2, 5, 2), nn.Flatten()], 5),
        ([nn.Conv2d(1, 2, 5, 2), nn.Flatten(), nn.Dropout(), nn.ReLU()], 5),
        ([nn.AdaptiveMaxPool2d(1), nn.Conv2d(1, 2, 1)], SIZE),
        ([nn.BatchNorm2d(1), nn.Conv2d(1, 2, 3), nn.GroupNorm(1, 2), nn.LayerNorm((55, 55))], 3),
        ([nn.Conv2d(1, 2, 3, padding=1), nn.LocalResponseNorm(5)], 3),
        ([nn.Softmax(2)], SIZE),
    ],
)
def test_layers_that_mix_positions(layers, expected):
    assert sizes(trace(nn.Sequential(*layers), (1, 1, SIZE, SIZE), training=False)[-1].field)[0] == expected


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.cumsum(2),
        lambda x: x.roll(1, 2),
        lambda x: x[:, :, :40].reshape(1, 4, 10, SIZE),
        lambda x: functional.unfold(x, 3),
        lambda x: functional.conv2d(torch.ones(1, 1, 60, 60), x),
        lambda x: x.sort(2)[0],
        lambda x: torch.cat([x, x], 2),
        lambda x: functional.avg_pool2d(x.roll(1, 2), 2),
    ],
)
def test_what_no_rule_covers_is_unknown_and_stays_so(function):
    assert trace(Everything(function), (1, 1, SIZE, SIZE), training=False)[-1].field is None


def test_sizes_of_the_image_and_of_a_rectangle():
    assert sizes(of_image((5, 7))) == (1, 1)
    net = nn.Sequential(nn.Conv2d(3, 4, (3, 5), stride=(1, 2)), nn.MaxPool2d((2, 3)))
    assert sizes(trace(net, (1, 3, 20, 30), training=False)[-1].field) == (4, 9)
    assert sizes(None) is None


def test_pixels_beyond_the_edge_are_counted():
    """The corner unit of two 3 × 3 convolutions with padding starts two pixels outside."""
    net = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1))
    axis = trace(net, (1, 1, 8, 8), training=False)[-1].field[0]
    np.testing.assert_array_equal(axis.first, np.arange(8) - 2)
    np.testing.assert_array_equal(axis.last, np.arange(8) + 2)
