"""Train a net in several processes, each with a part of every batch: DistributedDataParallel and synchronized norms.

    torchrun --nproc-per-node=2 -m course_utils.distributed --epochs 3 --checkpoint run.pt

On a cluster, on each of two machines: ``torchrun --nnodes=2 --nproc-per-node=8 --rdzv-backend=c10d
--rdzv-endpoint=HOST:PORT -m course_utils.distributed …``. Without ``torchrun`` it is one process.

Every process draws the same order of the images and takes its own share of each batch, so the run does not depend on
how many processes there are, but for the order in which numbers are added up. With CUDA, batch norm becomes PyTorch's
``SyncBatchNorm``, which does not work on a CPU; there it becomes :class:`SynchronizedNorm` of this module.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from course_utils.data import load
from course_utils.fastnet import FastNet, parameter_groups
from course_utils.training_recipes import one_cycle

__all__ = ["Settings", "SynchronizedNorm", "synchronized", "train"]


@dataclass(frozen=True)
class Settings:
    """What is trained and how.

    data : a data set of :func:`course_utils.data.load`.
    epochs, seed : of the run.
    batch : images in a step, of all processes together; a multiple of their number. What is left of an epoch after
        the last whole batch is left out.
    peak, momentum, weight_decay : of stochastic gradient descent with one cycle; decay on weights alone.
    width : of :class:`course_utils.fastnet.FastNet`.
    checkpoint : a file that is written after each epoch, and from which the run goes on; None for none.
    local_norm : let each process normalize by its own part of the batch.
    double : compute in float64.
    """

    data: str = "digits"
    epochs: int = 3
    seed: int = 0
    batch: int = 120
    peak: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    width: int = 8
    checkpoint: Path | None = None
    local_norm: bool = False
    double: bool = False


class _Summed(torch.autograd.Function):
    """The sum of a tensor over all processes; so is its gradient."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        total = x.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return _Summed.forward(ctx, gradient.contiguous())


