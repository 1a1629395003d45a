"""Twenty recipes in the form of the Ascend model zoo: each becomes a valid manifest that says the same, and no more."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from zoo_runner.importing.assembling import assemble
from zoo_runner.importing.importing import import_recipe
from zoo_runner.importing.reading import read
from zoo_runner.job.imported import missing
from zoo_runner.manifest.load import load

RECIPES = {path.stem: path for path in sorted((Path(__file__).parent / "recipes").glob("*.md"))}
METRIC, PROTOCOL, UNIT = (f"expected.accuracy.{key}" for key in ("metric", "protocol", "unit"))
BATCH = "batch"

SAYS: dict[str, dict[str, Any]] = {
    "01-plain-aipp": {
        "description": "ResNet50 模型-推理指导",
        "source.url": "https://github.com/pytorch/examples.git",
        "source.commit": "507493d7b5fab51d55af88c5df9eadceb144fb67",
        "weights.url": "https://download.pytorch.org/models/resnet50-0676ba61.pth",
        "dataset.name": "ImageNet",
        "dataset.samples": 50000,
        "inputs": [{"name": "actual_input_1", "dtype": "float32", "shape": [BATCH, 3, 224, 224]}],
        "outputs": [{"name": "output", "dtype": "float32", "shape": [BATCH, 1000]}],
        "atc.insert_op_conf": "aipp_resnet50.config",
        "atc.flags": {"enable_small_channel": 1},
        "infer.batch": 64,
        "benchmark": {"batch": [1, 4, 64], "loop": 100},
        "expected.accuracy.top1/unnamed.value": 76.14,
        "expected.accuracy.top5/unnamed.value": 92.87,
        "expected.chips.310P3.accuracy": {"top1/unnamed": {64: 76.15}},
        "expected.chips.310P3.throughput": {1: 1412.5, 4: 2901.1, 64: 4012},
        "expected.chips.310P3.cann": "6.0.RC1",
        "expected.chips.310P3.published": "01-plain-aipp.md, lines 73 to 75",
    },
    "02-several-chips": {
        "atc.soc_version": "Ascend310P3",
        "atc.log": "info",
        "dataset.samples": 6149,
        "expected.accuracy.value": 96.41,
        "expected.chips.310": {
            "accuracy": {1: 96.4, 8: 96.4},
            "throughput": {1: 355.1, 8: 520.9},
            "unit": "images/s",
            "published": "02-several-chips.md, lines 33 to 34",
        },
        "expected.chips.310P3.throughput": {1: 801.7, 8: 1960.25, 16: 2011},
        "benchmark": {"batch": [1, 8, 16], "loop": 1000},
    },
    "03-several-inputs": {
        "source.commit": "89abcdef",
        "inputs": [
            {"name": name, "dtype": "int64", "shape": [BATCH, 128]}
            for name in ("input_ids", "input_mask", "segment_ids")
        ],
        "atc.flags": {"op_select_implmode": "high_precision", "optypelist_for_implmode": "Gelu"},
        "benchmark": {"batch": [8], "loop": 20, "warmup": 3},
        "expected.accuracy.unit": "fraction",
        "expected.accuracy.value": 0.8701,
    },
    "04-dynamic-batch": {
        "onnx.simplify": True,
        "atc.dynamic_batch_size": [1, 4, 16, 64],
        "infer.batch": 16,
        "benchmark.batch": [1, 16],
        "expected.accuracy.metric": "top1",
    },
    "05-dynamic-size": {
        "inputs.0.shape": [BATCH, 3, "height", "width"],
        "atc.dynamic_image_size": [[736, 1280], [768, 1344], [800, 1408]],
        "expected.accuracy.metric": "hmean",
    },
    "06-dynamic-dims": {
        "inputs.1": {"name": "mask", "dtype": "int32", "shape": [BATCH, "axis1"]},
        "atc.dynamic_dims": [{"axis1": 64}, {"axis1": 128}, {"axis1": 256}],
        "expected.chips.310P3.throughput": {1: 240.1},
    },
    "07-out-nodes": {
        "inputs.0.dtype": "float16",
        "weights.url": "https://models.example.org/tinybox/tinybox.pt?download=true",
        "atc.out_nodes": ["Transpose_10:0", "Transpose_20:0", "Transpose_30:0"],
        "atc.flags": {"fusion_switch_file": "switch.cfg", "output_type": "FP32"},
        "expected.accuracy.metric": "map_0_5",
    },
    "08-onnxsim-opset": {
        "onnx": {"opset": 11, "simplify": True},
        "atc.precision_mode": "allow_mix_precision",
        "inputs.0.shape": [BATCH, 3, 512, 512],
        "expected.chips.710.throughput": {1: 88.2, 8: 104.8},
    },
    "09-patches-drive": {
        "source.url": "https://github.com/example/pose3d",
        "source.commit": "1f2e3d4c5b6a79880123456789abcdef01234567",
        "weights": None,
        "expected.accuracy.metric": "mpjpe",
    },
    "10-several-om": {
        "models.encoder.inputs": [{"name": "speech", "dtype": "float32", "shape": [BATCH, 1000, 80]}],
        "models.decoder.inputs.1.shape": [BATCH, 249, 256],
        "models.decoder.atc.flags": {"keep_dtype": "keep.cfg"},
        "outputs.0.dtype": "int64",
        "atc": None,
        "expected.accuracy.value": 5.12,
    },
    "11-merged-cells": {
        "expected.accuracy.map/unnamed.value": 81.9,
        "expected.accuracy.rank1/unnamed.value": 97,
        "expected.chips.310P3.throughput": {1: 350, 4: 520, 32: 611.5},
        "benchmark.batch": [1, 4, 32],
    },
    "12-html-table": {
        "dataset.name": "BSD68",
        "expected.accuracy.metric": "psnr",
        "expected.accuracy.unit": "dB",
        "expected.accuracy.value": 31.73,
        "expected.chips.310P3.throughput": {1: 23.3, 4: 25.1},
    },
    "13-wrapper": {"atc": None, "infer.batch": 8, "expected.accuracy.metric": "r_1", "inputs.0.name": "image"},
    "14-english": {
        "weights.url": "https://models.example.org/depthlite.pth",
        "inputs.0": {"name": "rgb", "dtype": "float32", "shape": [BATCH, 3, 228, 304]},
        "dataset.samples": 654,
        "expected.accuracy.metric": "rmse",
        "expected.chips.310P3.throughput": {1: 270.5},
    },
    "15-headers-with-chips": {
        "atc": {"framework": 5, "input_format": "NCHW"},
        "inputs.0.name": "input.1",
        "expected.accuracy.value": 71.85,
        "expected.chips.310.throughput": {1: 1105, 16: 4910},
        "expected.chips.310P3.throughput": {1: 2507, 16: 9035},
        "expected.reference": [
            {"name": "T4", "throughput": {1: 1021.3, 16: 4093}, "published": "15-headers-with-chips.md, lines 19 to 20"}
        ],
    },
    "16-wide-digits-and-time": {
        "expected.accuracy.value": 96.2,
        "expected.chips.310B1.throughput": {1: 1086.9},
        "benchmark": {"batch": [1], "loop": 20},
    },
    "17-shape-range": {
        "inputs.0.shape": [BATCH, 3, "axis1", "axis2"],
        "atc.input_shape_range": {"axis1": [256, 800], "axis2": [256, 1216]},
        "atc.flags": {"buffer_optimize": "off_optimize"},
        "expected.accuracy.metric": "auc",
    },
    "18-no-tables": {
        "source.url": "https://github.com/example/pointlite.git",
        "inputs.0.shape": [BATCH, 3, 1024],
        "expected": None,
        "dataset.samples": 1,
    },
    "19-whole-tensor": {
        "inputs.1": {"name": "table", "dtype": "float32", "shape": [26, 64]},
        "outputs.0.shape": [1, 1],
        "onnx.dynamic_batch": False,
        "infer.batch": 1,
        "benchmark.batch": [1],
    },
    "20-list-and-quotes": {
        "weights.url": "https://models.example.org/walkbox.tar.gz",
        "inputs.0.shape": [BATCH, 3, 384, 288],
        "expected.accuracy.metric": "map",
        "expected.accuracy.value": 0.8123,
        "expected.chips.310P.throughput": {8: 640},
    },
}
"""By recipe: values of the manifest, by dotted key; ``None`` for what must not be there."""
UNSAID: dict[str, list[str]] = {
    "01-plain-aipp": ["expected.accuracy.top1/unnamed", "expected.accuracy.top5/unnamed"],
    "02-several-chips": [METRIC, PROTOCOL, "expected.chips.310.unit", "expected.chips.310P3.unit"],
    "03-several-inputs": [METRIC, PROTOCOL, UNIT],
    "04-dynamic-batch": [PROTOCOL],
    "05-dynamic-size": ["outputs.0.shape", PROTOCOL],
    "06-dynamic-dims": ["outputs.0.shape", PROTOCOL],
    "07-out-nodes": [PROTOCOL],
    "08-onnxsim-opset": [PROTOCOL, UNIT, "expected.chips.710.unit"],
    "09-patches-drive": ["dataset.samples", PROTOCOL, UNIT],
    "10-several-om": [
        "models.encoder.inputs.0.dtype",
        "models.encoder.outputs",
        "models.decoder.inputs.0.dtype",
        "models.decoder.inputs.1.dtype",
        "models.decoder.outputs",
        PROTOCOL,
    ],
    "11-merged-cells": ["expected.accuracy.map/unnamed", "expected.accuracy.rank1/unnamed"],
    "12-html-table": [PROTOCOL],
    "13-wrapper": [PROTOCOL],
    "14-english": [PROTOCOL, UNIT],
    "15-headers-with-chips": ["dataset.name", METRIC, PROTOCOL],
    "16-wide-digits-and-time": [METRIC, PROTOCOL, "expected.chips.310B1.unit"],
    "17-shape-range": [PROTOCOL, UNIT, "expected.chips.310P3.unit"],
    "18-no-tables": ["dataset.name", "dataset.samples", "inputs.0.dtype", "outputs"],
    "19-whole-tensor": [PROTOCOL, UNIT],
    "20-list-and-quotes": [PROTOCOL, UNIT],
}
"""By recipe: keys with stand-ins, beside the plugin's name."""
REMARKS: dict[str, list[str]] = {
    "01-plain-aipp": [
        "line 36: row Python | 3.7.5 | -: of a table that is not read",
        "line 43: command pip3 install -r requirements.txt: installs what the plugin may need",
        "line 58: flag --soc_version=Ascend${chip_name}: the run asks npu-smi which chip it is on",
        "line 58: flag --insert_op_conf: names the file aipp_resnet50.config; put it beside the manifest",
        "line 64: flag --outfmt NPY: the run keeps outputs in memory; infer.tool: ais_bench-cli has files",
    ],
    "03-several-inputs": [
        "line 22: command cd pairbert: prepares files",
        "line 24: command patch -p1 < ../pairbert.patch: changes the code: belongs into code.patches",
    ],
    "09-patches-drive": [
        "line 3: weights https://pan.baidu.com/s/1AbCdEf: a person has to download it; give --weights FILE",
        "line 4: link https://drive.google.com/file/d/1xyz/view?usp=***: a person has to download it",
        "line 7: command git clone https://gitee.com/ascend/ModelZoo-PyTorch.git: fetches code",
    ],
    "10-several-om": ["several networks, by the atc commands of the lines 6, 7."],
    "11-merged-cells": ["line 21: row / | 16 | / | - | /: has no figures that a manifest can hold a run against"],
    "13-wrapper": [
        "line 16: command bash scripts/convert_om.sh --soc Ascend310P3 --bs 8: the recipe shows no atc command"
    ],
    "14-english": ["line 3: link https://github.com/example/depthlite"],
    "15-headers-with-chips": ["line 19: accuracy 71.88 of 官网精度: not of the recipe's own run"],
    "16-wide-digits-and-time": ["line 21: 时延(ms) 0.92: a time is not gated, a throughput is"],
    "18-no-tables": ["The recipe has no figures that a manifest can hold a run against."],
}
"""By recipe: comments in the manifest, which wraps them."""


