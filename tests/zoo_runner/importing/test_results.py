"""Tables of results in which a figure could be taken for another one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from zoo_runner.importing.importing import Written, import_recipe

ATC = '```\natc --framework=5 --model=resnet101.onnx --input_shape="x:1,3" --soc_version=Ascend310P3\n```\n'


def imported(folder: Path, *rows: str, before: str = ATC) -> tuple[dict[str, Any], Written]:
    header, *rest = rows
    table = "\n".join([header, "|" + " --- |" * (header.count("|") - 1), *rest])
    (folder / "r.md").write_text(f"{before}\n{table}\n", encoding="utf-8")
    written = import_recipe(folder / "r.md", folder / "m.yaml")
    found: dict[str, Any] = yaml.safe_load((folder / "m.yaml").read_text(encoding="utf-8"))
    return found.get("expected", {}), written


MODELS = "| 模型 | 芯片 | Batch | 精度 | 性能 |"
FIFTY, HUNDRED = "| ResNet-50 | 310P3 | 1 | 76.1% | 900 fps |", "| ResNet-101 | 310P3 | 1 | 77.3% | 500 fps |"


def test_of_several_models_the_one_that_is_converted(tmp_path: Path) -> None:
    found, written = imported(tmp_path, MODELS, FIFTY, HUNDRED)
    assert found["accuracy"]["value"] == 77.3
    assert found["chips"]["310P3"]["throughput"] == {1: 500}
    assert written.warnings == ()


def test_of_several_models_none_if_none_is_called_so(tmp_path: Path) -> None:
    found, written = imported(tmp_path, MODELS, FIFTY, "| VGG | 310P3 | 1 | 70% | 300 fps |")
    assert found == {}
    assert [each.text for each in written.warnings] == [
        "results of 2 models, and none is called 'resnet101' as in the commands; none of them is carried over"
    ]


def test_of_one_model_whatever_it_is_called(tmp_path: Path) -> None:
    assert imported(tmp_path, MODELS, FIFTY)[0]["accuracy"]["value"] == 76.1


COLUMNS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "other software": (
        ("| 芯片 | Batch | pth精度 | onnx精度 | om精度 |", "| 310P3 | 1 | 80.1% | 80.2% | 79.9% |"),
        {"accuracy": 79.9},
    ),
    "two spellings of a chip": (
        ("| 芯片 | Batch | 精度 | 性能 |", "| Ascend310P | 1 | 70% | 5 fps |", "| 310P3 | 4 | 70% | 6 fps |"),
        {"accuracy": 70, "310P": {1: 5, 4: 6}},
    ),
    "a fraction among percents": (
        ("| 芯片 | Batch | 精度 | 性能 |", "| 310 | 1 | 70.5% | 5 fps |", "| 310 | 4 | 0.705 | 6 fps |"),
        {"accuracy": 70.5, "310": {1: 5, 4: 6}},
    ),
    "a slip of the pen": (
        ("| 芯片 | Batch | 精度 | 性能 |", "| 310 | 1 | 0.7% | 5 fps |"),
        {"accuracy": None, "310": {1: 5}},
    ),
    "a time": (("| 芯片 | Batch | 精度 | 性能 |", "| 310 | 1 | 70% | 5 ms |"), {"accuracy": 70, "310": None}),
    "no chip": (("| Batch | 精度 | 性能 |", "| 1 | 70% | 5 fps |"), {"accuracy": 70, "310": None}),
    "no batch size": (("| 芯片 | 精度 | 性能 |", "| 310 | 70% | 5 fps |"), {"accuracy": 70, "310": None}),
    "a batch size left out": (
        ("| 芯片 | Batch | 精度 | 性能 |", "| 310 | 1 | 70% | 5 fps |", "| / | / | 70% | 9 fps |"),
        {"accuracy": 70, "310": {1: 5}},
    ),
    "another data set": (
        ("| 芯片 | Batch | 数据集 | 精度 |", "| 310 | 1 | A | 70% |", "| 310 | 1 | B | 30% |"),
        {"accuracy": 70},
    ),
    "a rate of nothing": (
        ("| 芯片 | Batch | 精度 | 性能 |", "| 310 | 1 | 70% | 0 fps |"),
        {"accuracy": 70, "310": None},
    ),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_figures(case: str, tmp_path: Path) -> None:
    rows, expected = COLUMNS[case]
    found, written = imported(tmp_path, *rows)
    throughput = {chip: found.get("chips", {}).get(chip, {}).get("throughput") for chip in expected if chip[0] == "3"}
    assert {"accuracy": found.get("accuracy", {}).get("value"), **throughput} == expected
    if expected["accuracy"] is None:
        assert "expected.accuracy" in written.unsaid, "nothing is judged by its speed alone"
