"""Whatever a network's parts are called, the tensors on its way are those that it computes."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from course_utils import passage
from tests.course_utils.exercises.answers.lenet import LeNet5, LeNetCaffe

SIZES = {
    "image": (1, 32, 32),
    "convolution 1": (6, 28, 28),
    "pooling 1": (6, 14, 14),
    "convolution 2": (16, 10, 10),
    "pooling 2": (16, 5, 5),
    "linear 1": (120,),
    "linear 2": (84,),
    "linear 3": (10,),
}


def of_modules():
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)),
    )


@pytest.mark.parametrize("make", [LeNet5, of_modules])
def test_layers_of_functions_and_of_modules(make):
    found = passage.follow(make(), torch.rand(1, 32, 32))
    assert {name: tuple(values.shape) for name, values in found.items()} == SIZES


def test_activations_are_taken_with_their_layer():
    torch.manual_seed(0)
    net, image = LeNet5(), torch.randn(1, 32, 32)
    found = passage.follow(net, image)
    bent = net.conv1(image[None]).tanh()
    torch.testing.assert_close(found["convolution 1"], bent[0].detach())
    torch.testing.assert_close(found["pooling 1"], functional.avg_pool2d(bent, 2)[0].detach())
    torch.testing.assert_close(found["linear 3"], net(image[None])[0].detach())
    assert float(found["linear 2"].abs().max()) <= 1


def test_what_is_changed_in_place_later_stays_as_it_was():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.ReLU(inplace=True), nn.Conv2d(2, 2, 1))
    image = torch.randn(1, 6, 6)
    found = passage.follow(net, image)
    torch.testing.assert_close(found["convolution 1"], net[0](image[None])[0].detach())
    torch.testing.assert_close(found["pooling 1"], net[:2](image[None])[0].detach().relu())


def test_maximum_pooling_that_tells_the_places():
    found = passage.follow(nn.MaxPool2d(2, return_indices=True), torch.arange(4.0).view(1, 2, 2))
    assert found["pooling 1"].tolist() == [[[3.0]]]


def test_nothing_is_left_behind():
    net = LeNetCaffe().train()
    image = torch.rand(1, 28, 28)
    state, kept = torch.get_rng_state(), image.clone()
    found = passage.follow(net, image)
    assert net.training and all(p.grad is None for p in net.parameters())
    assert torch.equal(torch.get_rng_state(), state) and torch.equal(image, kept)
    assert not any(values.requires_grad for values in found.values())


def test_a_batch_is_refused():
    with pytest.raises(ValueError, match=r"one image \(C, H, W\), got shape \(1, 1, 32, 32\)"):
        passage.follow(LeNet5(), torch.rand(1, 1, 32, 32))
