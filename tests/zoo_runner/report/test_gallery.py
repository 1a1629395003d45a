from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from zoo_runner.plugin.evidence import DiagnosedScore, Diagnosis, Illustration
from zoo_runner.plugin.interfaces import MetricValue, Sample
from zoo_runner.plugin.scoring import ScoredValues
from zoo_runner.report.changes import Comparison, DiagnosedSample, SampleChange
from zoo_runner.report.evidence import DiagnosisRecord
from zoo_runner.report.gallery import SHOWN, pictures
from zoo_runner.report.model import ManifestRecord, Report, Verdict

SAMPLES = [Sample(index=index, id=f"s{index}", path=Path(f"s{index}.jpg")) for index in range(1, 61)]


@dataclass
class Telling:
    """A score that says what is wrong with single samples."""

    values: tuple[MetricValue, ...] = ()
    error_kinds: tuple[str, ...] = ("missed", "background")
    diagnosis_basis: str = "by the number"

    def diagnose(self) -> tuple[Diagnosis, ...]:
        return tuple(
            Diagnosis(score=float(each.index), errors={"missed": each.index, "background": 0}) for each in SAMPLES
        )

    def illustrate(self, position: int) -> Illustration:
        image = SAMPLES[position].id.encode()
        return Illustration(width=4, height=3, image=image, media_type="image/jpeg", marks=())


def report(worst: Sequence[int] = (), changed: Sequence[SampleChange] | None = None) -> Report:
    manifest = ManifestRecord(name="trial", path="m.yaml", files=("m.yaml",), digest="0" * 64)
    given: dict[str, Any] = {"verdict": Verdict.PASS, "exit_code": 0, "manifest": manifest}
    if worst:
        samples = tuple(DiagnosedSample(id=f"s{index}", index=index) for index in worst)
        given["diagnosis"] = DiagnosisRecord(basis="", kinds=("missed",), totals={}, worst=samples)
    if changed is not None:
        given["comparison"] = Comparison(path="b", verdict="pass", same_samples=60, samples=tuple(changed))
    return Report(**given)


def change(index: int, lost: float = 0.0, **errors: int) -> SampleChange:
    return SampleChange(id=f"s{index}", index=index, lost=lost, errors=errors)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        pytest.param(report(), [], id="nothing is known"),
        pytest.param(report(worst=[9, 3, 5]), [9, 3, 5], id="worst first"),
        pytest.param(report(changed=[change(4, 50.0), change(2, 10.0)]), [4, 2], id="lost most first"),
        pytest.param(report(worst=[9, 4], changed=[change(4, 50.0)]), [4, 9], id="both, once each"),
        pytest.param(report(worst=[9], changed=[change(4), change(5, -3.0, missed=-1)]), [9], id="none got worse"),
        pytest.param(report(worst=[9], changed=[change(4, missed=1)]), [4, 9], id="more errors are worse too"),
        pytest.param(report(worst=[999, 9]), [9], id="not among those scored"),
        pytest.param(report(worst=range(1, 61)), list(range(1, SHOWN + 1)), id="no more than fit"),
    ],
)
def test_which_are_shown(given: Report, shown: list[int]) -> None:
    assert [picture.index for picture in pictures(given, SAMPLES, Telling())] == shown


def test_what_is_shown_of_one() -> None:
    assert isinstance(Telling(), DiagnosedScore)
    (picture,) = pictures(report(worst=[7]), SAMPLES, Telling())
    assert (picture.id, picture.index, picture.score, picture.errors) == ("s7", 7, 7.0, {"missed": 7})
    assert picture.illustration.image == b"s7"


def test_a_score_that_cannot_tell_shows_nothing() -> None:
    assert pictures(report(worst=[7]), SAMPLES, ScoredValues(())) == ()


def test_nothing_was_scored() -> None:
    assert pictures(report(worst=[7]), [], Telling()) == ()


@dataclass
class Kinds(Telling):
    """Every tenth sample has an error of a rare kind."""

    error_kinds: tuple[str, ...] = ("missed", "background", "duplicate")

    def diagnose(self) -> tuple[Diagnosis, ...]:
        return tuple(
            Diagnosis(score=0.0, errors={"missed": 1, "background": int(each.index % 10 == 0) * each.index})
            for each in SAMPLES
        )


def test_no_kind_of_error_is_missing() -> None:
    shown = [picture.index for picture in pictures(report(worst=range(1, 31)), SAMPLES, Kinds())]
    assert (shown[:9], {10, 20} <= {*shown}, len(shown)) == (list(range(1, 10)), True, SHOWN)
    shown = [picture.index for picture in pictures(report(worst=range(1, 10)), SAMPLES, Kinds())]
    assert shown == [*range(1, 10), 60, 50]
