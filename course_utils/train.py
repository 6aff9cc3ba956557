"""The training loop: ``fit(model, training, validation, optimizer=…, epochs=…)``.

The first function is the loop itself; what follows it is what the loop is told in one word. It runs on the device
that the model is on, which one line decides: ``device = environment.device()`` (CUDA, else Apple's MPS, else the CPU).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from course_utils.checkpoint import Checkpoint
from course_utils.history import History
from course_utils.live import Screen

__all__ = ["Batches", "DivergedError", "cross_entropy", "evaluate", "evaluating", "fit", "scores"]

Batches = Iterable[tuple[torch.Tensor, torch.Tensor]]  # images (N, C, H, W) and labels (N,)
Loss = Callable[[Any, torch.Tensor], torch.Tensor]  # what the model puts out, labels → a mean over the batch


def fit(
    model: nn.Module,
    training: Batches,
    validation: Batches | None = None,
    *,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    seed: int = 0,
    loss: Loss | None = None,
    schedule: Callable[[float], float] | None = None,
    checkpoint: str | Path | None = None,
    show: bool = True,
) -> History:
    """Train a model, show how it goes, and keep the weights that were best on the validation images.

    Parameters
    ----------
    model : images (N, C, H, W) → scores (N, classes); or (scores, *head scores) in training mode. Its weights change,
        and stay on the device that they are on.
    training, validation : any iterable of (images, labels) that can be gone through again, such as a list, ``batches``
        of this course, or a ``DataLoader``. Batches come to the model's device if they are elsewhere.
    optimizer : of the model's parameters.
    epochs : how many times the training images are gone through, with those of an earlier, interrupted run.
    seed : decides the order of the images and every draw (dropout, augmentation) of an epoch, through the global
        generators and through ``training.generator`` where there is one. First weights are drawn before.
    loss : (output, labels) → mean loss; :func:`cross_entropy` by default.
    schedule : epochs so far, with the fraction of the running one → learning rate; without it, the optimizer's own.
    checkpoint : a file that is written after every epoch. Where it exists, the run goes on behind its last epoch and
        ends with the same numbers as one that was never stopped (on a GPU, up to the order of sums).
    show : a progress bar, and in a notebook curves that grow.

    Returns
    -------
    The loss and accuracy of each epoch. The model is left with its best weights (the last ones without validation),
    also where the run is interrupted after a whole epoch; its modes and every global generator are as before, and its
    gradients are None.

    Raises
    ------
    DivergedError
        when the loss is not a finite number, with the likely cause.
    ValueError
        for batches that run dry, for a checkpoint of another run, or one that cannot be read.
    """
    loss, device = loss or cross_entropy, _device(model)
    history = History(epochs, _images(training))
    kept = Checkpoint(checkpoint, model, optimizer, history, seed)  # goes on where an earlier run was stopped
    with _left_as_it_was(model, device, training), kept.best_at_the_end(), Screen(history, visible=show) as screen:
        for epoch in range(history.done, epochs):
            _seed(seed, epoch, device, training)
            model.train()
            for images, labels in training:
                images, labels = images.to(device), labels.to(device)
                _set_rate(optimizer, schedule, history)
                output = model(images)
                value = loss(output, labels)
                _refuse_unless_finite(value, output, images, model, optimizer, history)
                optimizer.zero_grad()
                value.backward()
                optimizer.step()
                history.saw_batch(_main(output).detach(), labels, value.detach())
                screen.advance(len(labels))
            history.close_epoch(evaluate(model, validation, loss) if validation is not None else None)
            kept.save()
            screen.renew()
    return history


def evaluate(model: nn.Module, batches: Batches, loss: Loss | None = None) -> tuple[float, float]:
    """The mean loss and the accuracy in [0, 1] over the images, in evaluation mode and without gradients.

    Raises
    ------
    ValueError
        where there is no image.
    """
    loss, device = loss or cross_entropy, _device(model)
    total, right, count = torch.zeros((), device=device), torch.zeros((), device=device), 0
    with evaluating(model):
        for images, labels in batches:
            images, labels = images.to(device), labels.to(device)
            output = model(images)
            total += loss(output, labels) * len(labels)
            right += (_main(output).argmax(1) == labels).sum()
            count += len(labels)
    if not count:
        raise ValueError("expected batches of images, got none: an iterator is empty the second time, so pass a list")
    return total.item() / count, right.item() / count


def scores(model: nn.Module, batches: Batches) -> tuple[torch.Tensor, torch.Tensor]:
    """The scores of all images (N, classes) and their labels (N,), on the CPU, in evaluation mode."""
    device = _device(model)
    with evaluating(model):
        found = [(_main(model(images.to(device))).cpu(), labels.cpu()) for images, labels in batches]
    if not found:
        raise ValueError("expected batches of images, got none: an iterator is empty the second time, so pass a list")
    given, labels = zip(*found, strict=True)
    return torch.cat(given), torch.cat(labels)


def cross_entropy(output: Any, labels: torch.Tensor) -> torch.Tensor:
    """The mean cross entropy; of a model with auxiliary heads, plus 0.3 times each head's (Szegedy et al. 2014)."""
    heads = output[1:] if isinstance(output, tuple) else ()
    main = functional.cross_entropy(_main(output), labels)
    return main + sum(0.3 * functional.cross_entropy(head, labels) for head in heads)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; every module gets its own mode back, and the CPU's generator its state."""
    modes = {module: module.training for module in model.modules()}
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):  # a DataLoader draws when it starts
            model.eval()
            yield
    finally:
        for module, training in modes.items():
            module.training = training


