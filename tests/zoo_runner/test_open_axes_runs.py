"""Whole runs of a model whose samples have sizes of their own, on ONNX Runtime."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lab import Lab, redone
from sized_files import GRIDS
from zoo_runner.errors import ExitCode, ManifestError
from zoo_runner.job.options import Stage
from zoo_runner.report.model import Report

if TYPE_CHECKING:
    from tests.conftest import Listener

RANGE = (
    "atc.dynamic_image_size=[]",
    "atc.input_shape_range={height: [1, 8], width: [1, 12]}",
    "inputs.0.pad=null",
)
DIMS = (
    "atc.dynamic_image_size=[]",
    "atc.dynamic_dims=[{width: 8, height: 4}, {height: 8, width: 4}, {height: 8, width: 12}]",
)


@pytest.fixture
def run(
    sized_files: Path,
    sized_site: Path,
    tmp_path: Path,
    lab_store: Path,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Report]:
    """Run the manifest beside a copy of its files."""
    monkeypatch.syspath_prepend(sized_site)
    folder = tmp_path / "files"
    folder.symlink_to(sized_files)

    def run_there(*overrides: str, cache: Path = lab_store, **options: object) -> Report:
        lab = Lab(folder, cache, listener)
        return lab(*overrides, manifest="sized.yaml", **{"output": tmp_path / "out", **options})

    return run_there


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param((), id="gears"),
        pytest.param(("inputs.0.pad.at=start",), id="padded-in-front"),
        pytest.param(("inputs.0.pad.at=both",), id="padded-around"),
        pytest.param(DIMS, id="dims"),
        pytest.param(RANGE, id="range"),
        pytest.param(("infer.batch=1",), id="batch-1"),
        pytest.param(("infer.batch=5",), id="batch-5"),
        pytest.param(("infer.batch=64",), id="one-batch-a-gear"),
        pytest.param(("onnx.dynamic_batch=false", "benchmark.batch=[4]"), id="fixed-batch"),
        pytest.param(("onnx.exporter=dynamo", "onnx.opset=18"), id="dynamo"),
    ],
)
@pytest.mark.long_rows("dynamo", "batch-5", "one-batch-a-gear", "dims", "padded-in-front")
def test_every_place_is_found_whatever_the_padding(run: Callable[..., Report], overrides: tuple[str, ...]) -> None:
    report = run(*overrides)
    (metric,) = report.metrics
    assert (report.verdict.value, metric.value, metric.samples) == ("pass", 100.0, GRIDS)


def test_predictions_do_not_depend_on_how_samples_come_together(run: Callable[..., Report], tmp_path: Path) -> None:
    def predictions(*overrides: str) -> dict[str, np.ndarray]:
        run(*overrides)
        with np.load(tmp_path / "out" / "predictions.npz", allow_pickle=False) as found:
            return {name: found[name] for name in found.files}

    one, other = predictions("infer.batch=1"), predictions("infer.batch=7")
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("overrides", "kept"),
    [
        pytest.param((), True, id="nothing"),
        pytest.param(("inputs.0.pad.value=8",), False, id="padding"),
        pytest.param(("inputs.0.pad.at=start",), False, marks=pytest.mark.long, id="its-place"),
        pytest.param(("atc.dynamic_image_size=[[4, 8], [8, 12]]",), False, id="gears"),
        pytest.param(("benchmark.sizes={height: 8, width: 4}",), True, id="timed-sizes"),
    ],
)
@pytest.mark.long_rows("timed-sizes")
@pytest.mark.long_rows("nothing", "padding")
def test_what_shapes_the_inputs_is_in_the_key_of_predictions(
    run: Callable[..., Report], tmp_path: Path, overrides: tuple[str, ...], kept: bool
) -> None:
    run(cache=tmp_path / "cache")
    assert ("infer" not in redone(run(*overrides, cache=tmp_path / "cache"))) is kept


def test_the_run_says_which_gear_samples_went_to(run: Callable[..., Report], listener: Listener) -> None:
    run()
    text = (
        "samples by the sizes that the model is given: 9 at height 4, width 8; 9 at height 8, width 12; 6 at height 8"
    )
    assert any(text in line for line in listener.heard)


def test_the_model_is_timed_at_the_greatest_gear_unless_told_otherwise(run: Callable[..., Report]) -> None:
    (greatest,) = run().performance
    (told,) = run("benchmark.sizes={height: 8, width: 4}").performance
    assert (dict(greatest.sizes), dict(told.sizes)) == ({"height": 8, "width": 12}, {"height": 8, "width": 4})
    assert "height 8, width 12" in greatest.title


def test_inputs_are_written_as_the_model_takes_them(run: Callable[..., Report], tmp_path: Path) -> None:
    run(last=Stage.PREPROCESS)
    files = sorted((tmp_path / "out" / "inputs").rglob("*.bin"), key=lambda path: path.name)
    sizes = [path.stat().st_size for path in files]
    assert sizes == [4 * cells for cells in (32, 32, 96, 32, 96, 32, 32, 96)] * 3


def test_result_files_are_scored_by_the_sizes_they_were_made_at(run: Callable[..., Report]) -> None:
    run(last=Stage.INFER)
    report = run(first=Stage.POSTPROCESS)
    assert (report.verdict.value, report.metrics[0].value) == ("pass", 100.0)
    report = run("atc.dynamic_image_size=[[8, 4], [8, 12], [4, 9]]", first=Stage.POSTPROCESS)
    assert (report.verdict.value, report.exit_code) == ("error", ExitCode.STAGE_FAILED)
    assert "expected results of this manifest" in "\n".join(report.why)


@pytest.mark.parametrize(
    ("overrides", "code", "message"),
    [
        pytest.param(
            ("atc.dynamic_image_size=[[4, 8], [8, 4]]",),
            ExitCode.STAGE_FAILED,
            r"sample '02_2_10': expected a gear that holds height 8, width 12, found height 4, width 8; height 8, "
            r"width 4; add a gear, or let the preprocessing make it smaller",
            id="too-large",
        ),
        pytest.param(
            ("inputs.0.pad=null",),
            ExitCode.STAGE_FAILED,
            r"sample '03_0_1': expected a gear that is just height 3, width 7, found height 4, width 8; height 8, "
            r"width 4; height 8, width 12; give its inputs pad",
            id="not-padded",
        ),
        pytest.param(
            (*RANGE[:1], "atc.input_shape_range={height: [2, 8], width: [2, 12]}", *RANGE[2:]),
            ExitCode.STAGE_FAILED,
            r"sample '06_0_0': expected height from 2 to 8, as atc.input_shape_range has it, found 1; widen the range",
            id="out-of-range",
        ),
        pytest.param(
            (
                RANGE[0],
                "atc.input_shape_range={height: [1, 9], width: [1, 13]}",
                RANGE[2],
                "outputs.1.most.area=117",
                "plugin.config.wrong=width",
            ),
            ExitCode.USAGE,
            r"inputs of sample '00_0_0': expected grid float32\[1, 4, 9\], found grid float32\[1, 4, 8\]",
            id="sizes-that-are-wrong",
        ),
        pytest.param(
            ("outputs.1.most.area=95",),
            ExitCode.STAGE_FAILED,
            r"an output: expected places float32\[\d, 95, 2\], found places float32\[\d, 96, 2\]",
            id="more-than-most",
        ),
        pytest.param(
            ("plugin.config.baked=true",),
            ExitCode.STAGE_FAILED,
            r"^the exported model is not usable: an output of .*: expected places float32\[3, area, 2\], found",
            id="sizes-baked-in",
        ),
    ],
)
def test_what_is_refused(run: Callable[..., Report], overrides: tuple[str, ...], code: ExitCode, message: str) -> None:
    report = run(*overrides)
    assert (report.verdict.value, report.exit_code) == ("error", code)
    assert re.search(message, "\n".join(report.why))


def test_a_plugin_that_does_not_tell_sizes(run: Callable[..., Report], monkeypatch: pytest.MonkeyPatch) -> None:
    import sized_plugin  # type: ignore[import-not-found] # noqa: PLC0415 - on the path of this test only

    monkeypatch.delattr(sized_plugin.SizedPreprocess, "sizes")
    with pytest.raises(
        ManifestError,
        match=r"inputs\.0\.shape: the preprocessing of plugin 'sized' does not say the sizes of height, width: it has "
        r"no sizes \(see SizedPreprocess in zoo_runner\.plugin\.sized\); use a fixed shape$",
    ):
        run()
