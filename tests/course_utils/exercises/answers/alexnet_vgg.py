"""Right answers to lesson 07, as a notebook has them."""

import math

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


def local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    squares = F.pad(x**2, (0, 0, 0, 0, size // 2, size // 2))
    sums = sum(squares[:, i : i + x.shape[1]] for i in range(size))
    return x / (k + alpha * sums) ** beta


def dropout(x, p, training, generator):
    if not training:
        return x
    kept = torch.rand(x.shape, generator=generator, device=x.device) >= p
    return x * kept / (1 - p)


def augment(images, padding, generator):
    count, _, height, width = images.shape
    framed = F.pad(images, (padding, padding, padding, padding))
    draw = {"generator": generator, "device": images.device}
    top, left = torch.randint(2 * padding + 1, (2, count), **draw).tolist()
    flipped = (torch.rand(count, **draw) < 0.5).tolist()
    out = torch.empty_like(images)
    for i in range(count):
        crop = framed[i, :, top[i] : top[i] + height, left[i] : left[i] + width]
        out[i] = crop.flip(-1) if flipped[i] else crop
    return out


class AlexNet(nn.Module):
    def __init__(self, classes=1000, groups=1):
        super().__init__()

        def norm():
            return nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)

        self.features = nn.Sequential(
            *(nn.Conv2d(3, 96, 11, stride=4), nn.ReLU(), norm(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(96, 256, 5, padding=2, groups=groups), nn.ReLU(), norm(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(256, 384, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(384, 384, 3, padding=1, groups=groups), nn.ReLU()),
            *(nn.Conv2d(384, 256, 3, padding=1, groups=groups), nn.ReLU(), nn.MaxPool2d(3, 2)),
        )
        self.classifier = nn.Sequential(
            *(nn.Linear(256 * 6 * 6, 4096), nn.ReLU(), nn.Dropout(0.5)),
            *(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4096, classes)),
        )

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def zfnet(classes=1000):
    return nn.Sequential(
        *(nn.Conv2d(3, 96, 7, stride=2, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)),
        *(nn.Conv2d(96, 256, 5, stride=2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)),
        *(nn.Conv2d(256, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)),
        *(nn.Flatten(), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(), nn.Dropout(0.5)),
        *(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4096, classes)),
    )


def vgg(configuration, classes=1000):
    blocks = {
        "A": [[64], [128], [256, 256], [512, 512], [512, 512]],
        "B": [[64, 64], [128, 128], [256, 256], [512, 512], [512, 512]],
        "D": [[64, 64], [128, 128], [256] * 3, [512] * 3, [512] * 3],
        "E": [[64, 64], [128, 128], [256] * 4, [512] * 4, [512] * 4],
    }
    blocks |= {"A-LRN": blocks["A"], "C": blocks["D"]}
    layers, width = [], 3
    for block in blocks[configuration]:
        for i, channels in enumerate(block):
            kernel = 1 if configuration == "C" and i == 2 else 3
            layers += [nn.Conv2d(width, channels, kernel, padding=kernel // 2), nn.ReLU()]
            if configuration == "A-LRN" and width == 3:
                layers.append(nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0))
            width = channels
        layers.append(nn.MaxPool2d(2))
    layers += [nn.Flatten(), nn.Linear(512 * 7 * 7, 4096), nn.ReLU(), nn.Dropout(0.5)]
    layers += [nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4096, classes)]
    return nn.Sequential(*layers)


def kaiming_std(in_channels, kernel):
    return math.sqrt(2 / (in_channels * kernel**2))
