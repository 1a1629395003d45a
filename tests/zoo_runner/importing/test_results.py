"""Tables of results in which a figure could be taken for another one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from zoo_runner.importing.importing import Written, import_recipe
from zoo_runner.manifest.load import load

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


def atc(*flags: str, model: str = "resnet101") -> str:
    return f'```\natc --framework=5 --model={model}.onnx --input_shape="x:1,3" {" ".join(flags)}\n```\n'


TABLE = "| 芯片 | Batch | 精度 | 性能 |"
OTHER = "| 310 | 1 | 70% | 5 fps |"
OWN = "| 310P3 | 1 | 71% | 6 fps |"


def test_the_accuracy_of_another_chip_is_not_the_manifest_s(tmp_path: Path) -> None:
    found, written = imported(tmp_path, TABLE, OTHER, OTHER.replace("| 1 |", "| 4 |"), OWN)
    assert found["accuracy"]["value"] == 71
    assert found["chips"]["310"]["accuracy"] == {1: 70, 4: 70}
    assert "expected.accuracy.value" not in written.unsaid
    assert found["accuracy"]["published"] == "r.md, line 9"
    assert found["chips"]["310"]["published"] == "r.md, lines 7 to 8"


@pytest.mark.parametrize(
    ("flags", "rows", "why"),
    [
        pytest.param(
            ("--soc_version=Ascend310P3",), (OTHER,), "the table has 310, and the atc command", id="other chip"
        ),
        pytest.param(
            ("--soc_version=${chip_name}",), (OTHER, OWN), "the accuracies of 310, 310P3 differ", id="no chip said"
        ),
    ],
)
def test_without_a_row_of_the_chip_the_accuracy_is_a_stand_in(
    tmp_path: Path, flags: tuple[str, ...], rows: tuple[str, ...], why: str
) -> None:
    _, written = imported(tmp_path, TABLE, *rows, before=atc(*flags))
    assert "expected.accuracy.value" in written.unsaid
    assert f"expected.accuracy.value is a stand-in: {why}" in (tmp_path / "m.yaml").read_text(encoding="utf-8")


def test_a_metric_of_one_chip_of_several_is_a_stand_in(tmp_path: Path) -> None:
    rows = ("| 310P3 | 1 | top1: 76% | 6 fps |", "| 310 | 1 | top5: 90% | 5 fps |")
    _, written = imported(tmp_path, TABLE, *rows, before=atc("--soc_version=${chip_name}"))
    assert {"expected.accuracy.top1/unnamed.value", "expected.accuracy.top5/unnamed.value"} <= {*written.unsaid}
    text = " ".join((tmp_path / "m.yaml").read_text(encoding="utf-8").replace("#", "").split())
    assert "it is published for 310P3 and not for 310, and no atc command says which is meant" in text


def test_chips_that_agree_need_no_choice(tmp_path: Path) -> None:
    found, written = imported(
        tmp_path, TABLE, OTHER, OWN.replace("71%", "70%"), before=atc("--soc_version=${chip_name}")
    )
    assert found["accuracy"]["value"] == 70
    assert "expected.accuracy.value" not in written.unsaid


def test_figures_of_a_conversion_that_is_left_out_are_left_out(tmp_path: Path) -> None:
    both = atc("--soc_version=Ascend310P3") + atc("--soc_version=Ascend310", "--precision_mode=force_fp32")
    found, _ = imported(tmp_path, TABLE, OTHER, OWN, before=both)
    assert list(found["chips"]) == ["310P3"]
    text = (tmp_path / "m.yaml").read_text(encoding="utf-8")
    assert "throughput 5 on 310: of the atc command of line 5, which the manifest does not have" in text


@pytest.mark.parametrize(
    ("title", "cell", "left"),
    [
        pytest.param("性能", "5 tokens/s", "says more than a number ('tokens/s')", id="unit of a cell"),
        pytest.param("性能(tokens/s)", "5", "expected images or samples per second", id="unit of a column"),
        pytest.param("性能", "5 fps（4芯）", "says more than a number ('4芯')", id="four cores"),  # noqa: RUF001 - as written
        pytest.param("性能", "~5 fps", "says more than a number ('~')", id="about"),
        pytest.param("性能", "5,5 fps", "expected a number, found '5,5 fps'", id="decimal comma"),
    ],
)
def test_figures_that_are_not_just_that_are_left_out(tmp_path: Path, title: str, cell: str, left: str) -> None:
    found, _ = imported(tmp_path, f"| 芯片 | Batch | 精度 | {title} |", f"| 310P3 | 1 | 70% | {cell} |")
    assert "chips" not in found
    assert left in " ".join((tmp_path / "m.yaml").read_text(encoding="utf-8").replace("#", "").split())


def text_of(folder: Path) -> str:
    return " ".join((folder / "m.yaml").read_text(encoding="utf-8").replace("#", "").split())


def test_ratios_and_changes_are_left_out_with_a_remark_for_each_cell(tmp_path: Path) -> None:
    header = "| 芯片 | Batch | 精度损失 | 精度 | 性能提升 | 310P性能/310性能 | 性能 | precision mode |"
    found, _ = imported(
        tmp_path,
        header,
        "| 310P3 | 1 | 0.3% | 70% | 1.8 | 2.5 | 6 fps | fp16 |",
        "| 310P3 | 4 | 0.4% | 70% | 1.9 | - | 提升 1.5 | / |",
    )
    assert found["accuracy"]["value"] == 70
    assert found["chips"]["310P3"]["throughput"] == {1: 6}
    text, change = text_of(tmp_path), "a loss, a difference or a mode is not gated, an accuracy is"
    for cell in ("性能提升 1.8", "性能提升 1.9", "310P性能/310性能 2.5", "性能 提升 1.5: 1.5"):
        assert f"{cell}: a ratio is not gated" in text
    for cell in ("精度损失 0.3%", "精度损失 0.4%", "precision mode fp16"):
        assert f"{cell}: {change}" in text
    assert "310性能 -:" not in text


def test_a_loss_beside_the_accuracy_in_one_cell_is_no_second_metric(tmp_path: Path) -> None:
    found, _ = imported(tmp_path, TABLE, "| 310P3 | 1 | top1: 76.1% (下降 0.2%) | 6 fps |")
    assert (found["accuracy"]["metric"], found["accuracy"]["value"]) == ("top1", 76.1)
    assert "0.2: a loss, a difference or a mode is not gated" in text_of(tmp_path)


def test_a_table_of_ratios_only_leaves_nothing_to_judge_by(tmp_path: Path) -> None:
    found, written = imported(tmp_path, "| 芯片 | Batch | 相对精度 | Speedup |", "| 310P3 | 1 | 99.5% | 1.8 |")
    assert found == {}
    assert "plugin.name" in written.unsaid


@pytest.mark.parametrize("title", ["WER", "误差", "Top1 error", "RMSE"])
def test_of_an_error_less_is_better(tmp_path: Path, title: str) -> None:
    rows = ("| 310P3 | 1 | 5.5% | 6 fps |", "| 310 | 1 | 6% | 6 fps |")
    found, _ = imported(tmp_path, f"| 芯片 | Batch | {title} | 性能 |", *rows)
    (accuracy,) = load(tmp_path / "m.yaml").manifest.expected.accuracies
    assert found["accuracy"]["direction"] == str(accuracy.figure.direction) == "at_most"
    assert found["chips"]["310"]["accuracy"] == {1: 6}


def test_of_several_metrics_each_has_its_own_direction(tmp_path: Path) -> None:
    found, _ = imported(tmp_path, TABLE, "| 310P3 | 1 | wer: 5.5% acc: 90% | 6 fps |")
    directions = {line: figure.get("direction") for line, figure in found["accuracy"].items()}
    assert directions.pop("wer/unnamed") == "at_most"
    assert list(directions.values()) == [None]


def test_a_unit_that_is_a_stand_in_is_named_with_what_was_found(tmp_path: Path) -> None:
    _, written = imported(tmp_path, TABLE, "| 310P3 | 1 | 71% | 9 句/s |", "| 310P3 | 4 | 71% | 9 |")
    assert "expected.chips.310P3.unit" in written.unsaid
    why = "expected images or samples per second, found sentences/s (such as 句/s) and figures without a unit"
    assert why in text_of(tmp_path)


def test_rates_of_which_some_have_no_unit_are_of_an_unknown_one(tmp_path: Path) -> None:
    _, written = imported(tmp_path, TABLE, OWN, "| 310P3 | 4 | 71% | 9 |")
    assert "expected.chips.310P3.unit" in written.unsaid


def test_fractions_among_percents_without_a_unit_are_left_out(tmp_path: Path) -> None:
    found, written = imported(tmp_path, TABLE, "| 310P3 | 1 | 70.5 | 5 fps |", "| 310P3 | 4 | 0.705 | 6 fps |")
    assert found["accuracy"]["value"] == 70.5
    assert "accuracy 0.705: other rows have more than 1, and no row says %; left out" in [
        each.text for each in written.warnings
    ]


def test_a_batch_size_that_the_name_of_the_file_contradicts_is_not_taken(tmp_path: Path) -> None:
    _, written = imported(
        tmp_path, TABLE, before=ATC + "```\npython -m ais_bench --model=r_bs4.om --batchsize=8 --input=d\n```\n"
    )
    assert [each.text for each in written.warnings] == [
        "flag --batchsize 8: the model's file is of batch size 4; neither is taken"
    ]
    assert "infer" not in yaml.safe_load((tmp_path / "m.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", ["../x.cfg", "/etc/x.cfg", "~/x.cfg", "a/../../x.cfg", "..\\x.cfg", "C:x.cfg"])
def test_a_file_outside_the_manifest_s_folder_is_not_named(tmp_path: Path, path: str) -> None:
    _, written = imported(tmp_path, TABLE, OWN, before=atc(f"--fusion_switch_file='{path}'"))
    assert "expected a file beside the manifest" in written.warnings[0].text
    assert "flags" not in yaml.safe_load((tmp_path / "m.yaml").read_text(encoding="utf-8")).get("atc", {})


def test_a_commit_within_prose_is_the_source_s(tmp_path: Path) -> None:
    prose = "先 `git clone https://g.example.org/a/b.git`，再 `git reset --hard 0123456789abcdef`\n"  # noqa: RUF001 - as written
    imported(tmp_path, TABLE, OWN, before=ATC + prose)
    found = yaml.safe_load((tmp_path / "m.yaml").read_text(encoding="utf-8"))["source"]
    assert (found["url"], found["commit"]) == ("https://g.example.org/a/b.git", "0123456789abcdef")
