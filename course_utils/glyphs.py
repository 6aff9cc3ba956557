"""Characters drawn from Matplotlib's own fonts, turned, slanted and spoilt at random: images without a download."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

FONTS = (
    *(f"DejaVuSans{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSansMono{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-Italic", "-BoldItalic")),
    *(f"STIXGeneral{style}" for style in ("", "Bol", "Italic", "BolIta")),
    *("cmr10", "cmb10", "cmss10", "cmtt10"),
)
STENCIL = 48  # pixels along the side of a stencil
REACH = 1.3  # a stencil spans −REACH … REACH, in heights of the font's capitals
TURN, SLANT, SHIFT = 15.0, 0.2, 0.1  # at most: degrees, columns a row, part of the image's side
HEIGHTS = (0.5, 0.75)  # of a capital, part of the image's side
STRETCH = 0.15  # rows and columns are scaled by e^±STRETCH, each by itself
AWAY = 0.8  # from the image's middle to that of another character that reaches in, part of the side
INK, GROUND, NOISE = (0.6, 1.0), {1: 0.2, 3: 0.5}, 0.05  # ground: its brightest by number of channels
CHUNK = 256  # images drawn at a time, so that they stay in the cache


def check(count: int, size: int, channels: int, characters: str) -> None:
    """ValueError for what cannot be drawn."""
    if count < 7:
        raise ValueError(f"expected at least 7 images, so that each part has one, got {count}")
    if size < 8:
        raise ValueError(f"expected a side of at least 8 pixels, got {size}: letters are not legible below")
    if channels not in GROUND:
        raise ValueError(f"expected 1 or 3 channels, got {channels}")
    if not (characters.isascii() and characters.isalnum()) or len(set(characters.upper())) < len(characters):
        raise ValueError(f"expected letters from A to Z and digits, each once (a is A), got {characters!r}")


def draw(labels: np.ndarray, characters: str, size: int, channels: int, rng: np.random.Generator) -> np.ndarray:
    """One image a label: ``characters[label]`` as a capital or a small letter, in any font.

    Each is turned, slanted, scaled and moved, and a piece of another character may reach in from the edge. One channel
    is bright on dark; with three, ink and ground have any colour, and half the images are dark on bright.

    Parameters
    ----------
    labels : (N,), indices into ``characters``.
    size : side of an image, in pixels.
    channels : 1 or 3.

    Returns
    -------
    (N, channels, size, size) float32 in [0, 1].
    """
    stencils = _stencils(characters)
    images = np.empty((len(labels), channels, size, size), np.float32)
    for start in range(0, len(labels), CHUNK):
        ink = _ink(stencils, labels[start : start + CHUNK], size, rng)
        images[start : start + CHUNK] = _printed(ink, channels, rng)
    return images


@lru_cache(maxsize=4)
def _stencils(characters: str) -> np.ndarray:
    """Every character in every font, capital and small: (fonts, 2, characters, STENCIL, STENCIL)."""
    return np.stack([_font_stencils(font, characters.upper() + characters.lower()) for font in FONTS]).reshape(
        len(FONTS), 2, len(characters), STENCIL, STENCIL
    )


def _font_stencils(font: str, characters: str) -> list[np.ndarray]:
    """How much of each pixel a character covers, its middle in the middle: (STENCIL, STENCIL) float32 in [0, 1].

    The outlines are taken without hinting, so they do not depend on the version of FreeType.
    """
    import matplotlib
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    file = Path(matplotlib.get_data_path(), "fonts", "ttf", f"{font}.ttf")
    properties = FontProperties(fname=str(file))
    capital, *outlines = (TextPath((0, 0), c, size=100, prop=properties) for c in "H" + characters)
    low, high = _box(capital)
    scale = STENCIL / (2 * REACH * (high - low)[1])
    return [_filled(outline, scale) for outline in outlines]


def _box(outline: Any) -> tuple[np.ndarray, np.ndarray]:
    """The lower left and the upper right corner of an outline: (x, y) each."""
    points = np.concatenate(outline.to_polygons())
    return points.min(axis=0), points.max(axis=0)


def _filled(outline: Any, scale: float) -> np.ndarray:
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.transforms import Affine2D

    low, high = _box(outline)
    place = Affine2D().translate(*-(low + high) / 2).scale(scale).translate(STENCIL / 2, STENCIL / 2)
    renderer = RendererAgg(STENCIL, STENCIL, 72)
    pen = renderer.new_gc()
    pen.set_linewidth(0)
    renderer.draw_path(pen, outline, place, (0.0, 0.0, 0.0))
    return np.asarray(renderer.buffer_rgba())[:, :, 3] / np.float32(255)


def _ink(stencils: np.ndarray, labels: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """The characters, and pieces of others that reach in from the edge: (N, size, size) in [0, 1]."""
    count = len(labels)
    fonts, forms = rng.integers(0, len(stencils), count), rng.integers(0, 2, count)
    moved = rng.uniform(-SHIFT, SHIFT, (count, 2))
    ink = _placed(stencils[fonts, forms, labels], moved, size, rng)
    fonts, forms, others = (rng.integers(0, high, count) for high in stencils.shape[:3])
    angle = rng.uniform(0, 2 * np.pi, (count, 1))
    away = AWAY * np.concatenate([np.cos(angle), np.sin(angle)], axis=1)  # (N, 2): columns, rows
    return np.maximum(ink, _placed(stencils[fonts, forms, others], away, size, rng))


def _placed(stencils: np.ndarray, moved: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Stencils (N, S, S), turned, slanted, scaled, and moved by parts of the side (columns, rows): (N, size, size)."""
    import torch
    from torch.nn.functional import affine_grid, grid_sample

    count = len(stencils)
    turn, slant = np.deg2rad(rng.uniform(-TURN, TURN, count)), rng.uniform(-SLANT, SLANT, count)
    scale = rng.uniform(*HEIGHTS, (count, 1)) * np.exp(rng.uniform(-STRETCH, STRETCH, (count, 2)))
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]).transpose(2, 0, 1)
    shear = np.tile(np.eye(2), (count, 1, 1))
    shear[:, 0, 1] = slant
    back = np.linalg.inv(rotation @ shear * scale[:, None]) / (2 * REACH)  # (N, 2, 2), from the image to the stencil
    theta = np.concatenate([back, -2 * back @ moved[:, :, None]], axis=2)  # (N, 2, 3)
    grid = affine_grid(torch.from_numpy(theta).float(), [count, 1, size, size], align_corners=False)
    return grid_sample(torch.from_numpy(stencils)[:, None], grid, align_corners=False)[:, 0].numpy()


def _printed(ink: np.ndarray, channels: int, rng: np.random.Generator) -> np.ndarray:
    """Ink (N, H, W) on an uneven ground, with noise: (N, channels, H, W)."""
    count = len(ink)
    images = GROUND[channels] * _uneven((count, channels), ink.shape[1], rng)
    colour = rng.uniform(*INK, (count, channels, 1, 1)).astype(np.float32)
    images += ink[:, None] * (colour - images)
    if channels == 3:
        images = np.where(rng.random((count, 1, 1, 1)) < 0.5, images, 1 - images)
    images += NOISE * rng.standard_normal(images.shape, np.float32)
    return np.clip(images, 0, 1, out=images)


def _uneven(shape: tuple[int, int], size: int, rng: np.random.Generator) -> np.ndarray:
    """A ground that changes slowly: 3 × 3 random values, in between linear: (*shape, size, size)."""
    knots = rng.random((*shape, 3, 3), np.float32)
    weights = np.maximum(0, 1 - abs(np.linspace(0, 2, size)[:, None] - np.arange(3))).astype(np.float32)  # (size, 3)
    return weights @ knots @ weights.T
