"""The small nets of lesson 05: copies do not know one another, and show what the lesson says they show."""

import itertools

import numpy as np
import pytest
import torch

from course_utils import normalized_nets
from course_utils.normalized_nets import accuracy_by_batch, accuracy_by_rate


@pytest.mark.parametrize("norm", normalized_nets.NORMS)
def test_a_copy_learns_the_same_whatever_its_neighbours_do(norm):
    """The losses of other copies, even infinite ones, change nothing: gradients of a group stay in the group."""
    torch.manual_seed(0)
    net = normalized_nets._initialized(normalized_nets._net("dense", norm, 2), seed=0)
    x = torch.rand(4, 2, 8, 8)
    scores = net(x).reshape(4, 2, 10)
    scores[:, 1].sum().backward()
    for parameter in net.parameters():
        first, second = parameter.grad.reshape(2, -1)
        assert not first.any()
        assert second.any() or parameter.ndim == 1  # a bias in front of batch norm has no gradient


def test_every_norm_starts_from_the_same_weights():
    nets = [normalized_nets._initialized(normalized_nets._net("convolutional", n, 2), 0) for n in normalized_nets.NORMS]
    weights = [[layer.weight for layer in net if isinstance(layer, torch.nn.Conv2d)] for net in nets]
    assert all(torch.equal(a, b) for ws in zip(*weights, strict=True) for a, b in itertools.pairwise(ws))


def test_an_unknown_norm_is_refused():
    with pytest.raises(ValueError, match="expected one of"):
        accuracy_by_rate("weight", [0.1])


@pytest.mark.slow
def test_batch_norm_bears_larger_steps():
    plain, normed = (accuracy_by_rate(norm, [0.01, 1.0], seeds=3) for norm in ("none", "batch"))
    assert plain.shape == normed.shape == (2, 3)
    assert np.median(plain, axis=1).max() < 0.5 < 0.7 < np.median(normed, axis=1)[1]


@pytest.mark.slow
def test_a_batch_of_two_opens_a_gap_that_group_norm_does_not_have():
    batch, group = (accuracy_by_batch(norm, [2, 16], seeds=3) for norm in ("batch", "group"))
    gap = np.median(batch["evaluation"] - batch["training"], axis=1)
    assert gap[0] > 0.1 > abs(gap[1])
    assert np.median(group["evaluation"][0]) > np.median(batch["evaluation"][0]) + 0.1
    np.testing.assert_array_equal(group["training"], group["evaluation"])
