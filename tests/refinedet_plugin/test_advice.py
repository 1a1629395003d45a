"""What is advised where a checkpoint does not fit: the keys with which it would."""

from __future__ import annotations

from pathlib import Path

import pytest

from refinedet_plugin.advice import advice
from refinedet_plugin.config import RefineDetConfig
from refinedet_plugin.plugin import RefineDetNetwork
from zoo_runner.errors import ExportError
from zoo_runner.plugin.interfaces import AdvisedNetwork

NARROW = RefineDetConfig(width=0.125, classes=("a", "b"))
PUBLISHED = {"vgg.0.weight": (64, 3, 3, 3), "vgg.31.weight": (1024, 512, 3, 3), "odm_conf.0.weight": (63, 256, 3, 3)}
SMALL = {"vgg.0.weight": (8, 3, 3, 3), "vgg.31.weight": (128, 64, 3, 3), "odm_conf.0.weight": (9, 32, 3, 3)}
WIDTH = "the file has width 1, the manifest 0.125: set plugin.config.width: 1"
CLASSES = "the file has 20 classes, the manifest 2: list 20 in plugin.config.classes"


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        pytest.param(SMALL, "", id="fits"),
        pytest.param(PUBLISHED, f"{WIDTH}; {CLASSES}", id="both"),
        pytest.param({**SMALL, "odm_conf.0.weight": (63, 32, 3, 3)}, CLASSES, id="classes"),
        pytest.param({**PUBLISHED, "odm_conf.0.weight": (9, 256, 3, 3)}, WIDTH, id="width"),
        pytest.param({"vgg.0.weight": (64, 3, 3, 3)}, WIDTH, id="only the first layer"),
        pytest.param({}, "", id="nothing"),
        pytest.param({"odm_conf.0.weight": (10, 32, 3, 3)}, "", id="no number of classes"),
        pytest.param({"odm_conf.0.weight": (3, 32, 3, 3)}, "", id="no class"),
        pytest.param({"vgg.0.weight": (128, 3, 3, 3)}, "", id="wider than published"),
        pytest.param({"vgg.0.weight": (), "odm_conf.0.weight": ()}, "", id="scalars"),
    ],
)
def test_advice(shapes: dict[str, tuple[int, ...]], expected: str) -> None:
    assert advice(NARROW, shapes) == expected


def test_it_ends_the_error_of_a_checkpoint_that_does_not_fit(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from zoo_runner.stages.export.checkpoint import load_checkpoint  # noqa: PLC0415 - needs torch

    network = RefineDetNetwork(NARROW)
    assert isinstance(network, AdvisedNetwork)
    other = RefineDetNetwork(RefineDetConfig(width=0.25, classes=("a", "b", "c"))).build()
    torch.save(other.state_dict(), tmp_path / "w.pth")
    with pytest.raises(ExportError) as caught:
        load_checkpoint(network.build(), tmp_path / "w.pth", None, network.advice)
    text = str(caught.value)
    assert text.endswith(
        "the file has width 0.25, the manifest 0.125: set plugin.config.width: 0.25; "
        "the file has 3 classes, the manifest 2: list 3 in plugin.config.classes"
    )
    assert len(text) < 1000
