"""The scenes that the mAP's rules are noticed by; what each value follows from is said beside it."""

from __future__ import annotations

from typing import Final

from zoo_detection.mean_ap.canaries import Box, Found, Object, Scene

A: Final[Box] = (20, 20, 119, 119)
B: Final[Box] = (20, 220, 119, 319)
FAR: Final[Box] = (300, 20, 399, 119)
"""Boxes that share nothing."""
ROW: Final[tuple[Box, ...]] = tuple((30.0 * column, 20, 30.0 * column + 20, 119) for column in range(10))
"""Ten of them."""


def _object(box: Box, *, difficult: bool = False, image: int = 0) -> Object:
    return image, box, difficult


def _overlap(protocol: str, rule: str, true: Box, bottom: float, average: float) -> Scene:
    """One object, and one detection of it that is longer, or shorter, at the bottom."""
    found = (true[0], true[1], true[2], bottom)
    objects, detections = (_object(true),), ((0, 0.5, found),)
    return Scene(protocol=protocol, rule=rule, objects=objects, found=detections, eleven=average, area=average)


def _both(
    rule: str, objects: tuple[Object, ...], found: tuple[Found, ...], eleven: float, area: float
) -> tuple[Scene, ...]:
    """The same scene by both protocols, whose overlaps are 1, 0, or far from one half."""
    return tuple(
        Scene(protocol=protocol, rule=rule, objects=objects, found=found, eleven=eleven, area=area)
        for protocol in ("reference", "devkit")
    )


THIN: Final[Box] = (10, 10, 12, 110)
"""Two pixels wide by the reference, three by the devkit: one pixel to the side leaves an IoU of 0.33 and 0.49."""
SMALL: Final[Box] = (10, 10, 14, 14)
TEN: Final[Box] = (10, 10, 20, 20)
TEN_INSIDE: Final[Box] = (10, 10, 19, 19)
"""Ten pixels wide by the reference, and by the devkit."""

OVERLAPS: Final = (
    # The boxes lie on each other: IoU 1. A pixel to the side it is 99 / (200 + 200 - 99) = 0.33 by the reference, and
    # 2 * 100 / (303 + 303 - 200) = 0.49 by the devkit.
    _overlap("reference", "detections are shifted by +1 pixel and objects by -1", THIN, 110, 1.0),
    _overlap("devkit", "detections are shifted by +1 pixel and objects are not", THIN, 110, 1.0),
    # 4 * 4 / (4 * 8.1) = 0.494. With a pixel more of width and height: 25 / (5 * 9.1) = 0.549.
    _overlap("reference", "widths and heights are the differences of the corners, without + 1", SMALL, 18.1, 0.0),
    # 5 * 5 / (5 * 9.25) = 0.541. Without the pixel: 16 / (4 * 8.25) = 0.485.
    _overlap("devkit", "widths and heights are the differences of the corners + 1", SMALL, 18.25, 1.0),
    # 10 * 10 / (10 * 20), and 100 / 199 or, in sixteenths of a pixel, 100 / 199.375.
    _overlap("reference", "an IoU of exactly one half does not match", TEN, 30, 0.0),
    _overlap("reference", "an IoU just above one half matches", TEN, 29.9, 1.0),
    _overlap("devkit", "an IoU of exactly one half does not match", TEN_INSIDE, 29, 0.0),
    _overlap("devkit", "an IoU just above one half matches", TEN_INSIDE, 28.9375, 1.0),
    # 29.96 becomes 30.0: exactly one half. As it is: 100 / 199.6 = 0.501.
    _overlap("reference", "coordinates are rounded to one decimal", TEN, 29.96, 0.0),
    _overlap("devkit", "coordinates are not rounded", TEN_INSIDE, 28.96, 1.0),
)

