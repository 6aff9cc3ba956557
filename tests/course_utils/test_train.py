"""The loop learns, repeats itself, goes on after a kill, says why it failed, and leaves nothing behind."""

import copy
import os
import random
import subprocess
import sys

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from course_utils import live
from course_utils.batches import batches
from course_utils.data import digits
from course_utils.train import DivergedError, cross_entropy, evaluate, evaluating, fit, scores


@pytest.fixture(autouse=True)
def no_figures_left():
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def data():
    """Digits as float32 tensors: images, labels."""
    loaded = digits()
    order = torch.randperm(len(loaded), generator=torch.Generator().manual_seed(0))
    return torch.tensor(loaded.images, dtype=torch.float32)[order], torch.tensor(loaded.labels)[order]


def parts(data, count=400):
    """Shuffled batches to train on, with a generator of their own, and batches to validate on."""
    images, labels = data
    training = batches((images[:count], labels[:count]), 50, shuffle=True, generator=torch.Generator())
    return training, [(images[-300:], labels[-300:])]


def make_net(seed=0, dropout=0.25):
    torch.manual_seed(seed)
    stem = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)
    return nn.Sequential(*stem, nn.Flatten(), nn.Dropout(dropout), nn.Linear(128, 10))


def sgd(net, lr=0.1):
    return torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9, weight_decay=1e-4)


def train(data, epochs=2, *, lr=0.1, net=None, **options):
    net = net if net is not None else make_net()
    training, validation = parts(data)
    options = {"optimizer": sgd(net, lr), "epochs": epochs, "show": False} | options
    return net, fit(net, options.pop("training", training), options.pop("validation", validation), **options)


def same(one, other):
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_it_learns(data):
    net, history = train(data, 6)
    assert history.validation_accuracies[-1] > 0.9
    assert history.losses[-1] < 0.3 * history.losses[0]
    assert len(history.losses) == len(history.accuracies) == len(history.validation_losses) == len(history.seconds) == 6
    assert evaluate(net, parts(data)[1])[1] == max(history.validation_accuracies)


def test_a_seed_decides_all_of_it_and_nothing_else_does(data):
    one, first = train(data, seed=3)
    torch.rand(5), np.random.random(5)
    other, second = train(data, seed=3)
    third, _ = train(data, seed=4)
    assert first.losses == second.losses
    assert same(one, other)
    assert not same(one, third)


def test_it_trains_in_training_mode_whatever_the_mode_was(data):
    usual, _ = train(data, 1)
    sleeping, _ = train(data, 1, net=make_net().eval())
    assert same(usual, sleeping)
    assert not any(module.training for module in sleeping.modules())


def test_epochs_have_different_orders_and_so_have_neighbouring_seeds(data):
    images, labels = data
    seen = []

    class Noted(nn.Sequential):
        def forward(self, x):
            if self.training:
                seen.append(x.sum().item())
            return super().forward(x)

    for seed in (0, 1):
        net = Noted(nn.Flatten(), nn.Linear(64, 10))
        loader = batches((images[:400], labels[:400]), 100, shuffle=True, generator=torch.Generator())
        fit(net, loader, optimizer=sgd(net), epochs=2, seed=seed, show=False)
    assert len(set(seen)) == 16  # four batches, two epochs, two seeds


def test_a_data_loader_is_seeded_too_with_and_without_a_generator(data):
    images, labels = data
    for generator in (None, torch.Generator()):
        losses = []
        for _ in range(2):
            net = make_net()
            loader = DataLoader(TensorDataset(images[:200], labels[:200]), 50, shuffle=True, generator=generator)
            losses.append(fit(net, loader, optimizer=sgd(net), epochs=2, show=False).losses)
            torch.rand(3)
        assert losses[0] == losses[1]


def test_means_are_over_images_not_over_batches(data):
    images, labels = data
    net = make_net(dropout=0.0)[4:]  # no batch norm: the same in both modes
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    uneven = [(images[:90], labels[:90]), (images[90:100], labels[90:100])]
    history = fit(net, uneven, uneven, optimizer=sgd(net, lr=0.0), epochs=1, show=False)
    with torch.no_grad():
        expected = functional.cross_entropy(net(images[:100]), labels[:100]).item()
        accuracy = (net(images[:100]).argmax(1) == labels[:100]).float().mean().item()
    assert history.losses == pytest.approx([expected])
    assert history.validation_losses == pytest.approx([expected])
    assert history.accuracies == history.validation_accuracies == pytest.approx([accuracy])


