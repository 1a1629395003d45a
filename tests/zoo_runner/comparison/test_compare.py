from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from zoo_runner.comparison import compare, metric_changes, pair, score_pairs
from zoo_runner.comparison.baseline import Baseline
from zoo_runner.manifest.expectations import Uncertainty
from zoo_runner.plugin.scoring import score
from zoo_runner.report.changes import Comparison
from zoo_runner.report.evidence import DiagnosisRecord
from zoo_runner.report.model import Environment, PerformanceRecord

if TYPE_CHECKING:
    from tests.zoo_runner.comparison.conftest import World
    from zoo_runner.plugin.scoring import Metric
    from zoo_runner.report.model import Report

TRUTHS = "aaaaabbbbb" * 3
WORSE = "aaaaabbaa." * 3
INTERVAL = "95 % interval of the difference"
SAME = "settings, model files, environment and packages are the baseline's"
UNEXPLAINED = f"{SAME}: what changed is in code, or outside of what a report knows"


def compared(
    world: World,
    baseline: Baseline,
    guesses: str,
    *,
    truths: str = TRUTHS,
    report: Report | None = None,
    metric: Metric | None = None,
    resamples: int = 500,
) -> Comparison:
    samples, predictions = world.samples(truths), world.predictions(guesses)
    chosen = metric or world.metric
    scored = score(chosen, samples, predictions) if samples else None
    pairs = score_pairs(chosen, pair(baseline, samples, predictions), scored)
    values = scored.values if scored else ()
    changes = metric_changes(baseline, chosen, values, pairs, Uncertainty(resamples=resamples))
    return compare(baseline, report or world.report(truths, guesses), pairs, changes)


def with_settings(report: Report, **settings: str) -> Report:
    return report.model_copy(update={"manifest": report.manifest.model_copy(update={"settings": settings})})


def test_everything_is_put_together(world: World) -> None:
    old = PerformanceRecord(backend="onnxruntime", chip="cpu", batch=8, loops=9, throughput=40.0)
    new = old.model_copy(update={"throughput": 20.0})
    baseline = world.baseline(TRUTHS, TRUTHS, performance=(old,))
    report = with_settings(world.report(TRUTHS, WORSE, performance=(new,)), **{"infer.batch": "16", "onnx.opset": "11"})
    found = compared(world, baseline, WORSE, report=report)
    assert (found.path, found.started, found.verdict) == ("old/report.json", "2024-05-01T10:00:00Z", "pass")
    assert found.same_samples == 30
    assert [change.name for change in found.metrics] == ["right", "wrong"]
    assert (found.errors_before, found.errors_after) == (
        {"missed": 0, "confusion": 0},
        {"missed": 3, "confusion": 6},
    )
    assert [each.id for each in found.samples] == ["s8", "s9", "s10", "s18", "s19", "s20", "s28", "s29", "s30"]
    assert [each.ratio for each in found.performance] == [0.5]
    low, high = (getattr(found.metrics[0].interval, end) for end in ("low", "high"))
    assert found.notes == (
        f"right (own) fell from 100 to 70 percent, more than chance would do ({INTERVAL} {low:+.2f} to {high:+.2f})",
        "setting infer.batch: 8 -> 16",
        "confusion errors rose from 0 to 6",
        "missed errors rose from 0 to 3",
        "one class of 2 lost: bee 100 -> 40",
        "9 of 30 samples have a worse score, s8 most of all",
        "all 9 lost animals have class bee; of all 30 animals 50 % have it",
        "throughput on cpu at batch 8 fell from 40 to 20 images/s (0.50 times)",
    )
    assert Comparison.model_validate_json(found.model_dump_json()) == found


def test_nothing_changed(world: World) -> None:
    assert compared(world, world.baseline(TRUTHS, WORSE), WORSE).notes == (
        "the predictions of all 30 samples are the baseline's, to the last bit",
        SAME,
    )


def test_nothing_changed_that_a_report_knows_of(world: World) -> None:
    assert compared(world, world.baseline(TRUTHS, TRUTHS), WORSE).notes[-1] == UNEXPLAINED


FILES = {"backend": "result files", "backend_version": "", "chip": "result files"}


def elsewhere(report: Report, **changes: Any) -> Report:
    assert isinstance(report.environment, Environment)
    return report.model_copy(update={"environment": report.environment.model_copy(update=changes)})


