"""Lesson 11: right answers in several styles, wrong ones as students write them, cases whose answer is known."""

import copy

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn import functional

from course_utils import exercises
from course_utils.check import CheckFailed, check
from course_utils.exercises import looking_inside
from course_utils.randomization import cascade
from course_utils.unit_fields import unit_field
from tests.autograde.conftest import needs_isolation
from tests.course_utils.exercises import answering
from tests.course_utils.exercises.answers import looking_inside as answers

EXERCISES = {e.name: e for e in answering.declared(looking_inside)}
MISTAKES = [  # every sixth: autograde verify sees all
    pytest.param(e, m, id=f"{e.name}-{m.name}") for e in EXERCISES.values() for m in e.mistakes[1::6]
]


def test_every_exercise_of_the_curriculum_is_there():
    functions = ["activation_maps", "top_patches", "saliency", "occlusion_map", "guided_backprop", "grad_cam"]
    assert list(EXERCISES) == [*functions, "adversarial", "rank_correlation"]
    assert [e.name for e in exercises.lesson("11_looking_inside")] == list(EXERCISES)


@pytest.mark.parametrize("name", EXERCISES)
def test_notebook_style_answers_pass(name):
    assert answering.passes(EXERCISES[name], getattr(answers, name))


@pytest.mark.parametrize(("exercise", "mistake"), MISTAKES)
def test_mistakes_written_behind_an_answer_are_named(exercise, mistake):
    answer = answering.written(answers, exercise, mistake)
    assert answering.named(exercise, answer) == (mistake.name,)


# Right in other styles


def maps_by_pre_hook_of_a_copy(model, layer, images):
    """On a copy, where nothing has to be put back."""
    copied, place = copy.deepcopy((model, layer))
    place = dict(copied.named_modules())[place] if isinstance(place, str) else place
    kept = {}
    place.register_forward_hook(lambda module, given, out: kept.update(out=out.detach().numpy().copy()))
    copied.eval()(images)
    return kept["out"]


class _FoundError(Exception):
    pass


def maps_by_stopping_at_the_layer(model, layer, images):
    kept = []

    def stop(module, given, out):
        kept.append(out.detach().clone())
        raise _FoundError

    hook = (model.get_submodule(layer) if isinstance(layer, str) else layer).register_forward_hook(stop)
    with answers.evaluation_mode(model):
        try:
            model(images)
        except _FoundError:
            pass
        finally:
            hook.remove()
    return kept[0]


@pytest.mark.parametrize("answer", [maps_by_pre_hook_of_a_copy, maps_by_stopping_at_the_layer])
def test_activation_maps_in_other_styles(answer):
    assert answering.passes(looking_inside.activation_maps, answer)


def patches_one_image_at_a_time(model, layer, images, unit, count):
    size, jump, start = unit_field(model, layer)
    found = []
    for image in images:
        responses = answers.activation_maps(model, layer, image[None])[0, unit].numpy()
        i, j = np.unravel_index(responses.argmax(), responses.shape)
        patch = np.zeros((len(image), size, size))
        for a in range(size):
            for b in range(size):
                row, column = start + i * jump + a, start + j * jump + b
                if 0 <= row < image.shape[1] and 0 <= column < image.shape[2]:
                    patch[:, a, b] = image[:, row, column]
        found.append((responses.max(), patch))
    found.sort(key=lambda pair: -pair[0])
    return np.array([patch for _, patch in found[:count]])


def test_top_patches_in_other_styles():
    assert answering.passes(looking_inside.top_patches, patches_one_image_at_a_time)


def saliency_by_backward_on_a_copy(model, image, label):
    net, pixels = copy.deepcopy(model).eval(), image[None].clone().requires_grad_()
    net(pixels)[:, label].sum().backward()
    return pixels.grad[0].abs().max(dim=0).values.numpy()


def saliency_by_functional_gradients(model, image, label):
    with answers.evaluation_mode(model):
        gradient = torch.func.grad(lambda x: model(x[None])[0][label])(image)
    return gradient.abs().max(0)[0]


