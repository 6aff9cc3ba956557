"""How fast do the course's nets run on this device, and how fast does its recipe learn CIFAR-10?

    COURSE_DATA_DIR=... python benchmarks/gpu.py [--quick] [--only nets|cifar10] [--seeds 10] [--choose] [--out FILE]

nets: images a second of each architecture, in inference and in training, in float32 and with the fast settings
(bfloat16, channels_last, torch.compile, and for training one CUDA graph a step), on synthetic images that lie on the
device. Beside them stands the share of the roofline's limit: operations over the ceiling, or bytes over the other one,
whichever takes longer; both ceilings are measured first by a large matrix product and a large copy. Training is
counted as three forward passes. Every time is taken after a warm-up (so without compilation), and the device is
waited for.

cifar10: the course's fast recipe (course_utils.fastnet, one cycle, label smoothing, flips and shifts on the device,
decay on weights alone), the mean and spread over seeds. The clock stands still while data are loaded and code is
compiled. The settings below are a start; --choose tries a grid on the validation split (5,000 training images, which
take no part in training then) and uses what is best. Test images are looked at once a seed, at the end of a run on all
training images, those of the validation split included.

--quick is for a machine without a GPU: small batches, few nets, glyphs in place of CIFAR-10 where that is not there. It
shows that all of it runs, and its numbers say nothing about a GPU. So far this file was run on CPUs alone: what is
written here for CUDA has never met a GPU, and the settings of the recipe were not chosen by --choose yet.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from course_utils import environment, published, roofline, speed, zoo
from course_utils.data import CropAndFlip, DataError, load
from course_utils.fastnet import FastNet, parameter_groups
from course_utils.timing import synchronize
from course_utils.training_recipes import one_cycle

QUICK_NETS = ("LeNet-5", "CIFAR ResNet-20")
CHUNK = 1000  # images of an evaluation


@dataclass(frozen=True)
class Fast:
    """The fast recipe's settings; ``decay`` is the optimizer's weight_decay, on weights alone."""

    epochs: int = 10
    batch: int = 512
    peak: float = 0.4
    momentum: float = 0.9
    decay: float = 5e-4
    smoothing: float = 0.1
    padding: int = 2
    width: int = 64


QUICK_GRID = {"peak": (0.2, 0.4)}
GRID = {"epochs": (8, 10, 12), "peak": (0.2, 0.4, 0.8), "decay": (2e-4, 5e-4)}


def rate(step: Callable[[], Any], batch: int, seconds: float) -> float:
    """Images a second after a warm-up of three steps, over about so many seconds; median of three rounds."""
    for _ in range(3):
        step()
    synchronize()
    once = timed(step, 1)
    repeats = max(1, min(1000, round(seconds / 3 / max(once, 1e-6))))
    return batch * repeats / statistics.median(timed(step, repeats) for _ in range(3))


def timed(step: Callable[[], Any], repeats: int) -> float:
    """Seconds of some steps, the device waited for before and after."""
    synchronize()
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    synchronize()
    return time.perf_counter() - start


def settings(fast: bool, device: str) -> str:
    if not fast:
        return "float32"
    return "bf16, channels_last, compiled, graph" if device == "cuda" else "bf16, channels_last"


def nets(device: str, quick: bool) -> list[dict[str, Any]]:
    """A row for each net, pass and setting."""
    seconds, rows = (0.3, []) if quick else (3.0, [])
    roofs = {
        False: roofline.measure(device, torch.float32),
        True: roofline.measure(device, torch.bfloat16),
    }
    print(f"{'':20} {'pass':10} {'settings':38} {'batch':>5} {'images/s':>12} {'of the limit':>12}")
    for name in QUICK_NETS if quick else zoo.nets():
        for training, fast in itertools.product((False, True), (False, True)):
            row = {"net": name, "training": training, "settings": settings(fast, device)}
            batch = 8 if quick else 256
            while batch:
                try:
                    row |= {"batch": batch, **measured(name, device, training, fast, batch, seconds, roofs[fast])}
                    break
                except torch.cuda.OutOfMemoryError:
                    batch //= 2
                except Exception as error:
                    row |= {"batch": batch, "error": f"{type(error).__name__}: {str(error).splitlines()[0][:120]}"}
                    break
                finally:
                    if device == "cuda":
                        torch.cuda.empty_cache()
                    torch.compiler.reset()
            if not batch:
                row |= {"batch": 0, "error": "does not fit into the device's memory"}
            rows.append(row)
            print(line(row), flush=True)
    return rows


def line(row: dict[str, Any]) -> str:
    """A row of the table."""
    start = f"{row['net']:20} {'training' if row['training'] else 'inference':10} {row['settings']:38} {row['batch']:5}"
    if "error" in row:
        return f"{start} {row['error']}"
    return f"{start} {row['images a second']:12,.0f} {row['share of the limit']:12.1%}"


def measured(
    name: str, device: str, training: bool, fast: bool, batch: int, seconds: float, roof: roofline.Ceilings
) -> dict[str, float]:
    """Images a second of one net in one setting, and their share of what the roof allows."""
    torch.manual_seed(0)
    net = zoo.nets()[name]
    model = zoo.make(name).to(device).train(training)
    images = torch.rand(batch, *net.shape, device=device)
    labels = torch.randint(net.classes, (batch,), device=device)
    with precise(fast):
        if fast:
            model, images = lasting(model, device), images.contiguous(memory_format=torch.channels_last)
        step = training_step(model, images, labels, fast) if training else inference_step(model, images, fast)
        if training and fast and device == "cuda":
            step = speed.graphed(step, 11)
        found = rate(step, batch, seconds)
    return {"images a second": found, "share of the limit": found / limit(name, batch, training, fast, roof)}


def limit(name: str, batch: int, training: bool, fast: bool, roof: roofline.Ceilings) -> float:
    """Images a second that the roof allows; a training step is three forward passes."""
    macs, parameters, activations = published.COUNTS[name]
    bytes_moved = roofline.traffic(activations, parameters, batch, 2 if fast else 4)
    passes = 3 if training else 1
    return batch / (passes * max(2 * macs * batch / roof.operations, bytes_moved / roof.bytes))


class precise:  # noqa: N801 (a context manager, used as a function)
    """float32 without TF32 for the plain setting; TF32 allowed for the fast one."""

    def __init__(self, fast: bool):
        self.fast = fast

    def __enter__(self) -> None:
        self.before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
        torch.set_float32_matmul_precision("high" if self.fast else "highest")
        torch.backends.cudnn.allow_tf32 = self.fast
        torch.backends.cudnn.benchmark = True

    def __exit__(self, *_: object) -> None:
        torch.set_float32_matmul_precision(self.before[0])
        torch.backends.cudnn.allow_tf32 = self.before[1]


def lasting(model: nn.Module, device: str) -> Any:
    """channels_last, and compiled on CUDA; a CPU would compile for minutes."""
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return torch.compile(model) if device == "cuda" else model


def training_step(model: Any, images: torch.Tensor, labels: torch.Tensor, fast: bool) -> Callable[[], Any]:
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9, foreach=True)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=fast):
            loss = functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()

    return step


def inference_step(model: Any, images: torch.Tensor, fast: bool) -> Callable[[], Any]:
    @torch.inference_mode()
    def step() -> None:
        with torch.autocast(images.device.type, torch.bfloat16, enabled=fast):
            model(images)

    return step


class Learner:
    """A training run of the fast recipe whose step is compiled, and on CUDA replayed from a graph, once for all seeds.

    A graph needs every tensor at its place: weights, momentum, batch and rate are overwritten, never replaced.
    """

    def __init__(self, recipe: Fast, device: str, images: torch.Tensor, labels: torch.Tensor, mean: Any, std: Any):
        self.recipe, self.device, self.labels = recipe, device, labels
        self.mean, self.std = mean, std
        self.images = self.normalized(images)
        self.cut = CropAndFlip(recipe.padding).of(self.images)  # laid down once, on the device
        self.model = FastNet(recipe.width, channels=images.shape[1]).to(device)
        self.model = self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.net = torch.compile(self.model) if device == "cuda" else self.model
        groups = parameter_groups(self.model, recipe.decay)
        self.lr = torch.tensor(0.0, device=device)
        self.optimizer = torch.optim.SGD(
            groups, lr=self.lr, momentum=recipe.momentum, nesterov=True, fused=device == "cuda" or None
        )
        self.x = torch.zeros(recipe.batch, *images.shape[1:], device=device)
        self.x = self.x.contiguous(memory_format=torch.channels_last)
        self.y = torch.zeros(recipe.batch, dtype=torch.int64, device=device)
        self.step = self.plain
        self.model.train()
        for _ in range(3):  # compiles, and makes momentum
            self.plain()
        if device == "cuda":
            self.step = speed.graphed(self.plain, 11)
        synchronize()

    def normalized(self, images: torch.Tensor) -> torch.Tensor:
        return ((images.to(self.device) - self.mean) / self.std).contiguous()

    def plain(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.device, torch.bfloat16, enabled=True):
            loss = functional.cross_entropy(self.net(self.x), self.y, label_smoothing=self.recipe.smoothing)
        loss.backward()
        self.optimizer.step()

    def begin(self, seed: int) -> None:
        """First weights of a seed, into the tensors that are there; momentum and statistics as at the start."""
        torch.manual_seed(seed)
        fresh = FastNet(self.recipe.width, channels=self.x.shape[1]).state_dict()
        for name, value in self.model.state_dict().items():
            value.copy_(fresh[name])
        for state in self.optimizer.state.values():
            if isinstance(state.get("momentum_buffer"), torch.Tensor):
                state["momentum_buffer"].zero_()
        self.model.train()

    def learn(self, seed: int) -> float:
        """Seconds of a run: all epochs, their orders and augmentation; without loading, compiling and evaluation."""
        self.begin(seed)
        generator = torch.Generator(self.device).manual_seed(seed)
        steps, step = len(self.labels) // self.recipe.batch, 0
        synchronize()
        start = time.perf_counter()
        for _ in range(self.recipe.epochs):
            order = torch.randperm(len(self.labels), generator=generator, device=self.device)
            for i in range(steps):
                chosen = order[i * self.recipe.batch : (i + 1) * self.recipe.batch]
                self.x.copy_(self.cut(chosen, generator))
                self.y.copy_(self.labels[chosen])
                self.lr.fill_(one_cycle(step, self.recipe.epochs * steps, self.recipe.peak))
                self.step()
                step += 1
        synchronize()
        return time.perf_counter() - start

    @torch.no_grad()
    def accuracy(self, images: torch.Tensor, labels: torch.Tensor) -> float:
        """In evaluation mode, mean of the scores of each image and of its mirror image."""
        self.model.eval()
        right = 0
        with torch.autocast(self.device, torch.bfloat16):
            for x, y in zip(images.split(CHUNK), labels.split(CHUNK), strict=True):
                x = self.normalized(x).contiguous(memory_format=torch.channels_last)
                right += int(((self.model(x) + self.model(x.flip(-1))).argmax(1) == y.to(self.device)).sum())
        self.model.train()
        return right / len(labels)


def parts(name: str, device: str, most: int | None) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Images and labels of the training, validation and test part, on the device."""
    dataset = load(name)
    return {
        part: (
            torch.as_tensor(getattr(dataset, part).images[:most]).float().to(device),
            torch.as_tensor(getattr(dataset, part).labels[:most]).long().to(device),
        )
        for part in ("train", "validation", "test")
    }


