# Tensors changed in place.
# %% given
import torch
from torch import nn


# %% answer step zero
def step(parameters, rate):
    with torch.no_grad():
        for p in parameters:
            p -= rate * p.grad


def zero(x):
    x.zero_()
    return x


# %% test
x = torch.ones(3)
assert zero(x).sum() == 0 and x.sum() == 0
# %% test
p = torch.ones(2, requires_grad=True)
(3 * p).sum().backward()
step([p], 0.5)
assert torch.allclose(p, torch.full((2,), -0.5))
# %% test
p = nn.Parameter(torch.ones(2))
p.grad = torch.ones(2)
step([p], 1.0)
assert p.sum() == 3
