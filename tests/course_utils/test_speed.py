"""Ceilings and roofs, what is published and counted, recipes, and what a training step is made of."""

import matplotlib as mpl
import pytest
import torch
from torch import nn

from course_utils import fastnet, published, roofline, speed, training_recipes, zoo

mpl.use("Agg")

CHEAP = [
    *("LeNet-5", "LeNet 20/50/500", "AlexNet", "ZFNet", "VGG-A", "VGG-A-LRN", "VGG-B", "VGG-C", "VGG-D", "VGG-E"),
    *("NiN", "GoogLeNet", "ResNet-18", "ResNet-34", "ResNet-50", "CIFAR ResNet-20", "DenseNet-121"),
]


@pytest.mark.parametrize("name", [name for name in CHEAP if name in zoo.nets()])
def test_counts_are_those_of_the_courses_nets(name):
    counted = zoo.count(name)
    assert (counted.multiply_adds, counted.parameters, counted.activations) == published.COUNTS[name]


@pytest.mark.parametrize("name", [name for name in zoo.nets() if name not in CHEAP])
def test_parameters_are_those_of_the_courses_nets(name):
    with torch.device("meta"):
        net = zoo.make(name)
    assert sum(p.numel() for p in net.parameters()) == published.COUNTS[name][1]


def test_every_net_has_counts_and_every_result_a_net():
    assert set(zoo.nets()) <= set(published.COUNTS)
    assert set(published.IMAGENET) | set(published.CIFAR10) <= set(published.COUNTS)
    assert all(result.source and result.views for result in (published.IMAGENET | published.CIFAR10).values())
    with pytest.raises(ValueError, match="choose a net"):
        zoo.make("ResNet-51")


def test_a_roof_has_its_ridge_where_both_ceilings_meet():
    roof = roofline.Ceilings(100.0, 20.0, "made up")
    assert roof.ridge == 5
    assert roofline.traffic(activations=3, parameters=10, batch=2) == 4 * (2 * 2 * 3 + 10)


def test_ceilings_are_measured_on_the_cpu():
    roof = roofline.measure("cpu", rounds=1)
    assert 1e8 < roof.operations < 1e15
    assert 1e7 < roof.bytes < 1e14


def test_one_cycle_is_the_lessons():
    rates = [training_recipes.one_cycle(step, 11, 1.0) for step in range(11)]
    expected = [0.04, 0.36, 0.68, 1, 6 / 7, 5 / 7, 4 / 7, 3 / 7, 2 / 7, 1 / 7, 0]
    assert rates == pytest.approx(expected)


def test_rates_drop_by_ten():
    recipe = training_recipes.RECIPES["CIFAR ResNet"]
    assert [recipe.rate_at(share) for share in (0, 0.49, 0.5, 0.8)] == pytest.approx([0.1, 0.1, 0.01, 0.001])
    assert "ResNet" in training_recipes.table()


def test_decay_is_on_weights_alone():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))
    weights, others = fastnet.parameter_groups(net, 0.1)
    assert [p.ndim for p in weights["params"]] == [4, 2]
    assert len(others["params"]) == 4
    assert (weights["weight_decay"], others["weight_decay"]) == (0.1, 0.0)


def test_the_fast_net_gives_scores_for_images_of_eight_pixels_and_more():
    for side in (8, 13, 32):
        assert fastnet.FastNet(2, classes=5)(torch.zeros(2, 3, side, side)).shape == (2, 5)


def test_the_ladder_measures_what_a_cpu_can_do_and_says_what_it_cannot():
    def step(model, images, labels, optimizer, amp):
        return model(images)

    def rate(step, batch, repeats):
        step()
        return batch * repeats

    rungs = speed.climb(fastnet.FastNet(2), torch.zeros(2, 3, 8, 8), torch.zeros(2).long(), step, rate, patience=0.001)
    told = {rung.name: rung.rate or rung.reason for rung in rungs}
    assert told["float32"] == told["bf16 autocast"] == told["channels_last"] == 10
    assert "given up after 0.001 s" in told["torch.compile"]
    assert told["CUDA graph"] == "needs a CUDA device"
    speed.ladder(rungs, "caption")


def test_a_profile_names_the_operations():
    net, images = nn.Conv2d(3, 4, 3), torch.zeros(2, 3, 8, 8)
    times = speed.profile(lambda: net(images).sum().backward(), 1)
    assert any("convolution" in name for name in times)
    assert list(times.values()) == sorted(times.values(), reverse=True)