@pytest.mark.parametrize("name", RECIPES)
def test_the_manifest_says_what_the_recipe_says(name: str, tmp_path: Path) -> None:
    target = tmp_path / "m.yaml"
    written = import_recipe(RECIPES[name], target)
    text = target.read_text(encoding="utf-8")
    found = yaml.safe_load(text)
    assert {key: value_at(found, key) for key in SAYS[name]} == SAYS[name]
    assert list(written.unsaid) == ["plugin.name", *UNSAID[name]] == found["imported"]["unsaid"]
    comments = unwrapped(text)
    assert [remark for remark in REMARKS.get(name, ()) if remark not in comments] == []
    notes = missing(load(target))
    assert len(notes) == len(written.unsaid)
    assert all(f"{target}:" in note and "a stand-in; write" in note for note in notes)


@pytest.mark.parametrize("name", RECIPES)
def test_nothing_is_left_out_without_a_word(name: str) -> None:
    recipe = read(RECIPES[name])
    account = assemble(recipe, RECIPES[name], "m", None).account
    known = account.carried | {each.line for each in account.remarks} | {line for line, _ in account.taken}
    assert [f"{line}: {recipe.lines[line - 1]}" for line in parts(recipe.lines) if line not in known] == []


def parts(lines: tuple[str, ...]) -> set[int]:
    """Return the lines of table rows, links and beginnings of commands, by their looks."""
    rows = {n for n, text in enumerate(lines, 1) if re.match(r"[ >]*\|(?!\s*:?-{2,})", text)}
    headers = {n for n in rows if n < len(lines) and re.match(r"[ >]*\|\s*:?-{2,}", lines[n])}
    links = {n for n, text in enumerate(lines, 1) if "http" in text and "git clone" not in text and "url=" not in text}
    starts = r"[ >]*(?:\S+@\S+ |\$ )?(?:atc|python3?|pip3?|git|cd|bash|source|wget|onnxsim|patch|npu-smi|nohup) "
    return (rows - headers) | links | {n for n, text in enumerate(lines, 1) if re.match(starts, text)}


def value_at(found: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        found = found[int(part)] if isinstance(found, list) else found.get(part)
        if found is None:
            return None
    return found


def unwrapped(text: str) -> str:
    return re.sub(r"\n#   ", " ", text)
