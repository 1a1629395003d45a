"""Procedural detection scenes: red and blue discs, boxes and triangles over clutter.

Three shapes in two colour families make six classes. The two families mirror each
other when the first and last colour channel are exchanged, so a pipeline that confuses
BGR with RGB names the wrong class, and grey, green and yellow look-alikes make a
detector rely on colour as well as on outline.

All pixel positions inside this module are 0-based with centres on whole numbers
(the OpenCV convention); only :class:`SceneObject` carries VOC's 1-based boxes.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

CLASSES: tuple[str, ...] = (
    "red_disc",
    "blue_disc",
    "red_box",
    "blue_box",
    "red_triangle",
    "blue_triangle",
)

SCENE_SIZES: tuple[tuple[int, int], ...] = ((400, 300), (300, 400), (375, 300), (360, 270), (320, 320))
"""Every (width, height) a scene may have, in pixels."""

_COUNT_SHARES = (0.16, 0.22, 0.22, 0.18, 0.13, 0.09)  # of scenes with 1, 2, ... 6 objects
_SIDES = (28.0, 200.0)  # pixels, drawn log-uniformly
_LARGEST_SHARE = 0.68  # of the scene's shorter side, so that a turned shape still fits
_TINY_SIDES = (12.0, 18.0)
_TINY_RATE = 0.035
_FAINT_RATE = 0.03
_HIDDEN_RATE = 0.16  # of scenes, in which one object may lose more than half its area
_TRUNCATED_RATE = 0.14
_DIFFICULT_SIDE = 20  # pixels: a shorter box side than this makes an object difficult
_CLEAR_VISIBILITY = 0.5
_LEAST_VISIBILITY = 0.3
_LEAST_INSIDE = 0.55  # of a truncated shape's area that stays inside the scene
_TRIES = 12
_HALF = 127  # a pixel belongs to a shape that covers more than this of its 255 parts
_EVEN = 0.5
_EDGED_RATE = 0.4  # of shapes that carry a dark outline
_OCCLUDER_RATE = 0.15  # of objects, besides those meant to be hidden
_SHIFT = 4  # OpenCV's sub-pixel bits for polygon vertices


@dataclass(frozen=True)
class SceneObject:
    """One annotated object.

    Attributes:
        label: 0-based index into :data:`CLASSES`.
        box: ``(xmin, ymin, xmax, ymax)`` in VOC's 1-based inclusive pixels: the extents of
            the whole shape, occluded parts included, clipped to the image.
        difficult: Whether it is mostly occluded, tiny or of low contrast.
        truncated: Whether part of the shape lies outside the image.
    """

    label: int
    box: tuple[int, int, int, int]
    difficult: bool
    truncated: bool


@dataclass(frozen=True)
class Scene:
    """An image, uint8 HWC in BGR order, with the objects in it."""

    image: NDArray[np.uint8]
    objects: tuple[SceneObject, ...]


@dataclass(frozen=True)
class _Stamp:
    """A shape's coverage (uint8, 0 to 255) with its top-left pixel on the canvas."""

    x: int
    y: int
    coverage: NDArray[np.uint8]
    polygon: NDArray[np.float32]  # relative to (x, y)

    def window(self) -> tuple[slice, slice]:
        height, width = self.coverage.shape
        return slice(self.y, self.y + height), slice(self.x, self.x + width)


@dataclass
class _Placed:
    """An object on the canvas; ``visible`` counts its pixels not yet painted over."""

    label: int
    box: tuple[int, int, int, int]
    area: int
    visible: int
    floor: float  # the visible share it must keep
    faint: bool
    truncated: bool


@dataclass
class _Canvas:
    """The picture being painted; ``owner`` holds 1 + the index of the object seen at a pixel."""

    image: NDArray[np.uint8]
    owner: NDArray[np.uint8]
    placed: list[_Placed] = field(default_factory=list)

    def claim(self, stamp: _Stamp, owner: int) -> bool:
        """Give the stamp's pixels to ``owner`` unless that hides too much of another object."""
        window = self.owner[stamp.window()]
        inside = stamp.coverage > _HALF
        lost = np.bincount(window[inside], minlength=len(self.placed) + 1)[1:]
        for item, count in zip(self.placed, lost.tolist(), strict=True):
            if count and item.visible - count < item.floor * item.area:
                return False
        for item, count in zip(self.placed, lost.tolist(), strict=True):
            item.visible -= count
        window[inside] = owner
        return True


