"""Lesson 06: LeNet-5 and its descendant, one epoch of training, accuracy, the confusion matrix."""

# Several exercises know the same mistake under the same name.
# ruff: noqa: F811
# mypy: disable-error-code="no-redef"

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from course_utils.contract import Case, Draw, Example, case, example
from course_utils.exercises.declarations import READY_MADE, changed, function, network, numbers, seen, tensor
from course_utils.recipe import Recipe
from course_utils.remote import made

LESSON = "06_lenet"
LOOPS = (*READY_MADE, "course_utils.train", "sklearn", "torchmetrics")  # what the functions are an exercise in


def _stack(*layers: torch.nn.Module) -> torch.nn.Sequential:
    return torch.nn.Sequential(*layers)


def _lenet5() -> torch.nn.Module:
    """LeCun, Bottou, Bengio, Haffner 1998, figure 2, with plain average pooling and each C3 map fed by all S2 maps."""
    layers = torch.nn
    return _stack(
        *(layers.Conv2d(1, 6, 5), layers.Tanh(), layers.AvgPool2d(2)),
        *(layers.Conv2d(6, 16, 5), layers.Tanh(), layers.AvgPool2d(2), layers.Flatten()),
        *(layers.Linear(400, 120), layers.Tanh(), layers.Linear(120, 84), layers.Tanh(), layers.Linear(84, 10)),
    )


def _lenet_caffe() -> torch.nn.Module:
    """The 20/50/500 net of the lecture decks: padding keeps 28 × 28 and 14 × 14."""
    layers = torch.nn
    return _stack(
        *(layers.Conv2d(1, 20, 5, padding=2), layers.ReLU(), layers.MaxPool2d(2)),
        *(layers.Conv2d(20, 50, 5, padding=2), layers.ReLU(), layers.MaxPool2d(2), layers.Flatten()),
        *(layers.Linear(2450, 500), layers.ReLU(), layers.Linear(500, 10)),
    )


def _layers(*sizes: str) -> dict[str, str]:
    return {f"layer {i}": size for i, size in enumerate(sizes, 1)}


@network(
    LESSON,
    "()",
    alone=False,
    examples=[
        Example(
            case("parameters and sizes", (2, 1, 32, 32), None),
            (61_706, _layers("6 × 28 × 28", "16 × 10 × 10", "120", "84", "10")),
        )
    ],
)
def LeNet5(images, seed, *edits):
    return seen(_lenet5, (), images, seed, edits)


@LeNet5.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("a batch of images", (3, 1, 32, 32), draw.int(0, 10**6))
    yield case("a batch of one image", (1, 1, 32, 32), draw.int(0, 10**6))
    for _ in draw.repeats(1):
        yield case("other weights", (draw.int(2, 5), 1, 32, 32), draw.int(0, 10**6))


@LeNet5.mistake(
    "Your activation is ReLU. This net is from 1998 and uses tanh, which also lets negative numbers through and holds "
    "all of them between -1 and 1."
)
def relu_for_tanh(right, images, seed, *edits):
    return right(images, seed, *edits, ("tanh", None, lambda call, x: x.clamp(min=0)))


@LeNet5.mistake(
    "Your activation is the sigmoid. LeNet-5's is tanh, which is centred on zero: what comes out of a layer is as "
    "often negative as positive."
)
def sigmoid_for_tanh(right, images, seed, *edits):
    return right(images, seed, *edits, ("tanh", None, lambda call, x: x.sigmoid()))


@LeNet5.mistake(
    "Your pooling takes the largest of four values. LeNet-5 takes their mean; maximum pooling came later, and with it "
    "the other net of this lesson."
)
def max_pooling(right, images, seed, *edits):
    def largest(call, x, *options, **more):
        return x.unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5))

    return right(images, seed, *edits, ("avg_pool", None, largest))


@LeNet5.mistake(
    "tanh comes after the pooling in your net, and belongs before it. The mean of what was bent is not the same as "
    "bending the mean."
)
def tanh_after_pooling(right, images, seed, *edits):
    late = ("avg_pool", None, lambda call, *given, **options: call(*given, **options).tanh())
    return right(images, seed, *edits, ("tanh", (0, 1), lambda call, x: x), late)


