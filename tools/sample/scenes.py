"""Procedural detection scenes: red and blue discs, boxes and triangles over clutter.

Three shapes in two colour families make six classes. The families mirror each other when
the first and last colour channel are exchanged, so a pipeline that confuses BGR with RGB
names the wrong class; green and yellow look-alikes make colour count as much as outline.

Inside this module pixel positions are 0-based with centres on whole numbers (the OpenCV
convention), sizes are (width, height); only :class:`SceneObject` has VOC's 1-based boxes.
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

    Colour = tuple[float, float, float]  # BGR from 0 to 255, or HSV with the hue in degrees
    Outline = NDArray[np.float32]  # N x 2 corners (x, y)

CLASSES: tuple[str, ...] = ("red_disc", "blue_disc", "red_box", "blue_box", "red_triangle", "blue_triangle")
SCENE_SIZES: tuple[tuple[int, int], ...] = ((400, 300), (300, 400), (375, 300), (360, 270), (320, 320))

_COUNT_SHARES = (0.16, 0.22, 0.22, 0.18, 0.13, 0.09)  # of scenes with 1, 2, ... 6 objects
_SIDES = (28.0, 200.0)  # pixels, drawn log-uniformly
_LARGEST_SHARE = 0.68  # of the scene's shorter side, so that a turned shape still fits
_TINY_SIDES = (12.0, 18.0)
_TINY_RATE = 0.03
_FAINT_RATE = 0.025
_HIDDEN_RATE = 0.17  # of scenes, in which one object may lose more than half its area
_TRUNCATED_RATE = 0.14
_EDGED_RATE = 0.4  # of shapes that carry a dark outline
_OCCLUDER_RATE = 0.15  # of objects, besides those meant to be hidden
_DIFFICULT_SIDE = 20  # pixels: a shorter box side than this makes an object difficult
_CLEAR_VISIBILITY = 0.5  # of its area inside the scene: an object with less is difficult
_KEPT_VISIBILITY = 0.6  # what ordinary objects keep
_LEAST_VISIBILITY = 0.3  # what an object meant to be hidden keeps
_LEAST_INSIDE = 0.55  # of a truncated shape's area that stays inside the scene
_TRIES = 12
_HALF = 127  # of 255: a pixel belongs to a shape that covers more of it
_SHIFT = 4  # OpenCV's sub-pixel bits for polygon vertices
_RED = ((-14, 0.62, 0.5), (14, 1.0, 1.0))  # lowest and highest hue (degrees), saturation, value
_NEUTRALS = (  # green, yellow, brown, grey
    ((90, 0.3, 0.3), (145, 0.9, 0.9)),
    ((46, 0.4, 0.6), (66, 0.95, 1.0)),
    ((28, 0.3, 0.25), (40, 0.6, 0.6)),
    ((0, 0, 0.1), (360, 0, 0.95)),
)
_DULL = ((25, 0.0, 0.25), (150, 0.3, 0.9))


def _ring(*radii: float) -> Outline:
    angles = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    return np.asarray(np.stack([np.sin(angles), -np.cos(angles)] * np.array(radii), axis=1), np.float32)


_SHAPES = (
    _ring(*[1.0] * 48),
    np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32),
    np.array([[0, -1], [1, 1], [-1, 1]], np.float32),
)
_ARM = np.array([[-1, -3], [1, -3], [1, -1], [3, -1], [3, 1], [1, 1]], np.float32) / 3
_DISTRACTORS = (_ring(*[1.1, 0.46] * 5), np.concatenate([_ARM, -_ARM]), *_SHAPES)


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
    """The part of a shape inside the scene, rasterised over the window it falls into."""

    window: tuple[slice, slice]
    coverage: NDArray[np.uint8]
    inside: NDArray[np.bool_]
    vertices: NDArray[np.int32]  # fixed point, relative to the window


@dataclass
class _Placed:
    """An object on the canvas; ``visible`` counts its pixels not yet painted over."""

    label: int
    box: tuple[int, int, int, int]
    area: int
    visible: int
    floor: float  # the visible share of its area it must keep
    faint: bool
    truncated: bool

    def annotated(self) -> SceneObject:
        small = min(self.box[2] - self.box[0], self.box[3] - self.box[1]) + 1 < _DIFFICULT_SIDE
        difficult = self.faint or small or self.visible < _CLEAR_VISIBILITY * self.area
        return SceneObject(self.label, self.box, difficult=difficult, truncated=self.truncated)


@dataclass
class _Canvas:
    """The picture being painted; ``owner`` holds 1 + the index of the object seen at a pixel."""

    size: tuple[int, int]
    image: NDArray[np.uint8]
    owner: NDArray[np.uint8]
    placed: list[_Placed] = field(default_factory=list)

    def claim(self, stamp: _Stamp, owner: int) -> bool:
        """Give the stamp's pixels to ``owner`` unless that hides too much of another object."""
        window = self.owner[stamp.window]
        lost = np.bincount(window[stamp.inside], minlength=len(self.placed) + 1).tolist()[1:]
        pairs = list(zip(self.placed, lost, strict=True))
        if any(count and item.visible - count < item.floor * item.area for item, count in pairs):
            return False
        for item, count in pairs:
            item.visible -= count
        window[stamp.inside] = owner
        return True


