"""Lesson 10: the learning rate of one cycle, smoothed labels, a step in mixed precision, and how fast all that is."""

# Several exercises know the same mistake under the same name.
# mypy: disable-error-code="no-redef"

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from course_utils.contract import Case, Draw, Example, case, example, exercise
from course_utils.exercises.declarations import READY_MADE, changed, function, numbers, tensor
from course_utils.recipe import Recipe
from course_utils.remote import made

LESSON = "10_gpu_training"
SCHEDULES = (*READY_MADE, "torch.optim.lr_scheduler", "torch.optim.swa_utils", "course_utils.training_recipes")


@exercise(
    LESSON,
    forbidden=SCHEDULES,
    requires=lambda step, total, peak: total >= 2 and 0 <= step < total and peak > 0,
    examples=[
        example(0.04, 0, 11, 1.0),  # 1/25
        example(0.36, 1, 11, 1.0),  # a third of the way from 0.04 to 1
        example(1.0, 3, 11, 1.0),
        example(6 / 7, 4, 11, 1.0),
        example(0.0, 10, 11, 1.0),
    ],
)
def one_cycle(step, total, peak):
    """Smith and Topin 2018 with straight lines; the knots as in torch.optim.lr_scheduler.OneCycleLR."""
    last = total - 1
    return float(np.interp(step, [0, 0.3 * last, last], [peak / 25, peak, 0]))


@one_cycle.cases
def _(draw: Draw) -> Iterator[Case]:
    peak = draw.choice([0.3, 0.4, 2.5])
    yield case("the first step", 0, 21, peak)
    yield case("on the way up", 4, 21, peak)
    yield case("the peak", 6, 21, peak)
    yield case("on the way down", 12, 21, peak)
    yield case("the last step", 20, 21, peak)
    yield case("a peak between two steps", 4, 15, 0.5)
    yield case("a peak between two steps", 5, 15, 0.5)
    yield case("a run of two steps", 1, 2, 0.1)
    for _ in draw.repeats(3):
        total = draw.size(8, 200)
        yield case("other numbers", draw.int(0, total - 1), total, draw.choice([0.01, 0.2, 8.0]))


@one_cycle.mistake(
    "Your peak comes at 30 % of `total`. Steps are counted from 0, so the last one is total − 1: the peak is at 30 % "
    "of that."
)
def peak_at_a_share_of_total(right, step, total, peak):
    return float(np.interp(step, [0, 0.3 * total, total - 1], [peak / 25, peak, 0]))


@one_cycle.mistake(
    "Your cycle has its end, and with it its peak, at step `total`, which never comes: the last step is total − 1, and "
    "its rate must be 0."
)
def end_one_step_late(right, step, total, peak):
    return right(step, total + 1, peak)


@one_cycle.mistake("You count steps from 1. `step` begins at 0, and there the rate is peak/25.")
def steps_counted_from_one(right, step, total, peak):
    return right(min(step + 1, total - 1), total, peak)


@one_cycle.mistake("The way up begins at 0 in yours. It begins at peak/25: a step of rate 0 is a step lost.")
def begins_at_zero(right, step, total, peak):
    return float(np.interp(step, [0, 0.3 * (total - 1), total - 1], [0, peak, 0]))


@one_cycle.mistake(
    "Your cycle ends where it began, at peak/25. It ends at 0: small steps at the end let the loss settle."
)
def ends_at_the_beginning(right, step, total, peak):
    return float(np.interp(step, [0, 0.3 * (total - 1), total - 1], [peak / 25, peak, peak / 25]))


@one_cycle.mistake("Your way down follows a cosine. Both ways are straight lines here.")
def cosine_down(right, step, total, peak):
    last = total - 1
    share = (step - 0.3 * last) / (0.7 * last)
    return right(step, total, peak) if share <= 0 else peak * (1 + math.cos(math.pi * share)) / 2


@one_cycle.mistake("Your ways up and down follow a cosine. Both are straight lines here.")
def cosine_both_ways(right, step, total, peak):
    last = total - 1
    top = 0.3 * last
    if step <= top:
        return peak - (peak - peak / 25) * (1 + math.cos(math.pi * step / top)) / 2
    return peak * (1 + math.cos(math.pi * (step - top) / (last - top))) / 2


@one_cycle.mistake("Your peak is in the middle of the run. It is at 30 %: the way down takes the longer time.")
def peak_in_the_middle(right, step, total, peak):
    return float(np.interp(step, [0, 0.5 * (total - 1), total - 1], [peak / 25, peak, 0]))


@one_cycle.mistake(
    "You round the place of the peak to a whole step. Leave it where it is, between two steps: both lines go through "
    "it all the same."
)
def peak_rounded_down(right, step, total, peak):
    return float(np.interp(step, [0, int(0.3 * (total - 1)), total - 1], [peak / 25, peak, 0]))


@one_cycle.mistake("What you return is a factor between 0 and 1. Multiply by `peak`: the learning rate is wanted.")
def a_factor(right, step, total, peak):
    return right(step, total, peak) / peak


@one_cycle.mistake(
    "Your warm-up rises from 0 to the peak and has peak/25 added, so that the top is higher than the peak. From "
    "peak/25 up to peak there are only 24/25 of it to rise."
)
def rises_above_the_peak(right, step, total, peak):
    top = 0.3 * (total - 1)
    return peak / 25 + peak * step / top if step <= top else right(step, total, peak)


@one_cycle.mistake(
    "After the peak your rate stays where it is. From there it falls in a straight line to 0 at the last step."
)
def stays_at_the_peak(right, step, total, peak):
    return right(step, total, peak) if step <= 0.3 * (total - 1) else peak


LOSSES = (
    *(*READY_MADE, "torch.nn.functional.cross_entropy", "torch.nn.CrossEntropyLoss", "torch.cross_entropy_loss"),
    *("torch.nn.functional.kl_div", "torch.nn.KLDivLoss", "torch.nn.modules.loss"),
)


def _loss_of(smooth_cross_entropy, scores, labels, smoothing):
    parts = tensor(scores).double(), tensor(labels), smoothing
    loss, gradient = made(
        Recipe("course_utils.rehearsal:differentiated", (smooth_cross_entropy, *parts)), smooth_cross_entropy
    )
    return numbers(loss), "none" if gradient is None else numbers(gradient)


def _smooth_cross_entropy(scores, labels, smoothing):
    return torch.nn.functional.cross_entropy(scores, labels, label_smoothing=smoothing)


def _are_scores(scores, labels, smoothing, *changes):
    fits = scores.ndim == 2 and labels.shape == scores.shape[:1] and min(scores.shape) >= 1
    return (
        fits and scores.shape[1] >= 2 and 0 <= labels.min() <= labels.max() < scores.shape[1] and 0 <= smoothing <= 0.5
    )


# Equal scores: every class has probability ½, so each −log is ln 2, whatever the target; the gradient is ½ − target.
@function(
    LESSON,
    "(scores, labels, smoothing)",
    _loss_of,
    forbidden=LOSSES,
    parts=("loss", "gradient"),
    shown="scores = torch.tensor(scores, requires_grad=True)\n"
    "smooth_cross_entropy(scores, labels, smoothing).backward()",
    requires=_are_scores,
    examples=[
        Example(
            case("worked example", np.zeros((1, 2)), np.array([0]), 0.2),
            (math.log(2), np.array([[0.5 - 0.9, 0.5 - 0.1]])),
        )
    ],
)
def smooth_cross_entropy(scores, labels, smoothing, *changes):
    return _loss_of(changed(_smooth_cross_entropy, changes), scores, labels, smoothing)