class DivergedError(ArithmeticError):
    """The loss is no longer a finite number."""


def _refuse_unless_finite(
    value: torch.Tensor,
    output: Any,
    images: torch.Tensor,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    history: History,
) -> None:
    if math.isfinite(value.item()):
        return
    rate = optimizer.param_groups[0]["lr"]
    shorter = f"Make the model again and train it with a smaller learning rate than {float(rate):.3g}."
    broken = [name for name, p in model.named_parameters() if not p.isfinite().all()]
    if not images.isfinite().all():
        cause = "The images of this batch hold numbers that are not finite. Look at how they are made."
    elif broken:
        cause = f"Steps were too long: the weights are not finite any more, {broken[0]} first. {shorter}"
    elif not _main(output).isfinite().all():
        cause = f"Steps were too long: the weights have grown until the scores overflow. {shorter}"
    else:
        cause = (
            "The scores are finite, so it is the loss: a logarithm of 0, a division by 0, or labels that do not fit."
        )
    raise DivergedError(f"The loss is {value.item()} in epoch {history.done + 1}, batch {history.batches + 1}. {cause}")


def _main(output: Any) -> torch.Tensor:
    """The scores (N, classes), without those of auxiliary heads."""
    return output[0] if isinstance(output, tuple) else output


def _device(model: nn.Module) -> torch.device:
    return next((p.device for p in model.parameters()), torch.device("cpu"))


def _images(batches: Batches) -> int | None:
    """How many images there are, where that can be known without going through them."""
    if isinstance(batches, Iterator):
        raise ValueError("expected batches that can be gone through again, got an iterator: pass a list or a loader")
    if isinstance(batches, list | tuple):
        return sum(len(labels) for _, labels in batches)
    everything = getattr(batches, "labels", getattr(batches, "dataset", None))  # of this course, of a DataLoader
    return len(everything) if isinstance(everything, Sized) else None


def _set_rate(optimizer: torch.optim.Optimizer, schedule: Callable[[float], float] | None, history: History) -> None:
    if schedule is not None:
        for group in optimizer.param_groups:
            group["lr"] = schedule(history.progress)


def _seed(seed: int, epoch: int, device: torch.device, batches: Batches) -> None:
    """Start every generator at a place that only the seed and the epoch decide, so that a run can go on from any."""
    number = int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
    random.seed(number)
    np.random.seed(number)
    for generator in _generators(device, batches):
        generator.manual_seed(number)


def _generators(device: torch.device, batches: Batches) -> list[torch.Generator]:
    """PyTorch's generators that a run draws from: the CPU's, the GPU's, and the batches' own."""
    found = [torch.default_generator]
    if device.type == "cuda":
        found.append(torch.cuda.default_generators[device.index or 0])
    if device.type == "mps":
        found.append(torch.mps._get_default_mps_generator())
    own = getattr(batches, "generator", None)
    return [*found, own] if isinstance(own, torch.Generator) else found


@contextmanager
def _left_as_it_was(model: nn.Module, device: torch.device, batches: Batches) -> Iterator[None]:
    """Give modes and generators back as they were, and leave no gradient, however the run ends."""
    modes = {module: module.training for module in model.modules()}
    plain = random.getstate(), np.random.get_state()
    states = [(generator, generator.get_state()) for generator in _generators(device, batches)]
    try:
        yield
    finally:
        random.setstate(plain[0])
        np.random.set_state(plain[1])
        for generator, state in states:
            generator.set_state(state)
        for module, training in modes.items():
            module.training = training
        model.zero_grad(set_to_none=True)