def test_the_best_weights_are_kept(data):
    """The third epoch's steps are far too long, so that the second epoch stays the best."""
    states = []
    rates = {0: 0.1, 1: 0.05, 2: 20.0}

    class Noted(list):
        def __iter__(self):
            states.append(copy.deepcopy(net.state_dict()))
            return super().__iter__()

    net = make_net()
    validation = Noted(parts(data)[1])
    _, history = train(data, 3, net=net, validation=validation, schedule=lambda epochs: rates[min(int(epochs), 2)])
    assert history.best_epoch == 2
    assert history.validation_accuracies[2] < history.validation_accuracies[1]
    assert all(torch.equal(value, states[1][name]) for name, value in net.state_dict().items())


def test_without_validation_the_last_weights_are_kept(data):
    net, history = train(data, 2, validation=None)
    assert (history.validation_accuracies, history.best_epoch) == ([], 2)
    other, _ = train(data, 2)
    assert same(net, other) or history.best_epoch != 2


def test_the_schedule_is_asked_before_every_batch(data):
    asked = []
    train(data, 2, schedule=lambda epochs: asked.append(epochs) or 0.1)
    np.testing.assert_allclose(asked, np.arange(16) / 8)


def test_auxiliary_heads_train_and_the_first_output_counts(data):
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            self.main, self.head = nn.Linear(64, 10), nn.Linear(64, 10)

        def forward(self, x):
            x = x.flatten(1)
            return (self.main(x), self.head(x)) if self.training else self.main(x)

    torch.manual_seed(0)
    net = Heads()
    before = copy.deepcopy(net.state_dict())
    train(data, 3, net=net)
    assert not torch.equal(before["head.weight"], net.state_dict()["head.weight"])
    assert evaluate(net, parts(data)[1])[1] > 0.8
    output, labels = (torch.randn(4, 10), torch.randn(4, 10)), torch.arange(4)
    each = [functional.cross_entropy(out, labels) for out in output]
    assert cross_entropy(output, labels) == pytest.approx(float(each[0] + 0.3 * each[1]))


def test_another_loss(data):
    _, history = train(data, 1, loss=lambda output, labels: 7 + 0 * output.sum())
    assert history.losses == pytest.approx([7])
    assert history.validation_losses == pytest.approx([7])


class Everything:
    """All that a run could leave behind."""

    def __init__(self, net, loader):
        self.net, self.loader = net, loader
        self.before = self.look()

    def look(self):
        return (
            [m.training for m in self.net.modules()],
            [(len(m._forward_hooks), len(m._backward_hooks)) for m in self.net.modules()],
            torch.get_rng_state().tolist(),
            np.random.get_state()[1].tolist(),
            random.getstate(),
            self.loader.generator.get_state().tolist(),
            torch.is_grad_enabled(),
        )

    def check(self):
        assert self.look() == self.before
        assert all(p.grad is None for p in self.net.parameters())


class Breaks(list):
    """A list of batches that breaks off in its second epoch (the first pass counts the images)."""

    passes = 0
    generator = torch.Generator()

    def __iter__(self):
        self.passes += 1
        for i, batch in enumerate(super().__iter__()):
            if self.passes == 3 and i == 1:
                raise KeyboardInterrupt
            yield batch


def test_nothing_is_left_behind(data):
    net, (training, validation) = make_net(), parts(data)
    net[1].eval()  # a module that somebody has put into another mode
    left = Everything(net, training)
    fit(net, training, validation, optimizer=sgd(net), epochs=1, show=False)
    left.check()
    evaluate(net, validation)
    evaluate(net, DataLoader(TensorDataset(*data), 600))
    scores(net, validation)
    left.check()


def test_an_interrupted_run_leaves_nothing_but_its_best_weights(data):
    images, labels = data
    loader = Breaks([(images[i : i + 50], labels[i : i + 50]) for i in range(0, 200, 50)])
    net, reference = make_net(), make_net()
    left = Everything(net, loader)
    with pytest.raises(KeyboardInterrupt):
        fit(net, loader, optimizer=sgd(net), epochs=3, show=False)
    left.check()
    fit(reference, list(loader), optimizer=sgd(reference), epochs=1, show=False)
    assert same(net, reference)


