"""Costs against arithmetic by hand, against the lecture's numbers, and against a real pass."""

import subprocess
import sys
import time

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from course_utils import cost, seed

MEGABYTE = 1e6


class Net(nn.Module):
    """Parts, and a function of the parts and the input."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x):
        return self.function(self, x)


def lenet5():
    """The way a student writes it: functions between few modules."""

    def forward(net, x):
        x = functional.avg_pool2d(torch.tanh(net.c1(x)), 2)
        x = functional.avg_pool2d(torch.tanh(net.c3(x)), 2)
        return net.out(torch.tanh(net.f6(torch.tanh(net.c5(x.flatten(1))))))

    layers = {"c5": nn.Linear(400, 120), "f6": nn.Linear(120, 84), "out": nn.Linear(84, 10)}
    return Net(forward, c1=nn.Conv2d(1, 6, 5), c3=nn.Conv2d(6, 16, 5), **layers)


def alexnet(groups=1):
    def convolution(before, after, kernel, padding, groups=1):
        return nn.Conv2d(before, after, kernel, padding=padding, groups=groups), nn.ReLU()

    return nn.Sequential(
        *(nn.Conv2d(3, 96, 11, stride=4), nn.ReLU(), nn.LocalResponseNorm(5), nn.MaxPool2d(3, 2)),
        *(*convolution(96, 256, 5, 2, groups), nn.LocalResponseNorm(5), nn.MaxPool2d(3, 2)),
        *(*convolution(256, 384, 3, 1), *convolution(384, 384, 3, 1, groups), *convolution(384, 256, 3, 1, groups)),
        *(nn.MaxPool2d(3, 2), nn.Flatten(), nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU()),
        *(nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000)),
    )


def vgg(*blocks):
    layers, channels = [], 3
    for count, width in zip(blocks, (64, 128, 256, 512, 512), strict=True):
        for _ in range(count):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    dense = [nn.Linear(25088, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000)]
    return nn.Sequential(*layers, nn.Flatten(), *dense)


def basic_block(before, channels, stride=1):
    def forward(block, x):
        out = torch.relu(block.bn1(block.conv1(x)))
        return torch.relu(block.bn2(block.conv2(out)) + block.shortcut(x))

    shortcut = nn.Sequential(nn.Conv2d(before, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))
    return Net(
        forward,
        conv1=nn.Conv2d(before, channels, 3, stride, 1, bias=False),
        bn1=nn.BatchNorm2d(channels),
        conv2=nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
        bn2=nn.BatchNorm2d(channels),
        shortcut=shortcut if stride > 1 or before != channels else nn.Identity(),
    )


def resnet18():
    widths = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2)]
    stem = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
    blocks = [basic_block(*width) for width in [*widths, (512, 512, 1)]]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


def inception():
    """A small inception module behind a pool that rounds up, and a dense connection."""

    def forward(net, x):
        x = functional.max_pool2d(x, 3, 2, ceil_mode=True)
        branches = [net.one(x), net.five(torch.relu(net.reduce(x))), net.behind(functional.max_pool2d(x, 3, 1, 1))]
        joined = torch.relu(torch.cat(branches, 1))
        return torch.cat([joined, net.grown(joined)], 1)

    return Net(
        forward,
        one=nn.Conv2d(4, 3, 1),
        reduce=nn.Conv2d(4, 2, 1),
        five=nn.Conv2d(2, 5, 5, padding=2),
        behind=nn.Conv2d(4, 1, 1),
        grown=nn.Conv2d(9, 2, 3, padding=1, dilation=1, groups=1),
    )


def on_meta(make, *arguments):
    with torch.device("meta"):
        return make(*arguments)


def row(counted, name):
    (found,) = [r for r in counted.rows if r.name == name]
    return found


def test_lenet5_has_the_numbers_of_the_lecture():
    counted = cost.count(lenet5(), (1, 32, 32))
    assert counted.parameters == 61_706
    assert counted.multiply_adds == 28 * 28 * 25 * 6 + 100 * 25 * 6 * 16 + 400 * 120 + 120 * 84 + 840
    assert counted.activations == 1024 + 4704 + 1176 + 1600 + 400 + 120 + 84 + 10
    assert [r.name for r in counted.rows] == ["input", "c1", "avg_pool2d", "c3", "avg_pool2d (2)", "c5", "f6", "out"]
    assert [r.shape for r in counted.rows[1:5]] == [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5)]
    assert [r.receptive_field[0] for r in counted.rows] == [1, 5, 6, 14, 16, 32, 32, 32]
    assert row(counted, "c1").kind == "Conv2d, tanh"


@pytest.mark.parametrize(
    ("groups", "parameters", "multiply_adds"), [(1, 62_378_344, 1_135_256_096), (2, 60_965_224, 724_406_816)]
)
def test_alexnet_has_the_numbers_of_the_lecture(groups, parameters, multiply_adds):
    counted = cost.count(on_meta(alexnet, groups), (3, 227, 227))
    assert (counted.parameters, counted.multiply_adds) == (parameters, multiply_adds)
    normalized = 96 * 55 * 55 + 256 * 27 * 27  # the table of lesson 02 has no local response normalization
    assert counted.activations == 936_323 + normalized
    assert row(counted, "17").shape == (4096,)


@pytest.mark.parametrize(
    ("blocks", "parameters"),
    [((1, 1, 2, 2, 2), 132_863_336), ((2, 2, 3, 3, 3), 138_357_544), ((2, 2, 4, 4, 4), 143_667_240)],
    ids="ADE",
)
def test_vgg_has_the_parameters_of_the_paper(blocks, parameters):
    assert cost.count(on_meta(vgg, *blocks), (3, 224, 224)).parameters == parameters


def test_vgg16_has_the_numbers_of_the_lecture():
    counted = cost.count(on_meta(vgg, 2, 2, 3, 3, 3), (3, 224, 224))
    assert counted.activations == 15_237_608
    convolutions = sum(r.multiply_adds for r in counted.rows if "Conv2d" in r.kind)
    assert (convolutions, counted.multiply_adds) == (15_346_630_656, 15_346_630_656 + 123_633_664)
    assert "61 MB an image" in counted.memory
    assert "553 MB" in counted.memory
    assert row(counted, "30").receptive_field == (212, 212)


def test_resnet18_has_the_numbers_of_the_paper():
    counted = cost.count(on_meta(resnet18), (3, 224, 224))
    assert counted.parameters == 11_689_512
    assert counted.multiply_adds == 1_814_073_344  # 1.8 · 10⁹ in the paper's table 1
    assert row(counted, "11.bn2").receptive_field == (435, 435)
    assert row(counted, "6.shortcut.1").kind == "BatchNorm2d, add, relu"


def test_branches_are_followed_to_where_they_meet():
    counted = cost.count(inception(), (4, 12, 12))
    pooled = 6 * 6
    assert row(counted, "max_pool2d").shape == (4, 6, 6)  # (12 − 3) / 2 + 1 rounded up
    assert counted.multiply_adds == pooled * (4 * 3 + 4 * 2 + 25 * 2 * 5 + 4 * 1 + 9 * 9 * 2)
    assert row(counted, "cat").receptive_field == (11, 11)
    assert row(counted, "cat").activations == pooled * 9
    assert row(counted, "cat (2)").receptive_field == (15, 15)


def test_groups_and_dilation():
    net = nn.Sequential(nn.Conv2d(6, 12, 3, groups=3, dilation=2), nn.Conv2d(12, 12, 3, groups=12))
    counted = cost.count(net, (6, 16, 16))
    assert [r.parameters for r in counted.rows] == [0, 12 * 2 * 9 + 12, 12 * 9 + 12]
    assert [r.multiply_adds for r in counted.rows] == [0, 12 * 144 * 2 * 9, 12 * 100 * 9]
    assert [r.receptive_field for r in counted.rows] == [(1, 1), (5, 5), (7, 7)]


def test_a_module_that_is_used_twice_has_its_parameters_once():
    net = Net(lambda net, x: net.same(net.same(x)), same=nn.Conv2d(3, 3, 3, padding=1))
    first, second = cost.count(net, (3, 8, 8)).rows[1:]
    assert (first.name, second.name) == ("same", "same (2)")
    assert (first.parameters, second.parameters) == (84, 0)
    assert first.multiply_adds == second.multiply_adds == 64 * 81


def test_one_weight_in_two_modules_is_counted_once():
    net = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))
    net[1].weight = net[0].weight
    assert cost.count(nn.Sequential(nn.Flatten(), *net), (1, 2, 2)).parameters == 16


def test_weights_without_a_module_count_where_they_are_used():
    net = Net(lambda net, x: functional.conv2d(x, net.filters).flatten(1) @ net.matrix.T)
    net.filters, net.matrix = nn.Parameter(torch.ones(2, 3, 3, 3)), nn.Parameter(torch.ones(5, 72))
    counted = cost.count(net, (3, 8, 8))
    assert [(r.kind, r.parameters, r.multiply_adds) for r in counted.rows[1:]] == [
        ("conv2d", 54, 36 * 54),
        ("matmul", 360, 360),
    ]
    assert counted.rows[-1].receptive_field == (8, 8)


def test_a_module_of_ones_own_without_parts_is_one_layer():
    class Squares(nn.Module):
        def forward(self, x):
            return functional.pad(x**2, (0, 0, 0, 0, 1, 1))[:, 1:-1].cumsum(1)

    counted = cost.count(nn.Sequential(nn.Conv2d(1, 4, 3), Squares()), (1, 5, 5))
    assert [(r.name, r.kind, r.activations) for r in counted.rows[2:]] == [("1", "Squares", 36)]


def test_an_operation_with_2_does_not_stand_for_one_with_2_point_0():
    types = []

    def forward(net, x):
        types.extend((x.long() ** power).dtype for power in (2, 2.0))
        return net.linear(x.flatten(1))

    cost.count(Net(forward, linear=nn.Linear(9, 2)), (1, 3, 3))
    assert types == [torch.int64, torch.float32]


def test_parameters_that_the_pass_does_not_use_have_a_row():
    net = Net(lambda net, x: net.used(x), used=nn.Conv2d(1, 2, 3), head=nn.Linear(3, 4))
    counted = cost.count(net, (1, 5, 5))
    assert (counted.rows[-1].name, counted.rows[-1].parameters) == ("not used", 16)
    assert counted.parameters == 36


def heads():
    def forward(net, x):
        x = net.body(x)
        return (net.out(x.flatten(1)), net.head(x.flatten(1))) if net.training else net.out(x.flatten(1))

    body = nn.Sequential(nn.Conv2d(1, 2, 5), nn.BatchNorm2d(2), nn.ReLU(), nn.Dropout())
    return Net(forward, body=body, out=nn.Linear(2, 3), head=nn.Linear(2, 7))


def test_training_mode_has_the_heads_and_the_masks_of_dropout_and_is_for_one_image():
    evaluation, training = (cost.count(heads(), (1, 5, 5), training=mode) for mode in (False, True))
    assert row(evaluation, "not used").parameters == row(training, "head").parameters == 21
    assert evaluation.parameters == training.parameters
    assert training.multiply_adds - evaluation.multiply_adds == 14
    assert row(training, "body.1").kind == "BatchNorm2d, ReLU, Dropout"
    assert row(training, "body.0").activations == 2
    assert training.cache > evaluation.cache


NETS = {
    "LeNet-5": (lenet5, (1, 32, 32)),
    "inception": (inception, (4, 12, 12)),
    "residual": (lambda: basic_block(3, 8, 2), (3, 12, 12)),
    "heads": (heads, (1, 5, 5)),
    "one dimension": (lambda: nn.Sequential(nn.Conv1d(2, 4, 5, 2), nn.ReLU(), nn.MaxPool1d(2)), (2, 40)),
    "three dimensions": (lambda: nn.Sequential(nn.Conv3d(2, 4, 3), nn.ELU(), nn.AvgPool3d(2)), (2, 8, 8, 8)),
    "up": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.ConvTranspose2d(4, 2, 4, 2, 1, groups=2)), (3, 12, 12)),
    "LRN, PReLU": (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.LocalResponseNorm(5), nn.PReLU()), (3, 8, 8)),
    "in place": (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2)), (3, 8, 8)),
}


@pytest.mark.parametrize(("make", "shape"), NETS.values(), ids=NETS)
@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_a_real_pass_costs_the_same(make, shape, training):
    """Real numbers through the real model: PyTorch's own count of operations, and the bytes that autograd keeps."""
    seed.seed_everything(0)
    model = make().train(training)
    batch = 2 if training else 1
    owned = {t.untyped_storage().data_ptr() for t in [*model.parameters(), *model.buffers()]}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in owned:
            kept[storage.data_ptr()] = tensor, storage.nbytes()
        return tensor

    with FlopCounterMode(display=False) as operations, saved_tensors_hooks(keep, lambda tensor: tensor):
        model(torch.rand(batch, *shape))
    counted = cost.count(model, shape, training=training)
    # In evaluation mode the CPU keeps no statistics for batch norm, other devices keep two numbers a channel.
    slack = len(counted.rows) + sum(8 * m.num_features for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    assert counted.multiply_adds == operations.get_total_flops() // 2 // batch
    assert counted.cache == pytest.approx(sum(nbytes for _, nbytes in kept.values()) / batch, abs=slack)
    assert counted.parameters == sum(p.numel() for p in model.parameters())


def test_the_model_is_left_as_it_was_wherever_it_is_and_whatever_it_holds():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout())
    model[1].eval()
    seen, before = [], {name: value.clone() for name, value in model.state_dict().items()}
    model[0].register_forward_hook(lambda *_: seen.append(1))
    state, modes = torch.get_rng_state(), [m.training for m in model.modules()]
    cost.count(model, (3, 9, 9), training=True)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [m.training for m in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)
    assert (seen, len(model[0]._forward_hooks), model[2]._forward_hooks) == ([], 1, {})
    assert all(p.grad is None and p.device.type == "cpu" for p in model.parameters())
    assert model(torch.rand(2, 3, 9, 9)).device.type == "cpu"  # no mode is left behind


