"""Samples that are files with a number."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo_runner.plugin.interfaces import Sample


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    (tmp_path / "data").mkdir()
    made = []
    for index in range(1, 12):
        path = tmp_path / "data" / f"{index}.txt"
        path.write_text(str(index * 1.5))
        made.append(Sample(index=index, id=f"s{index}", path=path))
    return made
