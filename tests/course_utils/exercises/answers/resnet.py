"""Right answers to lesson 09, as a notebook has them."""

import copy

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


def conv_norm(in_channels, out_channels, kernel, stride=1):
    conv = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels))


class BasicBlock(nn.Module):
    def __init__(self, in_channels, channels, stride=1):
        super().__init__()
        self.first = conv_norm(in_channels, channels, 3, stride)
        self.second = conv_norm(channels, channels, 3)
        changes = stride != 1 or in_channels != channels
        self.shortcut = conv_norm(in_channels, channels, 1, stride) if changes else nn.Identity()

    def forward(self, x):
        out = self.second(F.relu(self.first(x)))
        return F.relu(out + self.shortcut(x))


class Bottleneck(nn.Module):
    def __init__(self, in_channels, channels, stride=1):
        super().__init__()
        self.first = conv_norm(in_channels, channels, 1)
        self.second = conv_norm(channels, channels, 3, stride)
        self.third = conv_norm(channels, 4 * channels, 1)
        changes = stride != 1 or in_channels != 4 * channels
        self.shortcut = conv_norm(in_channels, 4 * channels, 1, stride) if changes else nn.Identity()

    def forward(self, x):
        out = F.relu(self.second(F.relu(self.first(x))))
        return F.relu(self.third(out) + self.shortcut(x))


def resnet(depth, classes=1000):
    counts = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
    block, expansion = (BasicBlock, 1) if depth < 50 else (Bottleneck, 4)
    layers = [conv_norm(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1)]
    width = 64
    for stage, count in enumerate(counts[depth]):
        for i in range(count):
            layers.append(block(width, 64 * 2**stage, stride=2 if stage > 0 and i == 0 else 1))
            width = expansion * 64 * 2**stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))


class CifarBlock(nn.Module):
    def __init__(self, in_channels, channels, stride, residual):
        super().__init__()
        self.first = conv_norm(in_channels, channels, 3, stride)
        self.second = conv_norm(channels, channels, 3)
        self.stride, self.residual = stride, residual

    def forward(self, x):
        out = self.second(F.relu(self.first(x)))
        if self.residual:
            shortcut = x[:, :, :: self.stride, :: self.stride]
            out = out + F.pad(shortcut, (0, 0, 0, 0, 0, out.shape[1] - x.shape[1]))
        return F.relu(out)


def cifar_resnet(depth, residual=True):
    n = (depth - 2) // 6
    blocks, width = [], 16
    for channels in (16, 32, 64):
        for i in range(n):
            blocks.append(CifarBlock(width, channels, 2 if i == 0 and channels > 16 else 1, residual))
            width = channels
    ends = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)
    return nn.Sequential(conv_norm(3, 16, 3), nn.ReLU(), *blocks, *ends)


class DenseLayer(nn.Module):
    def __init__(self, in_channels, growth):
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(in_channels), nn.BatchNorm2d(4 * growth)
        self.conv1 = nn.Conv2d(in_channels, 4 * growth, 1, bias=False)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x):
        new = self.conv1(F.relu(self.norm1(x)))
        return torch.cat([x, self.conv2(F.relu(self.norm2(new)))], dim=1)


def densenet(depth, classes=1000):
    blocks = {121: (6, 12, 24, 16), 161: (6, 12, 36, 24), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}[depth]
    growth = 48 if depth == 161 else 32
    width = 2 * growth
    layers = [conv_norm(3, width, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1)]
    for number, count in enumerate(blocks):
        if number > 0:
            conv = nn.Conv2d(width, width // 2, 1, bias=False)
            layers += [nn.BatchNorm2d(width), nn.ReLU(), conv, nn.AvgPool2d(2)]
            width //= 2
        layers += [DenseLayer(width + i * growth, growth) for i in range(count)]
        width += count * growth
    ends = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes)
    return nn.Sequential(*layers, nn.BatchNorm2d(width), nn.ReLU(), *ends)


def gradient_norms(model, images, labels):
    buffers = {name: b.clone() for name, b in model.named_buffers()}  # these move in training mode, not the model's own
    loss = F.cross_entropy(torch.func.functional_call(model, buffers, (images,)), labels)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    return {name: g.norm().item() for (name, _), g in zip(model.named_parameters(), gradients, strict=True)}


def filter_normalized_direction(model, generator):
    direction = []
    for parameter in model.parameters():
        step = torch.zeros_like(parameter, requires_grad=False)
        if parameter.dim() > 1:
            step += torch.randn(parameter.shape, generator=generator, device=generator.device).to(parameter.device)
            for d, w in zip(step, parameter.detach(), strict=True):
                d *= w.norm() / d.norm()
        direction.append(step)
    return direction


@torch.no_grad()
def loss_surface(model, images, labels, directions, grid):
    net = copy.deepcopy(model).eval()
    surface = torch.zeros(len(grid), len(grid))
    for i, a in enumerate(grid):
        for j, b in enumerate(grid):
            for p, w, d, e in zip(net.parameters(), model.parameters(), *directions, strict=True):
                p.copy_(w + a * d + b * e)
            surface[i, j] = F.cross_entropy(net(images), labels)
    return surface