@pytest.mark.parametrize("answer", [saliency_by_backward_on_a_copy, saliency_by_functional_gradients])
def test_saliency_in_other_styles(answer):
    assert answering.passes(looking_inside.saliency, answer)


def occlusion_in_one_batch(model, image, label, size, stride):
    height, width = ((n - size) // stride + 1 for n in image.shape[1:])
    masks = torch.ones(height, width, 1, *image.shape[1:])
    for i in range(height):
        for j in range(width):
            masks[i, j, :, i * stride : i * stride + size, j * stride : j * stride + size] = 0
    with answers.evaluation_mode(model):
        scores = model((image * masks).flatten(0, 1))
    return torch.exp(functional.log_softmax(scores, -1))[:, label].reshape(height, width)


def test_occlusion_map_in_other_styles():
    assert answering.passes(looking_inside.occlusion_map, occlusion_in_one_batch)


class Guided(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * (x > 0) * (gradient > 0)


class GuidedReLU(nn.Module):
    def forward(self, x):
        return Guided.apply(x)


def guided_by_other_layers(model, image, label):
    """A copy whose ReLUs are exchanged."""
    net = copy.deepcopy(model).eval()

    def exchange(module):
        for name, child in module.named_children():
            setattr(module, name, GuidedReLU()) if isinstance(child, nn.ReLU) else exchange(child)

    exchange(net)
    pixels = image[None].clone().requires_grad_(True)
    net(pixels)[0, label].backward()
    return pixels.grad[0]


def guided_by_backward_hooks(model, image, label):
    """As it is written most often: a full backward hook on every ReLU, which must not work in place then."""
    net = copy.deepcopy(model).eval()
    for module in net.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
            module.register_full_backward_hook(lambda m, given, arrived: (given[0].clamp(min=0),))
    pixels = image.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(net(pixels[None])[0, label], pixels)
    return gradient


@pytest.mark.parametrize("answer", [guided_by_other_layers, guided_by_backward_hooks])
def test_guided_backprop_in_other_styles(answer):
    assert answering.passes(looking_inside.guided_backprop, answer)


def cam_by_tensor_hooks(model, layer, image, label):
    kept = {}
    net, place = copy.deepcopy((model, layer))
    place = net.get_submodule(place) if isinstance(place, str) else place

    def keep(module, given, out):
        kept["maps"] = out.detach().clone().numpy()[0]
        copied = out.clone()
        copied.register_hook(lambda gradient: kept.update(gradient=gradient.numpy()[0]))
        return copied

    place.register_forward_hook(keep)
    net.eval()(image[None])[0, label].backward()
    return np.maximum(np.tensordot(kept["gradient"].mean((1, 2)), kept["maps"], 1), 0)


def test_grad_cam_in_other_styles():
    assert answering.passes(looking_inside.grad_cam, cam_by_tensor_hooks)


def adversarial_by_probability(model, image, label, eps):
    """Minus the logarithm of the label's probability."""
    pixels = image.detach().clone()
    pixels.requires_grad = True
    with answers.evaluation_mode(model):
        loss = -functional.log_softmax(model(pixels.unsqueeze(0)), dim=1)[0, label]
    with torch.no_grad():
        return torch.add(image, torch.autograd.grad(loss, pixels)[0].sign(), alpha=eps)


def test_adversarial_in_other_styles():
    assert answering.passes(looking_inside.adversarial, adversarial_by_probability)


def correlation_by_comparing(first, second):
    """A rank less its mean is half the sum of the signs of all differences."""

    def signs(values):
        flat = np.ravel(values)
        return np.sign(flat[:, None] - flat).sum(1)

    a, b = signs(first), signs(second)
    return (a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b)


def correlation_of_scipy_ranks(first, second):
    """Right, and not allowed."""
    return np.corrcoef(stats.rankdata(first), stats.rankdata(second))[0, 1]


def test_rank_correlation_in_other_styles():
    assert answering.passes(looking_inside.rank_correlation, correlation_by_comparing)


def test_scipy_is_not_allowed_where_ranks_are_the_exercise():
    with pytest.raises(CheckFailed, match="stats"):
        check("rank_correlation", correlation_of_scipy_ranks)


# Wrong, as students write it


def one_hook_that_is_lost(model, image, label):
    """The loop keeps the last handle only, and removes only that."""
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            handle = module.register_forward_hook(
                lambda m, given, out: out.register_hook(lambda gradient: gradient.clamp(min=0)) and None
            )
    pixels = image.clone().requires_grad_()
    with answers.evaluation_mode(model):
        gradient = torch.autograd.grad(model(pixels[None])[0, label], pixels)[0]
    handle.remove()
    return gradient


def saliency_by_the_tutorial(model, image, label):
    """Image marked in place, scores by backward(), gradients cleared."""
    image.requires_grad_()
    with answers.evaluation_mode(model):
        model.zero_grad()
        model(image[None])[0, label].backward()
    return image.grad.abs().max(0).values


def cam_with_backward(model, layer, image, label):
    kept = []
    place = model.get_submodule(layer) if isinstance(layer, str) else layer
    hook = place.register_forward_hook(lambda module, given, out: (kept.append(out), out.clone())[1])
    with answers.evaluation_mode(model):
        scores = model(image[None])
    hook.remove()
    kept[0].retain_grad()
    scores[0, label].backward()
    return (kept[0].grad.mean((2, 3), keepdim=True) * kept[0]).sum(1)[0].relu().detach()


def patches_without_borders(model, layer, images, unit, count):
    """Slices that begin below zero: NumPy counts them from the end."""
    size, jump, start = unit_field(model, layer)
    maps = answers.activation_maps(model, layer, images)[:, unit]
    best = maps.amax((1, 2)).argsort(descending=True)[:count].tolist()
    found = []
    for n in best:
        i, j = divmod(int(maps[n].argmax()), maps.shape[2])
        top, left = start + i * jump, start + j * jump
        found.append(images[n, :, top : top + size, left : left + size])
    return torch.stack(found)


@pytest.mark.parametrize(
    "answer, exercise, named",
    [
        (one_hook_that_is_lost, "guided_backprop", ("last handle only",)),
        (cam_with_backward, "grad_cam", ("gradients left behind",)),
        (saliency_by_the_tutorial, "saliency", ("gradient left in the image", "gradients left behind")),
        (patches_without_borders, "top_patches", ("slices beyond the image",)),
    ],
)
def test_mistakes_as_students_write_them(answer, exercise, named):
    found = answering.named(EXERCISES[exercise], answer)
    assert tuple(sorted(found)) == named


# Cases whose answer is known


@pytest.fixture(scope="module")
def cornered():
    """A net whose last layer has weights for the upper left quarter of the maps only, and an image."""
    torch.manual_seed(0)
    net = nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 8, 3, padding=1), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(8 * 12 * 12, 2)),
    ).eval()
    with torch.no_grad():
        weights = net[5].weight.view(2, 8, 12, 12)
        weights.abs_()
        weights[:, :, 6:] = weights[:, :, :, 6:] = 0
    return net, torch.rand(1, 12, 12)


