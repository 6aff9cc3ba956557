# PyTorch.
# %% given
import torch
from torch import nn


# %% answer net relu best split
class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc = nn.Linear(3, width)
        self.rest = nn.Sequential(nn.ReLU(), nn.Linear(width, 2))

    def forward(self, x):
        return self.rest(self.fc(x))


def net(width=4):
    return Net(width)


def relu(x):
    return x.clamp(min=0)


def best(x):
    return torch.max(x, dim=1)


def split(x):
    return x.half(), x.to(torch.bfloat16), x.long(), x > 1, x[None].expand(2, -1)


# %% test
assert torch.equal(relu(torch.tensor([-1.0, 2.0])), torch.tensor([0.0, 2.0]))
# %% test
torch.testing.assert_close(relu(torch.ones(2)), torch.zeros(2))
# %% test
model = net(5)
assert isinstance(model, nn.Module) and model(torch.zeros(7, 3)).shape == (7, 2)
# %% test
assert sum(p.numel() for p in model.parameters()) == 3 * 5 + 5 + 5 * 2 + 2
# %% test
assert isinstance(model.fc, nn.Linear) and isinstance(model.rest[0], nn.ReLU)
assert not isinstance(model.fc, nn.ReLU) and model.fc.in_features == 3 and model.fc.weight.shape == (5, 3)
# %% test
assert set(model.state_dict()) == {"fc.weight", "fc.bias", "rest.1.weight", "rest.1.bias"}
# %% test
assert [name for name, _ in model.named_children()] == ["fc", "rest"] and model.training
# %% test
model.eval()
assert not model.training
with torch.no_grad():
    out = model(torch.ones(1, 3))
assert out.dim() == 2
# %% test
values, places = best(torch.tensor([[1.0, 3.0], [5.0, 2.0]]))
assert places.tolist() == [1, 0]
assert best(torch.tensor([[1.0, 3.0]])).values.item() == 3
# %% test
kinds = [t.dtype for t in split(torch.tensor([1.0, 2.0]))]
assert kinds == [torch.float16, torch.bfloat16, torch.int64, torch.bool, torch.float32]
# %% test
assert next(iter(model.parameters())).requires_grad
