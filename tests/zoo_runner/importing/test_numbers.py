"""Numbers, batch sizes and columns in the forms that tables of recipes have them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from zoo_runner.importing.blocks import Row, Table
from zoo_runner.importing.columns import Column, columns, is_error, metric_name
from zoo_runner.importing.numbers import batch, quantities, says_nothing, unit_of

CELLS = {
    "79.58%": [("79.58", "%", "")],
    "445.783 fps": [("445.783", "fps", "")],
    "0.7958": [("0.7958", "", "")],
    "1,234.5": [("1234.5", "", "")],
    "２３.５％": [("23.5", "%", "")],  # noqa: RUF001 - as recipes write it
    "-5.2": [("-5.2", "", "")],
    "12.3 ms": [("12.3", "ms", "")],
    "28 帧/秒": [("28", "frames/s", "")],
    "1234.56张/秒": [("1234.56", "images/s", "")],
    "Top1:76.13% Top5:92.86%": [("76.13", "%", "top1"), ("92.86", "%", "top5")],
    "top-1: 0.76/top-5: 0.93": [("0.76", "", "top1"), ("0.93", "", "top5")],
    "mAP@0.5: 37.1": [("37.1", "", "mAP@0.5")],
    "F1 89.2": [("89.2", "", "F1")],
    "79.58%（±0.1）": [("79.58", "%", "")],  # noqa: RUF001 - as recipes write it
    "76.13/92.86": [("76.13", "", ""), ("92.86", "", "")],
    "38,5%": [],
    "38,5": [],
    "约79.5%": [],
    "37.1 (%)": [("37.1", "%", "")],
    "310P3": [],
    "1e5": [],
    "7.9.5": [],
    "": [],
}


@pytest.mark.parametrize("cell", CELLS)
def test_numbers_of_a_cell(cell: str) -> None:
    expected = [(Decimal(value), unit, name) for value, unit, name in CELLS[cell]]
    assert [(each.value, each.unit, each.name) for each in quantities(cell)] == expected


DOUBTS = {
    "~79.5%": "~",
    "≈ 79.5": "≈",
    "> 79.5": ">",
    "<=79": "<=",
    "at least 79.5": "at least",
    "1200 fps（4芯）": "4芯",  # noqa: RUF001 - as recipes write it
    "1200 tokens/s": "tokens/s",
    "79.5% 左右": "左右",
    "79.5%": "",
    "79.58%（±0.1）": "",  # noqa: RUF001 - as recipes write it
    "mAP: 79.5%": "",
    "mAP=79.5 (%)": "",
}


@pytest.mark.parametrize("cell", DOUBTS)
def test_what_says_more_than_a_number(cell: str) -> None:
    assert [each.doubt for each in quantities(cell)] == [DOUBTS[cell]]


BATCHES = {
    "1": 1,
    "bs16": 16,
    "BS=8": 8,
    "batch size: 4": 4,
    "64（最优）": 64,  # noqa: RUF001 - as recipes write it
    "十六": None,
    "sixteen": None,
    "0": None,
    "-1": None,
    "1.5": None,
    "1/4": None,
}


@pytest.mark.parametrize("cell", BATCHES)
def test_batch_sizes(cell: str) -> None:
    assert batch(cell) == BATCHES[cell]


def test_cells_without_a_figure() -> None:
    assert all(map(says_nothing, ("", "/", "-", " — ", "N/A", "无")))
    assert not any(map(says_nothing, ("0", "1/2", "310P3")))


TITLES = {
    "芯片型号": ("chip", "", (), ""),
    "Batch Size": ("batch", "", (), ""),
    "bs": ("batch", "", (), ""),
    "batchsize": ("batch", "", (), ""),
    "数据集": ("dataset", "", (), ""),
    "精度": ("accuracy", "", (), ""),
    "精度（%）": ("accuracy", "", (), "%"),  # noqa: RUF001 - as recipes write it
    "Accuracy": ("accuracy", "", (), ""),
    "Top1/Top5": ("accuracy", "", ("top1", "top5"), ""),
    "310P3精度": ("accuracy", "310P3", (), ""),
    "mAP@0.5": ("accuracy", "", ("map_0_5",), ""),
    "PSNR(dB)": ("accuracy", "", ("psnr",), "dB"),
    "Ascend310P性能": ("throughput", "310P", (), ""),
    "性能(fps)": ("throughput", "", (), "fps"),
    "Performance": ("throughput", "", (), ""),
    "时延(ms)": ("time", "", (), "ms"),
    "模型": ("model", "", (), ""),
    "备注": ("other", "", (), ""),
}


@pytest.mark.parametrize("title", TITLES)
def test_columns(title: str) -> None:
    found = column(title)
    assert (found.kind, found.chip, found.metrics, found.unit) == TITLES[title]


RATIOS = (
    *("FPS提升倍数", "310P性能/310性能", "Throughput 310P/Throughput 310", "性能提升", "Speedup", "性能比", "加速比"),
    *("性能达标", "Speed-up ratio", "Performance gain", "性能/310性能", "Throughput 310P vs 310", "310P/T4"),
)
CHANGES = (
    *("精度损失", "精度下降", "精度偏差", "精度差", "Accuracy drop", "acc loss", "相对精度", "mAP下降", "mAP diff"),
    *("precision mode", "precision_mode", "精度模式", "精度误差", "acc_delta", "Accuracy gap"),
)


@pytest.mark.parametrize("title", [*RATIOS, *CHANGES, "精度达标"])
def test_ratios_and_changes_are_no_figures(title: str) -> None:
    found = column(title)
    assert (found.kind, found.chip, found.card, found.unit, found.metrics) == ("other", "", "", "", ())
    assert found.why_not.startswith("a loss, a difference" if title in CHANGES else "a ratio is not gated")


KEPT = {
    "平均交并比": "other",
    "平均交并比(mIoU)": "accuracy",
    "峰值信噪比 PSNR": "accuracy",
    "Peak signal-to-noise ratio (PSNR)": "accuracy",
    "误差": "accuracy",
    "残差网络精度": "accuracy",
    "model accuracy": "accuracy",
    "Diffusion FID": "accuracy",
    "310P3性能(imgs/s)": "throughput",
    "operation speed": "throughput",
    "时延比": "time",
    "昇腾加速卡": "chip",
    "硬件(NPU/GPU)": "chip",
}


@pytest.mark.parametrize("title", KEPT)
def test_titles_that_only_look_like_ratios_and_changes(title: str) -> None:
    assert (column(title).kind, column(title).why_not) == (KEPT[title], "")


def test_metrics_of_which_less_is_better() -> None:
    assert all(map(is_error, ("wer", "val_rmse", "误差", "错误率", "top1_error", "fid", "mae_1", "cer")))
    assert not any(map(is_error, ("top1", "map_0_5", "answer", "mirror", "soccer", "hmean", "terror", "")))


def test_figures_of_others() -> None:
    assert column("T4性能").card == "T4"
    assert column("官网精度").elsewhere
    assert column("bs1性能").batch == 1
    assert not column("310P3性能").elsewhere


def column(title: str) -> Column:
    return columns(Table(header=Row(line=1, cells=(title,)), rows=(), heading=""))[0]


def test_names_and_units() -> None:
    assert metric_name("准确率") == metric_name("Acc: ") == metric_name("NPU精度") == ""
    assert metric_name("R@1") == "r_1"
    assert unit_of("耗时(毫秒)") == "ms"
    assert unit_of("maps") == ""