@pytest.mark.parametrize(
    ("before", "after", "notes"),
    [
        pytest.param({}, FILES, ["results came from files, not from onnxruntime 1.20.0 on cpu"], id="files"),
        pytest.param(FILES, {}, ["results came from onnxruntime 1.20.0 on cpu, not from files"], id="files before"),
        pytest.param(
            {},
            {"backend": "ascend", "backend_version": "CANN 8.0", "chip": "310P3", "host": "arm"},
            ["backend: onnxruntime 1.20.0 on cpu -> ascend CANN 8.0 on 310P3", "host: Linux -> arm"],
            id="another backend",
        ),
        pytest.param(
            {"backend_version": "onnxruntime 1.20.0"},
            {"backend_version": "onnxruntime 1.21.0", "chip": "gpu"},
            [
                "backend version: onnxruntime 1.20.0 -> onnxruntime 1.21.0",
                "chip: cpu -> gpu",
            ],
            id="the same backend",
        ),
        pytest.param(
            {"backend_version": "onnxruntime 1.20.0"},
            {"backend": "other", "chip": ""},
            ["backend: onnxruntime 1.20.0 on cpu -> other 1.20.0"],
            id="its name in the version",
        ),
    ],
)
def test_where_the_results_came_from(
    world: World, before: dict[str, str], after: dict[str, str], notes: list[str]
) -> None:
    then, now = world.baseline(TRUTHS, TRUTHS), elsewhere(world.report(TRUTHS, TRUTHS), **after)
    found = compared(world, replace(then, report=elsewhere(then.report, **before)), TRUTHS, report=now)
    assert list(found.notes[1:]) == notes


@pytest.mark.parametrize(
    ("settings", "order"),
    [
        pytest.param({}, ["results came", "packages", "confusion", "missed"], id="only where it ran"),
        pytest.param({"infer.batch": "16"}, ["setting", "confusion", "missed", "results came", "packages"], id="also"),
    ],
)
def test_errors_come_before_where_it_ran_unless_that_alone_changed(
    world: World, settings: dict[str, str], order: list[str]
) -> None:
    baseline = world.baseline(TRUTHS, TRUTHS)
    report = elsewhere(world.report(TRUTHS, WORSE), **FILES, packages={"numpy": "3.0", "torch": "2.4.0"})
    report = with_settings(report, **{**baseline.report.manifest.settings, **settings})
    notes = compared(world, baseline, WORSE, report=report).notes
    assert notes[0].startswith("right (own) fell")
    assert [note[: len(start)] for start, note in zip(order, notes[1:], strict=False)] == order


def test_a_difference_that_chance_can_make(world: World) -> None:
    guesses = "." + TRUTHS[1:9] + "a" + TRUTHS[10:]
    old = TRUTHS[:4] + "b" + TRUTHS[5:]
    assert (
        compared(world, world.baseline(TRUTHS, old), guesses)
        .notes[0]
        .startswith(f"right (own) fell from 96.67 to 93.33 percent, which chance can do ({INTERVAL} -")
    )


def test_better_is_told_as_well(world: World) -> None:
    notes = compared(world, world.baseline(TRUTHS, WORSE), TRUTHS).notes
    assert notes[0].startswith("right (own) rose from 70 to 100 percent, more than chance would do")
    assert notes[1] == "fewer errors: missed 3 -> 0, confusion 6 -> 0"


def test_objects_that_are_annotated_no_longer(world: World) -> None:
    now = TRUTHS.replace("bb", "b.")
    found = compared(world, world.baseline(TRUTHS, TRUTHS), TRUTHS, truths=now)
    assert found.notes == (
        "class bee: 15 annotated objects -> 9 annotated objects",
        "data or metric changed: the baseline's predictions had right (own) 100 then and 80 now",
        "the predictions of all 30 samples are the baseline's, to the last bit",
    )  # every bee that is still annotated was found


