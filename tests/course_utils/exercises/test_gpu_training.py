"""Lesson 10: right answers in several styles, wrong ones as students write them, both also in the sandbox."""

import math
import time
from time import perf_counter

import numpy as np
import pytest
import torch
from torch.nn import functional

from course_utils.exercises import gpu_training
from tests.autograde.conftest import needs_isolation
from tests.course_utils.exercises import answering
from tests.course_utils.exercises.answers import gpu_training as answers

EXERCISES = {e.name: e for e in answering.declared(gpu_training)}
MISTAKES = [pytest.param(e, m, id=f"{e.name}-{m.name}") for e in EXERCISES.values() for m in e.mistakes]


def test_every_exercise_of_the_curriculum_is_there():
    names = ["one_cycle", "smooth_cross_entropy", "train_step", "throughput", "roofline_seconds", "DeviceLoader"]
    assert list(EXERCISES) == names


@pytest.mark.parametrize("name", EXERCISES)
def test_notebook_style_answers_pass(name):
    assert answering.passes(EXERCISES[name], getattr(answers, name))


@pytest.mark.parametrize(("exercise", "mistake"), MISTAKES)
def test_mistakes_written_behind_an_answer_are_named(exercise, mistake):
    answer = answering.written(answers, exercise, mistake)
    if exercise.alone:  # takes longer: hidden draws are left to what students write, below, and to verify
        result = answering.examine(exercise, answer)
        assert [m.name for m in result.mistakes] == [mistake.name]
        assert not result.passed
    else:
        assert answering.named(exercise, answer) == (mistake.name,)


# Right in other styles


def cycle_by_interpolation(step, total, peak):
    return np.interp(step / (total - 1), (0, 0.3, 1), np.array([0.04, 1, 0]) * peak)


def cycle_by_the_lower_line(step, total, peak):
    """Both lines, and the lower one of them."""
    share = step / (total - 1)
    return min(peak / 25 + 24 / 25 * peak * share / 0.3, peak * (1 - share) / 0.7)


def cycle_in_torch(step, total, peak):
    top = torch.tensor(0.3 * (total - 1), dtype=torch.float64)
    up = torch.lerp(torch.tensor(peak / 25).double(), torch.tensor(peak).double(), step / top)
    return float(torch.where(step <= top, up, peak * (total - 1 - step) / (total - 1 - top)))


@pytest.mark.parametrize("answer", [cycle_by_interpolation, cycle_by_the_lower_line, cycle_in_torch])
def test_one_cycle_in_other_styles(answer):
    assert answering.passes(gpu_training.one_cycle, answer)


def smooth_by_targets(scores, labels, smoothing):
    classes = scores.shape[1]
    targets = functional.one_hot(labels, classes) * (1 - smoothing) + smoothing / classes
    return -(targets * scores.log_softmax(1)).sum() / len(labels)


def smooth_by_loops(scores, labels, smoothing):
    total = 0
    for row, label in zip(scores, labels, strict=True):
        losses = torch.logsumexp(row, 0) - row
        for k, loss in enumerate(losses):
            total = total + loss * (smoothing / len(row) + (1 - smoothing) * (k == label))
    return total / len(scores)


def smooth_by_nll(scores, labels, smoothing):
    log_p = scores - scores.logsumexp(1, keepdim=True)
    return torch.lerp(functional.nll_loss(log_p, labels), -log_p.mean(), smoothing)


@pytest.mark.parametrize("answer", [smooth_by_targets, smooth_by_loops, smooth_by_nll])
def test_smooth_cross_entropy_in_other_styles(answer):
    assert answering.passes(gpu_training.smooth_cross_entropy, answer)


def step_with_scores_in_float32(model, images, labels, optimizer, amp):
    with torch.amp.autocast("cpu", dtype=torch.bfloat16, enabled=amp):
        scores = model(images)
    loss = functional.cross_entropy(scores.float(), labels)
    model.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach().clone()


