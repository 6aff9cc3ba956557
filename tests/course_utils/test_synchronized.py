"""Batch norm over several processes gives what one process gives for the whole batch."""

import numpy as np
import pytest

from course_utils.exercises.batch_norm import spatial_batchnorm_backward, synchronize_statistics
from course_utils.synchronized import synchronized_batchnorm


def random(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(2, 3, shape)


@pytest.mark.slow
@pytest.mark.parametrize("cuts", [[3], [1, 5]], ids=["two processes", "three processes of different sizes"])
def test_processes_agree_with_the_whole_batch(cuts):
    x, dout, gamma, beta = random(6, 3, 4, 5), random(6, 3, 4, 5, seed=1), random(3), random(3, seed=1)
    shares = synchronized_batchnorm(np.split(x, cuts), gamma, beta, np.split(dout, cuts), eps=0.1)
    assert len({share.process for share in shares}) == len(cuts) + 1
    mean, variance = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
    out = gamma[:, None, None] * (x - mean) / np.sqrt(variance + 0.1) + beta[:, None, None]
    np.testing.assert_allclose(np.concatenate([s.out for s in shares]), out, atol=1e-12)
    dx, dgamma, dbeta = spatial_batchnorm_backward.oracle(x, gamma, beta, dout, 0.1)
    np.testing.assert_allclose(np.concatenate([s.dx for s in shares]), dx, atol=1e-12)
    for share in shares:
        np.testing.assert_allclose(share.dgamma, dgamma, rtol=1e-10)
        np.testing.assert_allclose(share.dbeta, dbeta, rtol=1e-10)
        found = synchronize_statistics.oracle(share.counts, share.means, share.variances)
        np.testing.assert_allclose(found, [mean.ravel(), variance.ravel()], rtol=1e-10)


def test_parts_and_gradients_must_go_together():
    x = random(2, 3, 4, 5)
    with pytest.raises(ValueError, match="a gradient for each part"):
        synchronized_batchnorm([x], np.ones(3), np.zeros(3), [x[:1]])
    with pytest.raises(ValueError, match="a gradient for each part"):
        synchronized_batchnorm([], np.ones(3), np.zeros(3), [])
