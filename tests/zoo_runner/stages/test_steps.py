"""What a long stage is doing is shown where somebody shows it, and costs nothing where nobody does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from zoo_runner.stages.steps import shown_by, step


class Shown:
    def __init__(self) -> None:
        self.seen: list[tuple[str, int | None, str, int]] = []

    @contextmanager
    def track(self, label: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
        counts: list[int] = []
        yield counts.append
        self.seen.append((label, total, unit, sum(counts)))


def test_steps_are_shown_inside_and_not_after() -> None:
    outer, inner = Shown(), Shown()
    with step("before") as advance:
        advance(1)
    with shown_by(outer.track):
        with step("export: tracing"):
            pass
        with shown_by(inner.track), step("compare", 4, "outputs") as advance:
            advance(3)
        with step("export: simplifying"):
            pass
    with step("after"):
        pass
    assert outer.seen == [("export: tracing", None, "", 0), ("export: simplifying", None, "", 0)]
    assert inner.seen == [("compare", 4, "outputs", 3)]


def test_a_step_that_fails_leaves_nobody_shown() -> None:
    shown = Shown()
    with pytest.raises(ValueError, match="broken"), shown_by(shown.track), step("export"):
        raise ValueError("broken")
    with step("after"):
        pass
    assert shown.seen == []
