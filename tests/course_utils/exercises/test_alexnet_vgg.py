"""Lesson 07: exact counts, right answers in several styles, wrong ones as students write them, also in the sandbox."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from course_utils import exercises, thinning
from course_utils.comparison import same
from course_utils.exercises import alexnet_vgg as lesson
from course_utils.trial import observe
from tests.autograde.conftest import needs_isolation
from tests.course_utils.exercises import answering
from tests.course_utils.exercises.answers import alexnet_vgg as answers

EXERCISES = {e.name: e for e in answering.declared(lesson)}
MISTAKES = [pytest.param(e, m, id=f"{e.name}-{m.name}") for e in EXERCISES.values() for m in e.mistakes]
NETWORKS = ("AlexNet", "zfnet", "vgg")


def test_every_exercise_of_the_curriculum_is_there():
    functions = ["local_response_norm", "dropout", "augment"]
    assert list(EXERCISES) == [*functions, *NETWORKS, "kaiming_std"]
    assert [e.name for e in exercises.lesson("07_alexnet_vgg")] == list(EXERCISES)


@pytest.mark.parametrize(
    ("name", "arguments", "parameters"),
    [
        ("AlexNet", (1000,), 62_378_344),
        ("AlexNet", (1000, 2), 60_965_224),
        ("zfnet", (), 62_357_608),
        ("vgg", ("A",), 132_863_336),
        ("vgg", ("A-LRN",), 132_863_336),
        ("vgg", ("B",), 133_047_848),
        ("vgg", ("C",), 133_638_952),
        ("vgg", ("D",), 138_357_544),
        ("vgg", ("E",), 143_667_240),
    ],
)
def test_parameters_are_as_many_as_the_papers_nets_have(name, arguments, parameters):
    ours = {"AlexNet": lesson._alexnet, "zfnet": lesson._zfnet, "vgg": lesson._vgg}[name]
    for make in (ours, getattr(answers, name)):
        with torch.device("meta"):
            net = make(*arguments)
        assert sum(p.numel() for p in net.parameters()) == parameters


@pytest.mark.parametrize("name", EXERCISES)
def test_notebook_style_answers_pass(name):
    assert answering.passes(EXERCISES[name], getattr(answers, name))


@pytest.mark.parametrize(("exercise", "mistake"), MISTAKES)
def test_mistakes_written_behind_an_answer_do_what_was_declared(exercise, mistake):
    """Known mistakes are told apart by what they do to our own function; behind an answer they must do the same."""
    cases = [case for case in exercise.draw(0) if exercise.name not in NETWORKS or case.args[1] is not None]
    declared = [observe(mistake.applied_to(exercise.oracle), case, exercise).value for case in cases]
    right = [observe(exercise.oracle, case, exercise).value for case in cases]
    wrong = [i for i in range(len(cases)) if not same(right[i], declared[i], exercise.tolerance)]
    answer = exercise.bind(answering.written(answers, exercise, mistake))
    assert wrong
    for i in wrong[:1] if exercise.name in NETWORKS else range(len(cases)):
        assert same(declared[i], observe(answer, cases[i], exercise).value, 1e-8), cases[i].category


# Right in other styles


def normalized_with_the_library(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    return functional.local_response_norm(x, size, size * alpha, beta, k)


def normalized_in_loops(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    out = torch.empty_like(x)
    for c in range(x.shape[1]):
        window = x[:, max(0, c - size // 2) : min(x.shape[1], c + size // 2 + 1)]
        out[:, c] = x[:, c] * (k + alpha * window.square().sum(dim=1)).pow(-beta)
    return out


def normalized_by_a_matrix(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    channel = torch.arange(x.shape[1])
    near = ((channel[:, None] - channel).abs() <= size // 2).to(x)
    return x / (k + alpha * torch.einsum("cd,ndij->ncij", near, x * x)) ** beta


@pytest.mark.parametrize("answer", [normalized_with_the_library, normalized_in_loops, normalized_by_a_matrix])
def test_local_response_norm_in_other_styles(answer):
    assert answering.passes(lesson.local_response_norm, answer)


def dropped_by_bernoulli(x, p, training, generator):
    if training and p > 0:
        x = x * torch.bernoulli(torch.full_like(x, 1 - p), generator=generator) / (1 - p)
    return x


def dropped_by_places(x, p, training, generator):
    out = x.clone()
    if training:
        out[torch.empty_like(x, dtype=torch.float32).uniform_(generator=generator) < p] = 0
        out /= 1 - p
    return out


@pytest.mark.parametrize("answer", [dropped_by_bernoulli, dropped_by_places])
def test_dropout_in_other_styles(answer):
    assert answering.passes(lesson.dropout, answer)


def augmented_by_an_index(images, padding, generator):
    """Flips first, and one gather."""
    n, _, h, w = images.shape
    flips = torch.randint(0, 2, (n, 1, 1, 1), generator=generator).bool()
    framed = functional.pad(torch.where(flips, images.flip(3), images), (padding,) * 4)
    top, left = torch.randint(0, 2 * padding + 1, (2, n, 1), generator=generator)
    rows, columns = top + torch.arange(h), left + torch.arange(w)  # (N, H), (N, W)
    return framed[torch.arange(n)[:, None, None], :, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)


def augmented_by_shifts(images, padding, generator):
    """Cut out of a frame of its own for each image; Python's numbers for the places."""
    made = []
    for image in images:
        big = image.new_zeros(image.shape[0], image.shape[1] + 2 * padding, image.shape[2] + 2 * padding)
        big[:, padding : padding + image.shape[1], padding : padding + image.shape[2]] = image
        y, x = (int(torch.randint(high=2 * padding + 1, size=(1,), generator=generator)) for _ in range(2))
        cut = big[:, y : y + image.shape[1], x : x + image.shape[2]]
        mirrored = torch.rand(1, generator=generator).item() > 0.5
        made.append(cut[..., torch.arange(cut.shape[2]).flip(0)] if mirrored else cut)
    return torch.stack(made)