def test_evaluating_gives_modes_back_after_an_error():
    net = make_net()
    net[1].eval()
    modes = [m.training for m in net.modules()]
    with pytest.raises(ZeroDivisionError), evaluating(net):
        assert not any(m.training for m in net.modules())
        assert not torch.is_grad_enabled()
        1 // 0  # noqa: B018
    assert [m.training for m in net.modules()] == modes
    assert torch.is_grad_enabled()


def broken_images(data):
    images, labels = data
    images = images.clone()
    images[60, 0, 3, 3] = float("inf")
    return [(images[i : i + 50], labels[i : i + 50]) for i in range(0, 200, 50)]


class Exploding(nn.Linear):
    def forward(self, x):
        return super().forward(x.flatten(1)) * 1e38 * 1e5


NAN = {
    "images": (
        lambda data: {"training": broken_images(data)},
        r"The loss is (nan|inf) in epoch 1, batch 2\. The images of this batch hold numbers that are not finite",
    ),
    "weights": (
        lambda data: {
            "lr": 1e36,
            "loss": lambda output, labels: 1e6 * cross_entropy(output, labels),
            "net": nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Linear(32, 10)),
        },
        r"epoch 1, batch \d+\. Steps were too long: the weights are not finite any more, 1\.weight first.* than 1e\+36",
    ),
    "scores": (
        lambda data: {"net": Exploding(64, 10)},
        r"batch 1\. Steps were too long: the weights have grown until the scores overflow\. Make the model again",
    ),
    "loss": (
        lambda data: {"loss": lambda output, labels: torch.log(0 * output.sum())},
        r"The loss is -inf in epoch 1, batch 1\. The scores are finite, so it is the loss: a logarithm of 0",
    ),
}


@pytest.mark.parametrize(("options", "message"), NAN.values(), ids=NAN)
def test_a_loss_that_is_no_number_is_explained(data, options, message):
    torch.manual_seed(0)
    with pytest.raises(DivergedError, match=message):
        train(data, 2, **options(data))


def test_after_divergence_the_best_weights_are_there_and_the_checkpoint_is_whole(data, tmp_path):
    net = make_net()
    path = tmp_path / "run.pt"
    with pytest.raises(DivergedError, match="in epoch 2"):
        train(data, 3, net=net, checkpoint=path, schedule=lambda epochs: 0.1 if epochs < 1 else 1e38)
    assert all(p.isfinite().all() for p in net.parameters())
    assert evaluate(net, parts(data)[1])[1] > 0.5
    assert len(torch.load(path, weights_only=True)["history"]["losses"]) == 1


def test_batches_that_run_dry_are_refused(data):
    images, labels = data
    net = make_net()
    with pytest.raises(ValueError, match="got an iterator: pass a list or a loader"):
        fit(net, iter([(images[:9], labels[:9])]), optimizer=sgd(net), epochs=2, show=False)
    with pytest.raises(ValueError, match="expected batches to train on, got none"):
        fit(net, [], optimizer=sgd(net), epochs=2, show=False)
    with pytest.raises(ValueError, match="expected batches of images, got none"):
        evaluate(net, [])
    with pytest.raises(ValueError, match="expected batches of images, got none"):
        scores(net, [])


def test_scores_come_with_their_labels(data):
    images, labels = data
    net = make_net()
    given, truth = scores(net, [(images[:30], labels[:30]), (images[30:40], labels[30:40])])
    assert torch.equal(truth, labels[:40])
    with evaluating(net):
        torch.testing.assert_close(given, net(images[:40]))
    assert not given.requires_grad


def test_a_run_goes_on_where_its_checkpoint_ends(data, tmp_path, capsys):
    path = tmp_path / "deep" / "run.pt"
    whole, expected = train(data, 4)
    train(data, 2, checkpoint=path)
    torch.rand(7)
    resumed, history = train(data, 4, net=make_net(seed=9), checkpoint=path)
    assert "Going on after epoch 2 of 4" in capsys.readouterr().out
    assert same(whole, resumed)
    for name in ("losses", "accuracies", "validation_losses", "validation_accuracies"):
        assert getattr(history, name) == getattr(expected, name)