@LeNet5.mistake(
    "Nothing bends between your two convolutions, nor between the second one and the linear layers. Convolution and "
    "mean are both linear, so together they are one linear layer."
)
def no_activation_after_the_convolutions(right, images, seed, *edits):
    return right(images, seed, *edits, ("tanh", (0, 1), lambda call, x: x))


@LeNet5.mistake(
    "There is no activation between your linear layers. Three linear layers in a row compute no more than one does: "
    "(xA)B is x(AB)."
)
def no_activation_between_the_linear_layers(right, images, seed, *edits):
    return right(images, seed, *edits, ("tanh", (2, 3), lambda call, x: x))


@LeNet5.mistake(
    "Your net ends in a softmax. A model returns scores: cross entropy takes the logarithm of the softmax itself, and "
    "a second softmax before it makes all gradients small."
)
def softmax_at_the_end(right, images, seed, *edits):
    return right(images, seed, *edits, ("linear", 2, lambda call, *given: call(*given).softmax(-1)))


@LeNet5.mistake(
    "An activation follows the last layer too. Scores may be any numbers; tanh would hold them between -1 and 1, and "
    "no class could ever get a probability near 1."
)
def tanh_on_the_scores(right, images, seed, *edits):
    return right(images, seed, *edits, ("linear", 2, lambda call, *given: call(*given).tanh()))


@LeNet5.mistake(
    "Your first convolution is padded. Its images are 32 × 32, with the digit in the middle 20 × 20, so that 5 × 5 "
    "windows fit: 28 × 28 positions, no padding."
)
def first_convolution_padded(right, images, seed, *edits):
    def widened(net):
        from torch import nn

        (first,) = (m for m in net.modules() if isinstance(m, nn.Linear) and m.in_features == 400)
        first.weight = nn.Parameter(first.weight.repeat(1, 2)[:, :576])

    def padded(call, x, w, b, stride, padding, *more):
        return call(x, w, b, stride, 2, *more)

    return right(images, seed, *edits, ("net", widened), ("conv", 0, padded))


@LeNet5.mistake(
    "Your convolutions have no bias. Each filter adds a number of its own to all that it computes: 6 and 16 parameters "
    "more. Only before a batch norm is a bias of no use."
)
def convolutions_without_bias(right, images, seed, *edits):
    def unbiased(call, x, w, b, *more):
        return call(x, w, None, *more)

    return right(images, seed, *edits, ("conv", None, unbiased))


@LeNet5.mistake(
    "Your linear layers have 84 units first and then 120. It is the other way round: 400 numbers become 120, then 84, "
    "then 10."
)
def widths_of_the_linear_layers_exchanged(right, images, seed, *edits):
    def exchanged(net):
        from torch import nn

        linear = [m for m in net.modules() if isinstance(m, nn.Linear)]
        for layer, (i, o) in zip(linear, ((400, 84), (84, 120), (120, 10)), strict=True):
            layer.weight = nn.Parameter(layer.weight.flatten().repeat(2)[: i * o].view(o, i))
            layer.bias = nn.Parameter(layer.weight[:, 0].clone())

    return right(images, seed, *edits, ("net", exchanged))


@network(
    LESSON,
    "()",
    alone=False,
    examples=[
        Example(
            case("parameters and sizes", (2, 1, 28, 28), None),
            (1_256_080, _layers("20 × 28 × 28", "50 × 14 × 14", "500", "10")),
        )
    ],
)
def LeNetCaffe(images, seed, *edits):
    return seen(_lenet_caffe, (), images, seed, edits)


@LeNetCaffe.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("a batch of images", (3, 1, 28, 28), draw.int(0, 10**6))
    yield case("a batch of one image", (1, 1, 28, 28), draw.int(0, 10**6))
    for _ in draw.repeats(1):
        yield case("other weights", (draw.int(2, 5), 1, 28, 28), draw.int(0, 10**6))