def draw_scene(seed: int) -> Scene:
    """Draw the scene that belongs to a seed.

    Args:
        seed: Any non-negative integer; equal seeds give equal scenes.

    Returns:
        A scene of 1 to 6 objects, at least one of them not difficult.
    """
    rng = np.random.default_rng(seed)
    size = SCENE_SIZES[rng.integers(len(SCENE_SIZES))]
    canvas = _Canvas(size, _background(rng, size), np.zeros(size[::-1], np.uint8))
    _add_clutter(rng, canvas)
    count = 1 + int(rng.choice(len(_COUNT_SHARES), p=_COUNT_SHARES))
    hidden = int(rng.integers(1, count)) if count > 1 and rng.random() < _HIDDEN_RATE else 0
    for index in range(count):
        _add_object(rng, canvas, plain=index == 0, hidden=index == hidden > 0)
    _add_occluders(rng, canvas)
    reach = int(rng.integers(2, 10))  # of the fine noise that a sensor adds to everything
    grain = rng.integers(0, 2 * reach + 1, size[::-1], np.uint8)
    return Scene(_with_grey(canvas.image, grain, -reach), tuple(item.annotated() for item in canvas.placed))


def _colour(rng: Generator, *ranges: tuple[Colour, Colour]) -> Colour:
    """Draw a BGR colour from one of the given HSV ranges."""
    hue, saturation, value = rng.uniform(*ranges[rng.integers(len(ranges))]).tolist()
    red, green, blue = colorsys.hsv_to_rgb(hue / 360 % 1, saturation, value * 255)
    return blue, green, red


def _with_grey(image: NDArray[np.uint8], grey: NDArray[np.uint8], offset: float) -> NDArray[np.uint8]:
    return np.asarray(cv2.addWeighted(image, 1, cv2.merge([grey, grey, grey]), 1, offset), np.uint8)


