from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo_runner.comparison.baseline import read_baseline
from zoo_runner.errors import UsageError
from zoo_runner.plugin.interfaces import Sample
from zoo_runner.report.model import ArtifactRecord, ManifestRecord, MetricRecord, Report, Verdict
from zoo_runner.report.predictions import write_predictions

PREDICTIONS = [{"scores": np.array([0.5, 0.25])}, {"scores": np.array([], dtype=np.float64)}]
SAMPLES = tuple(Sample(index=index, id=name, path=Path(name)) for index, name in enumerate(("ant", "bee"), start=1))


def make_run(folder: Path, *, ids: Sequence[str] | None = ("ant", "bee"), **changes: Any) -> Path:
    """A run's folder as a run leaves it."""
    folder.mkdir()
    predictions = folder / "predictions.npz"
    write_predictions(predictions, PREDICTIONS, ids)
    digest = hashlib.sha256(predictions.read_bytes()).hexdigest()
    report = Report(
        verdict=Verdict.PASS,
        exit_code=0,
        manifest=ManifestRecord(name="demo", path="demo.yaml", files=("demo.yaml",), digest="0" * 64),
        metrics=(
            MetricRecord(
                name="score", protocol="own", value=float("nan"), unit="percent", samples=2, dataset_samples=2
            ),
        ),
        artifacts=(ArtifactRecord(name="predictions", path=str(predictions), sha256=digest),),
    )
    (folder / "report.json").write_text(report.model_copy(update=changes).model_dump_json(indent=2))
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


def edit(run: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    content = json.loads((run / "report.json").read_text())
    change(content)
    (run / "report.json").write_text(json.dumps(content))
    return run


@pytest.mark.parametrize("name", [".", "report.json"], ids=["folder", "report"])
def test_a_run_is_read(run: Path, name: str) -> None:
    baseline = read_baseline(run / name)
    assert baseline.path == run / "report.json"
    assert (baseline.report.manifest.name, baseline.report.verdict) == ("demo", Verdict.PASS)
    assert np.isnan(baseline.report.metrics[0].value)
    assert baseline.predictions is not None
    assert list(baseline.predictions) == ["ant", "bee"]
    np.testing.assert_array_equal(baseline.predictions["ant"]["scores"], [0.5, 0.25])
    assert (baseline.count, baseline.notes) == (2, ())


def test_predictions_are_found_by_id(run: Path) -> None:
    baseline = read_baseline(run)
    other = Sample(index=3, id="cow", path=Path("cow"))
    assert baseline.predictions is not None
    first, second = baseline.predictions.values()
    assert baseline.of([SAMPLES[1], other, SAMPLES[0]]) == (second, None, first)
    assert baseline.of([]) == ()


@pytest.mark.parametrize("ids", [None, ("ant", "ant")], ids=["none", "twice the same"])
def test_without_ids_the_order_counts_if_the_number_is_right(tmp_path: Path, ids: Sequence[str] | None) -> None:
    baseline = read_baseline(make_run(tmp_path / "run", ids=ids))
    assert (baseline.predictions, baseline.count) == (None, 2)
    assert baseline.of(SAMPLES) == baseline.unnamed
    assert baseline.of(SAMPLES[:1]) == (None,)
    assert [note.partition(":")[0] for note in baseline.notes] == [
        "the baseline's predictions do not say which sample each is of"
    ]


def test_a_report_alone_gives_the_figures(run: Path) -> None:
    (run / "predictions.npz").unlink()
    baseline = read_baseline(run)
    assert (baseline.predictions, baseline.count, baseline.of(SAMPLES)) == (None, 0, (None, None))
    assert baseline.notes == ("the baseline has no predictions.npz beside its report: only the figures are compared",)


def test_a_report_that_was_moved_finds_its_predictions_where_they_were(run: Path, tmp_path: Path) -> None:
    moved = (run / "report.json").rename(tmp_path / "kept.json")
    assert read_baseline(moved).count == 2
    write_predictions(run / "predictions.npz", PREDICTIONS[:1], ["ant"])  # a later run's
    assert read_baseline(moved).count == 0


def test_predictions_of_another_run_are_refused(run: Path) -> None:
    write_predictions(run / "predictions.npz", PREDICTIONS[:1], ["ant"])
    with pytest.raises(UsageError, match=r"expected the predictions that the report was made with \(sha256 .*, found"):
        read_baseline(run)


@pytest.mark.parametrize("recorded", [True, False], ids=["named in the report", "not named"])
def test_runs_of_the_first_releases_are_read(run: Path, recorded: bool) -> None:
    """They called the file and the artifact otherwise."""

    def rename(content: dict[str, Any]) -> None:
        content["artifacts"] = [{**content["artifacts"][0], "name": "detections"}] if recorded else []

    (run / "predictions.npz").rename(run / "detections.npz")
    if recorded:
        write_predictions(run / "predictions.npz", PREDICTIONS[:1], ["ant"])  # of a later run, with its report gone
    baseline = read_baseline(edit(run, rename))
    assert baseline.predictions is not None
    assert list(baseline.predictions) == ["ant", "bee"]


def test_predictions_without_a_recorded_hash_are_taken_from_beside_the_report_only(run: Path, tmp_path: Path) -> None:
    edit(run, lambda content: content["artifacts"][0].pop("sha256"))
    assert read_baseline(run).count == 2
    assert read_baseline(Path(shutil.copy(run / "report.json", tmp_path / "report.json"))).count == 0


def test_what_a_later_release_adds_is_left_out(run: Path) -> None:
    def add(content: dict[str, Any]) -> None:
        content["weather"] = {"sun": 1}
        content["metrics"][0]["colour"] = "red"

    assert read_baseline(edit(run, add)).report.metrics[0].name == "score"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(b"", "expected the JSON of a report, found something else", id="empty"),
        pytest.param(b"{", "expected the JSON of a report, found something else", id="cut off"),
        pytest.param(b"\xff\xfe{}", "expected the JSON of a report, found something else", id="binary"),
        pytest.param(b"[" * 100_000, "expected the JSON of a report, found something else", id="deep"),
        pytest.param(b"[]", "expected a report, found other JSON; name the output folder", id="list"),
        pytest.param(b"{}", "expected a report, found other JSON; name the output folder", id="object"),
    ],
)
def test_something_else_than_a_report_is_refused(run: Path, text: bytes, found: str) -> None:
    (run / "report.json").write_bytes(text)
    with pytest.raises(UsageError, match=found) as caught:
        read_baseline(run)
    assert str(caught.value).startswith(f"--baseline {run}: ")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        pytest.param(
            {"schema_version": 2}, "expected a report of schema version 1, found 2; run the baseline again", id="newer"
        ),
        pytest.param({"schema_version": None}, "schema version 1, found None", id="no version"),
        pytest.param({"metrics": 3}, "found one with 1 faults, such as metrics: Input should be", id="wrong type"),
        pytest.param({"metrics": [{"colour": 1}]}, r"such as metrics\.0\.unit: Field required", id="missing"),
        pytest.param({"verdict": "fine"}, "such as verdict: Input should be", id="verdict"),
        pytest.param(
            {"verdict": "error", "why": ["no disk"]},
            r"through to the gate, found one with the verdict error \(no disk\): .* name another run",
            id="error",
        ),
        pytest.param({"verdict": "stopped"}, "found one with the verdict stopped: it has nothing", id="stopped"),
    ],
)
def test_reports_that_cannot_be_compared_are_refused(run: Path, change: dict[str, Any], found: str) -> None:
    with pytest.raises(UsageError, match=found):
        read_baseline(edit(run, lambda content: content.update(change)))