@LeNetCaffe.mistake(
    "Your convolutions have no padding. Then 28 becomes 24, 12, 8 and 4; with padding 2 a 5 × 5 convolution keeps the "
    "size, and 50 maps of 7 × 7 reach the linear layers: 2,450 numbers."
)
def no_padding(right, images, seed, *edits):
    def narrowed(net):
        from torch import nn

        (first,) = (m for m in net.modules() if isinstance(m, nn.Linear) and m.in_features == 2450)
        first.weight = nn.Parameter(first.weight[:, :800])

    def unpadded(call, x, w, b, stride, padding, *more):
        return call(x, w, b, stride, 0, *more)

    return right(images, seed, *edits, ("net", narrowed), ("conv", None, unpadded))


@LeNetCaffe.mistake(
    "Your pooling takes means, as LeNet-5 does. This net takes the largest of four values: where the pattern was found "
    "best, whatever the other three say."
)
def average_pooling(right, images, seed, *edits):
    def mean(call, x, *options, **more):
        return x.unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5))

    return right(images, seed, *edits, ("max_pool", None, mean))


@LeNetCaffe.mistake(
    "Your activation is tanh, as in LeNet-5. Here it is ReLU, max(0, x), which does not flatten for large numbers."
)
def tanh_for_relu(right, images, seed, *edits):
    return right(images, seed, *edits, ("relu", None, lambda call, x, *options, **more: x.tanh()))


@LeNetCaffe.mistake(
    "There is no ReLU after your convolutions. Taking a maximum bends a little, but not per value: a filter that "
    "finds nothing anywhere must give zero, not its least negative answer."
)
def no_activation_after_the_convolutions(right, images, seed, *edits):
    return right(images, seed, *edits, ("relu", (0, 1), lambda call, x, *options, **more: x))


@LeNetCaffe.mistake(
    "There is no ReLU between your two linear layers, so that together they compute no more than one of them: (xA)B "
    "is x(AB)."
)
def no_activation_between_the_linear_layers(right, images, seed, *edits):
    return right(images, seed, *edits, ("relu", 2, lambda call, x, *options, **more: x))


@LeNetCaffe.mistake(
    "Your net ends in a softmax. A model returns scores: cross entropy takes the logarithm of the softmax itself, and "
    "a second softmax before it makes all gradients small."
)
def softmax_at_the_end(right, images, seed, *edits):
    return right(images, seed, *edits, ("linear", 1, lambda call, *given: call(*given).softmax(-1)))


@LeNetCaffe.mistake(
    "A ReLU follows the last layer too. Scores may be negative: with ReLU on them, all classes that are unlikely look "
    "alike, and nothing can be learned about them."
)
def relu_on_the_scores(right, images, seed, *edits):
    return right(images, seed, *edits, ("linear", 1, lambda call, *given: call(*given).relu()))


@LeNetCaffe.mistake(
    "Your convolutions have no bias. Each filter adds a number of its own to all that it computes: 20 and 50 "
    "parameters more. Only before a batch norm is a bias of no use."
)
def convolutions_without_bias(right, images, seed, *edits):
    def unbiased(call, x, w, b, *more):
        return call(x, w, None, *more)

    return right(images, seed, *edits, ("conv", None, unbiased))


PIXELS, CLASSES, HIDDEN = 9, 4, 6


def _model(function: Any, seed: int | None, training: bool) -> Any:
    """A small network with a batch norm, beside the function that gets it; without a seed its weights are zero."""
    draw = np.random.default_rng(seed)
    shapes = {"2.weight": (HIDDEN, PIXELS), "2.bias": (HIDDEN,), "5.weight": (CLASSES, HIDDEN), "5.bias": (CLASSES,)}
    scale = 0 if seed is None else 1
    state = {name: torch.from_numpy(scale * draw.normal(size=shape)).float() for name, shape in shapes.items()}
    state |= {"3.weight": torch.ones(HIDDEN), "3.bias": torch.zeros(HIDDEN), "3.num_batches_tracked": torch.tensor(0)}
    state |= {"3.running_mean": torch.linspace(-1, 1, HIDDEN), "3.running_var": torch.linspace(0.5, 3, HIDDEN)}
    nn, witness = "torch.nn:", Recipe("course_utils.witness:Witness")
    parts = [Recipe(nn + "Flatten"), Recipe(nn + "Linear", (PIXELS, HIDDEN)), Recipe(nn + "BatchNorm1d", (HIDDEN,))]
    last = Recipe(nn + "Linear", (HIDDEN, CLASSES))
    layers = (witness, *parts, Recipe(nn + "Tanh"), last)
    model = made(Recipe(nn + "Sequential", layers, state=state), function)
    model.train(training)
    return model


