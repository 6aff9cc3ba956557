"""Lesson 08: right answers in several styles, wrong ones as students write them, both also in the sandbox."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from course_utils import exercises, probe, thinning
from course_utils.check import CheckFailed, check
from course_utils.examination import examine
from course_utils.exercises import inception
from tests.autograde.conftest import needs_isolation
from tests.course_utils.exercises import answering
from tests.course_utils.exercises.answers import inception as answers

EXERCISES = {e.name: e for e in answering.declared(inception)}
LARGE = ("InceptionV3", "InceptionV4", "InceptionResNetV2")  # their checks take seconds: autograde verify sees more
SOME = {"nin": slice(0, None, 5), "Inception": slice(0, None, 2)}
MISTAKES = [
    pytest.param(EXERCISES[name], m, id=f"{name}-{m.name}")
    for name, part in SOME.items()
    for m in EXERCISES[name].mistakes[part]
]
COUNTS = [
    ("nin", {}, 966_986),
    ("GoogLeNet", {}, 6_998_552),
    ("GoogLeNet", {"aux": True}, 13_378_280),
    ("InceptionV3", {}, 27_161_264),
    ("InceptionV3", {"aux": False}, 23_834_568),
    ("InceptionV4", {}, 42_679_816),
    ("InceptionResNetV2", {}, 55_843_464),
]


def test_every_exercise_of_the_curriculum_is_there():
    assert list(EXERCISES) == ["nin", "Inception", "GoogLeNet", *LARGE]
    assert [e.name for e in exercises.lesson("08_inception")] == list(EXERCISES)


def test_every_block_has_at_least_six_mistakes_that_one_sentence_each_names():
    for e in EXERCISES.values():
        assert len(e.mistakes) >= 6
        assert len({m.hint for m in e.mistakes}) == len({m.name for m in e.mistakes}) == len(e.mistakes)


@pytest.mark.parametrize(("name", "options", "count"), COUNTS)
def test_every_net_has_the_parameters_of_its_paper(name, options, count):
    images = (0, 3, 299, 299)
    assert probe.look(getattr(answers, name), (), options, images) == (count, {})
    assert EXERCISES[name].oracle(images, None, **options) == (count, {})


@pytest.mark.parametrize("name", EXERCISES)
def test_notebook_style_answers_pass(name):
    check(name, getattr(answers, name), hidden=name in ("nin", "Inception"), seed=1)


@pytest.mark.parametrize(("exercise", "mistake"), MISTAKES)
def test_mistakes_written_behind_an_answer_are_named(exercise, mistake):
    answer = answering.written(answers, exercise, mistake)
    assert examine(exercise, answer, hidden=True, seed=2).mistakes == (mistake,)


def test_the_whole_network_can_be_left_out():
    shape = (2, 3, 32, 32)
    short, long = (thinning.look(answers.nin, (7,), {}, shape, 5, layers=layers) for layers in (False, True))
    assert short[:2] == (None, {})
    assert len(long[1]) == 9
    assert (short[3] == long[3]).all()
    assert thinning.look(answers.nin, (7,), {}, shape, layers=False) == long[:2]  # without a seed there is nothing else


# Right in other styles


class Functional(nn.Module):
    """Branches computed from the last to the first, ReLU once behind the concatenation as well."""

    def __init__(self, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool):
        super().__init__()
        sizes = {
            "p": (in_channels, pool, 1),
            "f": (c5_reduce, c5, 5),
            "t": (c3_reduce, c3, 3),
            "o": (in_channels, c1, 1),
        }
        sizes |= {"fr": (in_channels, c5_reduce, 1), "tr": (in_channels, c3_reduce, 1)}
        self.convs = nn.ModuleDict({name: nn.Conv2d(i, o, k, padding="same") for name, (i, o, k) in sizes.items()})

    def forward(self, x):
        pool = self.convs["p"](functional.max_pool2d(x, (3, 3), stride=(1, 1), padding=(1, 1)))
        five = self.convs["f"](self.convs["fr"](x).clamp(min=0))
        three = self.convs["t"](functional.relu_(self.convs["tr"](x)))
        return torch.relu(torch.cat((self.convs["o"](x), three, five, pool), axis=1))


def test_inception_in_other_styles():
    assert answering.passes(inception.Inception, Functional)


class MaximumTwice(nn.Module):
    """The paper's pools, no ReLU on the last maps, a mean without a module."""

    def __init__(self, classes=10):
        super().__init__()
        widths = [(3, 192, 5), (192, 160, 1), (160, 96, 1), (96, 192, 5), (192, 192, 1), (192, 192, 1)]
        widths += [(192, 192, 3), (192, 192, 1), (192, classes, 1)]
        self.convs = nn.ModuleList(nn.Conv2d(i, o, k, padding=k // 2) for i, o, k in widths)

    def forward(self, x):
        for i, conv in enumerate(self.convs):
            x = conv(x) if i == 8 else conv(x).relu()
            if i in (2, 5):
                x = functional.dropout(functional.max_pool2d(x, 3, 2, ceil_mode=True), training=self.training)
        return x.mean((2, 3))


def test_nin_in_other_styles():
    assert answering.passes(inception.nin, MaximumTwice)


WIDTHS = dict(inception.TABLE)


class ByTable(nn.Module):
    """A list of rows, LRN written out, heads at the end."""

    def __init__(self, classes=1000, aux=False):
        super().__init__()
        self.stem = nn.ModuleList([nn.Conv2d(3, 64, 7, 2, 3), nn.Conv2d(64, 64, 1), nn.Conv2d(64, 192, 3, 1, 1)])
        rows, width = {}, 192
        for name, (c1, r3, c3, r5, c5, pool) in WIDTHS.items():
            rows[name] = Functional(width, c1, r3, c3, r5, c5, pool)
            width = c1 + c3 + c5 + pool
        self.rows, self.fc = nn.ModuleDict(rows), nn.Linear(width, classes)
        self.aux = nn.ModuleDict({n: self.head(w, classes) for n, w in (("4d", 528), ("4a", 512))} if aux else {})

    def head(self, width, classes):
        hidden = [nn.Flatten(), nn.Linear(2048, 1024), nn.ReLU(True), nn.Dropout(0.7), nn.Linear(1024, classes)]
        return nn.Sequential(nn.AvgPool2d(5, stride=3), nn.Conv2d(width, 128, 1), nn.ReLU(), *hidden)

    def norm(self, x):
        squares = functional.pad(x**2, (0, 0, 0, 0, 2, 2))
        return x / (2 + 1e-4 * sum(squares[:, i : i + x.shape[1]] for i in range(5))) ** 0.75

    def forward(self, x):
        smaller = nn.MaxPool2d(3, 2, ceil_mode=True)
        x = self.norm(smaller(self.stem[0](x).relu()))
        x = self.norm(self.stem[2](self.stem[1](x).relu()).relu())
        kept = {}
        for name, row in self.rows.items():
            x = kept[name] = row(smaller(x) if name in ("3a", "4a", "5a") else x)
        scores = self.fc(functional.dropout(x.mean((2, 3)), 0.4, self.training))
        return (
            (scores, self.aux["4a"](kept["4a"]), self.aux["4d"](kept["4d"])) if self.training and self.aux else scores
        )


def test_googlenet_in_other_styles():
    assert answering.passes(inception.GoogLeNet, ByTable)


def rewritten(name, *changes):
    """An answer with text replaced, as a student would have typed it."""
    source = "\n\n".join(text for _, text in answering._sources(answers))
    for old, new in changes:
        assert old in source
        source = source.replace(old, new)
    namespace = {"__name__": "__main__"}
    exec(source, namespace)
    return namespace[name]


def test_means_that_count_the_padding_pass_too():
    changes = (", count_include_pad=False", ""), ("drop=0.2", "drop=0.5")
    check("InceptionV3", rewritten("InceptionV3", *changes))


# Wrong, as students write it


@pytest.mark.parametrize(
    ("exercise", "name", "old", "new"),
    [
        ("GoogLeNet", "pools round down", "nn.MaxPool2d(3, 2, ceil_mode=True)", "nn.MaxPool2d(3, 2)"),
        ("GoogLeNet", "pools padded", "nn.MaxPool2d(3, 2, ceil_mode=True)", "nn.MaxPool2d(3, 2, padding=1)"),
        ("GoogLeNet", "aux ignored", "if aux else []", "if False else []"),
        ("InceptionV3", "bias before batch norm", ", bias=False", ""),
    ],
)
def test_mistakes_as_students_write_them(exercise, name, old, new):
    result = examine(EXERCISES[exercise], rewritten(exercise, (old, new)))
    assert [m.name for m in result.mistakes] == [name]


def test_the_blocks_of_the_figure_are_counted():
    fewer = ("range(10)", "range(5)"), ("range(20)", "range(10)"), ("range(9)", "range(4)")
    count = probe.look(rewritten("InceptionResNetV2", *fewer), (), {}, (0, 3, 299, 299))
    (mistake,) = (m for m in inception.InceptionResNetV2.mistakes if m.name == "blocks of the figure")
    assert mistake.applied_to(inception.InceptionResNetV2.oracle)((0, 3, 299, 299), None) == count


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("projection before pooling", "nn.MaxPool2d(3, stride=1, padding=1), conv_relu(in_channels, pool, 1)",
         "conv_relu(in_channels, pool, 1), nn.MaxPool2d(3, stride=1, padding=1)"),
        ("average in the pool branch", "nn.MaxPool2d(3, stride=1, padding=1)", "nn.AvgPool2d(3, stride=1, padding=1)"),
        ("five before three", "self.three(x), self.five(x)", "self.five(x), self.three(x)"),
        ("three by three for five by five", "c5_reduce, c5, 5, padding=2", "c5_reduce, c5, 3, padding=1"),
        ("reductions exchanged", "c3_reduce, c3, c5_reduce, c5, pool):", "c5_reduce, c3, c3_reduce, c5, pool):"),
        ("no relu", "stride, padding), nn.ReLU())", "stride, padding))"),
    ],
)  # fmt: skip
def test_mistakes_of_the_module_as_students_write_them(name, old, new):
    assert answering.named(inception.Inception, rewritten("Inception", (old, new))) == (name,)


def test_a_net_of_wrong_modules_is_told_about_the_module():
    answer = rewritten("GoogLeNet", ("self.three(x), self.five(x)", "self.five(x), self.three(x)"))
    with pytest.raises(CheckFailed, match="It builds on your Inception"):
        check(answer)


@needs_isolation
def test_in_the_sandbox_answers_pass_and_a_mistake_is_named():
    some = [EXERCISES["Inception"]]
    errors, _ = answering.across(answers, some)
    assert not any(errors.values()), errors
    mistake = inception.Inception.mistakes[4]
    errors, mistakes = answering.across(answers, some, mistake)
    assert len(errors["Inception"]) == 2
    assert mistakes == [(mistake.name,)] * 2