def step_all_in_autocast(model, images, labels, optimizer, amp):
    """Backward and step under autocast too: of no use, and of no harm."""
    with torch.autocast(device_type=images.device.type, dtype=torch.bfloat16 if amp else torch.float32, enabled=amp):
        model.train()
        loss = torch.nn.CrossEntropyLoss()(model(images), labels)
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        optimizer.step()
    optimizer.zero_grad()
    return loss.data


def step_by_branches(model, images, labels, optimizer, amp):
    for p in model.parameters():
        p.grad = None
    if amp:
        with torch.autocast("cpu", torch.bfloat16):
            loss = -model(images).float().log_softmax(1)[range(len(labels)), labels].mean()
    else:
        loss = functional.cross_entropy(model(images), labels)
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        return loss + 0


@pytest.mark.parametrize("answer", [step_with_scores_in_float32, step_all_in_autocast, step_by_branches])
def test_train_step_in_other_styles(answer):
    assert answering.passes(gpu_training.train_step, answer)


def timed_with_an_imported_clock(step, batch, repeats):
    wait = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    for _ in range(3):
        step()
    wait()
    begin = perf_counter()
    for _ in range(repeats):
        step()
    wait()
    return repeats * batch / (perf_counter() - begin)


def timed_step_by_step(step, batch, repeats):
    seconds = []
    for _ in range(repeats + 1):
        begin = time.time_ns()
        step()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds.append((time.time_ns() - begin) / 1e9)
    return batch / np.median(seconds[1:])


def timed_with_events(step, batch, repeats):
    step()
    if not torch.cuda.is_available():
        begin = time.monotonic()
        _ = [step() for _ in range(repeats)]
        return batch * repeats / (time.monotonic() - begin)
    first, last = (torch.cuda.Event(enable_timing=True) for _ in "ab")
    first.record()
    for _ in range(repeats):
        step()
    last.record()
    last.synchronize()
    return batch * repeats / (first.elapsed_time(last) / 1000)


@pytest.mark.parametrize("answer", [timed_with_an_imported_clock, timed_step_by_step, timed_with_events])
def test_throughput_in_other_styles(answer):
    assert answering.passes(gpu_training.throughput, answer)
    assert perf_counter is time.perf_counter  # clocks are given back


def roof(macs, bytes_moved, flops_per_s, bytes_per_s):
    operations = 2 * macs
    return operations / min(flops_per_s, bytes_per_s * operations / bytes_moved)


def sorted_times(macs, bytes_moved, flops_per_s, bytes_per_s):
    return np.max([macs / (flops_per_s / 2), bytes_moved / bytes_per_s])


@pytest.mark.parametrize("answer", [roof, sorted_times])
def test_roofline_in_other_styles(answer):
    assert answering.passes(gpu_training.roofline_seconds, answer)


class BatchByBatch(answers.DeviceLoader):
    """Image by image, in lists, and mirrored half of the time."""

    def __iter__(self):
        def draw(high):
            return int(torch.randint(high, (), generator=self.generator))

        count, p = len(self.images), self.padding
        order = list(range(count))
        if self.shuffle:
            for i in range(count - 1, 0, -1):  # Fisher and Yates
                j = draw(i + 1)
                order[i], order[j] = order[j], order[i]
        for start in range(0, count, self.batch_size):
            batch = []
            for i in order[start : start + self.batch_size]:
                image = self.images[i]
                if p:
                    _, h, w = image.shape
                    r, c = draw(2 * p + 1), draw(2 * p + 1)
                    image = functional.pad(image, (p, p, p, p))[:, r : r + h, c : c + w]
                    image = image.flip(2) if draw(2) else image
                batch.append(image)
            yield torch.stack(batch), self.labels[order[start : start + self.batch_size]]


class Lists(answers.DeviceLoader):
    def __len__(self):
        return (len(self.images) + self.batch_size - 1) // self.batch_size

    def __iter__(self):
        pairs = list(super().__iter__())
        return iter([[x.clone(), y.clone()] for x, y in pairs])


