"""Entry points are read once for an import path."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any

from zoo_runner.plugin.registered import origin, points

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


def test_they_are_read_again_when_the_path_is_another(
    install: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    read = metadata.entry_points

    def counted(**wanted: Any) -> Any:
        asked.append(wanted["group"])
        return read(**wanted)

    monkeypatch.setattr(metadata, "entry_points", counted)
    before = points()
    assert points() == before
    install("registered-here", {"here": "here_plugin"}, {"here_plugin": ""})
    assert {point.name for point in points()} - {point.name for point in before} == {"here"}
    assert points() == points()
    assert len(asked) <= 2
    assert [origin(point) for point in points() if point.name == "here"] == ["registered-here 1.0"]
    assert [point.name for point in before] == sorted(point.name for point in before)


def test_one_that_no_distribution_has() -> None:
    assert origin(metadata.EntryPoint("a", "b", "zoo_runner")) == "unknown distribution"
