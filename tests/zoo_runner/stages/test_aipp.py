from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo_runner.aipp import aipp_text
from zoo_runner.artifacts import Store
from zoo_runner.errors import PluginError
from zoo_runner.interfaces import Normalisation
from zoo_runner.manifest.load import load
from zoo_runner.options import RunOptions
from zoo_runner.recipe import Recipe, resolve
from zoo_runner.stages.aipp import aipp_file, atc_options

SAMPLE = Path(__file__).parents[3] / "manifests" / "refinedet320-sample.yaml"
REFINEDET = Normalisation(mean=(123, 117, 104), scale=(1, 1, 1), swap_red_blue=True, height=320, width=320)


@pytest.fixture
def sample() -> Callable[..., Recipe]:
    """Resolve the sample manifest."""

    def resolved(*overrides: str) -> Recipe:
        return resolve(load(SAMPLE, overrides), RunOptions(output=Path("out")))

    return resolved


def test_the_file_for_refinedet(sample: Callable[..., Recipe], tmp_path: Path) -> None:
    path = aipp_file(sample("atc.aipp=auto"), tmp_path)
    assert path == tmp_path / "aipp.cfg"
    assert path.read_text(encoding="utf-8") == (
        "aipp_op {\n    aipp_mode: static\n    related_input_rank: 0\n    input_format: RGB888_U8\n"
        "    src_image_size_w: 320\n    src_image_size_h: 320\n    csc_switch: false\n    rbuv_swap_switch: true\n"
        "    mean_chn_0: 123\n    mean_chn_1: 117\n    mean_chn_2: 104\n"
        "    min_chn_0: 0.0\n    min_chn_1: 0.0\n    min_chn_2: 0.0\n"
        "    var_reci_chn_0: 1.0\n    var_reci_chn_1: 1.0\n    var_reci_chn_2: 1.0\n}\n"
    )


def test_conversion_is_given_the_file(sample: Callable[..., Recipe], tmp_path: Path) -> None:
    recipe, store = sample("atc.aipp=auto", "atc.flags={enable_small_channel: 1}"), Store(tmp_path)
    options = atc_options(recipe, store)
    assert options.insert_op_conf is not None
    assert Path(options.insert_op_conf).read_text(encoding="utf-8") == aipp_text(REFINEDET)
    assert options.aipp is None
    assert options.flags == {"enable_small_channel": 1}
    assert atc_options(recipe, store) == options


def test_without_aipp_nothing_is_written(sample: Callable[..., Recipe], tmp_path: Path) -> None:
    recipe = sample()
    assert atc_options(recipe, Store(tmp_path)) is recipe.manifest.atc
    with pytest.raises(PluginError, match=r"refinedet320-sample: expected atc\.aipp: auto, found none"):
        aipp_file(recipe, tmp_path)
    assert not list(tmp_path.iterdir())
