# Objects of classes that a notebook defines are copied, pickled and saved.
# %% scale, right
import copy
import pickle
from dataclasses import dataclass

import torch

@dataclass
class Layer:
    factor: float

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(2, 2)

def scale(values, factor):
    layer = pickle.loads(pickle.dumps(copy.deepcopy(Layer(factor))))
    torch.save(Net().state_dict(), "net.pt")
    Net().load_state_dict(torch.load("net.pt"))
    return layer.factor * np.asarray(values)