def a_function(*args, **kwargs):
    return Lists(*args, **kwargs)


@pytest.mark.parametrize("answer", [BatchByBatch, Lists, a_function])
def test_loader_in_other_styles(answer):
    assert answering.passes(gpu_training.DeviceLoader, answer)


# Wrong, as students write it


def defined(name, source):
    scope = {"torch": torch, "F": functional, "math": math, "np": np, "time": time}
    exec(source, scope)
    return scope[name]


STEP = """
def train_step(model, images, labels, optimizer, amp):
    {before}
    with torch.autocast(images.device.type, dtype={dtype}, enabled={enabled}):
        loss = F.cross_entropy(model(images){scores}, labels)
    {after}
    return {loss}
"""
LINES = {
    "before": "optimizer.zero_grad()",
    "after": "loss.backward(); optimizer.step()",
    "dtype": "torch.bfloat16",
    "enabled": "amp",
    "scores": "",
    "loss": "loss.detach()",
}


@pytest.mark.parametrize(
    ("name", "lines"),
    {
        "gradients not zeroed": {"before": "model.train()"},
        "step before backward": {"after": "optimizer.step(); loss.backward()", "before": "pass"},
        "weights do not move": {"after": "optimizer.step(); loss.backward()"},
        "graph kept": {"loss": "loss"},
        "a number returned": {"loss": "loss.item()"},
        "never autocast": {"enabled": "False"},
        "always autocast": {"enabled": "True"},
        "float16": {"dtype": "torch.float16"},
        "evaluation mode": {"before": "optimizer.zero_grad(); model.eval()"},
        "softmax before the loss": {"scores": ".softmax(1)"},
    }.items(),
)
def test_mistakes_of_train_step_as_students_write_them(name, lines):
    answer = defined("train_step", STEP.format(**LINES | lines))
    assert answering.named(gpu_training.train_step, answer) == (name,)


@pytest.mark.parametrize(
    ("name", "body"),
    {
        "peak at a share of total": "top = 0.3 * total; "
        "return peak * (0.04 + 0.96 * step / top) if step <= top else peak * (total - 1 - step) / (total - 1 - top)",
        "end one step late": "s = step / total; return peak * (min(0.04 + 0.96 * s / 0.3, (1 - s) / 0.7))",
        "begins at zero": "s = step / (total - 1); return peak * min(s / 0.3, (1 - s) / 0.7)",
    }.items(),
)
def test_mistakes_of_one_cycle_as_students_write_them(name, body):
    answer = defined("one_cycle", f"def one_cycle(step, total, peak):\n    {body}")
    assert answering.named(gpu_training.one_cycle, answer) == (name,)


@pytest.mark.parametrize(
    ("name", "body"),
    {
        "over the other classes": "k = scores.shape[1]; t = torch.full_like(scores, smoothing / (k - 1)); "
        "t[range(len(labels)), labels] = 1 - smoothing; return -(t * scores.log_softmax(1)).sum(1).mean()",
        "label left out of the spread": "t = torch.full_like(scores, smoothing / scores.shape[1]); "
        "t[range(len(labels)), labels] = 1 - smoothing; return -(t * scores.log_softmax(1)).sum(1).mean()",
        "mean over the classes too": "t = F.one_hot(labels, scores.shape[1]) * (1 - smoothing) + smoothing / "
        "scores.shape[1]; return -(t * scores.log_softmax(1)).mean()",
    }.items(),
)
def test_mistakes_of_smoothing_as_students_write_them(name, body):
    answer = defined("smooth_cross_entropy", f"def smooth_cross_entropy(scores, labels, smoothing):\n    {body}")
    assert answering.named(gpu_training.smooth_cross_entropy, answer) == (name,)


TIMED = """
def throughput(step, batch, repeats):
    {warm}
    start = time.{clock}()
    for _ in range(repeats):
        step()
    {wait}
    return {rate}
"""


