"""Whole runs of a model whose samples are utterances, on ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab import Lab
from speech_files import ROWS, UTTERANCES, write_files, write_site
from zoo_runner.errors import ExitCode, ManifestError, PluginError
from zoo_runner.job.options import Stage
from zoo_runner.report.model import Report

if TYPE_CHECKING:
    from tests.conftest import Listener

GROUPED = "plugin.config.grouped=true"
GAIN = (
    "plugin.config.gain=true",
    "inputs=[{name: signal, shape: [batch, 4]}, {name: gain, dtype: int32, shape: [batch, 1]}]",
)
TABLE = (
    "plugin.config.table=true",
    "inputs=[{name: table, shape: [2, 4]}, {name: signal, shape: [batch, 4]}]",
    "outputs=[{name: scores, shape: [batch, 4]}, {name: rows, shape: [2, 4]}, {name: loudest, shape: []}]",
)
PARTS = "plugin.config.parts=[preprocess, postprocess]"
ONE = ("onnx.dynamic_batch=false", "infer.batch=1")


@pytest.fixture(scope="module")
def speech_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_site(tmp_path_factory.mktemp("speech-site"))


@pytest.fixture(scope="module")
def speech_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("speech") / "files")


@pytest.fixture
def run(
    speech_files: Path,
    speech_site: Path,
    tmp_path: Path,
    lab_store: Path,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Report]:
    """Run the manifest beside a copy of its files."""
    monkeypatch.syspath_prepend(speech_site)
    (tmp_path / "files").symlink_to(speech_files)

    def run_there(*overrides: str, cache: Path = lab_store, **options: object) -> Report:
        lab = Lab(tmp_path / "files", cache, listener)
        return lab(*overrides, manifest="speech.yaml", **{"output": tmp_path / "out", **options})

    return run_there


def test_groups_are_drawn_chosen_and_compared_as_one(
    run: Callable[..., Report], tmp_path: Path, listener: Listener
) -> None:
    alone = run(output=tmp_path / "alone")
    found = run(GROUPED, baseline=tmp_path / "alone")
    assert (found.verdict.value, found.noun) == ("pass", "utterances")
    (metric,) = found.metrics
    assert (metric.samples, metric.dataset_samples, metric.groups) == (UTTERANCES, UTTERANCES, 6)
    (plain,) = alone.metrics
    assert plain.groups is None
    assert metric.interval is not None
    assert plain.interval is not None
    assert metric.value == plain.value
    assert metric.interval.high - metric.interval.low > 1.5 * (plain.interval.high - plain.interval.low)
    assert metric.smallest_drop is not None
    assert plain.smallest_drop is not None
    assert metric.smallest_drop > 1.5 * plain.smallest_drop

    part = run(GROUPED, limit=2)  # of two speakers of whom four utterances lie far apart
    assert part.metrics[0].why == "only 8 of 24 utterances were scored; run without --limit"
    assert part.metrics[0].groups == 2
    subset = "subsets={odd: {every: 3, offset: 1, expected: {value: 100, tolerance: {abs: 0.5}}}}"
    odd = run(GROUPED, subset, subset="odd")
    assert (odd.verdict.value, odd.metrics[0].samples, odd.metrics[0].groups) == ("pass", 8, 2)

    one = run(GROUPED, "expected.accuracy.rule=interval", limit=1)
    assert (one.metrics[0].interval, one.metrics[0].groups) == (None, 1)
    text = "the metric has no interval: everything that was scored is in one group, and groups are what is drawn from"
    assert text in one.warnings
    assert "utterances" in " ".join(listener.heard)

    single = subset.replace("every: 3, offset: 1", "every: 6").replace("value", "rule: paired, value")
    run(GROUPED, single, subset="odd", output=tmp_path / "before")
    paired = run(GROUPED, single, subset="odd", baseline=tmp_path / "before")
    assert (paired.verdict.value, paired.metrics[0].groups) == ("inconclusive", 1)
    assert paired.metrics[0].why.startswith("the difference has no interval: everything that was scored is in one")

    beyond = run(GROUPED, subset.replace("every: 3, offset: 1", "every: 10, offset: 6"), subset="odd")
    text = "--subset odd: expected an offset below 6, as subsets count groups of the data set, found 6"
    assert (beyond.exit_code, beyond.why) == (ExitCode.STAGE_FAILED, (text,))


def test_inputs_of_two_types(run: Callable[..., Report], tmp_path: Path) -> None:
    assert run(*GAIN).metrics[0].verdict.value == "pass"
    run(*GAIN, last=Stage.PREPROCESS)
    sizes = {path.name: len([*path.iterdir()]) for path in (tmp_path / "out" / "inputs").iterdir()}
    assert sizes == {"gain": UTTERANCES, "signal": UTTERANCES}
    run(*GAIN, last=Stage.INFER)
    results = tmp_path / "out" / "results"
    assert run(*GAIN, first=Stage.POSTPROCESS, results=results, output=tmp_path / "other").metrics[0].verdict == "pass"


def test_tensors_without_a_batch_axis(run: Callable[..., Report], tmp_path: Path) -> None:
    found = run(*TABLE, *ONE)
    assert (found.verdict.value, len(found.performance)) == ("pass", 1)
    run(*TABLE, *ONE, last=Stage.INFER)
    results = tmp_path / "out" / "results"
    other = run(*TABLE, *ONE, first=Stage.POSTPROCESS, results=results, output=tmp_path / "other")
    assert other.metrics[0].verdict == "pass"


WHY = "as inputs.0 has no batch axis ([2, 4]): nothing says which part of it is of which sample"


@pytest.mark.parametrize(
    ("given", "options", "text"),
    [
        pytest.param(("infer.batch=4",), {}, f"infer.batch: expected 1, {WHY}, found 4", id="batch"),
        pytest.param((), {"batch_size": 2}, f"infer.batch: expected 1, {WHY}, found 2", id="flag"),
        pytest.param(
            ("benchmark.batch=[1, 8]",), {}, f"benchmark.batch: expected [1], {WHY}, found [1, 8]", id="timed"
        ),
        pytest.param(
            ("onnx.dynamic_batch=true",), {}, f"onnx.dynamic_batch: expected false, {WHY}, found true", id="export"
        ),
        pytest.param(
            ("atc.dynamic_batch_size=[1, 2]",),
            {},
            "inputs.0.shape: expected 'batch' first, as sizes are open, found [2, 4]",
            id="gears",
        ),
        pytest.param(
            ("models={a: {weights: {url: w}, inputs: [{name: x, shape: [3]}], outputs: [{name: y, shape: [batch]}]}}",),
            {},
            "models.a.inputs.0.shape: expected 'batch' first, as in every tensor beside models",
            id="one of several networks",
        ),
    ],
)
def test_a_call_has_one_sample_where_a_tensor_is_of_all_of_it(
    run: Callable[..., Report], given: tuple[str, ...], options: dict[str, object], text: str
) -> None:
    with pytest.raises(ManifestError) as caught:
        run(*TABLE, *ONE, *given, **options)
    assert text in str(caught.value)


def predictions(folder: Path) -> bytes:
    return (folder / "predictions.npz").read_bytes()


def test_several_inferences_of_a_sample(run: Callable[..., Report], tmp_path: Path, listener: Listener) -> None:
    out, results = tmp_path / "out", tmp_path / "made" / "results"
    found = run(PARTS)
    assert (found.verdict.value, round(found.metrics[0].value, 3), found.inferences) == ("pass", 83.333, True)
    assert f"{UTTERANCES} utterances take {ROWS} inferences" in listener.heard
    expected = predictions(out)
    run(PARTS, "infer.batch=7")
    assert predictions(out) == expected
    assert {each.name for each in run(PARTS).stages if each.skipped} >= {"preprocess", "infer", "postprocess"}

    run(PARTS, last=Stage.PREPROCESS)
    names = sorted(path.name for path in (out / "inputs").iterdir())
    assert (len(names), names[:4]) == (ROWS, [f"0000001-0000{part}.bin" for part in (0, 1, 2)] + ["0000002-00000.bin"])
    run(PARTS, last=Stage.INFER, output=tmp_path / "made")
    scored = run(PARTS, first=Stage.POSTPROCESS, results=results)
    assert (scored.metrics[0].verdict.value, predictions(out)) == ("pass", expected)
    part = run(PARTS, first=Stage.POSTPROCESS, results=results, limit=2)
    assert part.metrics[0].why == "only 2 of 24 utterances were scored; run without --limit"

    one, other = (results / f"0000001-0000{part}_0.bin" for part in (0, 2))
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    exchanged = run(PARTS, first=Stage.POSTPROCESS, results=results)
    assert "0000001-00000_0.bin: changed since the results were written" in exchanged.why[0]
    other.unlink()
    lost = run(PARTS, first=Stage.POSTPROCESS, results=results)
    assert "missing: 0000001-00002_0.bin (sample ann_00_0 part 2)" in lost.why[0]


@pytest.mark.parametrize("wrong", [0, -1, 100_000])
def test_a_sample_without_an_inference_is_an_error(run: Callable[..., Report], wrong: int) -> None:
    found = run(PARTS, f"plugin.config.wrong={wrong}")
    assert (found.exit_code, found.metrics) == (ExitCode.USAGE, ())
    text = f"parts of sample 'flo_05_1': expected a whole number from 1 to 99,999, found {wrong}; correct the plugin's "
    assert found.why == (f"{text}preprocessing, or take the sample out of the data set",)


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        pytest.param(
            ("plugin.config.parts=[preprocess]",),
            PluginError,
            "its preprocessing makes parts of samples, and its postprocessing has no start to join them",
            id="nothing joins",
        ),
        pytest.param(
            ("plugin.config.parts=[postprocess]",),
            PluginError,
            "its postprocessing joins parts of samples, and its preprocessing has no parts and make_part to make them",
            id="nothing to join",
        ),
        pytest.param(
            (
                PARTS,
                "expected.chips={cpu: {throughput: {1: 9}, unit: {name: r/s, per_sample: 3}, tolerance: {rel: 0}}}",
            ),
            ManifestError,
            "does not go together with a unit of throughput that says what one sample is worth; remove one of the two",
            id="one sample is no inference",
        ),
    ],
)
def test_what_makes_parts_comes_with_what_joins_them(
    run: Callable[..., Report], given: tuple[str, ...], error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as caught:
        run(*given)
    assert text in str(caught.value)
