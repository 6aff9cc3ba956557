"""Lesson 09: right answers in several styles, wrong ones as students write them, both also in the sandbox."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from course_utils import exercises, probe
from course_utils.check import CheckFailed, check
from course_utils.exercises import resnet
from tests.autograde.conftest import needs_isolation
from tests.course_utils.exercises import answering
from tests.course_utils.exercises.answers import resnet as answers

EXERCISES = {e.name: e for e in answering.declared(resnet)}
NETS = ("resnet", "cifar_resnet", "densenet")
MISTAKES = [  # every third, and of a net, whose check takes a second, the first: autograde verify sees all
    pytest.param(e, m, id=f"{e.name}-{m.name}")
    for e in EXERCISES.values()
    for m in (e.mistakes[:1] if e.name in NETS else e.mistakes[::3])
]
COUNTS = {
    "resnet": {18: 11_689_512, 34: 21_797_672, 50: 25_557_032, 101: 44_549_160, 152: 60_192_808},
    "cifar_resnet": {20: 269_722, 32: 464_154, 44: 658_586, 56: 853_018, 110: 1_727_962},
    "densenet": {121: 7_978_856, 161: 28_681_000, 169: 14_149_480, 201: 20_013_928},
}


def test_every_exercise_of_the_curriculum_is_there():
    functions = ["gradient_norms", "filter_normalized_direction", "loss_surface"]
    assert list(EXERCISES) == ["BasicBlock", "Bottleneck", *NETS, *functions]
    assert [e.name for e in exercises.lesson("09_resnet")] == list(EXERCISES)


@pytest.mark.parametrize("name", NETS)
def test_every_net_has_the_parameters_of_its_paper(name):
    for depth, expected in COUNTS[name].items():
        assert probe.look(getattr(answers, name), (depth,), {}, (0, 3, 32, 32)) == (expected, {})
        assert EXERCISES[name].oracle((0, 3, 32, 32), None, depth) == (expected, {})
    if name == "cifar_resnet":  # the plain nets have as many
        assert [probe.look(answers.cifar_resnet, (d, False), {}, (0, 3, 8, 8))[0] for d in COUNTS[name]] == list(
            COUNTS[name].values()
        )


def test_a_net_that_learns_its_sizes_in_a_pass_is_counted_too():
    def lazy():
        return nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(2))

    assert probe.look(lazy, (), {}, (0, 3, 5, 5)) == (3 * 4 * 9 + 4 + 36 * 2 + 2, {})


@pytest.mark.parametrize("name", EXERCISES)
def test_notebook_style_answers_pass(name):
    assert answering.passes(EXERCISES[name], getattr(answers, name))


@pytest.mark.parametrize(("exercise", "mistake"), MISTAKES)
def test_mistakes_written_behind_an_answer_are_named(exercise, mistake):
    answer = answering.written(answers, exercise, mistake)
    assert answering.named(exercise, answer) == (mistake.name,)


# Right in other styles


class ShortcutFirst(nn.Module):
    """The shortcut is made and used first; module lists; an addition in place; a bias of no use left out."""

    def __init__(self, in_channels, channels, stride=1):
        super().__init__()
        self.skip = nn.ModuleList()
        if (stride, in_channels) != (1, channels):
            self.skip.append(nn.Conv2d(in_channels, channels, kernel_size=1, stride=stride, bias=False))
            self.skip.append(nn.BatchNorm2d(channels))
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels, momentum=0.01) for _ in range(2))
        sizes = [(channels, channels, 1), (in_channels, channels, stride)]
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, s, padding=1, bias=False) for i, o, s in sizes)

    def forward(self, x):
        y = x
        for layer in self.skip:
            y = layer(y)
        x = self.norms[0](self.convs[1](x)).relu_()
        y = y + self.norms[1](self.convs[0](x))
        return torch.clamp(y, min=0)


class ByHand(nn.Module):
    """Batch norm written out, parameters in a dict, padding put around by hand."""

    def __init__(self, in_channels, channels, stride=1):
        super().__init__()
        self.stride = stride
        shapes = {"a": (channels, in_channels, 3, 3), "b": (channels, channels, 3, 3)}
        if stride != 1 or in_channels != channels:
            shapes["c"] = (channels, in_channels, 1, 1)
        self.weights = nn.ParameterDict({k: nn.Parameter(torch.randn(s)) for k, s in reversed(shapes.items())})
        self.scales = nn.ParameterDict({k: nn.Parameter(torch.ones(channels)) for k in shapes})
        self.shifts = nn.ParameterDict({k: nn.Parameter(torch.zeros(channels)) for k in reversed(shapes)})
        for k in shapes:
            self.register_buffer(f"average_{k}", torch.zeros(channels))
            self.register_buffer(f"spread_{k}", torch.ones(channels))

    def norm(self, x, k):
        average, spread = getattr(self, f"average_{k}"), getattr(self, f"spread_{k}")
        mean, variance = average, spread
        if self.training:
            variance, mean = torch.var_mean(x, (0, 2, 3), correction=0)
            count = x.numel() / len(mean)
            with torch.no_grad():
                average.lerp_(mean, 0.1)
                spread.lerp_(variance * count / (count - 1), 0.1)
        scale = self.scales[k] * (variance + 1e-5).rsqrt()
        return x * scale[:, None, None] + (self.shifts[k] - mean * scale)[:, None, None]

    def forward(self, x):
        skip = self.norm(functional.conv2d(x, self.weights["c"], stride=self.stride), "c") if "c" in self.weights else x
        x = functional.conv2d(functional.pad(x, (1, 1, 1, 1)), self.weights["a"], stride=self.stride)
        x = functional.conv2d(functional.relu(self.norm(x, "a")), self.weights["b"], padding=1)
        return torch.stack([skip, self.norm(x, "b")]).sum(0).relu()


@pytest.mark.parametrize("answer", [ShortcutFirst, ByHand])
def test_basic_block_in_other_styles(answer):
    assert answering.passes(resnet.BasicBlock, answer)


class Loop(nn.Module):
    expansion = 4

    def __init__(self, in_channels, channels, stride=1):
        super().__init__()
        widths = [in_channels, channels, channels, channels * self.expansion]
        self.downsample = None
        if stride > 1 or widths[0] != widths[-1]:
            self.downsample = nn.Sequential(nn.LazyConv2d(widths[-1], 1, stride, bias=False), nn.LazyBatchNorm2d())
        for i, kernel in enumerate((1, 3, 1)):
            conv = nn.Conv2d(widths[i], widths[i + 1], kernel, (1, stride, 1)[i], kernel // 2, bias=False)
            self.add_module(f"conv{i}", conv)
            self.add_module(f"bn{i}", nn.BatchNorm2d(widths[i + 1]))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = x
        for i in range(3):
            out = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(out))
            if i < 2:
                out = self.relu(out)
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


def test_bottleneck_in_other_styles():
    assert answering.passes(resnet.Bottleneck, Loop)


class Named(nn.Module):
    """A net with stages by name, fixed pooling for 224 × 224, and its layers made in the order of the alphabet."""

    def __init__(self, depth, classes=1000):
        super().__init__()
        counts = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3]}[depth]
        block, times = (ShortcutFirst, 1) if depth < 50 else (answers.Bottleneck, 4)
        self.fc = nn.Linear(512 * times, classes)
        for k in (3, 2, 1, 0):
            width = 64 * 2**k
            first = block(times * width // 2 if k else 64, width, 2 if k else 1)
            rest = [block(width * times, width) for _ in range(counts[k] - 1)]
            setattr(self, f"layer{k}", nn.Sequential(first, *rest))
        self.bn1, self.conv1 = nn.BatchNorm2d(64), nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)

    def forward(self, x):
        x = functional.max_pool2d(self.bn1(self.conv1(x)).relu(), kernel_size=3, stride=2, padding=1)
        for k in range(4):
            x = getattr(self, f"layer{k}")(x)
        return self.fc(functional.avg_pool2d(x, 7).view(len(x), -1))


def test_resnet_in_other_styles():
    assert answering.passes(resnet.resnet, Named)


class Lambda(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Shortcut(nn.Module):
    def __init__(self, i, o, stride, residual):
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU()),
            *(nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)),
        )
        self.pool, self.residual = nn.MaxPool2d(1, stride), residual

    def forward(self, x):
        y = self.layers(x)
        if self.residual:
            old = self.pool(x)
            zeros = old.new_zeros(len(x), y.shape[1] - old.shape[1], *old.shape[2:])
            y = torch.cat((old, zeros), 1) + y
        return y.relu()


def with_concatenated_zeros(depth, residual=True):
    count, net = (depth - 2) // 6, [nn.Conv2d(3, 16, 3, padding="same", bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    for stage, (i, o) in enumerate([(16, 16), (16, 32), (32, 64)]):
        net += [Shortcut(i if k == 0 else o, o, 2 if stage and k == 0 else 1, residual) for k in range(count)]
    return nn.Sequential(*net, Lambda(lambda x: functional.avg_pool2d(x, x.size(3)).flatten(1)), nn.Linear(64, 10))


def test_cifar_resnet_in_other_styles():
    assert answering.passes(resnet.cifar_resnet, with_concatenated_zeros)


class ListOfFeatures(nn.Module):
    """A block keeps a list, and every layer concatenates all of it."""

    def __init__(self, width, growth, count):
        super().__init__()
        sizes = [width + i * growth for i in range(count)]
        self.squeeze = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(n), nn.ReLU(), nn.Conv2d(n, 4 * growth, 1, bias=False)) for n in sizes
        )
        self.grow = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(4 * growth), nn.ReLU(), nn.Conv2d(4 * growth, growth, 3, 1, 1, bias=False))
            for _ in sizes
        )

    def forward(self, x):
        features = [x]
        for squeeze, grow in zip(self.squeeze, self.grow, strict=True):
            features.append(grow(squeeze(torch.cat(features, 1))))
        return torch.cat(features, 1)


def dense_with_lists(depth, classes=1000):
    blocks = {121: (6, 12, 24, 16), 161: (6, 12, 36, 24), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}[depth]
    growth = {161: 48}.get(depth, 32)
    width = 2 * growth
    net = nn.Sequential(nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU())
    net.append(nn.MaxPool2d(3, 2, 1))
    for i, count in enumerate(blocks):
        net.append(ListOfFeatures(width, growth, count))
        width += count * growth
        if i < 3:
            net.extend([nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width // 2, 1, bias=False), nn.AvgPool2d(2)])
            width //= 2
    last = nn.Linear(width, classes)
    return net.extend([nn.BatchNorm2d(width), nn.ReLU(), Lambda(lambda x: x.mean((2, 3))), last])


def test_densenet_in_other_styles():
    assert answering.passes(resnet.densenet, dense_with_lists)


def norms_by_backward(model, images, labels):
    before = [p.grad for p in model.parameters()]
    for p in model.parameters():
        p.grad = None
    functional.cross_entropy(model(images), labels).backward()
    norms = {name: torch.linalg.vector_norm(p.grad) for name, p in model.named_parameters()}
    for p, grad in zip(model.parameters(), before, strict=True):
        p.grad = grad
    return norms


def norms_by_zero_grad(model, images, labels):
    """It clears what was there: nothing is left behind."""
    model.zero_grad()
    functional.cross_entropy(model(images), labels).backward()
    norms = {name: float((p.grad**2).sum().sqrt()) for name, p in model.named_parameters()}
    model.zero_grad(set_to_none=False)
    return norms


@pytest.mark.parametrize("answer", [norms_by_backward, norms_by_zero_grad])
def test_gradient_norms_in_other_styles(answer):
    assert answering.passes(resnet.gradient_norms, answer)


def direction_without_loops(model, generator):
    made = []
    for p in model.parameters():
        d = torch.empty_like(p, requires_grad=False).normal_(generator=generator)
        if p.ndim <= 1:
            d.zero_()
        else:
            of = {"dim": tuple(range(1, p.ndim)), "keepdim": True}
            d = d / torch.linalg.vector_norm(d, **of) * torch.linalg.vector_norm(p.data, **of)
        made.append(d)
    return tuple(made)


def test_direction_in_other_styles():
    assert answering.passes(resnet.filter_normalized_direction, direction_without_loops)


def surface_by_state_dict(model, images, labels, directions, grid):
    state = {name: value.clone() for name, value in model.state_dict().items()}
    was = model.training
    model.eval()
    rows = []
    for a in grid:
        row = []
        for b in grid:
            with torch.no_grad():
                for p, name, d, e in zip(model.parameters(), dict(model.named_parameters()), *directions, strict=True):
                    p.data = state[name] + a * d + b * e
                row.append(functional.cross_entropy(model(images), labels).item())
        rows.append(row)
    model.load_state_dict(state)
    model.train(was)
    return np.array(rows)


def test_surface_in_other_styles():
    assert answering.passes(resnet.loss_surface, surface_by_state_dict)


# Wrong, as students write it


class Wrong(nn.Module):
    """A basic block with one thing that can be another in each place."""

    relus, added, strides, norm, bias = (True, True), True, None, True, False

    def __init__(self, in_channels, channels, stride=1):
        super().__init__()
        first, second = (1, stride) if self.strides == "second" else (stride, 1)
        self.conv1 = nn.Conv2d(in_channels, channels, 3, first, 1, bias=self.bias)
        self.conv2 = nn.Conv2d(channels, channels, 3, second, 1, bias=self.bias)
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.down = nn.Identity()
        if stride != 1 or in_channels != channels:
            conv = nn.Conv2d(in_channels, channels, 1, stride, bias=self.bias)
            self.down = nn.Sequential(conv, nn.BatchNorm2d(channels)) if self.norm else conv
        if not self.added:
            self.down = nn.Identity()

    def forward(self, x):
        out = self.bn1(self.conv1(x))
        out = self.bn2(self.conv2(out.relu() if self.relus[0] else out))
        if self.relus[1] == "before":
            return out.relu() + self.down(x)
        if self.added == "itself":
            return (out + out).relu()
        out = out + self.down(x) if self.added else out
        return out.relu() if self.relus[1] else out


@pytest.mark.parametrize(
    ("name", "changes"),
    {
        "no relu after the addition": {"relus": (True, False)},
        "relu before the addition": {"relus": (True, "before")},
        "no relu between the convolutions": {"relus": (False, True)},
        "no shortcut": {"added": False},
        "stride on the second convolution": {"strides": "second"},
        "projection without batch norm": {"norm": False},
        "bias before batch norm": {"bias": True},
    }.items(),
)
def test_mistakes_of_the_basic_block_as_students_write_them(name, changes):
    answer = type("BasicBlock", (Wrong,), changes)
    answer.__init__.__defaults__ = (1,)
    assert answering.named(resnet.BasicBlock, answer) == (name,)


def test_input_overwritten_as_students_write_it():
    class BasicBlock(answers.BasicBlock):
        def forward(self, x):
            x = functional.relu(self.first(x))
            x = self.second(x)
            return functional.relu(x + self.shortcut(x))

    assert answering.named(resnet.BasicBlock, BasicBlock) == ("input overwritten",)


def test_a_net_of_wrong_blocks_is_told_about_the_blocks():
    namespace = {"__name__": "__main__"}
    source = "\n\n".join(text for _, text in answering._sources(answers))
    exec(source.replace("out + self.shortcut(x)", "out"), namespace)
    with pytest.raises(CheckFailed, match="It builds on your BasicBlock"):
        check(namespace["resnet"])


IN_THE_SANDBOX = [e for name, e in EXERCISES.items() if name not in NETS]


@needs_isolation
def test_in_the_sandbox_answers_pass():
    errors, _ = answering.across(answers, IN_THE_SANDBOX)
    assert not any(errors.values()), errors


@needs_isolation
@pytest.mark.parametrize(
    ("name", "place"), [("Bottleneck", 0), ("filter_normalized_direction", 0), ("loss_surface", 2)]
)
def test_in_the_sandbox_a_mistake_is_named(name, place):
    mistake = EXERCISES[name].mistakes[place]
    errors, mistakes = answering.across(answers, [EXERCISES[name]], mistake)
    assert len(errors[name]) == 2
    assert mistakes == [(mistake.name,)] * 2