def test_a_net_that_looks_only_at_one_corner_is_shown_to_look_there(cornered):
    net, image = cornered
    found = {
        "saliency": answers.saliency(net, image, 0),
        "guided": answers.guided_backprop(net, image, 0).abs().amax(0),
        "occlusion": (answers.occlusion_map(net, image, 0, 2, 2) - net(image[None]).softmax(1)[0, 0]).abs().detach(),
        "adversarial": (answers.adversarial(net, image, 0, 0.1) - image).abs()[0],
    }
    for name, values in found.items():
        edge = 4 if name == "occlusion" else 8  # six pixels, and two for two convolutions
        elsewhere = torch.ones_like(values, dtype=torch.bool)
        elsewhere[:edge, :edge] = False
        assert values[elsewhere].abs().max() < 1e-6, name
        assert values[~elsewhere].max() > 1e-5, name


def test_grad_cam_of_a_class_lies_where_the_class_is():
    """Two detectors of opposite edges; the image has one at the left and the other at the right."""
    net = nn.Sequential(nn.Conv2d(1, 2, (1, 2)), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[-1.0, 1.0], [1.0, -1.0]]).view(2, 1, 1, 2))
        net[4].weight.copy_(torch.tensor([[1.0, -1.0], [-1.0, 1.0]]))
        net[0].bias.zero_()
    image = torch.zeros(1, 6, 12)
    image[:, :, 3:8] = 1
    maps = [answers.grad_cam(net, "1", image, label) for label in (0, 1)]
    assert [m.nonzero()[:, 1].unique().tolist() for m in maps] == [[2], [7]]


