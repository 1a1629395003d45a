"""One file for all batch sizes where the batch axis is open: what it is made for, and what it is called."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from zoo_runner.errors import StageError
from zoo_runner.manifest.atc import AtcOptions
from zoo_runner.plugin.conversion import Artifact
from zoo_runner.stages.convert.request import batch_made_for, given_model, made_for, model_name
from zoo_runner.stages.fetch.given_models import GivenModels

OM = Artifact(name="om", file="model.om", tool="atc")
FIXED: dict[str, Any] = {}
BATCHES: dict[str, Any] = {"dynamic_batch_size": (4, 16, 1)}
RANGE: dict[str, Any] = {"input_shape_range": {"length": (1, 8)}}


def recipe(atc: dict[str, Any]) -> Any:
    manifest = SimpleNamespace(atc=AtcOptions(**atc), outputs=(), inputs=(), input_specs=())
    return SimpleNamespace(manifest=manifest)


@pytest.mark.parametrize(
    ("atc", "batch", "made", "name"),
    [
        pytest.param(FIXED, 4, 4, "m_bs4.om", id="fixed"),
        pytest.param(BATCHES, 4, 16, "m.om", id="a gear, of which the greatest is not the last"),
        pytest.param(BATCHES, 16, 16, "m.om", id="the greatest gear"),
        pytest.param(RANGE, 4, 4, "m_bs4.om", id="other axes are open"),
    ],
)
def test_what_a_file_is_made_for_and_called(atc: dict[str, Any], batch: int, made: int, name: str) -> None:
    assert batch_made_for(recipe(atc), batch) == made
    assert model_name(made_for(recipe(atc), OM), "m", batch) == name


def test_one_file_of_a_folder_is_for_all_batch_sizes(tmp_path: Path) -> None:
    given, makes = GivenModels(shown=Path("pack"), path=tmp_path), made_for(recipe(BATCHES), OM)
    (tmp_path / "m.om").touch()
    assert given_model(given, makes, 1) == given_model(given, makes, 4) == tmp_path / "m.om"
    (tmp_path / "m_bs4.om").touch()
    text = (
        r"^--om pack: expected one \*\.om, for all batch sizes, found m\.om, m_bs4\.om; pack again with this manifest"
    )
    with pytest.raises(StageError, match=text):
        given_model(given, makes, 4)