def test_what_is_not_there_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"or its report\.json, found nothing there; name one, or make it with"):
        read_baseline(tmp_path / "nowhere")
    (run / "report.json").unlink()
    with pytest.raises(UsageError, match=r"found a folder without one \(did its run finish\?\)"):
        read_baseline(run)
    (run / "report.json").mkdir()
    with pytest.raises(
        UsageError, match=r"expected a readable report\.json, found: expected a regular file, found a folder"
    ):
        read_baseline(run)


def one_id_for_two(path: Path) -> bytes:
    """The file with the count of another one."""
    write_predictions(path, [{}], ["ant"])
    held = path.read_bytes()
    write_predictions(path, [{}, {}], ["ant", "bee"])
    other = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(held)) as one, zipfile.ZipFile(io.BytesIO(other)) as two:
        mixed = io.BytesIO()
        with zipfile.ZipFile(mixed, "w") as file:
            file.writestr("count.npy", two.read("count.npy"))
            file.writestr("sample.ids.npy", one.read("sample.ids.npy"))
    return mixed.getvalue()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:300]), id="cut off"),
        pytest.param(lambda path: path.write_bytes(b"\x93NUMPY" + bytes(9)), id="one array"),
        pytest.param(lambda path: np.savez(path, other=np.zeros(3)), id="other arrays"),
        pytest.param(lambda path: np.savez(path, count=np.array([{}], dtype=object)), id="pickled"),
        pytest.param(lambda path: path.write_bytes(one_id_for_two(path)), id="ids"),
    ],
)
def test_damaged_predictions_are_refused(run: Path, damage: Callable[[Path], object]) -> None:
    damage(run / "predictions.npz")
    edit(run, lambda content: content["artifacts"].clear())
    with pytest.raises(UsageError, match=r"expected the predictions of a run in .* found a file that cannot be read"):
        read_baseline(run)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(position=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255))
def test_a_flipped_byte_is_read_or_refused(run: Path, position: float, value: int) -> None:
    broken = run / "broken"
    shutil.rmtree(broken, ignore_errors=True)
    make_run(broken, artifacts=())
    data = bytearray((broken / "predictions.npz").read_bytes())
    data[int(position * len(data))] = value
    (broken / "predictions.npz").write_bytes(data)
    try:
        assert read_baseline(broken).count in {0, 1, 2}
    except UsageError as error:
        assert "run the baseline again" in str(error)  # noqa: PT017 - it need not be raised


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def zeros(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("put", "found"),
    [
        (pipe, "expected a regular file, found a pipe (fifo)"),
        (zeros, "expected a regular file, found a character device"),
    ],
)
def test_a_special_file_is_no_report(run: Path, put: Callable[[Path], None], found: str) -> None:
    put(run / "report.json")
    with pytest.raises(UsageError) as caught:
        read_baseline(run)
    assert f"expected a readable report.json, found: {found}" in str(caught.value)


def test_what_is_too_large_is_refused_with_the_way_out(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_RUNNER_REPORT_LIMIT", "10")
    with pytest.raises(UsageError, match=r"found: expected at most 10 bytes, found .*; set ZOO_RUNNER_REPORT_LIMIT"):
        read_baseline(run)
    monkeypatch.delenv("ZOO_RUNNER_REPORT_LIMIT")
    monkeypatch.setenv("ZOO_RUNNER_PREDICTIONS_LIMIT", "10")
    with pytest.raises(UsageError, match=r"expected at most 10 bytes, found .* unpacked; set ZOO_RUNNER_PREDICTIONS_L"):
        read_baseline(run)