def _batches(function: Any, images: np.ndarray, labels: np.ndarray, sizes: tuple[int, ...], once: bool) -> Any:
    """(images, labels) pairs of these sizes: a list, or an iterator that ends after one round."""
    ends = np.cumsum(sizes)[:-1]
    pairs = zip(np.split(images, ends), np.split(labels, ends), strict=True)
    batches = [(tensor(x).float(), tensor(y)) for x, y in pairs]
    return made(Recipe("builtins:iter", (batches,)), function) if once else batches


def _state(model: Any) -> dict[str, np.ndarray]:
    """Weights and running statistics by names in words; without the counter of batches."""
    words = {"2": "hidden", "3": "norm", "5": "scores"}
    state = {name: np.array(value) for name, value in model.state_dict().items() if "num_batches" not in name}
    return {" ".join([words[name[0]], name[2:]]): value for name, value in state.items()}


def _zero_state(**changed: Any) -> dict[str, np.ndarray]:
    """The state of the model whose weights are zero, after changes."""
    state = {"hidden_weight": np.zeros((HIDDEN, PIXELS)), "hidden_bias": np.zeros(HIDDEN)}
    state |= {"norm_weight": np.ones(HIDDEN), "norm_bias": np.zeros(HIDDEN)}
    state |= {"norm_running_mean": np.linspace(-1, 1, HIDDEN), "norm_running_var": np.linspace(0.5, 3, HIDDEN)}
    state |= {"scores_weight": np.zeros((CLASSES, HIDDEN)), "scores_bias": np.zeros(CLASSES), **changed}
    return {name.replace("_", " ", 1): np.array(value) for name, value in state.items()}


def _are_batches(images, labels, sizes, *rest):
    fits = images.shape == (len(labels), 1, 3, 3) and len(labels) == sum(sizes)
    return fits and len(sizes) >= 1 and min(sizes) >= 2 and labels.min() >= 0 and labels.max() < CLASSES


def _data(draw: Draw, category: str, sizes: tuple[int, ...], *flags: bool) -> Case:
    images, labels = draw.array(sum(sizes), 1, 3, 3), draw.integers(sum(sizes), low=0, high=CLASSES - 1)
    return case(category, images, labels.astype(int), sizes, draw.int(0, 10**6), *flags)


def _trained(train, images, labels, sizes, seed, training, once):
    model = _model(train, seed, training)
    settings = {"lr": 0.3, "momentum": 0.5}
    optimizer = made(Recipe("torch.optim:SGD", (model.parameters(),), settings), train)
    loss = numbers(train(model, _batches(train, images, labels, sizes, once), optimizer))
    modes = list(getattr(model, "0").training_modes)
    return loss, "training" if all(modes) else "evaluation", _state(model)


def _train_epoch(model, batches, optimizer):
    model.train()
    losses, count = 0.0, 0
    for images, labels in batches:
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses += loss.item() * len(labels)
        count += len(labels)
    return losses / count


# Weights of zero: all four classes are equally likely, so the loss is ln 4. Only the last bias has a gradient, 1/4 less
# the share of each class; the step is 0.3 times that. The running statistics move a tenth of the way towards 0.
_STEP = (
    math.log(4),
    "training",
    _zero_state(
        scores_bias=[0.075, 0.075, -0.075, -0.075],
        norm_running_mean=0.9 * np.linspace(-1, 1, HIDDEN),
        norm_running_var=0.9 * np.linspace(0.5, 3, HIDDEN),
    ),
)


@function(
    LESSON,
    "(model, batches, optimizer)",
    _trained,
    forbidden=LOOPS,
    parts=("mean loss", "mode", "state"),
    shown="# a small network with batch norm, weights from `seed`; images and labels cut into batches of these sizes\n"
    "train_epoch(model, batches, torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.5))",
    requires=_are_batches,
    integers=False,
    tolerance=1e-4,
    examples=[example(_STEP, np.eye(9)[:2].reshape(2, 1, 3, 3), np.array([0, 1]), (2,), None, True, False)],
)
def train_epoch(images, labels, sizes, seed, training, once, *changes):
    return _trained(changed(_train_epoch, changes), images, labels, sizes, seed, training, once)


