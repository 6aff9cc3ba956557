"""How well and how fast do the course's nets train?

    COURSE_DATA_DIR=... python benchmarks/training.py [--only lenet] [--epochs 5] [--threads 2] [--rounds 9]

lenet: both nets of lesson 06 on Fashion-MNIST with SGD and momentum, on the CPU: accuracy on the test images, which
took no part in the choice of the epoch, and seconds, validation included (CPU s: of all threads, where others compute
too). resnet: CIFAR ResNet-20 of lesson 09 on the fastest device there is: images a second of whole training steps
(augmentation, forward, backward, step) in float32, the median over rounds, after one round that does not count.

The nets are the solutions of the lessons, taken from their sources by running the cells. For ResNet-20 the pixels are
random: their values change no time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from layers import solution
from torch import nn

from course_utils import environment, train
from course_utils.augmentation import CropAndFlip
from course_utils.batches import Batches, batches
from course_utils.data import load
from course_utils.seed import seed_everything

SOLUTIONS = Path(__file__).parents[1] / "solutions"
NETS = {"LeNet5": 32, "LeNetCaffe": 28}  # and the side of their images
STEPS, BATCH = 20, 128  # of a round of ResNet-20


def lesson(name: str) -> dict[str, Callable[..., nn.Module]]:
    """The names that a lesson's source defines; none where the lesson is not there yet."""
    path = SOLUTIONS / name / f"{name}.ipynb"
    return solution(path) if path.exists() else {}


def lenet(epochs: int) -> None:
    """Print what both nets of lesson 06 reach on Fashion-MNIST."""
    nets = lesson("06_lenet")
    print(f"Fashion-MNIST, {epochs} epochs, batches of 64, SGD with rate 0.05 and momentum 0.9, float32 on the CPU\n")
    print(f"{'':10} {'parameters':>10} {'validation':>10} {'test':>7} {'seconds':>8} {'CPU s':>7}", flush=True)
    for name, size in NETS.items():
        data = load("fashion-mnist", size=size)
        seed_everything(0)
        model = nets[name]()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        walks = batches(data.train, 64, shuffle=True), batches(data.validation, 500)
        start, busy = time.perf_counter(), time.process_time()
        history = train.fit(model, *walks, optimizer=optimizer, epochs=epochs, show=False)
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
        best = history.validation_accuracies[history.best_epoch - 1]
        test = train.evaluate(model, batches(data.test, 500))[1]
        parameters = sum(p.numel() for p in model.parameters())
        print(f"{name:10} {parameters:>10,} {best:>10.2%} {test:>7.2%} {seconds:>8.1f} {busy:>7.1f}", flush=True)


def resnet(rounds: int) -> None:
    """Print how many images a second ResNet-20 is trained on."""
    make, device = lesson("09_resnet").get("cifar_resnet"), environment.device()
    if make is None:
        print("CIFAR ResNet-20: lesson 09_resnet is not there yet")
        return
    seed_everything(0)
    model = make(20).to(device)
    walk = pixels(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    rates = [steps(model, walk, optimizer) for _ in range(rounds + 1)][1:]
    spread = f"from {min(rates):,.0f} to {max(rates):,.0f}"
    print(f"CIFAR ResNet-20 in training on {described(device)}, batches of {BATCH}, float32: {median(rates):,.0f}")
    print(f"images a second, the median of {rounds} rounds of {STEPS} steps ({spread})")


def pixels(device: str) -> Batches:
    """Augmented batches of random images in the shape of CIFAR-10."""
    rng, count = np.random.default_rng(0), STEPS * BATCH
    images, labels = rng.random((count, 3, 32, 32), np.float32), rng.integers(0, 10, count)
    return batches((images, labels), BATCH, shuffle=True, device=device, augment=CropAndFlip(4))


def steps(model: nn.Module, walk: Batches, optimizer: torch.optim.Optimizer) -> float:
    """Images a second in one walk through the batches."""
    model.train()
    settle()
    start, seen = time.perf_counter(), 0
    for images, labels in walk:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
        seen += len(labels)
    settle()
    return seen / (time.perf_counter() - start)


def settle() -> None:
    """Wait until a GPU has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    elif torch.backends.mps.is_available():
        torch.mps.synchronize()


def described(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name(0)
    return f"the CPU ({torch.get_num_threads()} threads)" if device == "cpu" else "Apple's GPU"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["lenet", "resnet"], help="both by default")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="on the CPU")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.threads} threads")
    for name, run in {"lenet": lambda: lenet(options.epochs), "resnet": lambda: resnet(options.rounds)}.items():
        if options.only in (None, name):
            print()
            run()


if __name__ == "__main__":
    main()