def test_what_the_code_brings_along_does_no_harm():
    constant = torch.rand(3, 1, 1)
    net = Net(lambda net, x: net.conv((x - constant) / net.spread + torch.zeros(3, 8, 8)), conv=nn.Conv2d(3, 2, 3))
    net.spread, net.generator = torch.ones(3, 1, 1), torch.Generator()
    counted = cost.count(net, (3, 8, 8))
    assert [r.name for r in counted.rows] == ["input", "conv"]
    assert counted.rows[0].kind == "sub, div, add"


def test_weight_norm_keeps_working():
    net = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 8, 3)))
    assert cost.count(net, (3, 8, 8)).parameters == 8 * 27 + 8 + 8


def test_half_precision_takes_half_the_memory():
    one, half = (cost.count(lenet5().to(kind), (1, 32, 32)) for kind in (torch.float32, torch.float16))
    assert half.bytes_a_number == 2
    assert half.cache == one.cache // 2


def test_groups_of_rows_keep_the_totals():
    counted = cost.count(on_meta(resnet18), (3, 224, 224))
    grouped = counted.grouped(1)
    assert [r.name for r in grouped.rows][:4] == ["input", "0", "1", "3"]
    for total in ("activations", "parameters", "multiply_adds", "cache"):
        assert getattr(grouped, total) == getattr(counted, total)
    block = row(grouped, "6")
    assert (block.shape, block.kind) == ((128, 28, 28), "6 layers")
    with pytest.raises(ValueError, match="at least 1, got 0"):
        counted.grouped(0)