def test_top_patches_are_the_kernel_itself_where_the_images_hold_it():
    kernel = torch.tensor([[2.0, -1.0], [0.0, 1.0]])
    net = nn.Sequential(nn.Conv2d(1, 1, 2, bias=False))
    with torch.no_grad():
        net[0].weight.copy_(kernel[None, None])
    images = torch.zeros(4, 1, 7, 7)
    for n, size in enumerate((1.0, 3.0, 2.0, 0.5)):
        images[n, 0, n : n + 2, 1:3] = size * kernel
    patches = answers.top_patches(net, "0", images, 0, 2)
    assert torch.equal(patches, torch.stack([3 * kernel, 2 * kernel])[:, None])


@pytest.fixture(scope="module")
def digit_net():
    """A net that has learned digits for a second, and eight of them that it tells apart."""
    from course_utils.data import load

    torch.manual_seed(0)
    widths = [(1, 16), (16, 32), (32, 32)]
    layers = [m for i, o in widths for m in (nn.Conv2d(i, o, 3, padding=1), nn.ReLU())]
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, 10))
    digits = load("digits")
    images, labels = torch.tensor(digits.train.images).float(), torch.tensor(digits.train.labels)
    optimizer, generator = torch.optim.Adam(net.parameters(), 5e-3), torch.Generator().manual_seed(0)
    for _ in range(6):
        for some in torch.randperm(len(images), generator=generator).split(50):
            loss = functional.cross_entropy(net(images[some]), labels[some])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    net.eval()
    right = (net(images).argmax(1) == labels).nonzero()[:8, 0]
    return net, images[right], labels[right].tolist()


def test_a_random_net_gives_another_map_and_guided_backprop_hides_it_longest(digit_net):
    """Adebayo et al. 2018: with a random last layer the gradient has another map, and the guided one much the same."""
    net, images, labels = digit_net
    likeness = {"saliency": {}, "guided": {}}
    for name, other in cascade(net, seed=0).items():
        for image, label in zip(images, labels, strict=True):
            for kind, explain in (("saliency", answers.saliency), ("guided", answers.guided_backprop)):
                pair = [np.abs(explain(m, image, label).numpy()) for m in (net, other)]
                likeness[kind].setdefault(name, []).append(answers.rank_correlation(*pair))
    mean = {kind: [float(np.mean(values)) for values in found.values()] for kind, found in likeness.items()}
    assert mean["saliency"][0] < 0.6
    assert mean["saliency"][-1] < 0.3
    assert mean["guided"][0] > mean["saliency"][0] + 0.2


def test_one_signed_step_turns_answers_that_noise_of_the_same_size_leaves(digit_net):
    net, images, labels = digit_net
    wrong = torch.stack(
        [answers.adversarial(net, image, label, 0.2) for image, label in zip(images, labels, strict=True)]
    )
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0)).sign()
    truth = torch.tensor(labels)
    assert (net(wrong).argmax(1) == truth).float().mean() < 0.4
    assert (net(images + 0.2 * noise).argmax(1) == truth).float().mean() > 0.7


@needs_isolation
def test_in_the_sandbox_answers_pass():
    errors, _ = answering.across(answers, list(EXERCISES.values()))
    assert not any(errors.values()), errors


@needs_isolation
@pytest.mark.parametrize(("name", "place"), [("activation_maps", 1), ("grad_cam", 1)])
def test_in_the_sandbox_a_mistake_is_named(name, place):
    mistake = EXERCISES[name].mistakes[place]
    errors, mistakes = answering.across(answers, [EXERCISES[name]], mistake)
    assert len(errors[name]) == 2
    assert mistakes == [(mistake.name,)] * 2