EQUAL: Final[tuple[Found, ...]] = tuple((0, 0.5, A if place == 1 else FAR) for place in range(17))
"""Seventeen equal scores, of which the second is right. numpy before 1.25 puts it fifteenth:
0 14 13 12 11 10 9 15 8 6 5 4 3 2 1 7 16."""
MIXED: Final[tuple[Found, ...]] = tuple(
    (0, (place * place * 7919 % 1009 % 7 + 1) / 8, ROW[place // 30] if place % 30 == 0 else FAR) for place in range(300)
)
"""Three hundred detections with seven scores; one in thirty is right."""

CLOSE: Final[tuple[Found, ...]] = ((0, 0.5003, A), (0, 0.5004, FAR), (0, 0.303, FAR), (0, 0.304, B))

TIES: Final = (
    Scene(
        protocol="reference",
        rule="equal scores come in the order that numpy gave them before 1.25",
        objects=(_object(A),),
        found=EQUAL,
        eleven=1 / 15,
        area=1 / 15,
    ),
    Scene(
        protocol="devkit",
        rule="equal scores stay in the detector's order",
        objects=(_object(A),),
        found=EQUAL,
        eleven=1 / 2,
        area=1 / 2,
    ),
)

COUNTS: Final = (
    # Right, wrong, right. Precision is 1 up to a recall of 1/2, which six of eleven recalls are at, and 2/3 beyond.
    *_both(
        "voc07_map averages the precision at eleven recalls, voc10_map takes the area under the envelope",
        (_object(A), _object(B)),
        ((0, 0.9, A), (0, 0.8, FAR), (0, 0.7, B)),
        28 / 33,
        5 / 6,
    ),
    # Wrong, right, right: 1/2 at a recall of 1/2, 2/3 at 1, and so 2/3 everywhere.
    *_both(
        "the precision at a recall is the best at that recall or beyond",
        (_object(A), _object(B)),
        ((0, 0.9, FAR), (0, 0.8, A), (0, 0.7, B)),
        2 / 3,
        2 / 3,
    ),
    # Three of ten: 0.3 as a floating-point number, which is below 3 * 0.1. Three recalls are reached: 0, 0.1 and 0.2.
    *_both(
        "the eleven recalls are multiples of 0.1 in floating-point numbers, of which the fourth is above 0.3",
        tuple(map(_object, ROW)),
        tuple((0, 0.5 + column / 8, ROW[column]) for column in range(3)),
        3 / 11,
        3 / 10,
    ),
    # Twice a difficult object, wrong, right: a precision of 1/2 at a recall of 1. Were difficult ones counted, it
    # would be right, wrong, wrong, right with two objects; were they wrong, it would be 1/4.
    *_both(
        "a detection of a difficult object counts neither way, and the object is not counted",
        (_object(B, difficult=True), _object(A)),
        ((0, 0.9, B), (0, 0.8, B), (0, 0.7, FAR), (0, 0.6, A)),
        1 / 2,
        1 / 2,
    ),
    # Right, twice, right: as right, wrong, right above.
    *_both(
        "a second detection of an object is wrong",
        (_object(A), _object(B)),
        ((0, 0.9, A), (0, 0.8, A), (0, 0.7, B)),
        28 / 33,
        5 / 6,
    ),
    # The first detection overlaps the first object by 0.74 and the second one by 0.48; the second detection by 0.90 and
    # 0.74. One of two is found: six of eleven recalls.
    *_both(
        "a detection is given the object that it overlaps most, found before or not",
        (_object((20, 20, 120, 120)), _object((20, 40, 120, 140))),
        ((0, 0.9, (20, 5, 120, 105)), (0, 0.8, (20, 25, 120, 125))),
        6 / 11,
        1 / 2,
    ),
    # The difficult object comes first, so nothing that counts is found.
    *_both(
        "of equal overlaps the first object counts", (_object(A, difficult=True), _object(A)), ((0, 0.9, A),), 0.0, 0.0
    ),
    # Wrong, right: one of two is found at a precision of 1/2. Six of eleven recalls are reached.
    *_both(
        "a detection finds objects of its own image only, and counts whatever its score",
        (_object(A, image=1), _object(B)),
        ((0, 0.9, A), (0, 0.0004, B)),
        3 / 11,
        1 / 4,
    ),
    # The detection is ten times as wide as the object; what of it lies in the image is the object.
    *_both(
        "boxes are not clipped to the image",
        (_object((1, 20, 20, 119)),),
        ((0, 0.9, (-180, 20, 20, 119)),),
        0.0,
        0.0,
    ),
    *_both("a class without objects counts 0", (), ((0, 0.9, A),), 0.0, 0.0),
)

ROUNDED: Final = (
    # Rounded: two equal ones that stay in order, right and wrong, then 0.304, which is right, and 0.303. As they are:
    # wrong, right, right, wrong, which is 2/3 at each recall.
    Scene(
        protocol="reference",
        rule="scores are rounded to three decimals",
        objects=(_object(A), _object(B)),
        found=CLOSE,
        eleven=28 / 33,
        area=5 / 6,
    ),
    Scene(
        protocol="devkit",
        rule="scores are not rounded",
        objects=(_object(A), _object(B)),
        found=CLOSE,
        eleven=2 / 3,
        area=2 / 3,
    ),
)

MANY: Final = (
    # Counted one detection at a time, in tests/support/voc_loop.py; with numpy 1.24 as the plugin's own sort has it.
    Scene(
        protocol="reference",
        rule="many equal scores come in the order that numpy gave them before 1.25",
        objects=tuple(map(_object, ROW)),
        found=MIXED,
        eleven=0.03597147556544363,
        area=0.03599719455055942,
    ),
    Scene(
        protocol="devkit",
        rule="many equal scores stay in the detector's order",
        objects=tuple(map(_object, ROW)),
        found=MIXED,
        eleven=0.038112247280197964,
        area=0.03810991268618387,
    ),
)

EMPTY: Final = tuple(
    Scene(protocol=protocol, rule=f"{rule} counts {counts}", objects=objects, eleven=value, area=value)
    for protocol, counts, value in (("reference", "-100", -1.0), ("devkit", "0", 0.0))
    for rule, objects in (
        ("a class of which nothing was detected", (_object(A),)),
        ("a class without objects and detections", ()),
    )
)

SCENES: Final = (*OVERLAPS, *TIES, *COUNTS, *ROUNDED, *MANY, *EMPTY)