def test_errors_of_the_model_name_the_layer():
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(10, 10))
    with pytest.raises(RuntimeError) as caught:
        cost.count(net, (3, 16, 16))
    assert "in 2 (Linear), for an input of shape (1, 3, 16, 16)" in caught.value.__notes__[0]
    looks = Net(lambda net, x: x * x.mean().item())
    with pytest.raises(RuntimeError) as caught:
        cost.count(looks, (3, 16, 16))
    assert "traced without numbers" in caught.value.__notes__[0]


@pytest.mark.parametrize("shape", [(3,), (1, 1, 3, 32, 32), (3, 0, 32), (3.0, 32, 32)])
def test_a_shape_that_is_none_is_refused(shape):
    with pytest.raises(ValueError, match="expected the shape of one image such as"):
        cost.count(lenet5(), shape)


def test_lazy_layers_are_refused():
    with pytest.raises(ValueError, match="pass one image through"):
        cost.count(nn.Sequential(nn.LazyConv2d(4, 3)), (3, 8, 8))


def test_text_and_html_say_the_same():
    counted = cost.count(lenet5(), (1, 32, 32))
    text, page = str(counted), counted._repr_html_()
    lines = text.splitlines()
    assert lines[0].split() == [
        "layer",
        "kind",
        "output",
        "activations",
        "parameters",
        "multiply-adds",
        "cache",
        "(kB)",
        "sees",
    ]
    (line,) = [line for line in lines if line.startswith("c3")]
    assert line.split() == [
        "c3",
        "Conv2d,",
        "tanh",
        "16",
        "×",
        "10",
        "×",
        "10",
        "1,600",
        "2,416",
        "240,000",
        "11.10",
        "14",
    ]
    (total,) = [line for line in lines if line.startswith("total")]
    kept = 1024 + 4704 + 1176 + 1600 + 400 + 120 + 84  # the input, what tanh and the pools put out
    assert counted.cache == 4 * kept
    assert total.split() == ["total", "9,118", "61,706", "416,520", "36.43"]
    assert "parameters 247 kB, activations 36.5 kB an image" in text
    for cell in ("16 × 10 × 10", "2,416", "240,000", "61,706"):
        assert f">{cell}<" in page
    assert page.count("<tr>") == len(counted.rows) + 2
    assert "linear-gradient(to left,#4c72b055 100%" in page


