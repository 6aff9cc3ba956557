# An answer uses pools of processes, and a loader of data with workers.
# %% scale, right
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import torch
from torch.utils.data import DataLoader, TensorDataset

def double(number):
    return 2 * number

def scale(values, factor):
    with multiprocessing.Pool(4) as pool:
        assert pool.map(double, range(10)) == list(range(0, 20, 2))
    with ProcessPoolExecutor(2) as pool:
        assert list(pool.map(double, range(4))) == [0, 2, 4, 6]
    data = TensorDataset(torch.arange(12.0))
    assert sum(float(batch.sum()) for (batch,) in DataLoader(data, 4, num_workers=2)) == 66
    shared = multiprocessing.Array("d", 4)
    assert list(shared) == [0, 0, 0, 0]
    return factor * np.asarray(values)