@pytest.mark.parametrize("answer", [augmented_by_an_index, augmented_by_shifts])
def test_augment_in_other_styles(answer):
    assert answering.passes(lesson.augment, answer)


@pytest.mark.parametrize(
    "answer",
    [
        lambda in_channels, kernel: np.sqrt(2 / (in_channels * kernel * kernel)),
        lambda in_channels, kernel: torch.tensor(2.0, dtype=torch.float64).div(in_channels * kernel**2).sqrt().item(),
        lambda in_channels, kernel: math.sqrt(2) / kernel / in_channels**0.5,
    ],
)
def test_kaiming_std_in_other_styles(answer):
    assert answering.passes(lesson.kaiming_std, answer)


class OwnParts(nn.Module):
    """AlexNet with functions and this lesson's own layers, sizes in its code, dropout by a generator of its own."""

    def __init__(self, classes=1000, groups=1):
        super().__init__()
        self.fc = nn.ModuleList([nn.Linear(4096, classes), nn.Linear(4096, 4096), nn.Linear(9216, 4096)])
        self.groups = groups
        shapes = [(96, 3, 11, 11), (256, 96, 5, 5), (384, 256, 3, 3), (384, 384, 3, 3), (256, 384, 3, 3)]
        shapes = [(o, i // groups if at in (1, 3, 4) else i, *k) for at, (o, i, *k) in enumerate(shapes)]
        self.weights = nn.ParameterList(nn.Parameter(torch.empty(shape)) for shape in shapes)
        self.biases = nn.ParameterList(nn.Parameter(torch.empty(shape[0])) for shape in shapes)
        self.generator = torch.Generator().manual_seed(3)

    def drop(self, x):
        return answers.dropout(x, 0.5, self.training, self.generator)

    def forward(self, x):
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            split = self.groups if i in (1, 3, 4) else 1
            x = functional.conv2d(x, weight, bias, 4 if i == 0 else 1, (0, 2, 1, 1, 1)[i], groups=split).relu()
            x = answers.local_response_norm(x) if i < 2 else x
            x = functional.max_pool2d(x, 3, 2) if i in (0, 1, 4) else x
        x = x.view(-1, 256 * 6 * 6)
        x = self.drop(functional.relu(self.fc[2](x)))
        return self.fc[0](self.drop(functional.relu(self.fc[1](x))))


class TwoTowers(nn.Module):
    """AlexNet on two devices, as in the paper: channels cut at a number that stands in the code."""

    def __init__(self, classes=1000, groups=1):
        super().__init__()
        self.net = answers.AlexNet(classes, groups)

    def forward(self, x):
        features = self.net.features
        x = features[:4](x)
        conv = features[4]
        if conv.groups == 2:
            halves = zip((x[:, :48], x[:, 48:]), conv.weight.split(128), conv.bias.split(128), strict=True)
            x = torch.cat([functional.conv2d(half, w, b, padding=2) for half, w, b in halves], 1)
        else:
            x = conv(x)
        return self.net.classifier(features[5:](x).flatten(1))


def test_alexnet_from_own_parts():
    assert answering.passes(lesson.AlexNet, OwnParts)


def test_alexnet_with_sizes_in_its_code_is_looked_at_whole():
    case = lesson.AlexNet.draw(0)[-1]
    assert case.kwargs["groups"] == 2
    assert thinning.look(TwoTowers, (7, 2), {}, case.args[0], 5)[-1] is True
    got = observe(lesson.AlexNet.bind(TwoTowers), case, lesson.AlexNet).value
    assert same(observe(lesson.AlexNet.oracle, case, lesson.AlexNet).value, got, 1e-8)


def zfnet_with_its_contrast_normalization(classes=1000):
    net = list(answers.zfnet(classes))
    norm = nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0)
    return nn.Sequential(*net[:3], norm, *net[3:6], norm, *net[6:])


def zfnet_with_windows_over_the_edge(classes=1000):
    """The missing row and column below and to the right, added before each pool."""

    class Over(nn.Module):
        def forward(self, x):
            return functional.max_pool2d(functional.pad(x, (0, 1, 0, 1)), 3, 2)

    return nn.Sequential(*(Over() if isinstance(m, nn.MaxPool2d) else m for m in answers.zfnet(classes)))


@pytest.mark.parametrize("answer", [zfnet_with_its_contrast_normalization, zfnet_with_windows_over_the_edge])
def test_zfnet_in_other_styles(answer):
    assert answering.passes(lesson.zfnet, answer)


class Blocks(nn.Module):
    """VGG as the library has it: a mean over 7 × 7 that does nothing here; and its linear layers as convolutions."""

    def __init__(self, configuration, classes=1000):
        super().__init__()
        *maps, _, _, _, _, _, _, _, _ = answers.vgg(configuration, classes)
        self.features = nn.Sequential(*maps)
        self.pool = nn.AdaptiveAvgPool2d(7)
        self.hidden = nn.ModuleList([nn.Conv2d(512, 4096, 7), nn.Conv2d(4096, 4096, 1)])
        self.scores = nn.Linear(4096, classes)

    def forward(self, x):
        x = self.pool(self.features(x))
        for layer in self.hidden:
            x = functional.dropout(layer(x).relu(), 0.5, self.training)
        return self.scores(x.squeeze(-1).squeeze(-1))


def test_vgg_in_another_style():
    assert answering.passes(lesson.vgg, Blocks)


# Wrong, as students write it


def dropped_with_numpy(x, p, training, generator):
    return x * torch.from_numpy(np.random.rand(*x.shape) >= p) / (1 - p) if training else x


def dropped_once(x, p, training, generator):
    return functional.dropout(x, p, training)


def dropped_in_place(x, p, training, generator):
    if training:
        x[torch.rand(x.shape, generator=generator) < p] = 0
        return x / (1 - p)
    return x


def dropped_channels(x, p, training, generator):
    return x * (torch.rand(x.shape[:2], generator=generator) >= p).view(*x.shape[:2], *[1] * (x.ndim - 2)) / (1 - p)


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        (dropped_with_numpy, ("global generator",)),
        (dropped_once, ("global generator",)),
        (dropped_in_place, ("x changed",)),
        (dropped_channels, ()),
    ],
)
def test_dropout_as_students_get_it_wrong(answer, names):
    assert answering.named(lesson.dropout, answer) == names


