"""What the nets of the course reach, as published, and what they cost, as counted by the course.

Counts are those of :func:`course_utils.zoo.count`, for one image; a test counts them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from course_utils.plots import captioned_figure

__all__ = ["CIFAR10", "COUNTS", "IMAGENET", "Result", "accuracy_chart"]


@dataclass(frozen=True)
class Result:
    """A published accuracy.

    error : top-1, in percent, on ILSVRC 2012's validation images or CIFAR-10's test images; one net.
    views : how an image was looked at: one crop, ten crops, or densely over the whole image.
    source : paper and table.
    """

    error: float
    views: str
    source: str

    @property
    def accuracy(self) -> float:
        """In percent."""
        return 100 - self.error


_VGG = "Simonyan and Zisserman 2014, table 3, train and test scale 256"
_TORCH = "facebookarchive/fb.resnet.torch, pretrained/README.md"
_DENSE = "liuzhuang13/DenseNet, README.md"
_V3, _V4 = "Szegedy et al. 2015 (Inception-v3), table 3", "Szegedy et al. 2016 (Inception-v4), table 2"
_RESNET = "He et al. 2015, table 6"

IMAGENET: dict[str, Result] = {
    "AlexNet": Result(40.7, "ten crops", "Krizhevsky et al. 2012, table 2, one net"),
    "ZFNet": Result(38.4, "ten crops", "Zeiler and Fergus 2013, table 2, one net as in figure 3"),
    "VGG-A": Result(29.6, "dense", _VGG),
    "VGG-A-LRN": Result(29.7, "dense", _VGG),
    "VGG-B": Result(28.7, "dense", _VGG),
    "VGG-C": Result(28.1, "dense", _VGG),
    "VGG-D": Result(27.0, "dense", _VGG),
    "VGG-E": Result(27.3, "dense", _VGG),
    "GoogLeNet": Result(29.0, "one crop", _V3),
    "Inception-v3": Result(21.2, "one crop", _V3),
    "Inception-v4": Result(20.0, "one crop", _V4),
    "Inception-ResNet-v2": Result(19.9, "one crop", _V4),
    "ResNet-18": Result(30.43, "one crop", _TORCH),
    "ResNet-34": Result(26.73, "one crop", _TORCH),
    "ResNet-50": Result(24.01, "one crop", _TORCH),
    "ResNet-101": Result(22.44, "one crop", _TORCH),
    "ResNet-152": Result(23.0, "one crop", "KaimingHe/deep-residual-networks, README.md (stride on the 1 × 1)"),
    "DenseNet-121": Result(25.0, "one crop", _DENSE),
    "DenseNet-169": Result(23.6, "one crop", _DENSE),
    "DenseNet-201": Result(22.5, "one crop", _DENSE),
    "DenseNet-161": Result(22.2, "one crop", _DENSE),
}
CIFAR10: dict[str, Result] = {
    "NiN": Result(8.81, "one crop", "Lin, Chen and Yan 2013, table 2, with augmentation"),
    "CIFAR ResNet-20": Result(8.75, "one crop", _RESNET),
    "CIFAR ResNet-32": Result(7.51, "one crop", _RESNET),
    "CIFAR ResNet-44": Result(7.17, "one crop", _RESNET),
    "CIFAR ResNet-56": Result(6.97, "one crop", _RESNET),
    "CIFAR ResNet-110": Result(6.43, "one crop", _RESNET),
}
COUNTS: dict[str, tuple[int, int, int]] = {  # multiply-adds, parameters, activations
    "LeNet-5": (416_520, 61_706, 9_118),
    "LeNet 20/50/500": (6_522_000, 1_256_080, 33_144),
    "AlexNet": (724_406_816, 60_965_224, 1_413_347),
    "ZFNet": (1_168_032_896, 62_357_608, 2_010_312),
    "VGG-A": (7_609_090_048, 132_863_336, 9_116_136),
    "VGG-A-LRN": (7_609_090_048, 132_863_336, 12_327_400),
    "VGG-B": (11_308_466_176, 133_047_848, 13_933_032),
    "VGG-C": (11_770_888_192, 133_638_952, 15_237_608),
    "VGG-D": (15_470_264_320, 138_357_544, 15_237_608),
    "VGG-E": (19_632_062_464, 143_667_240, 16_542_184),
    "NiN": (222_486_528, 966_986, 671_370),
    "GoogLeNet": (1_582_671_872, 6_998_552, 6_834_584),
    "Inception-v3": (5_713_216_096, 23_834_568, 14_619_411),
    "Inception-v4": (12_253_974_624, 42_679_816, 27_490_579),
    "Inception-ResNet-v2": (13_155_794_016, 55_843_464, 31_217_075),
    "ResNet-18": (1_814_073_344, 11_689_512, 2_836_456),
    "ResNet-34": (3_663_761_408, 21_797_672, 4_090_856),
    "ResNet-50": (4_089_184_256, 25_557_032, 11_468_264),
    "ResNet-101": (7_801_405_440, 44_549_160, 16_586_216),
    "ResNet-152": (11_513_626_624, 60_192_808, 22_908_392),
    "CIFAR ResNet-20": (40_551_040, 269_722, 203_850),
    "CIFAR ResNet-32": (68_862_592, 464_154, 318_538),
    "CIFAR ResNet-44": (97_174_144, 658_586, 433_226),
    "CIFAR ResNet-56": (125_485_696, 853_018, 547_914),
    "CIFAR ResNet-110": (252_887_680, 1_727_962, 1_064_010),
    "DenseNet-121": (2_834_161_664, 7_978_856, 17_601_256),
    "DenseNet-169": (3_359_843_328, 14_149_480, 21_057_768),
    "DenseNet-201": (4_291_365_888, 20_013_928, 26_890_984),
    "DenseNet-161": (7_727_907_072, 28_681_000, 32_427_880),
}
ASIDE = {  # where a name stands, in points from its net, so that none covers another
    "VGG-A": ((7, -11), "left"),
    "VGG-B": ((-7, -9), "right"),
    "ResNet-18": ((7, -9), "left"),
    "ResNet-50": ((7, -9), "left"),
    "ResNet-101": ((7, -10), "left"),
    "DenseNet-121": ((-7, 3), "right"),
    "DenseNet-169": ((-7, 3), "right"),
    "DenseNet-201": ((-7, 5), "right"),
    "Inception-v3": ((-9, 5), "right"),
    "Inception-v4": ((-11, 5), "right"),
    "AlexNet": ((12, -8), "left"),
    "ZFNet": ((12, 3), "left"),
    "CIFAR ResNet-44": ((-10, 7), "right"),
    "CIFAR ResNet-56": ((12, -9), "left"),
    "CIFAR ResNet-110": ((-16, 10), "right"),
}


def accuracy_chart(results: Mapping[str, Result], caption: str = "", *, where: str) -> None:
    """Draw accuracy against operations; the area of a blob is the number of parameters.

    After figure 2 of Canziani, Paszke and Culurciello, "An analysis of deep neural network models for practical
    applications", 2016.

    Parameters
    ----------
    results : net → published result; nets without counts are left out.
    caption : a sentence below the figure.
    where : the data set, for the axis.

    Raises
    ------
    ValueError
        where no net is left.
    """
    known = {name: result for name, result in results.items() if name in COUNTS}
    if not known:
        raise ValueError("expected nets of the course, got none: pass published.IMAGENET or published.CIFAR10")
    _, axes = captioned_figure(caption, 8.2, 4.6)
    largest = max(COUNTS[name][1] for name in known)
    for name, result in sorted(known.items(), key=lambda item: -COUNTS[item[0]][1]):
        operations, parameters, _ = COUNTS[name]
        place = 2 * operations / 1e9, result.accuracy
        axes.scatter(*place, s=2200 * parameters / largest, color=_color(name), alpha=0.55, edgecolors="black", lw=0.5)
        axes.plot(*place, "k.", markersize=2)
        shift, side = ASIDE.get(name, ((7, 5), "left"))
        axes.annotate(name, place, xytext=shift, textcoords="offset points", fontsize=7, ha=side)
    axes.set(xlabel="billion operations for one image (a multiply-add is two)", ylabel=f"top-1 accuracy, {where} (%)")
    axes.margins(x=0.12, y=0.12)
    axes.grid(alpha=0.3)


def _color(name: str) -> str:
    families = ("AlexNet", "ZFNet", "VGG", "NiN", "GoogLeNet", "Inception", "CIFAR", "ResNet", "DenseNet")
    place = next(i for i, family in enumerate(families) if name.startswith(family))
    return f"C{place}"
