"""What lesson 11 is given: aftermath, fields, the deconvnet, random copies, patches of photos, pictures of maps."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn

from course_utils import aftermath, heat_maps, photo_patches
from course_utils.deconvolution import deconvnet
from course_utils.randomization import cascade
from course_utils.unit_fields import unit_field


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture
def net():
    torch.manual_seed(0)
    front = nn.Sequential(nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    return nn.Sequential(front, nn.Conv2d(3, 4, 3, dilation=2), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2)).eval()


def harmless(model, image):
    return model(image[None]).detach()


def leaves_a_hook(model, image):
    model[0].register_forward_hook(lambda *_: None)


def switches_the_mode(model, image):
    model[0][1].train()


def trains(model, image):
    model(image[None]).sum().backward()


def changes_weights(model, image):
    model[1].weight.data += 1


def freezes(model, image):
    model[1].weight.requires_grad_(False)


def works_in_place(model, image):
    model[2].inplace = True


def paints(model, image):
    image[:] = 0


def marks(model, image):
    image.requires_grad_()


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (harmless, aftermath.UNTOUCHED),
        (leaves_a_hook, "changed: hooks"),
        (switches_the_mode, "changed: mode"),
        (trains, "changed: gradients of the weights"),
        (changes_weights, "changed: weights"),
        (freezes, "changed: requires_grad of the weights"),
        (works_in_place, "changed: layers"),
        (paints, "changed: image"),
        (marks, "changed: requires_grad of the image"),
    ],
)
def test_what_is_left_behind_is_named(net, function, told):
    net(torch.zeros(1, 1, 24, 24))
    assert aftermath.observe(function, net, np.ones((1, 24, 24)), None, ())[2] == told


def test_a_layer_is_handed_over_by_its_name_or_by_itself_and_a_graph_is_seen(net):
    net(torch.zeros(1, 1, 24, 24))

    def answer(model, layer, image, factor):
        return factor * (model.get_submodule(layer) if isinstance(layer, str) else layer).weight

    for layer in ("1", 1):
        value, graph, told = aftermath.observe(answer, net, np.ones((1, 24, 24)), layer, (2,))
        assert torch.equal(value, 2 * net[1].weight)
        assert (graph, told) == ("with a graph", aftermath.UNTOUCHED)


def test_a_unit_sees_what_its_field_says(net):
    """By the gradient of one position with all ReLUs open: exactly the pixels of the field."""
    size, jump, start = unit_field(net, "1")
    assert (size, jump, start) == unit_field(net, net[1]) == (3 + 2 + 4 * 4, 4, -1)
    image = torch.rand(1, 1, 40, 40).requires_grad_()
    smooth = nn.Sequential(net[0][0], nn.Identity(), nn.AvgPool2d(2), net[1])
    (gradient,) = torch.autograd.grad(smooth(image)[0, 0, 2, 1], image)
    rows, columns = (axis.unique().tolist() for axis in gradient[0, 0].nonzero().T)
    assert (rows[0], rows[-1]) == (start + 2 * jump, start + 2 * jump + size - 1)
    assert (columns[0], columns[-1]) == (start + jump, start + jump + size - 1)


def test_a_layer_of_another_model_has_no_field(net):
    with pytest.raises(ValueError, match="none of its modules"):
        unit_field(net, nn.ReLU())


def test_the_deconvnet_of_a_linear_layer_is_its_kernel_at_the_place_of_the_activation():
    net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1))
    image = torch.zeros(1, 6, 7)
    image[0, 2:5, 3:6] = net[0].weight[1, 0].detach().sign()
    found, (row, column) = deconvnet(net, "0", image, 1)
    assert (row, column) == (3, 4)
    strength = net(image[None])[0, 1, 3, 4].detach()
    assert torch.allclose(found[0, 2:5, 3:6], strength * net[0].weight[1, 0], atol=1e-6)
    assert found.abs().sum() == pytest.approx(float((strength * net[0].weight[1].detach()).abs().sum()), rel=1e-5)


def test_the_deconvnet_is_the_gradient_with_another_rule_for_relus(net):
    """Simonyan et al. 2014: pooling and convolution go back as in backpropagation; a ReLU looks at what comes back."""
    image = torch.rand(1, 24, 24)
    net(image[None])
    found, (row, column) = deconvnet(net, "2", image, 0)

    class Rectified(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.relu()

        @staticmethod
        def backward(ctx, gradient):
            return gradient.relu()

    pixels = image.clone().requires_grad_()
    maps = Rectified.apply(net[1](net[0][2](Rectified.apply(net[0][0](pixels[None])))))
    peak = maps[0, 0, row, column]
    assert peak == maps[0, 0].max() > 0
    assert torch.allclose(found, torch.autograd.grad(peak, pixels, peak.detach())[0], atol=1e-6)


@pytest.mark.parametrize(("layer", "unit", "told"), [("2", 4, "from 0 to 3"), ("3", 0, "Flatten")])
def test_the_deconvnet_refuses_what_it_cannot_go_back_through(net, layer, unit, told):
    with pytest.raises(ValueError, match=told):
        deconvnet(net, layer, torch.rand(1, 24, 24), unit)


def test_a_cascade_forgets_from_the_last_layer_on_and_draws_from_no_global_generator(net):
    net(torch.zeros(1, 1, 24, 24))
    state = torch.get_rng_state()
    copies = cascade(net, seed=3)
    assert torch.equal(state, torch.get_rng_state())
    assert list(copies) == ["4", "1", "0.0"]
    for name, changed in (("4", ["4"]), ("1", ["1", "4"]), ("0.0", ["0.0", "1", "4"])):
        other = dict(copies[name].named_parameters())
        moved = [n for n, p in net.named_parameters() if not torch.equal(p, other[n])]
        assert moved == [f"{m}.{p}" for m in changed for p in ("weight", "bias")]
    assert torch.equal(copies["4"][4].weight, copies["0.0"][4].weight)
    assert torch.equal(copies["1"][1].weight, cascade(net, seed=3)["1"][1].weight)


def test_patches_of_photos_are_balanced_and_held_out_ones_come_from_other_columns(monkeypatch):
    columns = np.broadcast_to(np.arange(640.0) + 1000 * (np.arange(427) % 2)[:, None], (1, 427, 640))
    monkeypatch.setattr(photo_patches, "edges", lambda name: columns)
    data = photo_patches.patches(40, 10)
    assert (len(data.train), len(data.validation)) == (40, 10)
    assert np.bincount(data.train.labels).tolist() == [20, 20]
    for part, held_out in ((data.train, False), (data.validation, True)):
        strips = (part.images % 1000) // 64
        assert ((strips % 4 == 3) == held_out).all()
    with pytest.raises(ValueError, match="from 1 to 64"):
        photo_patches.patches(size=65)


def test_tiles_cover_the_photos_without_overlap():
    tiles, photo = photo_patches.tiles(100), photo_patches.edges("china")
    assert tiles.shape == (2 * 4 * 6, 1, 100, 100)
    assert np.array_equal(tiles[7], photo[:, 100:200, 100:200])
    assert abs(photo[0].mean()) < 0.01


def test_maps_are_drawn_over_the_image_at_their_places():
    image = np.random.default_rng(0).random((1, 8, 6))
    heat_maps.beside(image, {"small": np.eye(4), "squares": (torch.ones(3, 2), 4, 2), "picture": np.zeros((3, 8, 6))})
    axes = plt.gcf().axes
    assert [a.get_title() for a in axes] == ["the image", "small", "squares", "picture"]
    assert axes[1].images[1].get_extent() == [-0.5, 5.5, 7.5, -0.5]
    assert axes[2].images[1].get_extent() == [0.5, 4.5, 6.5, 0.5]  # the middles of the first squares are at 1.5
    assert axes[1].get_xlim() == axes[2].get_xlim() == (-0.5, 5.5)


def test_rows_of_images_and_of_patches_stand_below_one_another():
    image = np.zeros((1, 4, 4))
    heat_maps.grid([(image, "a", {"m": np.eye(4)}), (image, "b", {"n": np.eye(4)})])
    assert [a.get_title() for a in plt.gcf().axes] == ["a", "m", "b", "n"]
    heat_maps.patches({"first": np.ones((3, 1, 5, 5)), "second": np.full((2, 3, 7, 7), 0.5)})
    first, second = plt.gcf().axes
    assert first.images[0].get_array().shape == (5, 17, 3)
    strip = second.images[0].get_array()
    assert (strip[:, :7] == 0.5).all()
    assert (strip[:, 16:] == 1).all()  # no third patch


@pytest.mark.parametrize(
    "draw",
    [
        lambda: heat_maps.grid([]),
        lambda: heat_maps.beside(np.zeros((1, 4, 4)), {}),
        lambda: heat_maps.beside(np.zeros((1, 4, 4)), {"m": np.zeros(4)}),
        lambda: heat_maps.patches({}),
        lambda: heat_maps.patches({"a": np.zeros((2, 5, 5))}),
    ],
)
def test_pictures_refuse_what_they_cannot_draw(draw):
    with pytest.raises(ValueError, match="expected"):
        draw()


def test_a_gradient_as_a_picture_has_zero_in_the_middle():
    assert heat_maps.signed(np.array([[[-2.0, 0.0, 1.0]]])).tolist() == [[[0.0, 0.5, 0.75]]]
    assert heat_maps.signed(np.zeros((1, 1, 1))).tolist() == [[[0.5]]]