def one_flip(images, generator):
    return images.flip(3) if torch.rand(1, generator=generator) < 0.5 else images


def wrong_augment(*, top=None, flip=None, same=False, mode="constant"):
    def augment(images, padding, generator):
        n, _, h, w = images.shape
        framed = functional.pad(images, [padding] * 4, mode=mode)
        high = 2 * padding + 1 if top is None else top(padding)
        r = torch.randint(high, (n,), generator=generator)
        c = r if same else torch.randint(high, (n,), generator=generator)
        cut = torch.stack([framed[i, :, y : y + h, x : x + w] for i, (y, x) in enumerate(zip(r, c, strict=True))])
        turned = flip(cut, generator) if flip else cut.flip(3)
        if flip:
            return turned
        return torch.where(torch.rand(n, 1, 1, 1, generator=generator) < 0.5, turned, cut)

    return augment


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (wrong_augment(top=lambda padding: 2 * padding), "last place never"),
        (wrong_augment(same=True), "rows and columns alike"),
        (wrong_augment(flip=lambda cut, g: cut), "never flipped"),
        (wrong_augment(flip=lambda cut, g: cut.flip(3)), "always flipped"),
        (wrong_augment(flip=one_flip), "one flip for the batch"),
        (wrong_augment(mode="reflect"), "framed by reflection"),
    ],
)
def test_augment_as_students_get_it_wrong(answer, name):
    assert answering.named(lesson.augment, answer) == (name,)