@train_epoch.cases
def _(draw: Draw) -> Iterator[Case]:
    yield _data(draw, "one batch", (4,), True, False)
    yield _data(draw, "several batches", (4, 4, 4), True, False)
    yield _data(draw, "a last, smaller batch", (draw.size(4, 6), draw.size(4, 6), 2), True, False)
    yield _data(draw, "a model that was being evaluated", (3, 2, 3), False, False)
    for _ in draw.repeats(1):
        yield _data(draw, "batches from a generator", (draw.int(3, 5), draw.int(2, 3), 3, 2), True, True)


@train_epoch.mistake(
    "The gradients of one batch are still there when those of the next are added: backward() adds to .grad. Call "
    "optimizer.zero_grad() for each batch, before backward()."
)
def gradients_not_zeroed(right, images, labels, sizes, seed, training, once, *changes):
    def accumulating(train, model, batches, optimizer):
        optimizer.zero_grad = lambda *_, **__: None
        return train(model, batches, optimizer)

    return right(images, labels, sizes, seed, training, once, *changes, accumulating)


@train_epoch.mistake(
    "The weights are the same after the epoch as before. Either step() is never called, or the gradients are zeroed "
    "between backward() and step()."
)
def weights_do_not_move(right, images, labels, sizes, seed, training, once, *changes):
    def standing(train, model, batches, optimizer):
        optimizer.step = lambda *_, **__: None
        return train(model, batches, optimizer)

    return right(images, labels, sizes, seed, training, once, *changes, standing)


@train_epoch.mistake(
    "Your loss is the mean of the batches' means. A last batch that is smaller then counts as much as a full one: "
    "weigh each by its number of examples, and divide by the number of all."
)
def mean_over_batches(right, images, labels, sizes, seed, training, once, *changes):
    def by_batch(train, model, batches, optimizer):
        losses = [train(model, [batch], optimizer) for batch in batches]
        return sum(losses) / len(losses)

    return right(images, labels, sizes, seed, training, once, *changes, by_batch)


@train_epoch.mistake(
    "Your loss is the sum of the batches' mean losses, and grows with the number of batches. The mean over all "
    "examples is wanted, so that epochs of any length can be compared."
)
def sum_over_batches(right, images, labels, sizes, seed, training, once, *changes):
    def summed(train, model, batches, optimizer):
        return sum(train(model, [batch], optimizer) for batch in batches)

    return right(images, labels, sizes, seed, training, once, *changes, summed)


@train_epoch.mistake(
    "The batches' mean losses are added up, and divided by the number of examples: one of both is too much. Multiply "
    "each by the size of its batch before you add."
)
def means_divided_by_examples(right, images, labels, sizes, seed, training, once, *changes):
    def divided(train, model, batches, optimizer):
        losses, count = 0, 0
        for batch in batches:
            losses += train(model, [batch], optimizer)
            count += len(batch[1])
        return losses / count

    return right(images, labels, sizes, seed, training, once, *changes, divided)


@train_epoch.mistake(
    "What you return is the loss of the last batch alone. It jumps about from epoch to epoch; add up all batches."
)
def loss_of_the_last_batch(right, images, labels, sizes, seed, training, once, *changes):
    def last(train, model, batches, optimizer):
        return [train(model, [batch], optimizer) for batch in batches][-1]

    return right(images, labels, sizes, seed, training, once, *changes, last)


@train_epoch.mistake(
    "Only the first batch is trained on: `return` stands inside the loop. Take it out to the margin of the `for`."
)
def return_inside_the_loop(right, images, labels, sizes, seed, training, once, *changes):
    def early(train, model, batches, optimizer):
        return train(model, [next(iter(batches))], optimizer)

    return right(images, labels, sizes, seed, training, once, *changes, early)