@smooth_cross_entropy.cases
def _(draw: Draw) -> Iterator[Case]:
    def scored(category: str, count: int, classes: int, smoothing: float, scale: float = 1.0) -> Case:
        labels = draw.integers(count, low=0, high=classes - 1).astype(int)
        return case(category, scale * draw.array(count, classes), labels, smoothing)

    yield scored("one example", 1, 3, 0.1)
    yield scored("several examples", 4, 5, 0.2)
    yield scored("no smoothing", 3, 4, 0.0)
    yield scored("two classes", 3, 2, 0.3)
    yield case("large scores", np.array([[0.0, 1000.0, -1000.0], [900.0, 5.0, 0.0]]), np.array([1, 0]), 0.1)
    for _ in draw.repeats(2):
        yield scored("other sizes", draw.size(2, 6), draw.size(3, 10), draw.choice([0.05, 0.1, 0.4]))


@smooth_cross_entropy.mistake(
    "You share the smoothing among the other classes only: smoothing/(K − 1) each, and 1 − smoothing for the label. "
    "Here all K classes get smoothing/K, the label too, which so ends at 1 − smoothing + smoothing/K."
)
def over_the_other_classes(right, scores, labels, smoothing, *changes):
    def others(answer, scores, labels, smoothing):
        classes = scores.shape[1]
        return answer(scores, labels, smoothing * classes / (classes - 1))

    return right(scores, labels, smoothing, *changes, others)


@smooth_cross_entropy.mistake(
    "Each class gets the whole smoothing, so that the targets of an example add up to more than 1. Divide by the "
    "number of classes, or take the mean over them instead of the sum."
)
def smoothing_not_divided(right, scores, labels, smoothing, *changes):
    def undivided(answer, scores, labels, smoothing):
        even = -scores.log_softmax(1).sum(1).mean()
        return (1 - smoothing) * answer(scores, labels, 0.0) + smoothing * even

    return right(scores, labels, smoothing, *changes, undivided)


@smooth_cross_entropy.mistake(
    "The label keeps its whole 1, and the smoothing comes on top: your targets add up to 1 + smoothing. The label's "
    "share is 1 − smoothing, before it gets its part of what is spread."
)
def label_not_reduced(right, scores, labels, smoothing, *changes):
    def on_top(answer, scores, labels, smoothing):
        return answer(scores, labels, 0.0) - smoothing * scores.log_softmax(1).mean()

    return right(scores, labels, smoothing, *changes, on_top)


@smooth_cross_entropy.mistake(
    "The label gets 1 − smoothing and the other classes smoothing/K each: together less than 1. The label belongs to "
    "the K classes too, and gets smoothing/K as well."
)
def label_left_out_of_the_spread(right, scores, labels, smoothing, *changes):
    def short(answer, scores, labels, smoothing):
        return answer(scores, labels, smoothing) - smoothing / scores.shape[1] * answer(scores, labels, 0.0)

    return right(scores, labels, smoothing, *changes, short)


@smooth_cross_entropy.mistake("`smoothing` is not used: this is the plain cross entropy.")
def no_smoothing(right, scores, labels, smoothing, *changes):
    def plain(answer, scores, labels, smoothing):
        return answer(scores, labels, 0.0)

    return right(scores, labels, smoothing, *changes, plain)


@smooth_cross_entropy.mistake(
    "The two weights are exchanged: the label gets `smoothing`, and 1 − smoothing is spread over all classes."
)
def weights_exchanged(right, scores, labels, smoothing, *changes):
    def exchanged(answer, scores, labels, smoothing):
        return answer(scores, labels, 1 - smoothing)

    return right(scores, labels, smoothing, *changes, exchanged)


@smooth_cross_entropy.mistake(
    "Your loss is the sum over the batch. Take the mean, so that the step does not grow with the batch."
)
def sum_over_the_batch(right, scores, labels, smoothing, *changes):
    def summed(answer, scores, labels, smoothing):
        return len(labels) * answer(scores, labels, smoothing)

    return right(scores, labels, smoothing, *changes, summed)


@smooth_cross_entropy.mistake(
    "You return the mean over examples and classes. The classes of one example are added up; only over the examples "
    "is the mean taken."
)
def mean_over_the_classes_too(right, scores, labels, smoothing, *changes):
    def small(answer, scores, labels, smoothing):
        return answer(scores, labels, smoothing) / scores.shape[1]

    return right(scores, labels, smoothing, *changes, small)


@smooth_cross_entropy.mistake(
    "The softmax is taken twice. log_softmax wants scores: what was a softmax already has all its numbers between 0 "
    "and 1, and no class can get near probability 1 again."
)
def softmax_twice(right, scores, labels, smoothing, *changes):
    def twice(answer, scores, labels, smoothing):
        return answer(scores.softmax(1), labels, smoothing)

    return right(scores, labels, smoothing, *changes, twice)


@smooth_cross_entropy.mistake(
    "You smooth the model's probabilities: log((1 − s)·p + s/K). Smoothing changes the targets; the probabilities are "
    "the model's, and only their logarithm goes into the loss."
)
def probabilities_smoothed(right, scores, labels, smoothing, *changes):
    def blurred(answer, scores, labels, smoothing):
        p = (1 - smoothing) * scores.softmax(1) + smoothing / scores.shape[1]
        return -p[range(len(labels)), labels].log().mean()

    return right(scores, labels, smoothing, *changes, blurred)


@smooth_cross_entropy.mistake(
    "The logarithm is taken of a softmax, and with large scores that is the logarithm of 0. log_softmax computes both "
    "at once and stays finite."
)
def logarithm_of_zero(right, scores, labels, smoothing, *changes):
    def unstable(answer, scores, labels, smoothing):
        log_p = scores.softmax(1).log()
        label = log_p[range(len(labels)), labels]
        return -((1 - smoothing) * label + smoothing * log_p.mean(1)).mean()

    return right(scores, labels, smoothing, *changes, unstable)


@smooth_cross_entropy.mistake(
    "The value is right, but no gradient leads back to the scores, so nothing could be trained with it: item(), "
    "detach(), a new tensor made of numbers or no_grad cuts the graph."
)
def graph_cut(right, scores, labels, smoothing, *changes):
    def cut(answer, scores, labels, smoothing):
        return answer(scores, labels, smoothing).detach()

    return right(scores, labels, smoothing, *changes, cut)


@smooth_cross_entropy.mistake("The sign is wrong: a loss is minus the logarithm of a probability, and never negative.")
def sign_forgotten(right, scores, labels, smoothing, *changes):
    def negative(answer, scores, labels, smoothing):
        return -answer(scores, labels, smoothing)

    return right(scores, labels, smoothing, *changes, negative)


PIXELS, CLASSES, HIDDEN, RATE = 9, 4, 6, 0.3


def _model(function: Any, seed: int | None) -> Any:
    """A small network with a batch norm and a watch, in training mode; without a seed its weights are zero."""
    draw = np.random.default_rng(seed)
    shapes = {"1.weight": (HIDDEN, PIXELS), "1.bias": (HIDDEN,), "5.weight": (CLASSES, HIDDEN), "5.bias": (CLASSES,)}
    scale = 0 if seed is None else 1
    state = {name: torch.from_numpy(scale * draw.normal(size=shape)).float() for name, shape in shapes.items()}
    state |= {"2.weight": torch.ones(HIDDEN), "2.bias": torch.zeros(HIDDEN), "2.num_batches_tracked": torch.tensor(0)}
    state |= {"2.running_mean": torch.zeros(HIDDEN), "2.running_var": torch.ones(HIDDEN)}
    nn, watch = "torch.nn:", Recipe("course_utils.rehearsal:Precision")
    layers = (
        *(Recipe(nn + "Flatten"), Recipe(nn + "Linear", (PIXELS, HIDDEN)), Recipe(nn + "BatchNorm1d", (HIDDEN,))),
        *(watch, Recipe(nn + "Tanh"), Recipe(nn + "Linear", (HIDDEN, CLASSES))),
    )
    return made(Recipe(nn + "Sequential", layers, state=state), function)


