"""Right answers to lesson 11, as a notebook has them."""

from contextlib import contextmanager

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from course_utils.unit_fields import unit_field


@contextmanager
def evaluation_mode(model):
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def find(model, layer):
    return model.get_submodule(layer) if isinstance(layer, str) else layer


def activation_maps(model, layer, images):
    kept = []
    hook = find(model, layer).register_forward_hook(lambda module, inputs, output: kept.append(output.clone()))
    try:
        with evaluation_mode(model), torch.no_grad():
            model(images)
    finally:
        hook.remove()
    return kept[0]


def top_patches(model, layer, images, unit, count):
    size, jump, start = unit_field(model, layer)
    maps = activation_maps(model, layer, images)[:, unit]
    strongest, places = maps.flatten(1).max(dim=1)
    wide = F.pad(images, (size, size, size, size))
    patches = []
    for n in strongest.argsort(descending=True)[:count].tolist():
        row, column = divmod(places[n].item(), maps.shape[2])
        top, left = size + start + row * jump, size + start + column * jump
        patches.append(wide[n, :, top : top + size, left : left + size])
    return torch.stack(patches)


def saliency(model, image, label):
    pixels = image.clone().requires_grad_()
    with evaluation_mode(model):
        score = model(pixels[None])[0, label]
    (gradient,) = torch.autograd.grad(score, pixels)
    return gradient.abs().amax(dim=0)


def occlusion_map(model, image, label, size, stride):
    rows = range(0, image.shape[1] - size + 1, stride)
    columns = range(0, image.shape[2] - size + 1, stride)
    result = torch.zeros(len(rows), len(columns))
    with evaluation_mode(model), torch.no_grad():
        for i, row in enumerate(rows):
            covered = image.repeat(len(columns), 1, 1, 1)
            for copy, column in zip(covered, columns, strict=True):
                copy[:, row : row + size, column : column + size] = 0
            result[i] = model(covered).softmax(dim=1)[:, label]
    return result


def guided_backprop(model, image, label):
    def guide(module, inputs, output):
        output.register_hook(lambda gradient: gradient.clamp(min=0))

    hooks = [m.register_forward_hook(guide) for m in model.modules() if isinstance(m, nn.ReLU)]
    pixels = image.clone().requires_grad_()
    try:
        with evaluation_mode(model):
            score = model(pixels[None])[0, label]
    finally:
        for hook in hooks:
            hook.remove()
    return torch.autograd.grad(score, pixels)[0]


def grad_cam(model, layer, image, label):
    kept = []

    def keep(module, inputs, output):
        kept.append(output)
        return output.clone()

    hook = find(model, layer).register_forward_hook(keep)
    try:
        with evaluation_mode(model):
            score = model(image[None])[0, label]
    finally:
        hook.remove()
    (gradient,) = torch.autograd.grad(score, kept[0])
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    return F.relu((weights * kept[0]).sum(dim=1))[0].detach()


def adversarial(model, image, label, eps):
    pixels = image.clone().requires_grad_()
    with evaluation_mode(model):
        loss = F.cross_entropy(model(pixels[None]), torch.tensor([label]))
    (gradient,) = torch.autograd.grad(loss, pixels)
    return image + eps * gradient.sign()


def rank_correlation(first, second):
    import numpy as np

    def centred_ranks(values):
        _, group, count = np.unique(values, return_inverse=True, return_counts=True)
        ranks = (np.cumsum(count) - (count - 1) / 2)[group].ravel()
        return ranks - ranks.mean()

    a, b = centred_ranks(first), centred_ranks(second)
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))