@pytest.mark.parametrize(
    ("name", "lines"),
    {
        "first call timed": {"warm": "pass"},
        "not synchronized at the start": {"warm": "step()"},
        "not synchronized at the end": {"wait": "pass"},
        "time of the processor": {"clock": "process_time"},
        "steps a second": {"rate": "repeats / (time.perf_counter() - start)"},
        "repeats forgotten": {"rate": "batch / (time.perf_counter() - start)"},
        "images a millisecond": {"rate": "batch * repeats / (1000 * (time.perf_counter() - start))"},
    }.items(),
)
def test_mistakes_of_throughput_as_students_write_them(name, lines):
    rate = f"batch * repeats / (time.{lines.get('clock', 'perf_counter')}() - start)"
    wait = "torch.cuda.is_available() and torch.cuda.synchronize()"
    given = {"warm": f"step(); {wait}", "clock": "perf_counter", "wait": wait, "rate": rate}
    answer = defined("throughput", TIMED.format(**given | lines))
    assert answering.named(gpu_training.throughput, answer) == (name,)


def loader(**changes):
    """A loader with one method that a student got wrong."""
    return type("DeviceLoader", (answers.DeviceLoader,), changes)


def seeded_each_time(self):
    self.generator.manual_seed(0)
    yield from answers.DeviceLoader.__iter__(self)


def from_the_host(self):
    images, labels = self.images.numpy(), self.labels.numpy()
    inner = answers.DeviceLoader(self.images * 1, self.labels * 1, self.batch_size, self.shuffle, self.padding)
    inner.generator = self.generator
    assert len(images) == len(labels)
    yield from inner


def without_the_rest(self):
    yield from [batch for batch in answers.DeviceLoader.__iter__(self) if len(batch[1]) == self.batch_size]


@pytest.mark.parametrize(
    ("name", "changes"),
    {
        "the same order each epoch": {
            "__init__": lambda self, images, labels, batch_size, shuffle=True, padding=0, generator=None: (
                answers.DeviceLoader.__init__(self, images, labels, batch_size, shuffle, padding, generator),
                setattr(self, "order", torch.randperm(len(labels), generator=self.generator)),
            )[-1],
            "draw": lambda self, function, *sizes: (
                self.order if function is torch.randperm else function(*sizes, generator=self.generator)
            ),
        },
        "copied to the host": {"__iter__": from_the_host},
        "last batch dropped": {"__iter__": without_the_rest, "__len__": lambda s: len(s.labels) // s.batch_size},
        "length in images": {"__len__": lambda self: len(self.images)},
        "length rounded down": {"__len__": lambda self: int(len(self.images) / self.batch_size)},
        "never shifted": {"crop": lambda self, images: images},
        "framed and not cut": {"crop": lambda self, images: functional.pad(images, [self.padding] * 4)},
    }.items(),
)
def test_mistakes_of_the_loader_as_students_write_them(name, changes):
    assert answering.named(gpu_training.DeviceLoader, loader(**changes)) == (name,)


def test_a_loader_that_seeds_anew_is_refused():
    result = answering.examine(gpu_training.DeviceLoader, loader(__iter__=seeded_each_time))
    assert not result.passed


@pytest.mark.parametrize(
    ("name", "source", "told"),
    [
        (
            "smooth_cross_entropy",
            "def smooth_cross_entropy(scores, labels, smoothing):\n"
            "    return torch.nn.functional.cross_entropy(scores, labels, label_smoothing=smoothing)",
            "cross_entropy",
        ),
        (
            "one_cycle",
            "def one_cycle(step, total, peak):\n    return torch.optim.lr_scheduler.OneCycleLR",
            "OneCycleLR",
        ),
    ],
)
def test_ready_made_calls_are_refused(name, source, told):
    answer = defined(name, source)
    with pytest.raises(AssertionError, match=rf"{told}: here that call is the exercise"):
        answering.check(name, answer)


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