STEP = (
    *("loss", "what is returned", "precision of the loss", "forward pass", "backward pass", "mode"),
    *("type of the weights", "state"),
)
UNSEEN = "not looked at"


def _stepped(train_step, count, seed, amp):
    images, labels = np.eye(count, PIXELS), np.arange(count) % CLASSES
    if seed is not None:
        draw = np.random.default_rng([seed, count])
        images, labels = draw.normal(size=images.shape), draw.integers(CLASSES, size=count)
    batch = tensor(images).float().reshape(count, 1, 3, 3), tensor(labels)
    given = train_step, _model(train_step, seed), *batch, RATE, amp
    return _step_facts(made(Recipe("course_utils.rehearsal:stepped", given), train_step))


def _step_facts(seen: Any) -> tuple[Any, ...]:
    """What an answer did, in words. Autocast around the backward pass too is of no harm."""
    kinds = sorted({kind for kind, _ in seen["seen"]})
    modes = {"training" if training else "evaluation" for _, training in seen["seen"]}
    forward = ", then ".join(kinds) or "none"
    around = "under autocast" if any(seen["backward"]) else "without autocast"
    what = "a number" if seen["kind"] == "no tensor" else "a tensor that holds the graph" if seen["graph"] else ""
    state = {_words(name): np.array(value) for name, value in seen["state"].items() if "num_batches" not in name}
    return (
        numbers(seen["loss"]),
        what or "a tensor without graph",
        UNSEEN if seen["kind"] == "no tensor" else seen["kind"],
        forward,
        around if forward == "float32" else UNSEEN,
        " and ".join(sorted(modes)) or "none",
        ", ".join(seen["weights"]),
        state,
    )


def _words(name: str) -> str:
    place, _, part = name.partition(".")
    return " ".join([{"1": "hidden", "2": "norm", "5": "scores"}[place], part])


def _train_step(model, images, labels, optimizer, amp):
    with torch.autocast(images.device.type, torch.bfloat16, enabled=bool(amp)):
        loss = torch.nn.functional.cross_entropy(model(images).float(), labels)
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for p, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        p.grad = gradient
    optimizer.step()
    return loss.detach()


# Weights of zero, in float32: four classes are equally likely, and the loss is ln 4. Only the last bias has a gradient,
# 1/4 less the share of each class; the step is 0.3 times that. The running variance goes a tenth of the way to 0.
_STATE = {
    "hidden weight": np.zeros((HIDDEN, PIXELS)),
    "hidden bias": np.zeros(HIDDEN),
    "norm weight": np.ones(HIDDEN),
    "norm bias": np.zeros(HIDDEN),
    "norm running_mean": np.zeros(HIDDEN),
    "norm running_var": np.full(HIDDEN, 0.9),
    "scores weight": np.zeros((CLASSES, HIDDEN)),
    "scores bias": np.array([0.075, 0.075, -0.075, -0.075]),
}


@function(
    LESSON,
    "(model, images, labels, optimizer, amp)",
    _stepped,
    forbidden=(*READY_MADE, "course_utils.train"),
    parts=STEP,
    shown="# Flatten(), Linear(9, 6), BatchNorm1d(6), Tanh(), Linear(6, 4); gradients of before are ones\n"
    "# weights, images (count, 1, 3, 3) and labels (count,) from `seed`\n"
    "train_step(model, images, labels, torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.5), amp)",
    requires=lambda count, seed, amp, *changes: 2 <= count <= PIXELS,
    once=True,
    alone=True,
    tolerance=1e-3,
    examples=[
        Example(
            case("worked example", 2, None, False),
            (
                *(math.log(4), "a tensor without graph", "float32", "float32", "without autocast", "training"),
                *("float32", _STATE),
            ),
        )
    ],
)
def train_step(count, seed, amp, *changes):
    return _stepped(changed(_train_step, changes), count, seed, amp)


@train_step.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("in float32", 4, draw.int(1, 10**6), False)
    yield case("in mixed precision", 4, draw.int(1, 10**6), True)
    for _ in draw.repeats(1):
        yield case("a larger batch", draw.int(5, 9), draw.int(1, 10**6), False)
        yield case("a larger batch in mixed precision", draw.int(5, 9), draw.int(1, 10**6), True)


@train_step.mistake(
    "The gradients of the step before are still there: backward() adds to .grad. Call optimizer.zero_grad() before "
    "backward()."
)
def gradients_not_zeroed(right, count, seed, amp, *changes):
    def accumulating(answer, model, images, labels, optimizer, amp):
        from torch import autocast, bfloat16
        from torch.nn.functional import cross_entropy

        with autocast(images.device.type, bfloat16, enabled=amp):
            loss = cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return right(count, seed, amp, *changes, accumulating)


@train_step.mistake(
    "The optimizer steps between the forward pass and backward(). It moves the weights along old gradients, and then "
    "backward() misses the weights that the forward pass used. The order is: zero_grad, forward, backward, step."
)
def step_before_backward(right, count, seed, amp, *changes):
    def early(answer, model, images, labels, optimizer, amp):
        from torch import autocast, bfloat16
        from torch.nn.functional import cross_entropy

        with autocast(images.device.type, bfloat16, enabled=amp):
            loss = cross_entropy(model(images), labels)
        optimizer.step()
        loss.backward()
        return loss.detach()

    return right(count, seed, amp, *changes, early)


@train_step.mistake(
    "The gradients are zeroed before the forward pass, and the optimizer steps right after it: backward() comes last. "
    "Nothing is learned in this step. The order is: zero_grad, forward, backward, step."
)
def weights_do_not_move(right, count, seed, amp, *changes):
    def standing(answer, model, images, labels, optimizer, amp):
        optimizer.step = lambda *_, **__: None
        return answer(model, images, labels, optimizer, amp)

    return right(count, seed, amp, *changes, standing)


@train_step.mistake(
    "The loss still hangs on its graph. Whoever keeps it, for a mean over an epoch, keeps all activations of that step "
    "in memory. Return loss.detach()."
)
def graph_kept(right, count, seed, amp, *changes):
    def attached(answer, model, images, labels, optimizer, amp):
        return answer(model, images, labels, optimizer, amp).requires_grad_()

    return right(count, seed, amp, *changes, attached)


@train_step.mistake(
    "You return a number: item() or float() waits until the GPU is done, in every step. Return loss.detach(), a tensor "
    "that stays where it is, and read it when you need it."
)
def a_number_returned(right, count, seed, amp, *changes):
    def waiting(answer, model, images, labels, optimizer, amp):
        return answer(model, images, labels, optimizer, amp).item()

    return right(count, seed, amp, *changes, waiting)


@train_step.mistake(
    "`amp` changes nothing: your forward pass is always in float32. Put model and loss below `with torch.autocast`, "
    "enabled when amp is true."
)
def never_autocast(right, count, seed, amp, *changes):
    def single(answer, model, images, labels, optimizer, amp):
        return answer(model, images, labels, optimizer, False)

    return right(count, seed, amp, *changes, single)


@train_step.mistake("Your forward pass is always in bfloat16. autocast takes enabled=amp: without amp all is float32.")
def always_autocast(right, count, seed, amp, *changes):
    def mixed(answer, model, images, labels, optimizer, amp):
        return answer(model, images, labels, optimizer, True)

    return right(count, seed, amp, *changes, mixed)


