"""Whole runs of a model whose samples are utterances, on ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab import Lab
from speech_files import UTTERANCES, write_files, write_site
from zoo_runner.errors import ExitCode
from zoo_runner.report.model import Report

if TYPE_CHECKING:
    from tests.conftest import Listener

GROUPED = "plugin.config.grouped=true"


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
