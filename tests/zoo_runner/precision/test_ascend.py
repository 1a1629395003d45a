"""Chips and operators by Ascend's names."""

from __future__ import annotations

import pytest

from zoo_runner.precision.ascend import Overflow, ascend_type, family_of, halves_only, overflow_rules

BOTH = (Overflow.INF, Overflow.SATURATING)
ROWS = [
    ("", "", BOTH, True),
    ("a new one", "", BOTH, True),
    ("Ascend910B", "", BOTH, True),  # the older 910, or the newer 910B: nobody can tell
    ("310", "310", (Overflow.SATURATING,), True),
    ("Ascend310P3", "310P", (Overflow.SATURATING,), True),
    ("310B1", "310B", (Overflow.SATURATING,), True),
    ("Ascend910A", "910", (Overflow.SATURATING,), True),
    ("910ProB", "910", (Overflow.SATURATING,), True),
    ("Ascend910B4", "910B", (Overflow.INF,), False),
    ("910B2C", "910B", (Overflow.INF,), False),
    ("Ascend910_9382", "A3", (Overflow.INF,), False),
]


@pytest.mark.parametrize(("chip", "family", "rules", "halves"), ROWS, ids=[row[0] or "unknown" for row in ROWS])
def test_chips(chip: str, family: str, rules: tuple[Overflow, ...], halves: bool) -> None:
    assert (family_of(chip), overflow_rules(chip), halves_only(chip)) == (family, rules, halves)


def test_operators_have_other_names_or_their_own() -> None:
    assert [ascend_type(name) for name in ("Div", "Softmax", "Conv", "ReduceSum", "Pow")] == [
        "RealDiv",
        "SoftmaxV2",
        "Conv2D",
        "ReduceSumD",
        "Pow",
    ]