class SynchronizedNorm(nn.BatchNorm2d):
    """Batch norm in training by the mean and variance of all processes' parts, on any device.

    The parts may differ in size. In evaluation mode it is ``BatchNorm2d``.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) in and out."""
        if not (self.training and _several()):
            return super().forward(x)
        count = _Summed.apply(x.new_tensor([x.numel() / x.shape[1]]))
        mean = _Summed.apply(x.sum((0, 2, 3))) / count  # (C,)
        apart = x - mean[:, None, None]
        variance = _Summed.apply((apart**2).sum((0, 2, 3))) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        scale = self.weight * (variance + self.eps).rsqrt()
        return apart * scale[:, None, None] + self.bias[:, None, None]

    def _remember(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.momentum is None:
            return
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked += 1


def synchronized(model: nn.Module, device: torch.device) -> nn.Module:
    """The model with its batch norms synchronized, as the device allows; parameters and statistics are kept."""
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(model)
    for module in model.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SynchronizedNorm  # the same parameters under the same names
    return model


def train(settings: Settings) -> tuple[nn.Module, float]:
    """Train, in this process and those that were started with it; the model, and its accuracy on held-out images.

    Raises
    ------
    ValueError
        for a batch that cannot be divided among the processes, and for a checkpoint of another run.
    """
    rank, world, device = _place()
    if settings.batch % world:
        raise ValueError(f"expected a batch that {world} processes can share evenly, got {settings.batch}")
    kind = torch.float64 if settings.double else torch.float32
    dataset = load(settings.data)
    images = torch.as_tensor(dataset.train.images).to(device, kind)
    labels = torch.as_tensor(dataset.train.labels).to(device, torch.int64)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model: nn.Module = FastNet(settings.width, channels=images.shape[1])
    model = model.to(device, kind)
    if world > 1:
        model = model if settings.local_norm else synchronized(model, device)
        model = DistributedDataParallel(model, device_ids=[device.index] if device.type == "cuda" else None)
    optimizer = torch.optim.SGD(
        parameter_groups(_inner(model), settings.weight_decay), lr=settings.peak, momentum=settings.momentum
    )
    for epoch in range(_resumed(settings, _inner(model), optimizer, rank), settings.epochs):
        loss = _epoch(settings, model, optimizer, images, labels, epoch, (rank, world))
        if rank == 0:
            _save(settings, _inner(model), optimizer, epoch + 1)
            _say(f"epoch {epoch + 1} of {settings.epochs}: loss {loss:.4f}")
        if world > 1:
            distributed.barrier()  # nobody goes on before the checkpoint is there
    return _inner(model), _accuracy(_inner(model), dataset.validation, device, kind)


def _epoch(
    settings: Settings,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: torch.Tensor,
    labels: torch.Tensor,
    epoch: int,
    place: tuple[int, int],
) -> float:
    """One pass through the images, of which each process takes its share of every batch; the mean loss of all."""
    rank, world = place
    generator = torch.Generator().manual_seed(1000 * settings.seed + epoch)
    order = torch.randperm(len(labels), generator=generator).to(images.device)
    steps = len(labels) // settings.batch
    total = images.new_zeros(())
    model.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = one_cycle(epoch * steps + step, settings.epochs * steps, settings.peak)
        mine = order[step * settings.batch : (step + 1) * settings.batch][rank::world]
        loss = functional.cross_entropy(model(images[mine]), labels[mine])
        optimizer.zero_grad()
        loss.backward()  # DistributedDataParallel averages the gradients over the processes meanwhile
        optimizer.step()
        total += loss.detach()
    if world > 1:
        distributed.all_reduce(total)
    return total.item() / (steps * world)


def _accuracy(model: nn.Module, part: Any, device: torch.device, kind: torch.dtype) -> float:
    model.eval()
    with torch.no_grad():
        scores = model(torch.as_tensor(part.images).to(device, kind))
    return (scores.argmax(1).cpu() == torch.as_tensor(part.labels)).double().mean().item()


def _inner(model: nn.Module) -> Any:
    return model.module if isinstance(model, DistributedDataParallel) else model


def _several() -> bool:
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def _place() -> tuple[int, int, torch.device]:
    """This process's number, how many there are, and its device."""
    rank, world = (distributed.get_rank(), distributed.get_world_size()) if _several() else (0, 1)
    if torch.cuda.is_available():
        return rank, world, torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return rank, world, torch.device("cpu")


def _save(settings: Settings, model: nn.Module, optimizer: torch.optim.Optimizer, epochs: int) -> None:
    """Write beside the old file, then put the new one in its place at once: a kill leaves one of both."""
    if settings.checkpoint is None:
        return
    part = settings.checkpoint.with_name(settings.checkpoint.name + ".part")
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epochs": epochs, "run": _run(settings)}
    torch.save(state, part)
    part.replace(settings.checkpoint)


def _run(settings: Settings) -> str:
    """What must be the same for a run to go on; not the number of processes."""
    return repr({name: value for name, value in vars(settings).items() if name != "checkpoint"})


def _resumed(settings: Settings, model: nn.Module, optimizer: torch.optim.Optimizer, rank: int) -> int:
    """How many epochs are done; model and optimizer are brought to where the checkpoint ends."""
    if settings.checkpoint is None or not settings.checkpoint.exists():
        return 0
    state = torch.load(settings.checkpoint, map_location="cpu", weights_only=True)
    if state["run"] != _run(settings):
        raise ValueError(f"expected a checkpoint of this run, got {settings.checkpoint} of {state['run']}: delete it")
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    if rank == 0:
        _say(f"Going on after epoch {state['epochs']}, from {settings.checkpoint}.")
    return int(state["epochs"])


def _say(text: str) -> None:
    """A line in one piece, where several processes write to one place."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _meeting_place() -> dict[str, Any]:
    """Where the processes find one another: torchrun's store, in which each new start has keys of its own.

    With PyTorch 2.13 the keys of a start that failed are still there, and a process that is early finds them.
    """
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return {}
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    store = distributed.TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), size, is_master=False)
    start = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return {"store": distributed.PrefixStore(f"start_{start}", store), "rank": rank, "world_size": size}


@contextmanager
def _together() -> Iterator[None]:
    """Connect the processes that ``torchrun`` started: NCCL for CUDA devices, else gloo."""
    if "RANK" not in os.environ:  # not started by torchrun
        yield
        return
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    elif os.environ["LOCAL_WORLD_SIZE"] == os.environ["WORLD_SIZE"]:  # one machine: never leave it
        loopback = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), None)
        if loopback:
            os.environ.setdefault("GLOO_SOCKET_IFNAME", loopback)
    distributed.init_process_group("nccl" if cuda else "gloo", **_meeting_place())
    _say(f"rank {os.environ['RANK']} of {os.environ['WORLD_SIZE']}, process {os.getpid()}")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="course_utils.distributed", description=str(__doc__).split("\n")[0])
    for name in ("data", "epochs", "seed", "batch", "peak", "width"):
        default = getattr(Settings, name)
        parser.add_argument(f"--{name}", type=type(default), default=default)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--local-norm", action="store_true", help="do not synchronize batch norm")
    parser.add_argument("--double", action="store_true", help="compute in float64")
    settings = Settings(**vars(parser.parse_args()))
    with _together():
        _, accuracy = train(settings)
        if _place()[0] == 0:
            _say(f"accuracy on held-out images: {accuracy:.2%}")


if __name__ == "__main__":
    main()