@train_step.mistake(
    "Autocast stands around backward() instead of the forward pass. It chooses a type when an operation of the forward "
    "pass is called; backward() then follows, whatever stands around it."
)
def autocast_around_backward(right, count, seed, amp, *changes):
    def late(answer, model, images, labels, optimizer, amp):
        from torch import autocast, bfloat16
        from torch.nn.functional import cross_entropy

        optimizer.zero_grad()
        loss = cross_entropy(model(images), labels)
        with autocast(images.device.type, bfloat16, enabled=amp):
            loss.backward()
        optimizer.step()
        return loss.detach()

    return right(count, seed, amp, *changes, late)


@train_step.mistake(
    "Your autocast computes in float16. Its largest number is 65,504 and its smallest normal one 6e-5, so small "
    "gradients become 0 unless the loss is scaled. Name the type: torch.bfloat16, which has float32's range."
)
def float16(right, count, seed, amp, *changes):
    def half(answer, model, images, labels, optimizer, amp):
        from torch import autocast
        from torch import float16 as small
        from torch.nn.functional import cross_entropy

        optimizer.zero_grad()
        with autocast(images.device.type, small, enabled=amp):
            loss = cross_entropy(model(images).float(), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return right(count, seed, amp, *changes, half)


@train_step.mistake(
    "The weights themselves become bfloat16. They are 8 bits precise then: a step smaller than 1/256 of a weight is "
    "lost. Autocast leaves them in float32, and rounds copies for each product."
)
def weights_in_bfloat16(right, count, seed, amp, *changes):
    def rounded(answer, model, images, labels, optimizer, amp):
        from torch.nn.functional import cross_entropy

        if amp:
            model.bfloat16()
            images = images.bfloat16()
        optimizer.zero_grad()
        loss = cross_entropy(model(images).float(), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return right(count, seed, amp, *changes, rounded)


@train_step.mistake(
    "The loss is computed in bfloat16: after the `with` block nothing turns the scores back to float32. Put the loss "
    "into the block too; autocast knows that a cross entropy wants float32."
)
def loss_in_bfloat16(right, count, seed, amp, *changes):
    def coarse(answer, model, images, labels, optimizer, amp):
        from torch import autocast, bfloat16
        from torch.nn.functional import cross_entropy

        optimizer.zero_grad()
        with autocast(images.device.type, bfloat16, enabled=amp):
            scores = model(images)
        loss = cross_entropy(scores, labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return right(count, seed, amp, *changes, coarse)


@train_step.mistake(
    "There is a softmax before your loss. cross_entropy takes scores and does the softmax itself; with a second one "
    "gradients are small and the loss cannot come near zero."
)
def softmax_before_the_loss(right, count, seed, amp, *changes):
    def squashed(answer, model, images, labels, optimizer, amp):
        from torch import nn

        return answer(nn.Sequential(model, nn.Softmax(1)), images, labels, optimizer, amp)

    return right(count, seed, amp, *changes, squashed)


@train_step.mistake(
    "The model computes in evaluation mode in your step: batch norm then uses its running statistics and learns none. "
    "This step is part of training: leave the model in training mode."
)
def evaluation_mode(right, count, seed, amp, *changes):
    def frozen(answer, model, images, labels, optimizer, amp):
        model.eval()
        model.train = lambda *_: model
        return answer(model, images, labels, optimizer, amp)

    return right(count, seed, amp, *changes, frozen)


CLOCKS = (*READY_MADE, "timeit", "torch.utils.benchmark", "triton")


def _timed(throughput, batch, repeats, milliseconds, present):
    pace = tuple(m / 1000 for m in milliseconds)
    return numbers(
        made(Recipe("course_utils.simulated:timed", (throughput, batch, repeats, pace, present)), throughput)
    )


def _throughput(step, batch, repeats):
    from time import perf_counter

    from course_utils.timing import synchronize

    step()
    synchronize()
    start = perf_counter()
    for _ in range(repeats):
        step()
    synchronize()
    return batch * repeats / (perf_counter() - start)


def _is_pace(batch, repeats, milliseconds, present, *changes):
    whole = all(isinstance(n, int) and n >= 1 for n in (batch, repeats))
    return whole and len(milliseconds) == 4 and min(milliseconds) > 0 and milliseconds[3] > milliseconds[2]


@function(
    LESSON,
    "(step, batch, repeats)",
    _timed,
    forbidden=CLOCKS,
    parts=(),
    shown="# `step` runs on a simulated device with a clock of its own. milliseconds: the first call compiles so long\n"
    "# and then works so long; each later call takes so long to hand over, and so long to be done\n"
    "throughput(step, batch, repeats)",
    requires=_is_pace,
    once=True,
    # 100 images take 10 ms, one time like the other.
    examples=[Example(case("worked example", 100, 5, (800.0, 300.0, 1.0, 10.0), True), 10_000.0)],
)
def throughput(batch, repeats, milliseconds, present, *changes):
    return _timed(changed(_throughput, changes), batch, repeats, milliseconds, present)


@throughput.cases
def _(draw: Draw) -> Iterator[Case]:
    def pace() -> tuple[float, ...]:
        return (draw.int(500, 900) + 0.5, draw.int(90, 300) + 0.25, draw.int(1, 3) + 0.0, draw.int(7, 20) + 0.75)

    yield case("a GPU", 64, 10, pace(), True)
    yield case("a machine without a GPU", 32, 6, pace(), False)
    yield case("one repetition", 16, 1, pace(), True)
    for _ in draw.repeats(1):
        yield case("other numbers", draw.int(2, 200), draw.size(3, 12), pace(), draw.choice([True, False]))


@throughput.mistake(
    "The first call is in your time. It makes buffers, chooses algorithms and may compile: run the step once before "
    "the clock starts."
)
def first_call_timed(right, batch, repeats, milliseconds, present, *changes):
    def cold(answer, step, batch, repeats):
        from time import perf_counter

        from course_utils.timing import synchronize

        start = perf_counter()
        for _ in range(repeats):
            step()
        synchronize()
        return batch * repeats / (perf_counter() - start)

    return right(batch, repeats, milliseconds, present, *changes, cold)


@throughput.mistake(
    "You warm up, but after the clock has started: the slow first call is in the time all the same, and is not among "
    "the `repeats` that you count."
)
def clock_started_before_the_warm_up(right, batch, repeats, milliseconds, present, *changes):
    def early(answer, step, batch, repeats):
        from time import perf_counter

        from course_utils.timing import synchronize

        start = perf_counter()
        for _ in range(repeats + 1):
            step()
        synchronize()
        return batch * repeats / (perf_counter() - start)

    return right(batch, repeats, milliseconds, present, *changes, early)


@throughput.mistake(
    "You stop the clock when the work has been handed to the GPU, not when it is done: this is the rate at which "
    "Python makes calls. Synchronize before you read the clock at the end."
)
def not_synchronized_at_the_end(right, batch, repeats, milliseconds, present, *changes):
    def handed_over(answer, step, batch, repeats):
        from time import perf_counter

        from course_utils.timing import synchronize

        step()
        synchronize()
        start = perf_counter()
        for _ in range(repeats):
            step()
        end = perf_counter()
        return batch * repeats / (end - start)

    return right(batch, repeats, milliseconds, present, *changes, handed_over)


@throughput.mistake(
    "When your clock starts, the GPU is still at work on the warm-up, and that work is in the time. Synchronize after "
    "the warm-up too, before you read the clock."
)
def not_synchronized_at_the_start(right, batch, repeats, milliseconds, present, *changes):
    def busy(answer, step, batch, repeats):
        from time import perf_counter

        from course_utils.timing import synchronize

        step()
        start = perf_counter()
        for _ in range(repeats):
            step()
        synchronize()
        return batch * repeats / (perf_counter() - start)

    return right(batch, repeats, milliseconds, present, *changes, busy)


@throughput.mistake("Your result is images a millisecond. Clocks of Python's `time` count seconds; so does the rate.")
def images_a_millisecond(right, batch, repeats, milliseconds, present, *changes):
    def small(answer, step, batch, repeats):
        return answer(step, batch, repeats) / 1000

    return right(batch, repeats, milliseconds, present, *changes, small)


@throughput.mistake(
    "You divide the time by 1,000, as if the clock counted milliseconds. Clocks of Python's `time` count seconds."
)
def clock_taken_for_milliseconds(right, batch, repeats, milliseconds, present, *changes):
    def large(answer, step, batch, repeats):
        return answer(step, batch, repeats) * 1000

    return right(batch, repeats, milliseconds, present, *changes, large)


@throughput.mistake("You return steps a second. Each step is `batch` images.")
def steps_a_second(right, batch, repeats, milliseconds, present, *changes):
    def steps(answer, step, batch, repeats):
        return answer(step, batch, repeats) / batch

    return right(batch, repeats, milliseconds, present, *changes, steps)


@throughput.mistake("You divide the images of one step by the time of all repetitions. All of them had `batch` images.")
def repeats_forgotten(right, batch, repeats, milliseconds, present, *changes):
    def few(answer, step, batch, repeats):
        return answer(step, batch, repeats) / repeats

    return right(batch, repeats, milliseconds, present, *changes, few)


@throughput.mistake("You return seconds a step. Images a second are wanted: images divided by time.")
def seconds_a_step(right, batch, repeats, milliseconds, present, *changes):
    def seconds(answer, step, batch, repeats):
        return batch / answer(step, batch, repeats)

    return right(batch, repeats, milliseconds, present, *changes, seconds)


@throughput.mistake("You return seconds an image. Images a second are wanted: divide the other way round.")
def seconds_an_image(right, batch, repeats, milliseconds, present, *changes):
    def seconds(answer, step, batch, repeats):
        return 1 / answer(step, batch, repeats)

    return right(batch, repeats, milliseconds, present, *changes, seconds)


@throughput.mistake(
    "Your warm-up is among the images: repeats + 1 calls are counted, and only `repeats` of them are in the time."
)
def warm_up_counted(right, batch, repeats, milliseconds, present, *changes):
    def more(answer, step, batch, repeats):
        return answer(step, batch, repeats) * (repeats + 1) / repeats

    return right(batch, repeats, milliseconds, present, *changes, more)


@throughput.mistake(
    "process_time counts the seconds of all threads of the CPU, and none in which it waits for a GPU. What you feel is "
    "the time on the wall: time.perf_counter()."
)
def time_of_the_processor(right, batch, repeats, milliseconds, present, *changes):
    def processor(answer, step, batch, repeats):
        from time import process_time

        from course_utils.timing import synchronize

        step()
        synchronize()
        start = process_time()
        for _ in range(repeats):
            step()
        synchronize()
        return batch * repeats / (process_time() - start)

    return right(batch, repeats, milliseconds, present, *changes, processor)


@throughput.mistake(
    "Your function ends in an error where there is no GPU. Wait only where there is something to wait for: "
    "course_utils.timing.synchronize() asks first."
)
def needs_a_gpu(right, batch, repeats, milliseconds, present, *changes):
    def only_there(answer, step, batch, repeats):
        from torch import cuda

        cuda.synchronize()
        return answer(step, batch, repeats)

    return right(batch, repeats, milliseconds, present, *changes, only_there)


@exercise(
    LESSON,
    forbidden=READY_MADE,
    requires=lambda macs, bytes_moved, flops_per_s, bytes_per_s: min(macs, bytes_moved, flops_per_s, bytes_per_s) > 0,
    examples=[
        example(2.0, 3e9, 2e9, 3e9, 2e9),  # 6e9 operations take 2 s, 2e9 bytes 1 s
        example(4.0, 3e9, 8e9, 3e9, 2e9),
    ],
)
def roofline_seconds(macs, bytes_moved, flops_per_s, bytes_per_s):
    """Williams, Waterman and Patterson 2009: operations over the lower of both ceilings."""
    operations = 2 * macs
    intensity = operations / bytes_moved
    return operations / float(np.minimum(flops_per_s, intensity * bytes_per_s))


@roofline_seconds.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("bound by arithmetic", 4e9 * draw.int(3, 9), 3e9, 1e9 * draw.int(3, 9), 5e9)
    yield case("bound by memory", 2e8 * draw.int(3, 9), 9e9 * draw.int(3, 9), 4e9, 5e8)
    yield case("between one operation a multiply-add and two", 7e9, 10e9, 1e10, 1e10)
    for _ in draw.repeats(2):
        yield case("other numbers", *(1e9 * draw.int(1, 30) for _ in range(4)))


@roofline_seconds.mistake(
    "You count one operation a multiply-add. Ceilings are told in operations, and a multiplication and an addition are "
    "two."
)
def one_operation_a_multiply_add(right, macs, bytes_moved, flops_per_s, bytes_per_s):
    return right(macs / 2, bytes_moved, flops_per_s, bytes_per_s)


@roofline_seconds.mistake(
    "You add both times up. Arithmetic and memory work at the same time, so the slower of the two is all that counts."
)
def sum_of_both(right, macs, bytes_moved, flops_per_s, bytes_per_s):
    return 2 * macs / flops_per_s + bytes_moved / bytes_per_s


@roofline_seconds.mistake("You take the shorter time. Whatever is slower sets the pace: the longer of the two.")
def the_shorter_of_both(right, macs, bytes_moved, flops_per_s, bytes_per_s):
    return min(2 * macs / flops_per_s, bytes_moved / bytes_per_s)


@roofline_seconds.mistake(
    "Only the arithmetic is in your time. Where few operations are done on each byte, memory takes longer."
)
def arithmetic_alone(right, macs, bytes_moved, flops_per_s, bytes_per_s):
    return 2 * macs / flops_per_s


@roofline_seconds.mistake(
    "Only the memory is in your time. Where many operations are done on each byte, arithmetic takes longer."
)
def memory_alone(right, macs, bytes_moved, flops_per_s, bytes_per_s):
    return bytes_moved / bytes_per_s


@roofline_seconds.mistake("You return a rate, one over the time. Seconds are wanted.")
def one_over_the_time(right, macs, bytes_moved, flops_per_s, bytes_per_s):
    return 1 / right(macs, bytes_moved, flops_per_s, bytes_per_s)


@roofline_seconds.mistake("Your bytes are counted as numbers of 4 bytes. `bytes_moved` is in bytes already.")
def bytes_taken_for_numbers(right, macs, bytes_moved, flops_per_s, bytes_per_s):
    return right(macs, 4 * bytes_moved, flops_per_s, bytes_per_s)


@roofline_seconds.mistake("Your bytes are turned into bits. Both `bytes_moved` and `bytes_per_s` are in bytes.")
def bytes_taken_for_bits(right, macs, bytes_moved, flops_per_s, bytes_per_s):
    return right(macs, 8 * bytes_moved, flops_per_s, bytes_per_s)


@roofline_seconds.mistake(
    "You return operations a second, the height of the roof. Divide the operations by it, for seconds."
)
def height_of_the_roof(right, macs, bytes_moved, flops_per_s, bytes_per_s):
    return 2 * macs / right(macs, bytes_moved, flops_per_s, bytes_per_s)


@roofline_seconds.mistake("Your time is in milliseconds. Ceilings are a second; so seconds come out.")
def milliseconds(right, macs, bytes_moved, flops_per_s, bytes_per_s):
    return 1000 * right(macs, bytes_moved, flops_per_s, bytes_per_s)


LOADER = (
    *("length", "batch sizes", "what a batch is", "images in an epoch", "labels", "order", "each image", "shifts"),
    *("the same seed again", "global generators", "copies to the host", "the given tensors"),
)
EPOCHS = 12
INTACT, FRAMED = "as it was given", "cut out of itself in a frame of zeros"
FRAMES = ("constant", "reflect", "edge", "wrap")


def _walked(DeviceLoader, count, batch_size, shuffle, padding, seed, given):
    draw = np.random.default_rng([count, batch_size, 7])
    images = draw.uniform(0.1, 1, (count, 2, 5, 4)).astype(np.float32)
    labels = draw.permutation(count)  # a label an image, so that a pair is known by it
    options = {"batch_size": batch_size}
    if not shuffle or "shuffle" in given:
        options["shuffle"] = shuffle
    if padding or "padding" in given:
        options["padding"] = padding
    parts = DeviceLoader, tensor(images), tensor(labels), options, seed, EPOCHS
    seen = made(Recipe("course_utils.rehearsal:walked", parts), DeviceLoader)
    return _loader_facts(images, labels, shuffle, padding, seed, seen)


def _loader_facts(images, labels, shuffle, padding, seed, seen):
    """What is true of a loader, in words."""
    epochs = [[(np.array(x), np.array(y)) for x, y in epoch] for epoch in seen["epochs"]]
    again = [(np.array(x), np.array(y)) for x, y in seen["again"]]
    drawn = shuffle or padding
    facts = _facts_of_epochs(images, labels, padding, epochs)
    same = len(again) == len(epochs[0]) and all(map(_equal, again, epochs[0]))
    return (
        numbers(seen["length"]),
        *facts,
        UNSEEN if seed is None else "the same" if same else "another result",
        UNSEEN if seed is None or not drawn else "drawn from" if seen["drawn"] else "untouched",
        "none" if not seen["trips"] else "some",
        "as they were" if seen["kept"] else "changed",
    )


def _equal(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def _facts_of_epochs(images, labels, padding, epochs):
    """Batch sizes, what a batch is, images, labels, order, what each image is, shifts."""
    sizes = [len(y) for _, y in epochs[0]]
    short = [i for i, epoch in enumerate(epochs) if [len(y) for _, y in epoch] != sizes]
    if not sizes or short:
        return sizes, "nothing the second time" if sizes else "nothing", *[UNSEEN] * 5
    if any(x.shape != (len(y), *images.shape[1:]) for epoch in epochs for x, y in epoch):
        return sizes, "images of another shape", *[UNSEEN] * 5
    walks = [(np.concatenate([x for x, _ in epoch]), np.concatenate([y for _, y in epoch])) for epoch in epochs]
    found = _found(images, padding, [x for x, _ in walks])
    if found is None:
        return sizes, "images and labels", UNSEEN, UNSEEN, UNSEEN, "something else", UNSEEN
    mode, places = found  # (E, N', 3): which image, row, column
    numbers_ = places[..., 0]
    paired = all((labels[n] == y).all() for n, (_, y) in zip(numbers_, walks, strict=True))
    alone = padding == 0
    what = INTACT if alone else FRAMED if mode == "constant" else "cut out of itself in another frame"
    return (
        *(sizes, "images and labels", _census(numbers_, len(images)), "each its own" if paired else "of other images"),
        *(_order(numbers_, sizes), what, "none" if alone else _shifts(numbers_, places[..., 1:], sizes, padding)),
    )


def _found(images, padding, walks):
    """Which image each one is, and where it was cut out, mirrored or not; None where one is none of them."""
    height, width = images.shape[2:]
    for mode in FRAMES[: 1 if padding == 0 else None]:
        framed = np.pad(images, [(0, 0), (0, 0), (padding, padding), (padding, padding)], mode=mode)
        known = {}
        for row in range(2 * padding + 1):
            for column in range(2 * padding + 1):
                cut = framed[..., row : row + height, column : column + width]
                for turned in (np.flip(cut, -1), cut) if padding else (cut,):
                    known |= {image.tobytes(): (i, row, column) for i, image in enumerate(turned)}
        keys = [[image.astype(np.float32).tobytes() for image in walk] for walk in walks]
        if all(key in known for walk in keys for key in walk):
            return mode, np.array([[known[key] for key in walk] for walk in keys])
    return None


def _census(found, count):
    if all(sorted(walk) == list(range(count)) for walk in found.tolist()):
        return "every one once"
    return "some twice" if any(len(set(walk)) < len(walk) for walk in found.tolist()) else "some never"


def _order(found, sizes):
    """How the images of an epoch follow one another; found is (E, N)."""
    if (found == np.arange(found.shape[1])).all():
        return "as given"
    if (found == found[:1]).all():
        return "the same in each epoch"
    ends = np.cumsum(sizes)[:-1]
    batches = [{frozenset(part.tolist()) for part in np.split(walk, ends)} for walk in found]
    if len(sizes) > 1 and all(batch == batches[0] for batch in batches):
        return "the same batches, in another order"
    return "new in each epoch"


def _shifts(found, places, sizes, padding):
    """How images were shifted; found is (E, N), places (E, N, 2)."""
    steps, ends = 2 * padding + 1, np.cumsum(sizes)[:-1]
    parts = [part for walk in places for part in np.split(walk, ends)]
    if (places == padding).all():
        return "none"
    if _frozen(found, places):
        return "the same in each epoch"
    if all((part == part[:1]).all() for part in parts):
        return "the same for all images of a batch"
    rows, columns = places[..., 0].ravel(), places[..., 1].ravel()
    if not (rows == steps - 1).any() or not (columns == steps - 1).any():
        return "one place at the end never"
    if (rows == columns).all():
        return "rows and columns by the same number"
    return "each image its own"


def _frozen(found, places):
    """Whether an image is cut out at one place in every epoch."""
    by_image = [places[e][np.argsort(found[e], kind="stable")] for e in range(len(found))]
    return all(np.array_equal(one, by_image[0]) for one in by_image)


class _DeviceLoader:
    """Shuffled by sorting random numbers, cut out by indices."""

    def __init__(self, images, labels, batch_size, shuffle=True, padding=0, generator=None):
        self.images, self.labels, self.size, self.shuffle, self.padding = images, labels, batch_size, shuffle, padding
        self.generator = generator or torch.Generator().manual_seed(0)

    def __len__(self):
        return math.ceil(self.labels.shape[0] / self.size)

    def __iter__(self):
        count = self.labels.shape[0]
        order = torch.rand(count, generator=self.generator).argsort() if self.shuffle else torch.arange(count)
        for start in range(0, count, self.size):
            chosen = order[start : start + self.size]
            yield self._cut(self.images[chosen]), self.labels[chosen]

    def _cut(self, images):
        if not self.padding:
            return images
        count, channels, height, width = images.shape
        framed = torch.nn.functional.pad(images, [self.padding] * 4)
        rows, columns = torch.randint(2 * self.padding + 1, (2, count), generator=self.generator)
        rows, columns = rows[:, None] + torch.arange(height), columns[:, None] + torch.arange(width)
        places = torch.arange(count)[:, None, None, None], torch.arange(channels)[None, :, None, None]
        return framed[(*places, rows[:, None, :, None], columns[:, None, None, :])]


LOADERS = (
    *READY_MADE,
    "torch.utils.data",
    "course_utils.batches",
    "course_utils.data.batches",
    "course_utils.augmentation",
)


@function(
    LESSON,
    "(images, labels, batch_size, shuffle=True, padding=0, generator=None)",
    _walked,
    forbidden=LOADERS,
    parts=LOADER,
    shown="# images: (count, 2, 5, 4); labels: (count,); generator: torch.Generator().manual_seed(seed), or None\n"
    "loader = DeviceLoader(images, labels, batch_size, shuffle, padding, generator)\n"
    "len(loader); for epoch in range(12): list(loader)",
    requires=lambda count, size, shuffle, padding, seed, *more: count >= 9 and size >= 1 and 0 <= padding <= 2,
    once=True,
    alone=True,
    examples=[
        Example(
            case("in order, the last batch smaller", 10, 4, False, 0, 1, ("shuffle",)),
            (
                *(3, [4, 4, 2], "images and labels", "every one once", "each its own", "as given", INTACT, "none"),
                *("the same", UNSEEN, "none", "as they were"),
            ),
        )
    ],
)
def DeviceLoader(count, batch_size, shuffle, padding, seed, given, *changes):
    return _walked(changed(_DeviceLoader, changes), count, batch_size, shuffle, padding, seed, given)


@DeviceLoader.cases
def _(draw: Draw) -> Iterator[Case]:
    everything = ("shuffle", "padding")
    yield case("shuffled", 14, 4, True, 0, draw.int(1, 10**6), everything)
    yield case("batches that fit", 12, 4, True, 0, draw.int(1, 10**6), ())
    yield case("a frame of one pixel", 31, 7, True, 1, draw.int(1, 10**6), everything)
    yield case("a frame, and not shuffled", 30, 8, False, 2, draw.int(1, 10**6), everything)
    yield case("without a generator", 13, 5, True, 0, None, ())
    yield case("one large batch", 11, 20, True, 0, draw.int(1, 10**6), ())
    for _ in draw.repeats(1):
        yield case("other sizes", draw.size(20, 40), draw.int(3, 9), True, 1, draw.int(1, 10**6), everything)


@DeviceLoader.mistake(
    "Every epoch has the same order. Draw a new one each time somebody begins to go through the loader, in __iter__, "
    "and do not seed the generator again: it goes on from where it was."
)
def the_same_order_each_epoch(right, count, batch_size, shuffle, padding, seed, given, *changes):
    def once(answer, images, labels, batch_size, shuffle=True, padding=0, generator=None):
        from torch import randperm

        order = randperm(len(labels), generator=generator) if shuffle else range(len(labels))
        order = [int(i) for i in order]
        return answer(images[order], labels[order], batch_size, False, padding, generator)

    return right(count, batch_size, shuffle, padding, seed, given, *changes, once)


@DeviceLoader.mistake(
    "The last, smaller batch is left out, and with it some images of every epoch. Go on while there are images, and "
    "round the number of batches up."
)
def last_batch_dropped(right, count, batch_size, shuffle, padding, seed, given, *changes):
    def whole_ones(answer, images, labels, batch_size, shuffle=True, padding=0, generator=None):
        inner = answer(images, labels, batch_size, shuffle, padding, generator)

        class Loader:
            def __len__(self):
                return len(labels) // batch_size

            def __iter__(self):
                return (batch for batch in inner if len(batch[1]) == batch_size)

        return Loader()

    return right(count, batch_size, shuffle, padding, seed, given, *changes, whole_ones)


@DeviceLoader.mistake(
    "All batches come, but your len() does not count the last, smaller one: // rounds down. Schedules that ask for the "
    "number of steps would end too early."
)
def length_rounded_down(right, count, batch_size, shuffle, padding, seed, given, *changes):
    def floored(answer, images, labels, batch_size, shuffle=True, padding=0, generator=None):
        inner = answer(images, labels, batch_size, shuffle, padding, generator)

        class Loader:
            def __len__(self):
                return len(labels) // batch_size

            def __iter__(self):
                return iter(inner)

        return Loader()

    return right(count, batch_size, shuffle, padding, seed, given, *changes, floored)


@DeviceLoader.mistake(
    "Your len() is one too large where the batches come out even: // + 1 is not rounding up. math.ceil(n / size) is, "
    "and so is -(-n // size)."
)
def length_one_too_large(right, count, batch_size, shuffle, padding, seed, given, *changes):
    def one_more(answer, images, labels, batch_size, shuffle=True, padding=0, generator=None):
        inner = answer(images, labels, batch_size, shuffle, padding, generator)

        class Loader:
            def __len__(self):
                return len(labels) // batch_size + 1

            def __iter__(self):
                return iter(inner)

        return Loader()

    return right(count, batch_size, shuffle, padding, seed, given, *changes, one_more)


@DeviceLoader.mistake("Your len() is the number of images. A loader's length is the number of its batches.")
def length_in_images(right, count, batch_size, shuffle, padding, seed, given, *changes):
    def in_images(answer, images, labels, batch_size, shuffle=True, padding=0, generator=None):
        inner = answer(images, labels, batch_size, shuffle, padding, generator)

        class Loader:
            def __len__(self):
                return len(labels)

            def __iter__(self):
                return iter(inner)

        return Loader()

    return right(count, batch_size, shuffle, padding, seed, given, *changes, in_images)


@DeviceLoader.mistake(
    "Images and labels no longer belong together: one of them is shuffled and the other is not, or both in orders of "
    "their own. Draw one order and take both by it."
)
def labels_left_in_order(right, count, batch_size, shuffle, padding, seed, given, *changes):
    def apart(answer, images, labels, batch_size, shuffle=True, padding=0, generator=None):
        inner = answer(images, labels, batch_size, shuffle, padding, generator)

        class Loader:
            def __len__(self):
                return len(inner)

            def __iter__(self):
                start = 0
                for x, y in inner:
                    yield x, labels[start : start + len(y)]
                    start += len(y)

        return Loader()

    return right(count, batch_size, shuffle, padding, seed, given, *changes, apart)


@DeviceLoader.mistake(
    "Each batch goes to the host and back: cpu(), numpy() or tolist() on images or labels waits for the device and "
    "copies. Index with a tensor of places instead, and everything stays where it is."
)
def copied_to_the_host(right, count, batch_size, shuffle, padding, seed, given, *changes):
    def by_host(answer, images, labels, batch_size, shuffle=True, padding=0, generator=None):
        return answer(images.cpu(), labels.cpu(), batch_size, shuffle, padding, generator)

    return right(count, batch_size, shuffle, padding, seed, given, *changes, by_host)


@DeviceLoader.mistake(
    "You shuffle although shuffle is False. Whoever evaluates wants the images in their order, to find the wrong ones."
)
def always_shuffled(right, count, batch_size, shuffle, padding, seed, given, *changes):
    def always(answer, images, labels, batch_size, shuffle=True, padding=0, generator=None):
        return answer(images, labels, batch_size, True, padding, generator)

    return right(count, batch_size, shuffle, padding, seed, given, *changes, always)


@DeviceLoader.mistake(
    "You never shuffle, unless shuffle=True is given: the default is True. Or `shuffle` is not used at all."
)
def never_shuffled(right, count, batch_size, shuffle, padding, seed, given, *changes):
    def never(answer, images, labels, batch_size, shuffle=True, padding=0, generator=None):
        return answer(images, labels, batch_size, False, padding, generator)

    return right(count, batch_size, shuffle, padding, seed, given, *changes, never)


@DeviceLoader.mistake(
    "Your batches always hold the same images; only the order of the batches, or the order in a batch, is new. Shuffle "
    "all images first, and cut batches after."
)
def batches_stay_together(right, count, batch_size, shuffle, padding, seed, given, *changes):
    def together(answer, images, labels, batch_size, shuffle=True, padding=0, generator=None):
        from torch import randperm

        inner = answer(images, labels, batch_size, False, padding, generator)

        class Loader:
            def __len__(self):
                return len(inner)

            def __iter__(self):
                for x, y in inner:
                    order = randperm(len(y), generator=generator) if shuffle else slice(None)
                    yield x[order], y[order]

        return Loader()

    return right(count, batch_size, shuffle, padding, seed, given, *changes, together)


@DeviceLoader.mistake(
    "Some images come twice in an epoch, and others not at all: random numbers may be equal. A random order is a "
    "permutation: torch.randperm."
)
def drawn_with_replacement(right, count, batch_size, shuffle, padding, seed, given, *changes):
    def replaced(answer, images, labels, batch_size, shuffle=True, padding=0, generator=None):
        from torch import randint

        class Loader:
            def __len__(self):
                return len(answer(images, labels, batch_size, False, padding, generator))

            def __iter__(self):
                places = randint(len(labels), (len(labels),), generator=generator) if shuffle else slice(None)
                return iter(answer(images[places], labels[places], batch_size, False, padding, generator))

        return Loader()

    return right(count, batch_size, shuffle, padding, seed, given, *changes, replaced)


@DeviceLoader.mistake(
    "Your random numbers do not come from `generator`, but from PyTorch's global one: the same seed gives another "
    "order, and whoever draws after you gets other numbers. Hand it on: torch.randperm(n, generator=...)."
)
def global_generator(right, count, batch_size, shuffle, padding, seed, given, *changes):
    def elsewhere(answer, images, labels, batch_size, shuffle=True, padding=0, generator=None):
        from torch import default_generator

        return answer(images, labels, batch_size, shuffle, padding, default_generator)

    return right(count, batch_size, shuffle, padding, seed, given, *changes, elsewhere)


@DeviceLoader.mistake(
    "Your loader can be gone through once: the second epoch is empty. __iter__ must begin anew each time, which a "
    "`yield` in it does by itself."
)
def empty_the_second_time(right, count, batch_size, shuffle, padding, seed, given, *changes):
    def once(answer, images, labels, batch_size, shuffle=True, padding=0, generator=None):
        inner = answer(images, labels, batch_size, shuffle, padding, generator)
        batches = iter(inner)

        class Loader:
            def __len__(self):
                return len(inner)

            def __iter__(self):
                return batches

        return Loader()

    return right(count, batch_size, shuffle, padding, seed, given, *changes, once)


@DeviceLoader.mistake(
    "`padding` is not used: no image is shifted. Frame each batch by that many zeros, and cut each image out again at "
    "a place of its own."
)
def never_shifted(right, count, batch_size, shuffle, padding, seed, given, *changes):
    def still(answer, images, labels, batch_size, shuffle=True, padding=0, generator=None):
        return answer(images, labels, batch_size, shuffle, 0, generator)

    return right(count, batch_size, shuffle, padding, seed, given, *changes, still)


@DeviceLoader.mistake(
    "All images of a batch are shifted alike. Draw a row and a column for each image: one number a batch is one draw."
)
def shifted_alike(right, count, batch_size, shuffle, padding, seed, given, *changes):
    def alike(answer, images, labels, batch_size, shuffle=True, padding=0, generator=None):
        from torch import randint
        from torch.nn.functional import pad

        inner = answer(images, labels, batch_size, shuffle, 0, generator)

        class Loader:
            def __len__(self):
                return len(inner)

            def __iter__(self):
                for x, y in inner:
                    h, w = x.shape[2:]
                    r, c = randint(2 * padding + 1, (2,), generator=generator).tolist()
                    yield pad(x, [padding] * 4)[:, :, r : r + h, c : c + w], y

        return Loader()

    return right(count, batch_size, shuffle, padding, seed, given, *changes, alike)


@DeviceLoader.mistake(
    "The images are shifted once, and every epoch shows them at the same places. Shift each batch when it is made, so "
    "that no image looks the same twice."
)
def shifted_once(right, count, batch_size, shuffle, padding, seed, given, *changes):
    def before(answer, images, labels, batch_size, shuffle=True, padding=0, generator=None):
        from torch import cat

        moved = cat([x for x, _ in answer(images, labels, len(labels), False, padding, generator)])
        return answer(moved, labels, batch_size, shuffle, 0, generator)

    return right(count, batch_size, shuffle, padding, seed, given, *changes, before)


@DeviceLoader.mistake(
    "There are 2 · padding + 1 places along an axis, and you never use the last one: randint leaves its upper end out."
)
def last_place_never(right, count, batch_size, shuffle, padding, seed, given, *changes):
    def narrow(answer, images, labels, batch_size, shuffle=True, padding=0, generator=None):
        from torch import randint, stack
        from torch.nn.functional import pad

        inner = answer(images, labels, batch_size, shuffle, 0, generator)

        class Loader:
            def __len__(self):
                return len(inner)

            def __iter__(self):
                for x, y in inner:
                    h, w = x.shape[2:]
                    places = randint(2 * padding, (len(y), 2), generator=generator).tolist() if padding else []
                    framed = pad(x, [padding] * 4)
                    cut = [framed[i, :, r : r + h, c : c + w] for i, (r, c) in enumerate(places)]
                    yield stack(cut) if padding else x, y

        return Loader()

    return right(count, batch_size, shuffle, padding, seed, given, *changes, narrow)


@DeviceLoader.mistake(
    "Your images are framed but not cut out again: they come larger than they were. Cut a window of the old size."
)
def framed_and_not_cut(right, count, batch_size, shuffle, padding, seed, given, *changes):
    def larger(answer, images, labels, batch_size, shuffle=True, padding=0, generator=None):
        from torch.nn.functional import pad

        return answer(pad(images, [padding] * 4), labels, batch_size, shuffle, 0, generator)

    return right(count, batch_size, shuffle, padding, seed, given, *changes, larger)


@DeviceLoader.mistake(
    "Your shifts roll the image: what leaves on one side comes in on the other. Frame it by zeros, and cut out."
)
def rolled(right, count, batch_size, shuffle, padding, seed, given, *changes):
    def around(answer, images, labels, batch_size, shuffle=True, padding=0, generator=None):
        from torch import randint, stack

        inner = answer(images, labels, batch_size, shuffle, 0, generator)

        class Loader:
            def __len__(self):
                return len(inner)

            def __iter__(self):
                for x, y in inner:
                    places = randint(-padding, padding + 1, (len(y), 2), generator=generator).tolist()
                    yield stack([image.roll((r, c), (1, 2)) for image, (r, c) in zip(x, places, strict=True)]), y

        return Loader()

    return right(count, batch_size, shuffle, padding, seed, given, *changes, around)


@DeviceLoader.mistake(
    "The tensors that you were given are changed: they are shuffled or shifted in place. They belong to whoever made "
    "them. Choose rows of them: images[places] is a new tensor."
)
def given_tensors_changed(right, count, batch_size, shuffle, padding, seed, given, *changes):
    def in_place(answer, images, labels, batch_size, shuffle=True, padding=0, generator=None):
        from torch import randperm

        class Loader:
            def __len__(self):
                return len(answer(images, labels, batch_size, False, padding, generator))

            def __iter__(self):
                if shuffle:
                    places = randperm(len(labels), generator=generator)
                    images.copy_(images[places])
                    labels.copy_(labels[places])
                return iter(answer(images, labels, batch_size, False, padding, generator))

        return Loader()

    return right(count, batch_size, shuffle, padding, seed, given, *changes, in_place)