def _background(rng: Generator, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Blend two dull colours by a gradient and low-frequency noise."""
    first, second = _colour(rng, _DULL), _colour(rng, _DULL)
    slope = np.add.outer(np.linspace(0, rng.uniform(-1, 1), 5), np.linspace(0, 1, 6)) * rng.uniform(0.3, 1)
    mix = np.clip(slope + rng.uniform(-0.3, 0.3, slope.shape), 0, 1)[..., None]
    coarse = mix * first + (1 - mix) * second + rng.uniform(-10, 10, (*slope.shape, 3))
    smooth = cv2.resize(coarse.clip(0, 255).astype(np.uint8), size, interpolation=cv2.INTER_CUBIC)
    cell, depth = int(rng.integers(6, 15)), int(rng.integers(4, 28))
    wide = cv2.resize(rng.integers(0, depth, (size[1] // cell, size[0] // cell), np.uint8), size)
    return _with_grey(np.asarray(smooth, np.uint8), np.asarray(wide, np.uint8), -depth / 2)


def _posed(rng: Generator, shape: Outline, side: float) -> Outline:
    """Stretch, turn and scale a unit outline; the result's extents are centred on the origin."""
    stretch, turn = np.exp(rng.uniform(-0.17, 0.17)), rng.uniform(-0.3, 0.3)
    cosine, sine = np.cos(turn), np.sin(turn)
    matrix = np.array([[cosine * stretch, sine * stretch], [-sine / stretch, cosine / stretch]])
    points = shape @ (matrix * side / 2)
    return np.asarray(points - (points.max(axis=0) + points.min(axis=0)) / 2, np.float32)


def _stamp(polygon: Outline, size: tuple[int, int]) -> _Stamp | None:
    """Rasterise a polygon with smooth edges; None where no pixel of the scene belongs to it."""
    left, top = np.maximum(np.floor(polygon.min(axis=0)).astype(int) - 1, 0).tolist()
    right, bottom = np.minimum(np.ceil(polygon.max(axis=0)).astype(int) + 2, size).tolist()
    if right <= left or bottom <= top:
        return None
    coverage = np.zeros((bottom - top, right - left), np.uint8)
    vertices = np.rint((polygon - (left, top)) * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(coverage, [vertices], 255, cv2.LINE_AA, _SHIFT)
    inside = coverage > _HALF
    window = slice(top, bottom), slice(left, right)
    return _Stamp(window, coverage, inside, vertices) if inside.any() else None


def _paint(rng: Generator, canvas: _Canvas, stamp: _Stamp, colour: Colour) -> None:
    """Blend a shaded, mottled and sometimes outlined shape into the picture."""
    knots = rng.choice((2, 5))  # a plain gradient or a mottle
    shades = rng.uniform(0.72, 1.18, (knots, knots, 1)) * colour
    ink = cv2.resize(shades.clip(0, 255).astype(np.uint8), stamp.coverage.shape[::-1])
    if rng.random() < _EDGED_RATE:
        edge = (np.asarray(colour) * rng.uniform(0.35, 0.75)).tolist()
        cv2.polylines(ink, [stamp.vertices], isClosed=True, color=edge, thickness=2, shift=_SHIFT)
    alpha, under = stamp.coverage * np.float32(1 / 255), canvas.image[stamp.window]
    under[:] = cv2.blendLinear(ink, under, alpha, 1 - alpha)


def _add_clutter(rng: Generator, canvas: _Canvas) -> None:
    """Scatter lines, rings, dots and shapes that are of none of the classes."""
    for _ in range(rng.integers(3, 11)):
        start, end = rng.integers(0, canvas.size, (2, 2)).tolist()
        colour, thickness = _colour(rng, *_NEUTRALS), int(rng.integers(1, 5))
        kind = rng.integers(3)
        if kind == 0:
            cv2.line(canvas.image, start, end, colour, thickness, cv2.LINE_AA)
        elif kind == 1:
            axes, turn = rng.integers(6, 50, 2).tolist(), float(rng.uniform(0, 180))
            cv2.ellipse(canvas.image, start, axes, turn, 0, 360, colour, thickness, cv2.LINE_AA)
        else:
            cv2.circle(canvas.image, start, int(rng.integers(2, 10)), colour, -1, cv2.LINE_AA)
    for _ in range(rng.integers(4)):
        outline = _posed(rng, _DISTRACTORS[rng.integers(len(_DISTRACTORS))], rng.uniform(18, 90))
        stamp = _stamp(np.asarray(outline + rng.uniform(0, canvas.size), np.float32), canvas.size)
        if stamp is not None:
            _paint(rng, canvas, stamp, _colour(rng, *_NEUTRALS[:2]))


def _add_object(rng: Generator, canvas: _Canvas, *, plain: bool, hidden: bool) -> None:
    """Place an object (a plain one is not tiny, faint or cut), unless each try hides too much."""
    label = int(rng.integers(len(CLASSES)))
    tiny, faint = (not plain and rng.random() < rate for rate in (_TINY_RATE, _FAINT_RATE))
    low, high = _TINY_SIDES if tiny else (_SIDES[0], min(_SIDES[1], _LARGEST_SHARE * min(canvas.size)))
    for _ in range(_TRIES):
        outline = _posed(rng, _SHAPES[label // 2], float(np.exp(rng.uniform(np.log(low), np.log(high)))))
        cut = not plain and rng.random() < _TRUNCATED_RATE
        stamp = _stamp(_moved(rng, outline, canvas.size, cut=cut), canvas.size)
        if stamp is None or stamp.inside.sum() < _LEAST_INSIDE * cv2.contourArea(outline):
            continue
        if canvas.claim(stamp, len(canvas.placed) + 1):
            break
    else:
        return
    x, y, width, height = cv2.boundingRect(stamp.inside.view(np.uint8))
    xmin, ymin = stamp.window[1].start + x + 1, stamp.window[0].start + y + 1
    box, area = (xmin, ymin, xmin + width - 1, ymin + height - 1), int(stamp.inside.sum())
    floor = _LEAST_VISIBILITY if hidden else _KEPT_VISIBILITY
    canvas.placed.append(_Placed(label, box, area, area, floor, faint, cut))
    # Blue is red with its channels exchanged: see the module's introduction.
    colour = np.asarray(_colour(rng, _RED)[:: -1 if label % 2 else 1])
    if faint:
        colour = colour * 0.35 + canvas.image[stamp.window].mean(axis=(0, 1)) * 0.65
    _paint(rng, canvas, stamp, tuple(colour.tolist()))


def _moved(rng: Generator, outline: Outline, size: tuple[int, int], *, cut: bool) -> Outline:
    """Move an outline into the scene, or across one of its borders."""
    reach, limit = outline.max(axis=0) + 1, np.asarray(size) - 1
    centre = rng.uniform(reach, np.maximum(limit - reach, reach))
    if cut:
        axis = int(rng.integers(2))
        offset = reach[axis] * rng.uniform(0.0, 0.8)
        centre[axis] = rng.choice((offset, limit[axis] - offset))
    return np.asarray(outline + centre, np.float32)


def _add_occluders(rng: Generator, canvas: _Canvas) -> None:
    """Cover objects in part with dull discs and boxes, aimed at those meant to be hidden."""
    for item in canvas.placed:
        aimed = item.floor < _CLEAR_VISIBILITY
        tries = _TRIES if aimed else int(rng.random() < _OCCLUDER_RATE)
        low, high = np.asarray(item.box[:2]) - 1, np.asarray(item.box[2:])
        for _ in range(tries):
            share = rng.uniform(0.7, 1.0) if aimed else rng.uniform(0.25, 0.7)
            outline = _posed(rng, _SHAPES[rng.integers(2)], float(share * (high - low).max()))
            stamp = _stamp(np.asarray(outline + rng.uniform(low, high), np.float32), canvas.size)
            if stamp is not None and canvas.claim(stamp, 0):
                _paint(rng, canvas, stamp, _colour(rng, *_NEUTRALS))
            if item.visible < _CLEAR_VISIBILITY * item.area:
                break