def test_the_class_that_other_annotations_cost_most_is_named(world: World) -> None:
    now = "aaaaabbaab" * 3
    totals = {"missed": 1, "confusion": 2}
    diagnosis = DiagnosisRecord(basis="", kinds=("missed", "confusion", "other"), totals=totals)
    found = compared(world, world.baseline(TRUTHS, TRUTHS, diagnosis=diagnosis), TRUTHS, truths=now)
    assert found.notes[2:5] == (
        "data or metric changed: the baseline's predictions had right (own) 100 then and 80 now",
        "ant lost most by that: reported 100, 71.43 on these annotations",
        "the predictions of all 30 samples are the baseline's, to the last bit",
    )
    right, wrong = found.metrics
    ant, bee = right.per_class  # neither has changed otherwise
    assert (ant.label, ant.reported, ant.difference) == ("ant", 100.0, 0.0)
    assert ant.before == pytest.approx(100 * 15 / 21)
    assert (bee.label, bee.reported, bee.before, bee.difference) == ("bee", 100.0, 100.0, 0.0)
    assert wrong.per_class[0].reported == 0.0
    assert found.errors_before == found.errors_after == {"missed": 0, "confusion": 6}
    assert found.errors_reported == {"missed": 1, "confusion": 2, "other": 0}


@pytest.mark.parametrize(
    ("truths", "guesses"),
    [pytest.param(TRUTHS + "a", TRUTHS + "a", id="more samples"), pytest.param("", "", id="no samples")],
)
def test_errors_of_other_samples_are_not_compared(world: World, truths: str, guesses: str) -> None:
    diagnosis = DiagnosisRecord(basis="", kinds=("missed",), totals={"missed": 1})
    found = compared(world, world.baseline(truths, guesses, diagnosis=diagnosis), TRUTHS)
    assert found.errors_reported == {}


def test_the_class_that_the_run_cost_most_comes_before_the_one_that_the_data_did(world: World) -> None:
    found = compared(world, world.baseline(TRUTHS, TRUTHS), "aaaaabbaa." * 3, truths="aaaaabbaab" * 3)
    assert [each.label for each in found.metrics[0].per_class] == ["bee", "ant"]
    assert "ant lost most by that: reported 100, 71.43 on these annotations" in found.notes


@pytest.mark.parametrize("classes", [("bee", "ant"), ("ant", "bee", "cow"), ("ant",)], ids=["order", "more", "fewer"])
def test_detections_of_other_classes_are_not_scored(world: World, classes: tuple[str, ...]) -> None:
    known = world.report(TRUTHS, TRUTHS)
    then = tuple(each.model_copy(update={"per_class": dict.fromkeys(classes, 100.0)}) for each in known.metrics)
    found = compared(world, world.baseline(TRUTHS, TRUTHS, metrics=then), WORSE)
    assert found.notes[0] == (
        "only the figures are compared: the baseline's predictions cannot be scored today: its classes are "
        f"{', '.join(classes)}; those of this run ant, bee"
    )
    (right, _) = found.metrics
    assert (right.rescored, right.interval, right.difference) == (None, None, -30.0)
    assert (found.errors_before, found.errors_after, found.samples) == ({}, {}, ())


def test_every_class_lost(world: World) -> None:
    notes = compared(world, world.baseline(TRUTHS, TRUTHS), "." * 30).notes
    assert "every class lost; most: ant 100 -> 0" in notes


def test_where_less_is_better_more_is_a_loss(world: World) -> None:
    baseline = world.baseline(TRUTHS, TRUTHS, metrics=world.report(TRUTHS, TRUTHS).metrics[1:])
    assert "one class of 2 lost: bee 0 -> 60" in compared(world, baseline, WORSE).notes


@pytest.mark.parametrize(
    ("guesses", "ids", "note"),
    [
        pytest.param(
            "aab",
            ["s1", "s2", "s9"],
            "compared over the 3 samples that are in both runs, of 3 in the baseline and 30 in this one",
            id="some samples",
        ),
        pytest.param(
            "ab",
            ["t1", "t2"],
            "only the figures are compared: none of the 30 samples is among the baseline's 2",
            id="no samples",
        ),
        pytest.param(
            "x" * 30,
            [f"s{index}" for index in range(1, 31)],
            "only the figures are compared: the baseline's predictions cannot be scored today: "
            "expected guesses below 2, found 7",
            id="not to be scored",
        ),
    ],
)
def test_what_cannot_be_compared_is_said_first(world: World, guesses: str, ids: list[str], note: str) -> None:
    predictions = dict(zip(ids, world.predictions(guesses), strict=True))
    baseline = replace(world.baseline(TRUTHS, TRUTHS), predictions=predictions)
    assert compared(world, baseline, WORSE).notes[0] == note