def test_a_run_that_is_over_is_not_trained_again(data, tmp_path):
    whole, expected = train(data, 2, checkpoint=tmp_path / "run.pt")
    again, history = train(data, 2, net=make_net(seed=9), checkpoint=tmp_path / "run.pt", loss=None)
    assert history.losses == expected.losses
    assert same(whole, again)


WRONG = {
    "seed": ({"seed": 1}, "one with seed 0 for 1"),
    "learning rate": ({"lr": 0.2}, "one with lr 0.1 for 0.2"),
    "another model": ({"net": nn.Linear(2, 2)}, "one with model Sequential for Linear"),
    "other layers": ({"net": nn.Sequential(nn.Flatten(), nn.Linear(64, 10))}, "got other layers"),
    "fewer epochs": ({"epochs": 1}, "at most 1 epochs, got 2"),
}


@pytest.mark.parametrize(("options", "message"), WRONG.values(), ids=WRONG)
def test_a_checkpoint_of_another_run_is_refused_and_left_alone(data, tmp_path, options, message):
    path = tmp_path / "run.pt"
    train(data, 2, checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=f"{message}.*delete .*run.pt to start anew"):
        train(data, **({"epochs": 2} | options), checkpoint=path)
    assert path.read_bytes() == before


def test_another_optimizer_is_another_run(data, tmp_path):
    train(data, 1, checkpoint=tmp_path / "run.pt")
    net = make_net()
    with pytest.raises(ValueError, match="optimizer SGD for Adam"):
        train(data, 1, net=net, optimizer=torch.optim.Adam(net.parameters()), checkpoint=tmp_path / "run.pt")


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"half"], ids=["empty", "text", "half"])
def test_a_damaged_checkpoint_is_named(data, tmp_path, content):
    path = tmp_path / "run.pt"
    train(data, 1, checkpoint=path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content == b"half" else content)
    with pytest.raises(ValueError, match=r"got .*run\.pt, which cannot be read \(.*\): delete it to start anew"):
        train(data, 1, checkpoint=path)


def test_a_checkpoint_of_something_else_is_named(data, tmp_path):
    torch.save({"weights": 1}, tmp_path / "run.pt")
    with pytest.raises(ValueError, match="cannot be read"):
        train(data, 1, checkpoint=tmp_path / "run.pt")


# A run is forked again and again and killed at moments that a seed draws; then one is left to finish.
KILLS = """
import os, random, signal, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from course_utils.batches import batches
from course_utils.data import digits
from course_utils.train import fit

EPOCHS, folder = 8, Path(sys.argv[1])
data = digits()
images, labels = torch.tensor(data.images, dtype=torch.float32), torch.tensor(data.labels)

def run(path):
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 3, padding=1), torch.nn.BatchNorm2d(16), torch.nn.ReLU(), torch.nn.Flatten(),
        torch.nn.Dropout(0.3), torch.nn.Linear(1024, 512), torch.nn.ReLU(), torch.nn.Linear(512, 10))
    training = batches((images[:1000], labels[:1000]), 50, shuffle=True, generator=torch.Generator())
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    history = fit(net, training, [(images[1000:], labels[1000:])], optimizer=optimizer, epochs=EPOCHS,
                  schedule=lambda epochs: 0.05 * 0.8 ** epochs, checkpoint=path, show=False)
    torch.save((net.state_dict(), history.state()), folder / (path.stem + ".result"))

run(folder / "whole.pt")
seconds = sum(torch.load(folder / "whole.result")[1]["seconds"])
draw, kills, starts = random.Random(5), 0, []
while not (folder / "killed.result").exists():
    child = os.fork()
    if not child:
        run(folder / "killed.pt")
        os._exit(0)
    if kills < 8:
        time.sleep(draw.uniform(0.05, 0.25) * seconds)
        os.kill(child, signal.SIGKILL)
        kills += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    else:
        assert os.waitpid(child, 0)[1] == 0
    starts.append(len(torch.load(folder / "killed.pt")["history"]["losses"]) if (folder / "killed.pt").exists() else 0)

(weights, curves), (others, other_curves) = (torch.load(folder / f"{name}.result") for name in ("whole", "killed"))
curves.pop("seconds"), other_curves.pop("seconds")
assert curves == other_curves
assert all(torch.equal(weights[name], others[name]) for name in weights)
print("KILLS", kills, "EPOCHS", starts)
"""