@train_epoch.mistake(
    "The model is trained in the mode in which it came, and here that was evaluation mode: batch norm then does not "
    "learn its running statistics, dropout drops nothing. Call model.train() first."
)
def mode_not_set(right, images, labels, sizes, seed, training, once, *changes):
    def unset(train, model, batches, optimizer):
        model.train = lambda *_: model
        return train(model, batches, optimizer)

    return right(images, labels, sizes, seed, training, once, *changes, unset)


@train_epoch.mistake(
    "There is a softmax before your loss. cross_entropy takes scores and does the softmax itself; with a second one "
    "gradients are small and the loss cannot come near zero."
)
def softmax_before_the_loss(right, images, labels, sizes, seed, training, once, *changes):
    def squashed(train, model, batches, optimizer):
        from torch import nn

        return train(nn.Sequential(model, nn.Softmax(1)), batches, optimizer)

    return right(images, labels, sizes, seed, training, once, *changes, squashed)


@train_epoch.mistake(
    "Each step is as many times too large as its batch has examples: backward() runs on the sum of the losses. Take "
    "the mean (the default of cross_entropy), so that the step does not depend on the batch size."
)
def gradient_of_the_sum(right, images, labels, sizes, seed, training, once, *changes):
    def steep(train, model, batches, optimizer):
        losses, count = 0, 0
        for x, y in batches:
            size = len(y)
            hooks = [p.register_hook(lambda grad, size=size: grad * size) for p in model.parameters()]
            losses += size * train(model, [(x, y)], optimizer)
            count += size
            for hook in hooks:
                hook.remove()
        return losses / count

    return right(images, labels, sizes, seed, training, once, *changes, steep)


def _evaluated(evaluate, images, labels, sizes, seed, training, once):
    model = _model(evaluate, seed, training)
    before = _state(model)
    accuracy = numbers(evaluate(model, _batches(evaluate, images, labels, sizes, once)))
    graph = "kept" if any(getattr(model, "0").gradients) else "not kept"
    same = all(np.array_equal(before[name], after) for name, after in _state(model).items())
    mode = "training" if model.training else "evaluation"
    return accuracy, mode, "as they were" if same else "changed", graph


def _evaluate(model, batches):
    mode = model.training
    model.eval()
    hits, count = 0, 0
    with torch.no_grad():
        for images, labels in batches:
            hits += int((model(images).argmax(1) == labels).sum())
            count += len(labels)
    model.train(mode)
    return hits / count


@function(
    LESSON,
    "(model, batches)",
    _evaluated,
    forbidden=LOOPS,
    parts=("accuracy", "mode afterwards", "weights and running statistics", "graph for gradients"),
    shown="# a small network with batch norm, weights from `seed`; images and labels cut into batches of these sizes\n"
    "evaluate(model, batches)",
    requires=_are_batches,
    integers=False,
    # Weights of zero: all scores are equal, and the first of the largest is class 0. One of three images is a 0.
    examples=[
        example(
            (1 / 3, "training", "as they were", "not kept"),
            np.eye(9)[:3].reshape(3, 1, 3, 3), np.array([0, 1, 2]), (3,), None, True, False,
        )
    ],
)  # fmt: skip
def evaluate(images, labels, sizes, seed, training, once, *changes):
    return _evaluated(changed(_evaluate, changes), images, labels, sizes, seed, training, once)


@evaluate.cases
def _(draw: Draw) -> Iterator[Case]:
    yield _guessed(draw, "one batch", (12,), True, False)
    yield _guessed(draw, "a last, smaller batch", (12, draw.size(10, 14), 2), True, False)
    yield _guessed(draw, "a model in evaluation mode", (7, 5), False, False)
    for _ in draw.repeats(1):
        yield _guessed(draw, "batches from a generator", (draw.int(9, 12), 8, 3), True, True)


def _guessed(draw: Draw, category: str, sizes: tuple[int, ...], training: bool, once: bool) -> Case:
    """A case in which batches differ in accuracy, and so do the modes: most labels are what the model answers."""
    made_so = _data(draw, category, sizes, training, once)
    images, _, _, seed, *_ = made_so.args
    model = _model(None, seed, False)
    with torch.no_grad():
        answers = model(tensor(images).float()).argmax(1).numpy()
    wrong = np.arange(len(answers)) % 3 == 1
    labels = np.where(wrong, (answers + 1) % CLASSES, answers)
    return case(category, images, labels, *made_so.args[2:])