def test_without_detections_the_figures_are_told(world: World) -> None:
    baseline = replace(world.baseline(TRUTHS, TRUTHS), predictions=None, notes=("there are no detections",))
    found = compared(world, baseline, WORSE)
    assert found.notes == (
        "there are no detections",
        "right (own) fell from 100 to 70 percent",
        "one class of 2 lost: bee 100 -> 40",
        UNEXPLAINED,
    )
    assert (found.same_samples, found.samples, found.errors_before) == (0, (), {})


def test_a_run_without_samples_is_compared_by_what_is_left(world: World) -> None:
    found = compared(world, world.baseline(TRUTHS, TRUTHS), "", truths="")
    assert found.notes == (
        "the runs have no metric in common",
        SAME,
    )


def test_another_manifest_and_stand_ins_are_named(world: World) -> None:
    baseline = world.baseline(TRUTHS, TRUTHS, notice="no NPU's")
    manifest = baseline.report.manifest.model_copy(update={"name": "birds", "settings": {}})
    baseline = replace(baseline, report=baseline.report.model_copy(update={"manifest": manifest}))
    notes = compared(world, baseline, TRUTHS).notes
    assert notes[:2] == (
        "the baseline is a run of birds, this is one of beasts",
        "the baseline's notice is \"no NPU's\", this run's ''",
    )
    assert notes[-1] == "the baseline's report does not say what its settings were"


def test_long_lists_are_counted(world: World) -> None:
    old = {f"plugin.config.k{index}": "1" for index in range(9)}
    assert len(old) == 9
    baseline = world.baseline(TRUTHS, TRUTHS)
    baseline = replace(baseline, report=with_settings(baseline.report, **old))
    environment = baseline.report.environment
    assert environment is not None
    packages = environment.model_copy(update={"packages": {f"p{index}": "2" for index in range(8)}})
    report = with_settings(world.report(TRUTHS, TRUTHS, environment=packages), **dict.fromkeys(old, "2"))
    notes = compared(world, baseline, TRUTHS, report=report).notes
    assert notes[1:7] == tuple(f"setting plugin.config.k{index}: 1 -> 2" for index in range(6))
    assert notes[7] == "3 more changes of this kind: setting"
    assert notes[8] == (
        "packages: p0 none -> 2, p1 none -> 2, p2 none -> 2, p3 none -> 2, p4 none -> 2, p5 none -> 2 and 4 more"
    )


@pytest.mark.parametrize(("after", "noted"), [(91.0, False), (89.0, True), (109.0, False), (111.0, True)])
def test_throughput_is_noted_where_it_is_more_than_unrest(world: World, after: float, noted: bool) -> None:
    old = PerformanceRecord(backend="onnxruntime", chip="cpu", batch=8, loops=9, throughput=100.0)
    report = world.report(TRUTHS, TRUTHS, performance=(old.model_copy(update={"throughput": after}),))
    notes = compared(world, world.baseline(TRUTHS, TRUTHS, performance=(old,)), TRUTHS, report=report).notes
    assert any(note.startswith("throughput") for note in notes) is noted


def test_a_metric_that_tells_nothing_more_is_compared_too(world: World) -> None:
    found = compared(world, world.baseline(TRUTHS, TRUTHS), WORSE, metric=world.plain)
    assert found.notes[:2] == ("right (own) fell from 100 to 70 percent", "one class of 2 lost: bee 100 -> 40")
    assert (found.errors_before, found.samples) == ({}, ())


def test_close_numbers_are_told_apart(world: World) -> None:
    reported = world.report(TRUTHS, TRUTHS)
    first = reported.metrics[0].model_copy(update={"value": 100.001})
    changes: dict[str, Any] = {"metrics": (first,)}
    baseline = replace(world.baseline(TRUTHS, TRUTHS, **changes), predictions=None)
    assert compared(world, baseline, TRUTHS).notes[0] == "right (own) fell from 100.001 to 100 percent"


def test_the_same_input_gives_the_same_comparison(world: World) -> None:
    one, other = (compared(world, world.baseline(TRUTHS, TRUTHS), WORSE) for _ in range(2))
    assert one == other
