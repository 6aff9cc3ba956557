"""Batches: complete, in the order that the generator draws, on the device, and apart from the data set's own arrays."""

import doctest

import numpy as np
import pytest
import torch

from course_utils import batches as module
from course_utils import data
from course_utils.augmentation import CropAndFlip
from course_utils.batches import batches


def numbered(count=10):
    """Images that hold their own number, which is also their label."""
    images = np.repeat(np.arange(count, dtype=np.float32), 4).reshape(count, 1, 2, 2)
    return images, np.arange(count)


def labels_of(loader):
    return torch.cat([labels for _, labels in loader]).tolist()


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def test_every_image_once_in_order_the_last_batch_smaller():
    loader = batches(numbered(), 4)
    assert len(loader) == 3
    assert [len(labels) for _, labels in loader] == [4, 4, 2]
    assert labels_of(loader) == list(range(10))
    assert all(images[:, 0, 1, 1].tolist() == labels.tolist() for images, labels in loader)


@pytest.mark.parametrize(("count", "size", "expected"), [(10, 5, 2), (10, 10, 1), (10, 99, 1), (1, 1, 1)])
def test_number_of_batches(count, size, expected):
    loader = batches(numbered(count), size)
    assert len(loader) == len(list(loader)) == expected


def test_shuffled_batches_keep_images_with_labels_and_change_each_epoch():
    loader = batches(numbered(100), 32, shuffle=True)
    assert all(images[:, 0, 0, 0].tolist() == labels.tolist() for images, labels in loader)
    first, second = labels_of(loader), labels_of(loader)
    assert sorted(first) == sorted(second) == list(range(100))
    assert first != second
    assert first != list(range(100))


def test_the_generator_decides():
    def two_epochs(**options):
        loader = batches(numbered(50), 8, shuffle=True, **options)
        return labels_of(loader), labels_of(loader)

    assert two_epochs(generator=seeded(3)) == two_epochs(generator=seeded(3))
    assert two_epochs(generator=seeded(3)) != two_epochs(generator=seeded(4))
    assert two_epochs() == two_epochs()


def test_the_generators_state_at_its_start_decides_an_epoch():
    """So a training run that was stopped goes on as if it had not been."""
    generator = seeded(1)
    loader = batches(numbered(20), 6, True, generator, augment=CropAndFlip(1))
    list(loader)
    state = generator.get_state()
    second = list(loader)
    resumed = batches(numbered(20), 6, True, seeded(99), augment=CropAndFlip(1))
    resumed.generator.set_state(state)
    for (images, labels), (others, same) in zip(second, resumed, strict=True):
        assert torch.equal(images, others)
        assert torch.equal(labels, same)


def test_images_are_changed_anew_in_each_epoch():
    loader = batches((np.ones((50, 1, 4, 4)), np.zeros(50)), 50, augment=CropAndFlip(2))
    (first, _), (second, _) = next(iter(loader)), next(iter(loader))
    assert not torch.equal(first, second)


def test_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    list(batches(numbered(), 3, shuffle=True, augment=CropAndFlip(1)))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_batches_are_float32_and_int64(dtype):
    images, labels = numbered()
    for image, label in batches((images.astype(dtype), labels.astype(np.int32)), 5):
        assert (image.dtype, label.dtype) == (torch.float32, torch.int64)


def test_a_part_of_a_data_set_and_tensors_are_taken_alike():
    part = data.digits().validation
    from_part, from_pair = batches(part, 100), batches((torch.from_numpy(part.images), torch.tensor(part.labels)), 100)
    for (images, labels), (others, same) in zip(from_part, from_pair, strict=True):
        assert torch.equal(images, others)
        assert torch.equal(labels, same)
    assert np.allclose(images, part.images[-97:])


def test_a_batch_may_be_changed():
    images, labels = numbered()
    for batch, numbers in batches((images, labels), 5):
        batch.zero_()
        numbers.zero_()
    assert images.max() == labels.max() == 9


def test_augment_gets_images_and_a_generator_and_its_result_is_given():
    seen = []

    def augment(images, generator):
        seen.append((images.shape, torch.rand((), generator=generator).item()))
        return images + 100

    for images, labels in batches(numbered(), 6, generator=seeded(1), augment=augment):
        assert torch.equal(images[:, 0, 0, 0], labels + 100.0)
    assert [tuple(shape) for shape, _ in seen] == [(6, 1, 2, 2), (4, 1, 2, 2)]
    assert seen[0][1] != seen[1][1]


def spied(monkeypatch):
    """How many images are moved at a time, from here on."""
    moved, to = [], torch.Tensor.to

    def spy(tensor, *where):
        if tensor.ndim == 4 and where != (torch.float32,) and tensor.device.type == "cpu":
            moved.append(len(tensor))
        return to(tensor, *where)

    monkeypatch.setattr(torch.Tensor, "to", spy)
    return moved