@evaluate.mistake(
    "The model is evaluated in training mode: batch norm normalizes by the batch at hand, and evaluating even changes "
    "its running statistics. Call model.eval() first."
)
def training_mode(right, images, labels, sizes, seed, training, once, *changes):
    def unset(answer, model, batches):
        model.eval, model.train = (lambda: model), (lambda *_: model)
        return answer(model, batches)

    return right(images, labels, sizes, seed, training, once, *changes, unset)


@evaluate.mistake(
    "The model is left in evaluation mode. Whoever called you may be in the middle of training: remember "
    "model.training, and give that mode back."
)
def mode_not_given_back(right, images, labels, sizes, seed, training, once, *changes):
    def left(answer, model, batches):
        accuracy = answer(model, batches)
        model.eval()
        return accuracy

    return right(images, labels, sizes, seed, training, once, *changes, left)


@evaluate.mistake(
    "The model is always in training mode afterwards, also when it came in evaluation mode. Give back the mode in "
    "which it came: model.train(mode)."
)
def always_training_afterwards(right, images, labels, sizes, seed, training, once, *changes):
    def switched(answer, model, batches):
        accuracy = answer(model, batches)
        model.train()
        return accuracy

    return right(images, labels, sizes, seed, training, once, *changes, switched)


@evaluate.mistake(
    "Your accuracy is the mean of the batches' accuracies. A last batch that is smaller then counts as much as a full "
    "one: count right answers and examples, and divide at the end."
)
def mean_over_batches(right, images, labels, sizes, seed, training, once, *changes):
    def by_batch(answer, model, batches):
        accuracies = [answer(model, [batch]) for batch in batches]
        return sum(accuracies) / len(accuracies)

    return right(images, labels, sizes, seed, training, once, *changes, by_batch)


@evaluate.mistake("Your accuracy is in percent. A number from 0 to 1 is wanted: the share of right answers.")
def percent(right, images, labels, sizes, seed, training, once, *changes):
    def hundredfold(answer, model, batches):
        return 100 * answer(model, batches)

    return right(images, labels, sizes, seed, training, once, *changes, hundredfold)


@evaluate.mistake(
    "You return how many answers are right. Divide by the number of examples: a share from 0 to 1 is wanted."
)
def count_of_right_answers(right, images, labels, sizes, seed, training, once, *changes):
    def counted(answer, model, batches):
        return sum(round(len(batch[1]) * answer(model, [batch])) for batch in batches)

    return right(images, labels, sizes, seed, training, once, *changes, counted)


@evaluate.mistake("What you return is the share of wrong answers, the error rate. Accuracy is one minus that.")
def error_rate(right, images, labels, sizes, seed, training, once, *changes):
    def complement(answer, model, batches):
        return 1 - answer(model, batches)

    return right(images, labels, sizes, seed, training, once, *changes, complement)


@evaluate.mistake(
    "Only the first batch counts: `return` stands inside the loop. Take it out to the margin of the `for`."
)
def return_inside_the_loop(right, images, labels, sizes, seed, training, once, *changes):
    def early(answer, model, batches):
        return answer(model, [next(iter(batches))])

    return right(images, labels, sizes, seed, training, once, *changes, early)


@evaluate.mistake(
    "PyTorch keeps every activation of the evaluation, for gradients that nobody asks for. Put the loop under "
    "`with torch.no_grad():`, and it needs a fraction of the memory."
)
def graph_kept(right, images, labels, sizes, seed, training, once, *changes):
    def recorded(answer, model, batches):
        from torch import enable_grad

        forward = model.forward
        model.forward = enable_grad()(forward)
        try:
            return answer(model, batches)
        finally:
            model.forward = forward

    return right(images, labels, sizes, seed, training, once, *changes, recorded)


def _confused(confusion_matrix, labels, predictions, classes):
    matrix = numbers(confusion_matrix(tensor(labels), tensor(predictions), classes))
    kind = np.asarray(matrix).dtype.kind if isinstance(matrix, (np.ndarray, list)) else ""
    return matrix, "whole" if kind in "iu" else "fractions" if kind == "f" else "no numbers"


