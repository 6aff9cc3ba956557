"""The simulated device and its clock, and what is watched of an answer beside it."""

import time

import pytest
import torch
from torch import nn

from course_utils import rehearsal, simulated, timing

PACE = simulated.Pace(0.5, 0.25, 0.001, 0.01)


def test_a_call_hands_work_over_and_comes_back():
    device = simulated.Device(PACE, True)
    start = device.now
    device.step()
    assert device.now - start == pytest.approx(0.5)
    device.step()
    assert device.now - start == pytest.approx(0.501)
    device.synchronize()
    assert device.now - start == pytest.approx(0.5 + 0.25 + 0.01)


def test_without_a_gpu_a_call_comes_back_when_its_work_is_done():
    device = simulated.Device(PACE, False)
    start = device.now
    device.step()
    device.step()
    assert device.now - start == pytest.approx(0.76)
    with pytest.raises(AssertionError, match="CUDA"):
        device.synchronize()


def test_clocks_are_the_devices_while_an_answer_runs_and_only_then():
    clock, available = time.perf_counter, torch.cuda.is_available
    device = simulated.Device(PACE, True)

    def answer():
        timing.synchronize()
        return time.perf_counter(), time.time_ns(), torch.cuda.is_available()

    with device.in_place(answer):
        assert answer() == (1000.0, 1000 * 10**9, True)
        device.step()
        assert answer()[0] == pytest.approx(1000.75)
    assert (time.perf_counter, torch.cuda.is_available) == (clock, available)


def test_clocks_are_given_back_after_an_error():
    clock = time.perf_counter
    with pytest.raises(KeyError), simulated.Device(PACE, True).in_place(len):
        raise KeyError
    assert time.perf_counter is clock


def test_precision_is_seen_forward_and_backward():
    model = nn.Sequential(nn.Linear(2, 3), rehearsal.Precision(), nn.Linear(3, 2))

    def step(model, images, labels, optimizer, amp):
        with torch.autocast("cpu", torch.bfloat16, enabled=amp):
            return nn.functional.cross_entropy(model(images), labels)

    seen = rehearsal.stepped(step, model, torch.ones(2, 2), torch.tensor([0, 1]), 0.1, True)
    assert (seen["seen"], seen["backward"], seen["graph"]) == ([("bfloat16", True)], [], True)


def test_copies_to_the_host_are_noted():
    def loader(images, labels, size, generator):
        return [(torch.tensor(images[:1].numpy()), labels[:1])]

    seen = rehearsal.walked(loader, torch.ones(2, 1), torch.arange(2), {"size": 1}, 0, 1)
    assert seen["trips"] == ["numpy", "numpy"]  # two loaders are made
    assert seen["length"] == 1


def test_a_loss_without_graph_has_no_gradient():
    def loss(scores, labels, smoothing):
        return scores.sum().detach()

    assert rehearsal.differentiated(loss, torch.ones(1, 2), torch.zeros(1), 0.1)[1] is None
