"""Right answers to lesson 08, as a notebook has them."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


def conv_relu(in_channels, out_channels, kernel, stride=1, padding=0):
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, kernel, stride, padding), nn.ReLU())


class Branches(nn.ModuleList):
    def forward(self, x):
        return torch.cat([branch(x) for branch in self], dim=1)


def chain(in_channels, *steps):
    layers = []
    for channels, kernel, *stride in steps:
        height, width = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        padding = 0 if stride else (height // 2, width // 2)
        layers += [nn.Conv2d(in_channels, channels, (height, width), *stride, padding=padding, bias=False)]
        layers += [nn.BatchNorm2d(channels, eps=1e-3), nn.ReLU()]
        in_channels = channels
    return nn.Sequential(*layers)


def averaged(in_channels, channels):
    return nn.Sequential(nn.AvgPool2d(3, 1, padding=1, count_include_pad=False), chain(in_channels, (channels, 1)))


def side_by_side(in_channels, channels):
    return Branches([chain(in_channels, (channels, (1, 3))), chain(in_channels, (channels, (3, 1)))])


def ends(in_channels, classes, drop=0.2):
    mean = nn.AdaptiveAvgPool2d(1), nn.Flatten()
    return nn.Sequential(*mean, nn.Dropout(drop), nn.Linear(in_channels, classes))


def nin(classes=10):
    return nn.Sequential(
        *(conv_relu(3, 192, 5, padding=2), conv_relu(192, 160, 1), conv_relu(160, 96, 1)),
        *(nn.MaxPool2d(3, 2, ceil_mode=True), nn.Dropout(0.5)),
        *(conv_relu(96, 192, 5, padding=2), conv_relu(192, 192, 1), conv_relu(192, 192, 1)),
        *(nn.AvgPool2d(3, 2, ceil_mode=True), nn.Dropout(0.5)),
        *(conv_relu(192, 192, 3, padding=1), conv_relu(192, 192, 1), conv_relu(192, classes, 1)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    )


class Inception(nn.Module):
    def __init__(self, in_channels, c1, c3_reduce, c3, c5_reduce, c5, pool):
        super().__init__()
        self.one = conv_relu(in_channels, c1, 1)
        self.three = nn.Sequential(conv_relu(in_channels, c3_reduce, 1), conv_relu(c3_reduce, c3, 3, padding=1))
        self.five = nn.Sequential(conv_relu(in_channels, c5_reduce, 1), conv_relu(c5_reduce, c5, 5, padding=2))
        self.pool = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), conv_relu(in_channels, pool, 1))

    def forward(self, x):
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], dim=1)


class GoogLeNet(nn.Module):
    def __init__(self, classes=1000, aux=False):
        super().__init__()

        def norm():
            return nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)

        def smaller():
            return nn.MaxPool2d(3, 2, ceil_mode=True)

        def head(in_channels):
            hidden = nn.Linear(128 * 4 * 4, 1024), nn.ReLU(), nn.Dropout(0.7), nn.Linear(1024, classes)
            return nn.Sequential(nn.AvgPool2d(5, 3), conv_relu(in_channels, 128, 1), nn.Flatten(), *hidden)

        to_4a = nn.Sequential(
            *(conv_relu(3, 64, 7, stride=2, padding=3), smaller(), norm()),
            *(conv_relu(64, 64, 1), conv_relu(64, 192, 3, padding=1), norm(), smaller()),
            Inception(192, 64, 96, 128, 16, 32, 32),
            Inception(256, 128, 128, 192, 32, 96, 64),
            smaller(),
            Inception(480, 192, 96, 208, 16, 48, 64),
        )
        to_4d = nn.Sequential(
            Inception(512, 160, 112, 224, 24, 64, 64),
            Inception(512, 128, 128, 256, 24, 64, 64),
            Inception(512, 112, 144, 288, 32, 64, 64),
        )
        to_scores = nn.Sequential(
            Inception(528, 256, 160, 320, 32, 128, 128),
            smaller(),
            Inception(832, 256, 160, 320, 32, 128, 128),
            Inception(832, 384, 192, 384, 48, 128, 128),
            ends(1024, classes, drop=0.4),
        )
        self.parts = nn.ModuleList([to_4a, to_4d, to_scores])
        self.heads = nn.ModuleList([head(512), head(528)] if aux else [])

    def forward(self, x):
        first = self.parts[0](x)
        second = self.parts[1](first)
        scores = self.parts[2](second)
        if self.training and len(self.heads):
            return scores, self.heads[0](first), self.heads[1](second)
        return scores


def stem():
    return nn.Sequential(
        *(chain(3, (32, 3, 2), (32, 3, 1), (64, 3)), nn.MaxPool2d(3, 2)),
        *(chain(64, (80, 1), (192, 3, 1)), nn.MaxPool2d(3, 2)),
    )


def grid35(in_channels, pool, c1=64):
    return Branches(
        [
            chain(in_channels, (c1, 1)),
            chain(in_channels, (48, 1), (64, 5)),
            chain(in_channels, (64, 1), (96, 3), (96, 3)),
            averaged(in_channels, pool),
        ]
    )


def grid17(inner):
    return Branches(
        [
            chain(768, (192, 1)),
            chain(768, (inner, 1), (inner, (1, 7)), (192, (7, 1))),
            chain(768, (inner, 1), (inner, (7, 1)), (inner, (1, 7)), (inner, (7, 1)), (192, (1, 7))),
            averaged(768, 192),
        ]
    )


def grid8(in_channels):
    return Branches(
        [
            chain(in_channels, (320, 1)),
            nn.Sequential(chain(in_channels, (384, 1)), side_by_side(384, 384)),
            nn.Sequential(chain(in_channels, (448, 1), (384, 3)), side_by_side(384, 384)),
            averaged(in_channels, 192),
        ]
    )


class InceptionV3(nn.Module):
    def __init__(self, classes=1000, aux=True):
        super().__init__()
        threes = chain(288, (64, 1), (96, 3), (96, 3, 2))
        sevens = chain(768, (192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3, 2))
        to_17 = Branches([chain(288, (384, 3, 2)), threes, nn.MaxPool2d(3, 2)])
        to_8 = Branches([chain(768, (192, 1), (320, 3, 2)), sevens, nn.MaxPool2d(3, 2)])
        at_35 = grid35(192, 32), grid35(256, 64), grid35(288, 64)
        at_17 = grid17(128), grid17(160), grid17(160), grid17(192)
        first = nn.Sequential(stem(), *at_35, to_17, *at_17)
        last = nn.Sequential(to_8, grid8(1280), grid8(2048), ends(2048, classes))
        self.parts = nn.ModuleList([first, last])
        head = nn.AvgPool2d(5, 3), chain(768, (128, 1), (768, 5, 1)), nn.Flatten(), nn.Linear(768, classes)
        self.heads = nn.ModuleList([nn.Sequential(*head)] if aux else [])

    def forward(self, x):
        first = self.parts[0](x)
        scores = self.parts[1](first)
        if self.training and len(self.heads):
            return scores, self.heads[0](first)
        return scores


def v4_stem():
    return nn.Sequential(
        chain(3, (32, 3, 2), (32, 3, 1), (64, 3)),
        Branches([nn.MaxPool2d(3, 2), chain(64, (96, 3, 2))]),
        Branches([chain(160, (64, 1), (96, 3, 1)), chain(160, (64, 1), (64, (1, 7)), (64, (7, 1)), (96, 3, 1))]),
        Branches([chain(192, (192, 3, 2)), nn.MaxPool2d(3, 2)]),
    )


def module_a():
    threes = chain(384, (64, 1), (96, 3)), chain(384, (64, 1), (96, 3), (96, 3))
    return Branches([chain(384, (96, 1)), *threes, averaged(384, 96)])


def module_b():
    short = chain(1024, (192, 1), (224, (1, 7)), (256, (7, 1)))
    long = chain(1024, (192, 1), (192, (7, 1)), (224, (1, 7)), (224, (7, 1)), (256, (1, 7)))
    return Branches([chain(1024, (384, 1)), short, long, averaged(1024, 128)])


def module_c():
    short = nn.Sequential(chain(1536, (384, 1)), side_by_side(384, 256))
    long = nn.Sequential(chain(1536, (384, 1), (448, (3, 1)), (512, (1, 3))), side_by_side(512, 256))
    return Branches([chain(1536, (256, 1)), short, long, averaged(1536, 256)])


class InceptionV4(nn.Module):
    def __init__(self, classes=1000):
        super().__init__()
        threes = chain(384, (192, 1), (224, 3), (256, 3, 2))
        sevens = chain(1024, (256, 1), (256, (1, 7)), (320, (7, 1)), (320, 3, 2))
        to_17 = Branches([chain(384, (384, 3, 2)), threes, nn.MaxPool2d(3, 2)])
        to_8 = Branches([chain(1024, (192, 1), (192, 3, 2)), sevens, nn.MaxPool2d(3, 2)])
        at_35, at_17, at_8 = ([make() for _ in range(n)] for make, n in ((module_a, 4), (module_b, 7), (module_c, 3)))
        self.layers = nn.Sequential(v4_stem(), *at_35, to_17, *at_17, to_8, *at_8, ends(1536, classes))

    def forward(self, x):
        return self.layers(x)


class ResidualInception(nn.Module):
    def __init__(self, channels, inner, branches, scale, relu=True):
        super().__init__()
        self.branches, self.up = Branches(branches), nn.Conv2d(inner, channels, 1)
        self.scale, self.relu = scale, relu

    def forward(self, x):
        out = x + self.scale * self.up(self.branches(x))
        return F.relu(out) if self.relu else out


def block35(scale):
    threes = chain(320, (32, 1), (32, 3)), chain(320, (32, 1), (48, 3), (64, 3))
    return ResidualInception(320, 128, [chain(320, (32, 1)), *threes], scale)


def block17(scale):
    sevens = chain(1088, (128, 1), (160, (1, 7)), (192, (7, 1)))
    return ResidualInception(1088, 384, [chain(1088, (192, 1)), sevens], scale)


def block8(scale, relu=True):
    threes = chain(2080, (192, 1), (224, (1, 3)), (256, (3, 1)))
    return ResidualInception(2080, 448, [chain(2080, (192, 1)), threes], scale, relu)


class InceptionResNetV2(nn.Module):
    def __init__(self, classes=1000):
        super().__init__()
        to_17 = Branches([chain(320, (384, 3, 2)), chain(320, (256, 1), (256, 3), (384, 3, 2)), nn.MaxPool2d(3, 2)])
        threes = chain(1088, (256, 1), (288, 3, 2)), chain(1088, (256, 1), (288, 3), (320, 3, 2))
        to_8 = Branches([chain(1088, (256, 1), (384, 3, 2)), *threes, nn.MaxPool2d(3, 2)])
        self.layers = nn.Sequential(
            *(stem(), grid35(192, 64, c1=96)),
            *(*(block35(0.17) for _ in range(10)), to_17),
            *(*(block17(0.10) for _ in range(20)), to_8),
            *(*(block8(0.20) for _ in range(9)), block8(1.0, relu=False)),
            *(chain(2080, (1536, 1)), ends(1536, classes)),
        )

    def forward(self, x):
        return self.layers(x)