def learner(recipe: Fast, device: str, train: tuple[torch.Tensor, torch.Tensor]) -> Learner:
    """A learner whose normalization is that of its training images."""
    images, labels = train
    mean, std = images.mean((0, 2, 3)), images.std((0, 2, 3))
    return Learner(recipe, device, images, labels, mean[:, None, None], std[:, None, None])


def choose(recipe: Fast, device: str, data: dict[str, Any], grid: dict[str, Any], seeds: int) -> Fast:
    """The best settings of a grid on the validation images; test images take no part."""
    best, most = recipe, 0.0
    for values in itertools.product(*grid.values()):
        tried = replace(recipe, **dict(zip(grid, values, strict=True)))
        run = learner(tried, device, data["train"])
        seconds, accuracies = [], []
        for seed in range(seeds):
            seconds.append(run.learn(1000 + seed))
            accuracies.append(run.accuracy(*data["validation"]))
        mean = statistics.mean(accuracies)
        print(f"{tried}: validation {mean:.2%}, {statistics.mean(seconds):.2f} s", flush=True)
        best, most = (tried, mean) if mean > most else (best, most)
    return best


def cifar10(device: str, quick: bool, seeds: int, wanted: bool) -> dict[str, Any]:
    """Time and accuracy of the fast recipe, over seeds."""
    recipe, name, most = Fast(), "cifar10", None
    if quick:
        recipe, most, seeds = Fast(epochs=2, batch=50, width=4), 500, 2
    try:
        data = parts(name, device, most)
    except DataError as error:
        if not quick:
            raise
        print(f"CIFAR-10 is not there ({str(error).splitlines()[0][:80]}): glyphs are drawn instead")
        name, data = "glyphs-rgb", parts("glyphs-rgb", device, most)
    if wanted:
        recipe = choose(recipe, device, data, *((QUICK_GRID, 1) if quick else (GRID, 3)))
    everything = [torch.cat(pair) for pair in zip(data["train"], data["validation"], strict=True)]
    run = learner(recipe, device, (everything[0], everything[1]))
    seconds, accuracies = [], []
    for seed in range(seeds):
        seconds.append(run.learn(seed))
        accuracies.append(run.accuracy(*data["test"]))
        print(f"seed {seed}: {seconds[-1]:.2f} s, {accuracies[-1]:.2%}", flush=True)
    found = {"data": name, "images": len(everything[1]), "recipe": asdict(recipe), "seeds": seeds}
    found |= {"seconds": seconds, "accuracies": accuracies, "mean accuracy": statistics.mean(accuracies)}
    found |= {"mean seconds": statistics.mean(seconds)}
    found["deviation of the accuracy"] = statistics.stdev(accuracies) if seeds > 1 else 0.0
    print(
        f"{name}, mean of {seeds} seeds: {found['mean accuracy']:.2%} (standard deviation "
        f"{found['deviation of the accuracy']:.2%}) in {found['mean seconds']:.2f} s, trained on all "
        f"{len(everything[1]):,} training and validation images; without loading, compilation and evaluation"
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small, for a CPU")
    parser.add_argument("--only", choices=["nets", "cifar10"], help="both by default")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--choose", action="store_true", help="choose settings on the validation split first")
    parser.add_argument("--out", type=Path, help="a JSON file with all numbers")
    options = parser.parse_args()
    device = "cuda" if environment.device() == "cuda" else "cpu"
    name = torch.cuda.get_device_name(0) if device == "cuda" else f"the CPU, {torch.get_num_threads()} threads"
    print(f"torch {torch.__version__} on {name}")
    if device == "cpu":
        print("No CUDA device: nothing is compiled or recorded in a graph, and no number here is a GPU's.")
        if not options.quick:
            raise SystemExit("Without a GPU this takes days. Give --quick to see that it runs.")
    found: dict[str, Any] = {"device": name, "torch": torch.__version__, "python": platform.python_version()}
    found["quick"] = options.quick
    if options.only in (None, "nets"):
        found["nets"] = nets(device, options.quick)
    if options.only in (None, "cifar10"):
        found["cifar10"] = cifar10(device, options.quick, options.seeds, options.choose)
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")
        print(f"written to {options.out}")


if __name__ == "__main__":
    main()