class Wrong(answers.AlexNet):
    """AlexNet with one thing that can be another in each place."""

    norm, pool, rate, last = (5, 5e-4, 0.75, 2.0), (3, 2), 0.5, nn.Identity

    def __init__(self, classes=1000, groups=1):
        super().__init__(classes, groups)
        for i in (2, 6):
            self.features[i] = nn.LocalResponseNorm(*self.norm) if self.norm else nn.Identity()
        for i in (3, 7, 14):
            self.features[i] = nn.MaxPool2d(*self.pool)
        for i in (2, 5):
            self.classifier[i] = nn.Dropout(self.rate)
        self.classifier.append(self.last())


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"norm": None}, "no response norm"),
        ({"norm": (5,)}, "response norm of the library"),
        ({"norm": (5, 1e-4, 0.75, 2.0)}, "alpha divided by the window"),
        ({"pool": (2, 2)}, "pooling without overlap"),
        ({"last": lambda: nn.Softmax(dim=1)}, "softmax at the end"),
        ({"last": nn.ReLU}, "relu on the scores"),
    ],
)
def test_alexnet_as_students_get_it_wrong(changes, name):
    case = lesson.AlexNet.draw(0)[-1]
    answer = type("AlexNet", (Wrong,), {k: staticmethod(v) if callable(v) else v for k, v in changes.items()})
    assert seen_as(lesson.AlexNet, answer, case) == [name]


def test_another_rate_of_dropout_is_seen():
    case = lesson.AlexNet.draw(0)[-1]
    got = observe(lesson.AlexNet.bind(type("AlexNet", (Wrong,), {"rate": 0.2})), case, lesson.AlexNet).value
    assert got[2] == "p = 0.2, p = 0.2"
    assert same(got[3:], observe(lesson.AlexNet.oracle, case, lesson.AlexNet).value[3:], 1e-8)


def vgg_with_batch_norm(configuration, classes=1000):
    layers = []
    for layer in answers.vgg(configuration, classes):
        layers += [layer, nn.BatchNorm2d(layer.out_channels)] if isinstance(layer, nn.Conv2d) else [layer]
    return nn.Sequential(*layers)


def vgg_with_relu_at_the_ends_of_blocks(configuration, classes=1000):
    layers = list(answers.vgg(configuration, classes))
    kept = []
    for layer, after in zip(layers, [*layers[1:], None], strict=True):
        kept += [] if isinstance(layer, nn.ReLU) and isinstance(after, nn.Conv2d) else [layer]
    return nn.Sequential(*kept)


def vgg_with_padding_everywhere(configuration, classes=1000):
    layers = list(answers.vgg(configuration, classes))
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            layer.padding = (1, 1)
    (first,) = (i for i, layer in enumerate(layers) if isinstance(layer, nn.Linear) and layer.in_features == 25088)
    layers[first] = nn.Linear(512 * 64 if configuration == "C" else 25088, 4096)
    return nn.Sequential(*layers)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (vgg_with_batch_norm, "batch norm"),
        (vgg_with_relu_at_the_ends_of_blocks, "no relu inside the blocks"),
        (vgg_with_padding_everywhere, "one by one padded"),
        (lambda configuration, classes=1000: answers.vgg(configuration.replace("C", "D"), classes), "c like d"),
    ],
)
def test_vgg_as_students_get_it_wrong(answer, name):
    (case,) = (c for c in lesson.vgg.draw(0) if c.category == "scores of C")
    assert seen_as(lesson.vgg, answer, case) == [name]


def seen_as(exercise, answer, case):
    """The known mistakes that do to our own network what an answer does, in one case."""
    got = observe(exercise.bind(answer), case, exercise).value
    wrong = {m.name: observe(m.applied_to(exercise.oracle), case, exercise).value for m in exercise.mistakes}
    return [name for name, value in wrong.items() if same(value, got, exercise.tolerance)]


def test_a_net_for_ten_classes_only_is_wrong():
    result = answering.examine(lesson.zfnet, lambda classes=1000: answers.zfnet(1000))
    assert not result.passed
    parts = {d.part.split("[")[0] for t in result.failures for d in t.comparison.differences}
    assert parts >= {"parameters", "layers", "scores in evaluation mode"}


@needs_isolation
def test_in_the_sandbox_answers_pass():
    errors, _ = answering.across(answers, list(EXERCISES.values()))
    assert not any(errors.values()), errors


@needs_isolation
@pytest.mark.parametrize("name", ["local_response_norm", "dropout", "augment", "AlexNet"])
def test_in_the_sandbox_a_mistake_is_named(name):
    mistake = EXERCISES[name].mistakes[0]
    errors, mistakes = answering.across(answers, [EXERCISES[name]], mistake)
    assert len(errors[name]) == 2
    assert mistakes == [(mistake.name,)] * 2