def draw_scene(seed: int) -> Scene:
    """Draw the scene that belongs to a seed.

    Args:
        seed: Any non-negative integer; equal seeds give equal scenes.

    Returns:
        A scene of 1 to 6 objects, at least one of them not difficult.
    """
    rng = np.random.default_rng(seed)
    width, height = SCENE_SIZES[rng.integers(len(SCENE_SIZES))]
    canvas = _Canvas(_background(rng, width, height), np.zeros((height, width), np.uint8))
    _add_clutter(rng, canvas)
    count = 1 + int(rng.choice(len(_COUNT_SHARES), p=_COUNT_SHARES))
    hidden = int(rng.integers(1, count)) if count > 1 and rng.random() < _HIDDEN_RATE else 0
    for index in range(count):
        _add_object(rng, canvas, plain=index == 0, hidden=index == hidden > 0)
    _add_occluders(rng, canvas)
    image = _with_grain(rng, canvas.image)
    return Scene(image, tuple(_annotated(item) for item in canvas.placed))


def _annotated(item: _Placed) -> SceneObject:
    xmin, ymin, xmax, ymax = item.box
    small = min(xmax - xmin, ymax - ymin) + 1 < _DIFFICULT_SIDE
    difficult = item.faint or small or item.visible < _CLEAR_VISIBILITY * item.area
    return SceneObject(item.label, item.box, difficult=difficult, truncated=item.truncated)


# --- outlines ---------------------------------------------------------------------------


def _disc() -> NDArray[np.float32]:
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def _star() -> NDArray[np.float32]:
    angles = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    return (_ring(angles) * np.where(np.arange(10) % 2, 0.42, 1.1)[:, None]).astype(np.float32)


def _ring(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.sin(angles), -np.cos(angles)], axis=1)


_SHAPES: tuple[NDArray[np.float32], ...] = (
    _disc(),
    np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32),
    np.array([[0, -1], [1, 1], [-1, 1]], np.float32),
)
_CROSS = np.array([[-1, -3], [1, -3], [1, -1], [3, -1], [3, 1], [1, 1]], np.float32) / 3
_DISTRACTORS: tuple[NDArray[np.float32], ...] = (_star(), np.concatenate([_CROSS, -_CROSS]), *_SHAPES)


def _posed(rng: Generator, shape: NDArray[np.float32], side: float) -> NDArray[np.float32]:
    """Stretch, turn and scale a unit outline; the result is centred on the origin."""
    stretch = np.exp(rng.uniform(-0.17, 0.17))
    turn = rng.uniform(-0.3, 0.3)
    cosine, sine = np.cos(turn), np.sin(turn)
    matrix = np.array([[cosine * stretch, sine * stretch], [-sine / stretch, cosine / stretch]])
    points = shape @ (matrix * side / 2)
    return np.asarray(points - (points.max(axis=0) + points.min(axis=0)) / 2, np.float32)


