# An answer uses threads of PyTorch's, of NumPy's and of its own.
# %% scale, right
from concurrent.futures import ThreadPoolExecutor

import torch

def busy(number):
    return float((torch.ones(200, 200) @ torch.ones(200, 200)).sum()) + number

def scale(values, factor):
    torch.set_num_threads(4)
    assert float((torch.ones(1000, 1000) @ torch.ones(1000, 1000))[0, 0]) == 1000
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(busy, range(24)))[0] == 200**3
    return factor * np.asarray(values)
