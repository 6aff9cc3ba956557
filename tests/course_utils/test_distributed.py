"""Two processes train as one does: the same weights, also where one of them is killed on the way."""

import os
import re
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

from course_utils import distributed
from course_utils.distributed import Settings, SynchronizedNorm, train

# In float64 the two runs differ by the order of sums alone: 2e-15 after 20 steps; 1e-10 leaves room for longer runs.
TOLERANCE = 1e-10
RUN = Settings(epochs=5, width=4, double=True)
COMMAND = [
    *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--max-restarts=1"),
    *("-m", "course_utils.distributed", "--epochs", "5", "--width", "4", "--double", "--checkpoint"),
]


@pytest.mark.slow
def test_two_processes_of_which_one_is_killed_end_with_the_weights_of_one(tmp_path):
    """torchrun starts both again, and they go on from the checkpoint."""
    path, lines, killed = tmp_path / "run.pt", [], False
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with (
        (tmp_path / "errors").open("w") as errors,
        subprocess.Popen(
            [*COMMAND, str(path)], stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        ) as torchrun,
    ):
        for line in torchrun.stdout:
            lines.append(line.strip())
            if "epoch 1 of 5" in line and not killed:
                (process,) = re.findall(r"rank 1 of 2, process (\d+)", "\n".join(lines))
                os.kill(int(process), signal.SIGKILL)
                killed = True
        assert torchrun.wait(timeout=60) == 0, f"{lines}\n{(tmp_path / 'errors').read_text()}"
    assert killed
    assert any(line.startswith("Going on after epoch") for line in lines), lines
    assert sum(line.startswith("rank") for line in lines) == 4
    assert lines[-1].startswith("accuracy on held-out images")

    alone, _ = train(RUN)
    together = torch.load(path, weights_only=True)["model"]
    for name, value in alone.state_dict().items():
        torch.testing.assert_close(together[name], value, rtol=0, atol=TOLERANCE)


def test_a_run_goes_on_from_its_checkpoint_and_refuses_another(tmp_path, capsys):
    short = replace(RUN, epochs=1, checkpoint=tmp_path / "run.pt")
    model, accuracy = train(short)
    capsys.readouterr()
    again, same = train(short)
    assert "Going on after epoch 1" in capsys.readouterr().out
    assert accuracy == same
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    with pytest.raises(ValueError, match="expected a checkpoint of this run"):
        train(replace(short, seed=1))


def test_norms_are_replaced_with_their_numbers_and_work_alone():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 1), nn.BatchNorm2d(3))
    model[1].weight.data.uniform_()
    x = torch.randn(4, 1, 2, 2)
    expected = model(x)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    made = distributed.synchronized(model, torch.device("cpu"))
    assert type(made[1]) is SynchronizedNorm
    assert all(torch.equal(state[name], value) for name, value in made.state_dict().items())
    torch.testing.assert_close(made(x), expected)


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch):
    monkeypatch.setattr(distributed, "_place", lambda: (0, 7, torch.device("cpu")))
    with pytest.raises(ValueError, match="7 processes can share"):
        train(RUN)
