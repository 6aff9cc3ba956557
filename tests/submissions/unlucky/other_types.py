# Right answers in other types: a list, a tuple, a tensor, a counter, and a queue of another make.
# %% scale, right
import torch

def scale(values, factor):
    return torch.as_tensor(np.asarray(values)).mul(factor).numpy()
# %% tally, right
from collections import Counter

def tally(words):
    if isinstance(words, str):
        raise TypeError
    return Counter(words)
# %% slope, right
def slope(f, x, h=1e-5):
    return np.float64((f(np.float64(x + h)) - f(np.float64(x - h))) / (2 * h))
# %% mlp_parameters, right
def mlp_parameters(sizes):
    return np.int64(sum((m + 1) * n for m, n in zip(sizes, sizes[1:])))