def _confusion_matrix(labels, predictions, classes):
    return torch.bincount(classes * labels + predictions, minlength=classes**2).view(classes, classes)


@function(
    LESSON,
    "(labels, predictions, classes)",
    _confused,
    forbidden=LOOPS,
    parts=("matrix", "kind of its numbers"),
    requires=lambda labels, predictions, classes: (
        labels.shape == predictions.shape and classes >= 1 and max(labels.max(), predictions.max()) < classes
    ),
    shown="confusion_matrix(torch.tensor(labels), torch.tensor(predictions), classes)",
    examples=[
        Example(
            case("worked example", np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 0, 0]), 3),
            (np.array([[1, 1, 0], [0, 1, 0], [2, 0, 0]]), "whole"),
        )
    ],
)
def confusion_matrix(labels, predictions, classes, *changes):
    return _confused(changed(_confusion_matrix, changes), labels, predictions, classes)


@confusion_matrix.cases
def _(draw: Draw) -> Iterator[Case]:
    for category, count, classes in (
        ("one example", 1, 3),
        ("a class that never occurs", draw.size(6, 12), draw.int(4, 6)),
        ("two classes", draw.size(8, 16), 2),
        ("ten classes", draw.size(40, 80), 10),
    ):
        top = classes - 2 if "never" in category else classes - 1
        labels, predictions = (draw.integers(count, low=0, high=top).astype(int) for _ in range(2))
        yield case(category, labels, predictions, classes)


@confusion_matrix.mistake(
    "Rows and columns are exchanged: your rows are the predictions. A row is a true label here, so that it says what "
    "became of the images of one class."
)
def transposed(right, labels, predictions, classes, *changes):
    def exchanged(answer, labels, predictions, classes):
        return answer(predictions, labels, classes)

    return right(labels, predictions, classes, *changes, exchanged)


@confusion_matrix.mistake(
    "A pair (label, prediction) that occurs several times counts once: `matrix[labels, predictions] += 1` adds to each "
    "place once, however often it is named. Use bincount, np.add.at or a loop."
)
def pairs_counted_once(right, labels, predictions, classes, *changes):
    def clipped(answer, labels, predictions, classes):
        return (answer(labels, predictions, classes) > 0) * 1

    return right(labels, predictions, classes, *changes, clipped)


@confusion_matrix.mistake(
    "Your rows are divided by their sums. Counts are wanted: shares hide how many examples there are, and a class "
    "without any has none."
)
def rows_as_shares(right, labels, predictions, classes, *changes):
    def shares(answer, labels, predictions, classes):
        counts = np.array(answer(labels, predictions, classes), dtype=float)
        return counts / np.maximum(counts.sum(1, keepdims=True), 1)

    return right(labels, predictions, classes, *changes, shares)


@confusion_matrix.mistake(
    "Your matrix is only as large as the largest label that occurs. Its size is the argument classes: a class may be "
    "missing from this batch."
)
def size_from_the_data(right, labels, predictions, classes, *changes):
    def small(answer, labels, predictions, classes):
        return answer(labels, predictions, int(max(labels.max(), predictions.max())) + 1)

    return right(labels, predictions, classes, *changes, small)


@confusion_matrix.mistake(
    "Only right answers are counted: all but the diagonal is zero. What is confused with what is the point, so a wrong "
    "answer counts too, in its row."
)
def right_answers_only(right, labels, predictions, classes, *changes):
    def diagonal(answer, labels, predictions, classes):
        return answer(labels[labels == predictions], labels[labels == predictions], classes)

    return right(labels, predictions, classes, *changes, diagonal)


@confusion_matrix.mistake(
    "Your matrix holds fractions, though it counts. Make it of whole numbers: np.zeros(..., dtype=int), or "
    "torch.zeros(..., dtype=torch.long)."
)
def floats(right, labels, predictions, classes, *changes):
    def floating(answer, labels, predictions, classes):
        return np.array(answer(labels, predictions, classes), dtype=float)

    return right(labels, predictions, classes, *changes, floating)
