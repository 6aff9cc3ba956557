"""Lesson 06: right answers in several styles, wrong ones as students write them, both also in the sandbox."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from course_utils import exercises
from course_utils.exercises import lenet
from tests.autograde.conftest import needs_isolation
from tests.course_utils.exercises import answering
from tests.course_utils.exercises.answers import lenet as answers

EXERCISES = {e.name: e for e in answering.declared(lenet)}
MISTAKES = [pytest.param(e, m, id=f"{e.name}-{m.name}") for e in EXERCISES.values() for m in e.mistakes]


def test_every_exercise_of_the_curriculum_is_there():
    assert list(EXERCISES) == ["LeNet5", "LeNetCaffe", "train_epoch", "evaluate", "confusion_matrix"]
    assert [e.name for e in exercises.lesson("06_lenet")] == list(EXERCISES)


@pytest.mark.parametrize("name", EXERCISES)
def test_notebook_style_answers_pass(name):
    assert answering.passes(EXERCISES[name], getattr(answers, name))


@pytest.mark.parametrize(("exercise", "mistake"), MISTAKES)
def test_mistakes_written_behind_an_answer_are_named(exercise, mistake):
    answer = answering.written(answers, exercise, mistake)
    assert answering.named(exercise, answer) == (mistake.name,)


# Right in other styles


class InSequence(nn.Sequential):
    def __init__(self):
        super().__init__(
            *(nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2, 2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2, 2)),
            *(nn.Conv2d(16, 120, 5), nn.Tanh(), nn.Flatten(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)),
        )


class Functional(nn.Module):
    """Its own parameters, registered in another order than they are used, and weights (inputs, outputs)."""

    def __init__(self):
        super().__init__()
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(n)) for n in (10, 84, 120, 16, 6))
        shapes = [(84, 10), (120, 84), (400, 120), (16, 6, 5, 5), (6, 1, 5, 5)]
        self.weights = nn.ParameterList(nn.Parameter(torch.randn(*shape) / 10) for shape in shapes)

    def forward(self, images):
        c, d, e, f, g = (self.weights[4], self.weights[3], self.weights[2], self.weights[1], self.weights[0])
        b = self.biases
        x = functional.conv2d(images, c) + b[4].view(1, -1, 1, 1)
        x = x.tanh().unfold(2, 2, 2).unfold(3, 2, 2).mean((-2, -1))
        x = functional.avg_pool2d(functional.conv2d(x, d, bias=b[3]).tanh_(), 2)
        x = (x.reshape(len(x), -1) @ e + b[2]).tanh()
        x = torch.tanh(torch.addmm(b[1], x, f))
        return x.mm(g).add(b[0])


class InAList(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList([nn.LazyLinear(10), nn.LazyLinear(84), nn.LazyLinear(120)])
        self.filters = nn.ModuleDict({"second": nn.LazyConv2d(16, 5), "first": nn.LazyConv2d(6, 5)})

    def forward(self, x):
        for name in ("first", "second"):
            x = nn.AvgPool2d(2)(nn.Tanh()(self.filters[name](x)))
        x = torch.flatten(x, 1)
        for part in reversed(self.parts[1:]):
            x = part(x).tanh()
        return self.parts[0](x)


class MadeInForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.rest = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5), None

    def forward(self, x):
        x = functional.avg_pool2d(self.second(functional.avg_pool2d(self.first(x).tanh(), 2)).tanh(), 2).flatten(1)
        if self.rest is None:
            width = x.shape[1]
            self.rest = nn.Sequential(
                nn.Linear(width, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)
            )
        return self.rest(x)


def a_function():
    return InSequence()


@pytest.mark.parametrize("answer", [InSequence, Functional, InAList, MadeInForward, a_function])
def test_lenet5_in_other_styles(answer):
    assert answering.passes(lenet.LeNet5, answer)


def relu_after_pooling():
    """The same net: the largest of four values bent is the largest of the bent ones."""
    return nn.Sequential(
        *(nn.Conv2d(1, 20, 5, padding="same"), nn.MaxPool2d(2), nn.ReLU(inplace=True)),
        *(nn.Conv2d(20, 50, 5, padding="same"), nn.MaxPool2d(2), nn.ReLU(inplace=True)),
        *(nn.Flatten(), nn.Linear(2450, 500), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(500, 10)),
    )


def with_padded_images():
    """Zeros put around the images first; the first linear layer as a convolution that covers its whole input."""
    return nn.Sequential(
        *(nn.ZeroPad2d(2), nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.ZeroPad2d(2), nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(50, 500, 7), nn.ReLU(), nn.Conv2d(500, 10, 1), nn.Flatten()),
    )


@pytest.mark.parametrize("answer", [relu_after_pooling, with_padded_images])
def test_lenet_caffe_in_other_styles(answer):
    assert answering.passes(lenet.LeNetCaffe, answer)


def trains_with_a_tensor(model, batches, optimizer):
    was = model.train()
    losses, sizes = [], []
    for batch in batches:
        x, y = batch
        scores = was(x)
        loss = -scores.log_softmax(1)[torch.arange(len(y)), y].mean()
        model.zero_grad(set_to_none=False)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
        sizes.append(len(y))
    return (torch.stack(losses) * torch.tensor(sizes)).sum() / sum(sizes)


def trains_with_numpy(model, batches, optimizer):
    model.train()
    every = []
    for x, y in batches:
        loss = functional.cross_entropy(model(x), y, reduction="none")
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
        every += loss.tolist()
    return np.mean(every)


@pytest.mark.parametrize("answer", [trains_with_a_tensor, trains_with_numpy])
def test_train_epoch_in_other_styles(answer):
    assert answering.passes(lenet.train_epoch, answer)


@torch.inference_mode()
def evaluates_by_concatenation(model, batches):
    before = model.training
    model.eval()
    hits = torch.cat([model(x).max(1).indices.eq(y) for x, y in batches])
    model.train(before)
    return hits.float().mean()


def evaluates_all_in_lists(model, batches):
    mode = model.training
    try:
        model.train(False)
        with torch.no_grad():
            hits = [int(p) == int(y) for x, ys in batches for p, y in zip(model(x).argmax(-1), ys, strict=True)]
    finally:
        model.train(mode)
    return sum(hits) / len(hits)


@pytest.mark.parametrize("answer", [evaluates_by_concatenation, evaluates_all_in_lists])
def test_evaluate_in_other_styles(answer):
    assert answering.passes(lenet.evaluate, answer)


def confused_with_numpy(labels, predictions, classes):
    matrix = np.zeros((classes, classes), dtype=int)
    np.add.at(matrix, (labels, predictions), 1)
    return matrix


def confused_with_products(labels, predictions, classes):
    rows, columns = (functional.one_hot(v, classes) for v in (labels, predictions))
    return rows.T @ columns


def confused_with_lists(labels, predictions, classes):
    pairs = list(zip(labels.tolist(), predictions.tolist(), strict=True))
    return [[pairs.count((i, j)) for j in range(classes)] for i in range(classes)]


@pytest.mark.parametrize("answer", [confused_with_numpy, confused_with_products, confused_with_lists])
def test_confusion_matrix_in_other_styles(answer):
    assert answering.passes(lenet.confusion_matrix, answer)


# Wrong, as students write it


class Wrong(nn.Module):
    """LeNet-5 with one thing that can be another in each place."""

    activation, pool, last, padding, bias, widths = torch.tanh, functional.avg_pool2d, None, 0, True, (400, 120, 84, 10)
    between = True

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=self.padding, bias=self.bias)
        self.conv2 = nn.Conv2d(6, 16, 5, bias=self.bias)
        self.linear = nn.ModuleList(nn.Linear(i, o) for i, o in zip(self.widths, self.widths[1:], strict=False))

    def forward(self, x):
        act = type(self).activation
        for conv in (self.conv1, self.conv2):
            x = type(self).pool(act(conv(x)), 2)
        x = x.flatten(1)
        for layer in self.linear[:-1]:
            x = act(layer(x)) if self.between else layer(x)
        x = self.linear[-1](x)
        return self.last(x) if self.last else x


def wrong(**changes):
    return type("LeNet5", (Wrong,), {k: staticmethod(v) if callable(v) else v for k, v in changes.items()})


@pytest.mark.parametrize(
    ("name", "changes"),
    {
        "relu for tanh": {"activation": functional.relu},
        "sigmoid for tanh": {"activation": torch.sigmoid},
        "max pooling": {"pool": functional.max_pool2d},
        "softmax at the end": {"last": nn.Softmax(dim=1)},
        "tanh on the scores": {"last": torch.tanh},
        "first convolution padded": {"padding": 2, "widths": (576, 120, 84, 10)},
        "convolutions without bias": {"bias": False},
        "widths of the linear layers exchanged": {"widths": (400, 84, 120, 10)},
        "no activation between the linear layers": {"between": False},
    }.items(),
)
def test_mistakes_of_lenet5_as_students_write_them(name, changes):
    assert answering.named(lenet.LeNet5, wrong(**changes)) == (name,)


def confused(body):
    """A confusion matrix written as a student would; ``body`` fills or makes ``matrix``."""
    scope = {"np": np, "torch": torch}
    exec(f"def confusion_matrix(labels, predictions, classes):\n    {body}\n    return matrix", scope)
    return scope["confusion_matrix"]


@pytest.mark.parametrize(
    ("name", "body"),
    {
        "transposed": "matrix = torch.bincount(classes * predictions + labels, minlength=classes**2).view(classes, -1)",
        "pairs counted once": "matrix = np.zeros((classes, classes), int); matrix[labels, predictions] += 1",
        "floats": "matrix = np.zeros((classes, classes)); np.add.at(matrix, (labels, predictions), 1)",
        "size from the data": "n = int(max(labels.max(), predictions.max())) + 1; "
        "matrix = np.zeros((n, n), int); np.add.at(matrix, (labels, predictions), 1)",
        "rows as shares": "matrix = torch.zeros(classes, classes); "
        "matrix.index_put_((labels, predictions), torch.ones(len(labels)), accumulate=True); "
        "matrix /= matrix.sum(dim=1, keepdim=True).clamp(min=1)",
    }.items(),
)
def test_mistakes_of_confusion_matrix_as_students_write_them(name, body):
    assert answering.named(lenet.confusion_matrix, confused(body)) == (name,)


def test_ready_made_loops_are_refused():
    def evaluate(model, batches):
        from course_utils import train

        return train.evaluate(model, batches)[1]

    with pytest.raises(AssertionError, match=r"course_utils\.train\.evaluate: here that call is the exercise"):
        answering.check("evaluate", evaluate)


def test_two_mistakes_at_once_are_both_named():
    answer = wrong(activation=functional.relu, pool=functional.max_pool2d)
    assert set(answering.named(lenet.LeNet5, answer)) == {"relu for tanh", "max pooling"}


def test_a_layer_that_nothing_uses_is_counted():
    class LeNet5(InSequence):
        def __init__(self):
            super().__init__()
            self.spare = nn.Linear(3, 3)

        def forward(self, x):
            return nn.Sequential(*list(self)[:-1])(x)

    (first, *_) = answering.examine(lenet.LeNet5, LeNet5).failures
    assert [d.part for d in first.comparison.differences] == ["parameters"]


def test_what_is_no_module_is_said():
    with pytest.raises(AssertionError, match=r"a torch.nn.Module is expected, and an object of type str came"):
        answering.check("LeNet5", lambda: "net")


@needs_isolation
def test_in_the_sandbox_answers_pass():
    errors, _ = answering.across(answers, list(EXERCISES.values()))
    assert not any(errors.values()), errors


@needs_isolation
@pytest.mark.parametrize("name", EXERCISES)
def test_in_the_sandbox_a_mistake_is_named(name):
    mistake = EXERCISES[name].mistakes[0]
    errors, mistakes = answering.across(answers, [EXERCISES[name]], mistake)
    assert len(errors[name]) == 2
    assert mistakes == [(mistake.name,)] * 2