DURING_THE_WRITE = """
import io, os, signal, sys, torch
from course_utils import checkpoint
from course_utils.history import History

net = torch.nn.Linear(200, 200)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
history = History(5)
kept = checkpoint.Checkpoint(sys.argv[1], net, optimizer, history, 0)
for epoch in range(3):
    history.saw_batch(torch.eye(2), torch.arange(2), torch.tensor(0.5))
    history.close_epoch()
    if epoch == 2:
        def torn(state, file):
            buffer = io.BytesIO()
            whole(state, buffer)
            file.write(buffer.getvalue()[: len(buffer.getvalue()) // 2])
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        whole, torch.save = torch.save, torn
    kept.save()
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork, no SIGKILL here")
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_numbers(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLS, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    kills, *starts = [int(word.strip("[],")) for word in done.stdout.split("KILLS")[1].split() if word != "EPOCHS"]
    assert kills >= 3, "most of the runs ended before they were killed"
    assert starts == sorted(starts), "an epoch that was saved got lost"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no SIGKILL here")
def test_a_kill_during_the_write_leaves_the_checkpoint_before(tmp_path):
    path = tmp_path / "run.pt"
    done = subprocess.run([sys.executable, "-c", DURING_THE_WRITE, str(path)], capture_output=True, check=False)
    assert done.returncode == -9
    assert (tmp_path / "run.pt.part").exists()
    assert len(torch.load(path, weights_only=True)["history"]["losses"]) == 2


def test_in_a_terminal_it_shows_a_bar_and_one_figure(data, capsys):
    train(data, 2, show=True)
    assert "800/800" in capsys.readouterr().out
    loss, accuracy = plt.gcf().axes
    assert [len(axes.lines) for axes in (loss, accuracy)] == [2, 2]
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss (cross entropy)", "accuracy")
    assert loss.get_xlim() == (0.5, 2.5)


def test_it_can_be_silent(data, capsys):
    train(data, 1)
    assert capsys.readouterr() == ("", "")
    assert not plt.get_fignums()


def test_in_a_notebook_the_curves_grow_after_each_epoch(data, monkeypatch, capsys):
    shown = []

    class Handle:
        def update(self, bundle, raw):
            shown.append(next(iter(bundle)))

    display = type("Display", (), {"display": lambda bundle, raw, display_id: Handle().update(bundle, raw) or Handle()})
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setattr(live, "_kernel_runs", lambda: True)
    monkeypatch.setattr(live.Screen, "seconds", -1)
    train(data, 3, show=True)
    assert shown.count("image/png") == 4  # three epochs, and the end
    assert capsys.readouterr().out == ""
    assert not plt.get_fignums()


def test_a_bar_without_a_known_end(data, capsys):
    images, labels = data

    class Anything:
        def __iter__(self):
            yield images[:50], labels[:50]

    net = make_net()
    history = fit(net, Anything(), optimizer=sgd(net), epochs=2)
    assert history.images == 50
    assert "100/100" in capsys.readouterr().out


def test_a_history_in_one_line(data):
    _, history = train(data, 2)
    best = max(history.validation_accuracies)
    assert str(history).startswith("epoch 2 of 2: loss ")
    assert f"best {best:.2%} after epoch {history.best_epoch}" in str(history)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_it_learns_repeats_itself_and_leaves_its_generator(data, tmp_path):
    images, labels = (part.cuda() for part in data)
    found = []
    for stop in (4, 2):
        net = make_net().cuda()
        training = batches((images[:400], labels[:400]), 50, shuffle=True, generator=torch.Generator(), device="cuda")
        state = torch.cuda.get_rng_state()
        for epochs in (stop, 4):
            history = fit(
                net,
                training,
                [(images[-300:], labels[-300:])],
                optimizer=sgd(net),
                epochs=epochs,
                checkpoint=tmp_path / f"{stop}.pt",
                show=False,
            )
        assert torch.equal(state, torch.cuda.get_rng_state())
        found.append(history.validation_accuracies)
    np.testing.assert_allclose(found[0], found[1], atol=0.02)  # the order of sums is free on a GPU
    assert max(found[0]) > 0.85
