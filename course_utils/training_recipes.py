"""The recipes by which the nets of the course were trained, as data, and how each changes its learning rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["RECIPES", "TrainingRecipe", "one_cycle", "table"]


@dataclass(frozen=True)
class TrainingRecipe:
    """How a net was trained: stochastic gradient descent with momentum.

    batch, rate, momentum, weight_decay : as they are called.
    drops : the shares of the run after which the rate is divided by ten. Where a paper divides "when the error stops
        improving", it says how often, and the shares are ours: even ones.
    epochs : passes through the training images.
    dropout : on the first two linear layers; 0 for none.
    augmentation : in words.
    source : paper and section.
    """

    batch: int
    rate: float
    momentum: float
    weight_decay: float
    drops: tuple[float, ...]
    epochs: int
    dropout: float
    augmentation: str
    source: str

    def rate_at(self, share: float) -> float:
        """The learning rate after a share of the run, between 0 and 1."""
        return self.rate / 10 ** sum(share >= drop for drop in self.drops)


RECIPES: dict[str, TrainingRecipe] = {
    "AlexNet": TrainingRecipe(
        *(128, 0.01, 0.9, 5e-4, (0.25, 0.5, 0.75), 90, 0.5),
        "random 224 × 224 of 256 × 256, flips, colours shifted along principal axes",
        "Krizhevsky et al. 2012, sections 4 and 5",
    ),
    "VGG": TrainingRecipe(
        *(256, 0.01, 0.9, 5e-4, (0.25, 0.5, 0.75), 74, 0.5),
        "random 224 × 224 of images rescaled to 256 or to 256 to 512, flips, colours shifted",
        "Simonyan and Zisserman 2014, section 3.1",
    ),
    "ResNet": TrainingRecipe(
        *(256, 0.1, 0.9, 1e-4, (1 / 3, 2 / 3), 120, 0.0),
        "random 224 × 224 of images rescaled to 256 to 480, flips, colours shifted",
        "He et al. 2015, section 3.4: 600,000 steps of 256 images",
    ),
    "CIFAR ResNet": TrainingRecipe(
        *(128, 0.1, 0.9, 1e-4, (0.5, 0.75), 182, 0.0),
        "random 32 × 32 of 40 × 40 (4 zeros on each side), flips",
        "He et al. 2015, section 4.2: 64,000 steps of 128 of 45,000 images",
    ),
}


def one_cycle(step: int, total: int, peak: float) -> float:
    """The learning rate of step 0 … total − 1: up from peak/25 to peak at 30 % of total − 1, then down to 0.

    Smith and Topin, "Super-convergence: very fast training of neural networks using large learning rates", 2018.
    """
    share = step / max(total - 1, 1)
    return peak * min(0.04 + 3.2 * share, (1 - share) / 0.7)


def table(recipes: Mapping[str, TrainingRecipe] = RECIPES) -> str:
    """The recipes in columns of text."""
    head = f"{'':13} {'batch':>5} {'rate':>5} {'momentum':>8} {'decay':>7} {'/10':>4} {'epochs':>6} {'dropout':>7}"
    rows = [
        f"{name:13} {r.batch:5} {r.rate:5} {r.momentum:8} {r.weight_decay:7.0e} {len(r.drops):3}× "
        f"{r.epochs:6} {r.dropout:7}"
        for name, r in recipes.items()
    ]
    return "\n".join([head, *rows])
