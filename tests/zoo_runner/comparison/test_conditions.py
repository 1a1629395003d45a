from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from zoo_runner.comparison.conditions import condition_changes, performance_changes
from zoo_runner.report.model import ArtifactRecord, PerformanceRecord

if TYPE_CHECKING:
    from tests.zoo_runner.comparison.conftest import World
    from zoo_runner.report.model import Report

Row = tuple[str, str, str, str]


def rows(before: Report, after: Report, *, same_samples: bool = True) -> list[Row]:
    changes = condition_changes(before, after, same_samples=same_samples)
    return [(each.kind, each.name, each.before, each.after) for each in changes]


def settings(report: Report, **values: str) -> Report:
    return report.model_copy(update={"manifest": report.manifest.model_copy(update={"settings": values})})


def machine(report: Report, **values: Any) -> Report:
    assert report.environment is not None
    return report.model_copy(update={"environment": report.environment.model_copy(update=values)})


def artifacts(report: Report, *records: tuple[str, str | None, str]) -> Report:
    made = tuple(
        ArtifactRecord(name=name, path=f"/{name}", sha256=digest, origin=origin) for name, digest, origin in records
    )
    return report.model_copy(update={"artifacts": made})


def test_a_run_is_made_of_the_same_as_itself(world: World) -> None:
    assert rows(world.report("ab", "ab"), world.report("ab", "b.")) == []


def test_settings(world: World) -> None:
    report = world.report("ab", "ab")
    before = settings(report, **{"expected.accuracy.value": "90", "onnx.opset": "11", "infer.threads": "2"})
    after = settings(report, **{"expected.accuracy.value": "95", "infer.batch": "8", "onnx.opset": "17"})
    assert rows(before, after) == [
        ("setting", "infer.batch", "", "8"),
        ("setting", "onnx.opset", "11", "17"),
        ("setting", "infer.threads", "2", ""),
        ("setting", "expected.accuracy.value", "90", "95"),  # last: it cannot change what is predicted
    ]
    assert rows(settings(report), after) == []  # an older report does not say


def test_the_machine_and_its_packages(world: World) -> None:
    report = world.report("ab", "ab")
    changed = machine(
        report, chip="310P3", backend="ascend", backend_version="8", devices=(0, 1), python="3.12.1", host="Linux 6"
    )
    assert rows(report, changed) == [
        ("environment", "backend", "onnxruntime", "ascend"),
        ("environment", "backend version", "1.20.0", "8"),
        ("environment", "chip", "cpu", "310P3"),
        ("environment", "devices", "0", "0, 1"),
        ("environment", "Python", "3.11.9", "3.12.1"),
        ("environment", "host", "Linux", "Linux 6"),
    ]
    assert rows(report, machine(report, packages={"numpy": "2.1.0", "onnx": "1.17"})) == [
        ("package", "numpy", "2.0.0", "2.1.0"),
        ("package", "onnx", "", "1.17"),
        ("package", "torch", "2.4.0", ""),
    ]
    assert rows(report, report.model_copy(update={"environment": None})) == []


def test_files_count_by_their_hash_and_not_by_their_place(world: World) -> None:
    report = world.report("ab", "ab")
    before = artifacts(
        report,
        ("weights", "a" * 64, "https://one"),
        ("dataset", None, "there"),
        ("om", "1" * 64, "batch 1"),
        ("om", "8" * 64, "batch 8"),
        ("detections", "d" * 64, ""),
    )
    after = artifacts(
        report,
        ("weights", "b" * 64, "https://other"),
        ("dataset", None, "here"),
        ("om", "9" * 64, "batch 8"),
        ("detections", "e" * 64, ""),
    )
    assert rows(before, after) == [
        ("artifact", "weights", "a" * 12, "b" * 12),
        ("artifact", "om (batch 8)", "8" * 12, "9" * 12),
        ("artifact", "om (batch 1)", "1" * 12, ""),
    ]
    assert rows(before, artifacts(report, ("detections", "e" * 64, ""))) == []  # result files are scored without any


def test_annotated_objects(world: World) -> None:
    before, after = world.report("aaabb.", "aaabb."), world.report("aaab..", "aaabb.")
    assert rows(before, after) == [("data", "class bee", "2 annotated objects", "1 annotated objects")]
    assert rows(before, after, same_samples=False) == []


def test_other_samples(world: World) -> None:
    before, after = world.report("aabb", "aabb"), world.report("ab", "ab", subset="pr")
    assert rows(before, after) == [
        ("data", "subset", "", "pr"),
        ("data", "samples scored", "4", "2"),  # a subset's size is not that of another data set
    ]


def timed(batch: int, throughput: float | None, **changes: Any) -> PerformanceRecord:
    record = PerformanceRecord(backend="ascend", chip="310P3", batch=batch, loops=10, throughput=throughput)
    return record.model_copy(update=changes)


@pytest.mark.parametrize(
    ("before", "after", "ratios"),
    [
        pytest.param([timed(1, 100), timed(8, 200)], [timed(8, 100), timed(1, 150)], {8: 0.5, 1: 1.5}, id="by batch"),
        pytest.param([timed(1, 100)], [timed(4, 100)], {}, id="other batch"),
        pytest.param([timed(1, 100)], [timed(1, 100, chip="310")], {}, id="other chip"),
        pytest.param([timed(1, 100)], [timed(1, 100, backend="onnxruntime")], {}, id="other backend"),
        pytest.param([timed(1, 100)], [timed(1, 100, unit="tokens/s")], {}, id="other unit"),
        pytest.param([timed(1, 100)], [timed(1, 900, sizes={"length": 8})], {}, id="no open axes then"),
        pytest.param([timed(1, 100, sizes={"n": 64})], [timed(1, 900, sizes={"n": 8})], {}, id="other sizes"),
        pytest.param(
            [timed(1, 100, sizes={"h": 4, "w": 8})], [timed(1, 50, sizes={"w": 8, "h": 4})], {1: 0.5}, id="same sizes"
        ),
        pytest.param([timed(1, None)], [timed(1, 100)], {}, id="not measured then"),
        pytest.param([timed(1, 0.0)], [timed(1, 100)], {}, id="nothing then"),
        pytest.param([timed(1, 100)], [timed(1, None)], {}, id="not measured now"),
        pytest.param([timed(1, 100)], [timed(1, 0.0)], {1: 0.0}, id="nothing now"),
    ],
)
def test_throughput(
    world: World, before: list[PerformanceRecord], after: list[PerformanceRecord], ratios: dict[int, float]
) -> None:
    one, other = (world.report("a", "a", performance=tuple(records)) for records in (before, after))
    assert {each.batch: each.ratio for each in performance_changes(one, other)} == ratios