def _stamp(polygon: NDArray[np.float32], width: int, height: int) -> _Stamp | None:
    """Rasterise the part of a polygon inside the scene; None where nothing is."""
    low = np.maximum(np.floor(polygon.min(axis=0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(polygon.max(axis=0)).astype(int) + 2, (width, height))
    if (high <= low).any():
        return None
    coverage = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    local = (polygon - low).astype(np.float32)
    cv2.fillPoly(coverage, [_fixed_point(local)], 255, cv2.LINE_AA, _SHIFT)
    return _Stamp(int(low[0]), int(low[1]), coverage, local)


def _fixed_point(polygon: NDArray[np.float32]) -> NDArray[np.int32]:
    return np.rint(polygon * (1 << _SHIFT)).astype(np.int32)


# --- colours and paint ------------------------------------------------------------------


def _bgr(hue: float, saturation: float, value: float) -> tuple[float, float, float]:
    red, green, blue = colorsys.hsv_to_rgb(hue / 360 % 1, saturation, value)
    return blue * 255, green * 255, red * 255


def _family_colour(rng: Generator, *, blue: bool) -> tuple[float, float, float]:
    """Draw a red, or its mirror image: hue 240 - h is hue h with two channels exchanged."""
    hue = rng.uniform(-14, 14)
    return _bgr(240 - hue if blue else hue, rng.uniform(0.62, 1.0), rng.uniform(0.5, 1.0))


def _neutral_colour(rng: Generator, *, vivid: bool = False) -> tuple[float, float, float]:
    """Draw a grey, green, yellow or brown."""
    kind = rng.integers(1, 3) if vivid else rng.integers(4)
    if kind == 0:
        return _bgr(0, 0, rng.uniform(0.1, 0.95))
    if kind == 1:
        return _bgr(rng.uniform(90, 145), rng.uniform(0.3, 0.9), rng.uniform(0.3, 0.9))
    if kind == 2:  # noqa: PLR2004 - third entry of the palette in the docstring
        return _bgr(rng.uniform(46, 66), rng.uniform(0.4, 0.95), rng.uniform(0.6, 1.0))
    return _bgr(rng.uniform(28, 40), rng.uniform(0.3, 0.6), rng.uniform(0.25, 0.6))


def _paint(rng: Generator, canvas: _Canvas, stamp: _Stamp, colour: tuple[float, float, float]) -> None:
    """Blend a shaded, slightly mottled and sometimes outlined shape into the picture."""
    height, width = stamp.coverage.shape
    knots = 2 if rng.random() < _EVEN else 5  # a plain gradient or a mottle
    corners = rng.uniform(0.72, 1.18, (knots, knots))
    shade = cv2.resize(corners.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    ink = shade[:, :, None] * np.asarray(colour, np.float32)
    if rng.random() < _EDGED_RATE:
        edge = np.asarray(colour) * rng.uniform(0.35, 0.75)
        points = _fixed_point(stamp.polygon)
        cv2.polylines(ink, [points], True, edge.tolist(), int(rng.integers(1, 4)), cv2.LINE_AA, _SHIFT)  # noqa: FBT003 - OpenCV's positional isClosed
    under = canvas.image[stamp.window()]
    alpha = stamp.coverage[:, :, None] * np.float32(1 / 255)
    under[:] = np.clip(under + (ink - under) * alpha, 0, 255)


def _background(rng: Generator, width: int, height: int) -> NDArray[np.uint8]:
    """Blend two dull colours by a gradient and low-frequency noise."""
    ends = [_bgr(rng.uniform(25, 150), rng.uniform(0, 0.3), rng.uniform(0.25, 0.9)) for _ in range(2)]
    rows, columns = 5, 6
    slope = np.add.outer(np.linspace(0, 1, rows) * rng.uniform(-1, 1), np.linspace(0, 1, columns))
    mix = np.clip(slope * rng.uniform(0.3, 1) + rng.uniform(-0.3, 0.3, (rows, columns)), 0, 1)[..., None]
    coarse = mix * ends[0] + (1 - mix) * ends[1] + rng.uniform(-10, 10, (rows, columns, 3))
    smooth = cv2.resize(
        np.clip(coarse, 0, 255).astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC
    )
    cell = int(rng.integers(6, 15))
    depth = int(rng.integers(4, 28))
    mottle = rng.integers(0, depth, (height // cell, width // cell), np.uint8)
    wide = cv2.resize(mottle, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.addWeighted(smooth, 1, cv2.merge([wide, wide, wide]), 1, -depth / 2), np.uint8)


def _with_grain(rng: Generator, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Add fine grey noise over everything, as a sensor does."""
    reach = int(rng.integers(2, 10))
    grain = rng.integers(0, 2 * reach + 1, image.shape[:2], np.uint8)
    return np.asarray(cv2.addWeighted(image, 1, cv2.merge([grain, grain, grain]), 1, -reach), np.uint8)


# --- what goes into a scene -------------------------------------------------------------


def _add_clutter(rng: Generator, canvas: _Canvas) -> None:
    height, width = canvas.image.shape[:2]
    for _ in range(rng.integers(3, 11)):
        start, end = (tuple(rng.integers(0, (width, height)).tolist()) for _ in range(2))
        colour = _neutral_colour(rng)
        thickness = int(rng.integers(1, 5))
        kind = rng.integers(3)
        if kind == 0:
            cv2.line(canvas.image, start, end, colour, thickness, cv2.LINE_AA)
        elif kind == 1:
            axes = tuple(rng.integers(6, 50, 2).tolist())
            turn = float(rng.uniform(0, 180))
            cv2.ellipse(canvas.image, start, axes, turn, 0, 360, colour, thickness, cv2.LINE_AA)
        else:
            cv2.circle(canvas.image, start, int(rng.integers(2, 10)), colour, -1, cv2.LINE_AA)
    for _ in range(rng.integers(4)):
        shape = _DISTRACTORS[rng.integers(len(_DISTRACTORS))]
        polygon = _posed(rng, shape, rng.uniform(18, 90)) + rng.uniform(0, (width, height))
        stamp = _stamp(polygon.astype(np.float32), width, height)
        if stamp is not None:
            _paint(rng, canvas, stamp, _neutral_colour(rng, vivid=True))


def _add_object(rng: Generator, canvas: _Canvas, *, plain: bool, hidden: bool) -> None:
    """Place one object, or none where every try hid too much of another.

    A plain object is neither tiny, faint nor truncated, which keeps every scene usable.
    """
    height, width = canvas.image.shape[:2]
    label = int(rng.integers(len(CLASSES)))
    tiny = not plain and rng.random() < _TINY_RATE
    faint = not plain and rng.random() < _FAINT_RATE
    low, high = _TINY_SIDES if tiny else (_SIDES[0], min(_SIDES[1], _LARGEST_SHARE * min(width, height)))
    for _ in range(_TRIES):
        outline = _posed(rng, _SHAPES[label // 2], float(np.exp(rng.uniform(np.log(low), np.log(high)))))
        cut = not plain and rng.random() < _TRUNCATED_RATE
        polygon = outline + _centre(rng, outline, (width, height), cut=cut)
        stamp = _stamp(polygon, width, height)
        if stamp is None:
            continue
        inside = (stamp.coverage > _HALF).view(np.uint8)
        box, area = cv2.boundingRect(inside), int(np.count_nonzero(inside))
        if area < _LEAST_INSIDE * cv2.contourArea(outline) or not canvas.claim(stamp, len(canvas.placed) + 1):
            continue
        break
    else:
        return
    xmin, ymin = stamp.x + box[0] + 1, stamp.y + box[1] + 1
    floor = _LEAST_VISIBILITY if hidden else _CLEAR_VISIBILITY
    edges = (xmin, ymin, xmin + box[2] - 1, ymin + box[3] - 1)
    canvas.placed.append(_Placed(label, edges, area, area, floor, faint, cut))
    colour = np.asarray(_family_colour(rng, blue=label % 2 == 1))
    if faint:
        colour = colour * 0.35 + canvas.image[stamp.window()].mean(axis=(0, 1)) * 0.65
    _paint(rng, canvas, stamp, tuple(colour.tolist()))


def _centre(
    rng: Generator, outline: NDArray[np.float32], size: tuple[int, int], *, cut: bool
) -> NDArray[np.float32]:
    """Choose where an outline goes: inside the scene, or across one of its borders."""
    reach = outline.max(axis=0) + 1
    limit = np.asarray(size) - 1
    centre = rng.uniform(np.minimum(reach, limit / 2), np.maximum(limit - reach, limit / 2))
    if cut:
        axis = int(rng.integers(2))
        offset = reach[axis] * rng.uniform(0.0, 0.8)
        centre[axis] = offset if rng.random() < _EVEN else limit[axis] - offset
    return np.asarray(centre, np.float32)


def _add_occluders(rng: Generator, canvas: _Canvas) -> None:
    """Cover objects in part with dull boxes and leaves; an object meant to be hidden is aimed at."""
    height, width = canvas.image.shape[:2]
    for item in canvas.placed:
        aimed = item.floor < _CLEAR_VISIBILITY
        if not aimed and rng.random() >= _OCCLUDER_RATE:
            continue
        low, high = np.asarray(item.box[:2]) - 1, np.asarray(item.box[2:]) - 1
        for _ in range(_TRIES if aimed else 2):
            share = rng.uniform(0.7, 1.0) if aimed else rng.uniform(0.25, 0.7)
            outline = _posed(rng, _SHAPES[rng.integers(2)], float(share * (high - low + 1).max()))
            stamp = _stamp((outline + rng.uniform(low, high)).astype(np.float32), width, height)
            if stamp is not None and canvas.claim(stamp, 0):
                _paint(rng, canvas, stamp, _neutral_colour(rng))
            if not aimed or item.visible < _CLEAR_VISIBILITY * item.area:
                break