def test_images_that_do_not_fit_are_moved_batch_by_batch(monkeypatch):
    monkeypatch.setattr(module, "_room", lambda device: 1000)
    images = torch.from_numpy(numbered(200)[0])  # 3,200 bytes
    moved = spied(monkeypatch)
    draw = module._drawing(images, torch.device("meta"), None)
    assert draw(torch.arange(50), None).device.type == "meta"
    assert moved == [50]


def test_images_that_fit_are_moved_once(monkeypatch):
    moved = spied(monkeypatch)
    assert {images.device.type for images, _ in batches(numbered(200), 50, device="meta")} == {"meta"}
    assert moved == [200]


@pytest.mark.parametrize("size", [0, -1, 2.5, True, None])
def test_a_size_that_is_none(size):
    with pytest.raises(ValueError, match="whole number of images in a batch, 1 or more, got"):
        batches(numbered(), size)


def test_labels_that_are_not_as_many_as_images():
    images, labels = numbered()
    with pytest.raises(ValueError, match="a label for each image, got 10 images and 9 labels"):
        batches((images, labels[:9]), 2)


def test_the_example_in_the_docstring():
    assert doctest.testmod(module).failed == 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu_the_order_is_the_one_of_the_cpu():
    on_gpu = batches(numbered(50), 8, True, seeded(5), "cuda", CropAndFlip(0, flip=False))
    on_cpu = batches(numbered(50), 8, True, seeded(5), augment=CropAndFlip(0, flip=False))
    assert [labels_of(on_gpu) for _ in range(2)] == [labels_of(on_cpu) for _ in range(2)]
    assert {images.device.type for images, _ in on_gpu} == {"cuda"}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu_without_room_each_batch_is_moved(monkeypatch):
    monkeypatch.setattr(module, "_room", lambda device: 0)
    for images, labels in batches(numbered(50), 8, True, device="cuda", augment=CropAndFlip(0, flip=False)):
        assert images.device.type == labels.device.type == "cuda"
        assert torch.equal(images[:, 0, 0, 0], labels.float())


def windows(image, padding):
    """Every place that a crop can be cut out at."""
    _, height, width = image.shape
    padded = torch.nn.functional.pad(image, (padding,) * 4)
    steps = range(2 * padding + 1)
    return {(i, j): padded[:, i : i + height, j : j + width] for i in steps for j in steps}


@pytest.mark.parametrize("shape", [(300, 3, 5, 7), (300, 1, 6, 4)])
def test_a_crop_is_a_window_of_the_framed_image_and_every_window_comes(shape):
    images = 1 + torch.arange(int(np.prod(shape)), dtype=torch.float32).reshape(shape)
    before = images.clone()
    found = []
    for image, cropped in zip(images, CropAndFlip(1, flip=False)(images, seeded(0)), strict=True):
        found += [place for place, window in windows(image, 1).items() if torch.equal(window, cropped)]
    assert len(found) == 300
    assert min(found.count(place) for place in windows(images[0], 1)) > 15
    assert torch.equal(images, before)


def test_flips_are_left_for_right_and_one_half():
    images = torch.rand(1000, 2, 3, 4)
    flipped = CropAndFlip(0)(images, seeded(0))
    mirrored = (flipped == images.flip(-1)).flatten(1).all(1)
    assert ((flipped == images).flatten(1).all(1) ^ mirrored).all()
    assert 430 < mirrored.sum() < 570


def test_mirrored_images_are_cropped_as_well():
    images = torch.rand(400, 1, 3, 3)
    places = {(mirrored, place): 0 for mirrored in (False, True) for place in windows(images[0], 1)}
    for image, changed in zip(images, CropAndFlip(1)(images, seeded(0)), strict=True):
        for mirrored in (False, True):
            for place, window in windows(image.flip(-1) if mirrored else image, 1).items():
                places[mirrored, place] += torch.equal(window, changed)
    assert sum(places.values()) == 400
    assert min(places.values()) > 5


def test_images_may_be_a_view():
    images = torch.rand(6, 5, 5, 3).permute(0, 3, 1, 2)
    assert torch.equal(CropAndFlip(2)(images, seeded(0)), CropAndFlip(2)(images.contiguous(), seeded(0)))


def test_without_padding_and_flips_nothing_changes():
    images = torch.rand(4, 3, 5, 5)
    assert torch.equal(CropAndFlip(0, flip=False)(images, seeded(0)), images)


@pytest.mark.parametrize("flip", [False, True])
def test_a_prepared_set_and_single_batches_are_changed_alike(monkeypatch, flip):
    """Where the frames of a whole set would take too much memory, each batch is framed by itself."""
    images = np.random.default_rng(0).random((50, 3, 6, 6), np.float32)
    augment = CropAndFlip(2, flip)
    assert augment.values(torch.from_numpy(images)) == (1 + flip) * 50 * 3 * 100

    def epoch():
        return torch.cat([x for x, _ in batches((images, range(50)), 16, True, seeded(2), augment=augment)])

    prepared = epoch()
    monkeypatch.setattr(module, "ROOM", 1000)
    assert torch.equal(prepared, epoch())