def test_names_cannot_break_the_html():
    class Tag(nn.Conv2d):
        pass

    Tag.__name__ = "<b>"
    assert "<b>" not in cost.count(nn.Sequential(Tag(1, 1, 1)), (1, 2, 2))._repr_html_()


def test_the_chart_has_two_bars_a_layer():
    counted = cost.count(lenet5(), (1, 32, 32))
    counted.chart("LeNet-5.")
    left, right = plt.gcf().axes
    assert [bar.get_width() for bar in left.patches] == pytest.approx([4e-3 * r.activations for r in counted.rows])
    assert [bar.get_width() for bar in right.patches] == pytest.approx([4e-3 * r.parameters for r in counted.rows])
    assert [t.get_text() for t in left.get_yticklabels()] == [r.name for r in counted.rows]
    assert left.get_xlabel() == "memory of activations (kB an image)"
    assert left.xaxis_inverted()
    plt.close("all")
    counted.chart(left="multiply_adds", right="cache")
    assert "multiply-adds" in plt.gcf().axes[0].get_xlabel()
    assert len(plt.gcf().axes[0].patches) < len(counted.rows)  # the input costs neither
    plt.close("all")
    with pytest.raises(ValueError, match="got 'beauty'"):
        counted.chart(left="beauty")
    assert not plt.get_fignums()


def test_vgg19_takes_well_under_a_second():
    model = on_meta(vgg, 2, 2, 4, 4, 4)
    cost.count(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), (3, 8, 8))  # PyTorch imports its compiler
    times = []
    for _ in range(3):
        start = time.perf_counter()
        cost.count(model, (3, 224, 224))
        times.append(time.perf_counter() - start)
    assert min(times) < 0.5


CODE = """
import resource, torch
from torch import nn
from course_utils import cost
from tests.course_utils.test_cost import on_meta, vgg
cost.count(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Linear(3, 3)), (3, 8, 8))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(cost.count(on_meta(vgg, 2, 2, 4, 4, 4), (3, 224, 224)).parameters)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_vgg19_takes_no_memory():
    """Its parameters alone would be 575 MB."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    parameters, grown = map(int, done.stdout.split())
    unit = 1 if sys.platform == "darwin" else 1024
    assert parameters == 143_667_240
    assert grown * unit < 20 * MEGABYTE


def test_the_receptive_field_is_that_of_lesson_02():
    """r grows by (kernel − 1) · dilation · the product of the strides before."""
    layers = [(7, 2, 1), (3, 2, 1), (3, 1, 2), (5, 1, 1), (2, 2, 1)]
    net = nn.Sequential(*(nn.Conv2d(1, 1, kernel, stride, dilation=dilation) for kernel, stride, dilation in layers))
    expected, step = 1, 1
    for kernel, stride, dilation in layers:
        expected += (kernel - 1) * dilation * step
        step *= stride
    assert cost.count(net, (1, 200, 200)).rows[-1].receptive_field == (expected, expected)


def test_activations_are_the_real_sizes():
    model, sizes = inception(), []
    for module in (model.one, model.reduce, model.five, model.behind, model.grown):
        module.register_forward_hook(lambda _m, _x, out: sizes.append(out.numel()))
    model(torch.rand(1, 4, 12, 12))
    counted = cost.count(model, (4, 12, 12))
    found = [row(counted, name).activations for name in ("one", "reduce", "five", "behind", "grown")]
    assert found == np.array(sizes).tolist()
