"""Recipes that are broken in usual ways: refused, or imported without what is wrong; a message says what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from zoo_runner.errors import UsageError
from zoo_runner.importing.importing import import_recipe

FOLDER = Path(__file__).parent / "broken"

REFUSED = {
    "05-unterminated-fence.md": (
        "05-unterminated-fence.md:11: expected the end of the block of code that begins here (```), found none; "
        "what comes after it would be taken for code"
    ),
    "08-no-atc.md": (
        "expected a recipe with an atc command in a block of code, found none among 1 commands; "
        "zoo-run import reads recipes of the Ascend model zoo"
    ),
    "09-empty.md": "09-empty.md: expected the README.md of a recipe, found an empty file",
    "10-no-text.png": "10-no-text.png:1: expected Markdown in UTF-8, found the byte 0x89; is it another kind of file?",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        import_recipe(FOLDER / name, tmp_path / "m.yaml")
    assert REFUSED[name] in str(caught.value)
    assert list(tmp_path.iterdir()) == []


ROW = "row 310P3 | {} | Tiny"
FIGURES = "expected the names of columns, found figures; the table is not read"
TWO = "neither is carried over, as nothing says which is right"
LEFT = "expected a batch size, found '十六'; its figures are left out"
HEADLESS = "of a table without header (no |---|---| below names); not read"
WARNED: dict[str, tuple[list[str], dict[str, Any]]] = {
    "01-soc-without-prefix.md": (
        ["12: flag --soc_version=310P3: expected the prefix Ascend, as ATC names chips; written as Ascend310P3"],
        {"atc": {"framework": 5, "input_format": "NCHW", "soc_version": "Ascend310P3"}},
    ),
    "02-variable-never-set.md": (
        [
            (
                "12: flag --input_shape: expected NAME:SIZES, found ${input_name}:${bs},${channels},224,224; "
                "${channels} is no size, and no variable that is set"
            ),
            "12: flag --op_select_implmode=${mode}: the variable mode is never set",
        ],
        {"inputs": [{"name": "image", "dtype": "float32", "shape": ["batch", 3, 224, 224]}]},
    ),
    "03-table-without-header.md": (
        [
            f"15: row | 310P3 | 1 | Tiny | 76.1% | 100 fps |: {HEADLESS}",
            f"16: row | 310P3 | 4 | Tiny | 76.1% | 300 fps |: {HEADLESS}",
            f"18: {ROW.format(8)} | 76.1% | 400 fps: {FIGURES}",
        ],
        {"expected": None, "dataset": {"name": "unnamed", "samples": 1}},
    ),
    "04-batch-in-words.md": (
        [
            f"17: {ROW.format('十六')} | 76.1% | 100 fps: {LEFT}",
            f"18: {ROW.format(1)} | 七十六 | 90 fps: expected a number, found '七十六'",
        ],
        {"expected": {"chips": {"310P3": {"throughput": {1: 90}, "published": "04-batch-in-words.md, line 18"}}}},
    ),
    "06-unknown-flag.md": (
        [
            (
                "12: flag --brand_new=1: ATC is not known to have this flag; if `atc --help` of your CANN has it, "
                "write it below atc.unchecked_flags"
            ),
            "12: flag --framework=0: expected 5 (ONNX), as no other kind of model is converted",
            (
                "12: flag --percision_mode=force_fp16: ATC is not known to have this flag; "
                "did you mean 'precision_mode' or 'precision_mode_v2'?"
            ),
            (
                "12: flag --precision_mode=fp16: expected one of force_fp16, force_fp32, allow_fp32_to_fp16, "
                "must_keep_origin_dtype, allow_mix_precision, cube_fp16in_fp32out"
            ),
        ],
        {"atc": {"input_format": "NCHW", "soc_version": "Ascend310P3"}},
    ),
    "07-two-accuracies.md": (
        [
            f"18: {figure} for 310P3, batch 1, and line 17 has {other}; {TWO}"
            for figure, other in (("accuracy 70.2", "76.1"), ("throughput 130", "100"))
        ],
        {"expected": None},
    ),
}
"""By recipe: all warnings with their lines, and sections of the manifest that is written all the same."""


@pytest.mark.parametrize("name", WARNED)
def test_what_is_left_out_with_a_warning(name: str, tmp_path: Path) -> None:
    warnings, sections = WARNED[name]
    written = import_recipe(FOLDER / name, tmp_path / "m.yaml")
    assert [f"{each.line}: {each.text}" for each in written.warnings] == warnings
    found = yaml.safe_load((tmp_path / "m.yaml").read_text(encoding="utf-8"))
    assert {key: found.get(key) for key in sections} == sections


def test_what_would_be_judged_wrongly_is_not_run(tmp_path: Path) -> None:
    """Without its accuracy a recipe would pass by its speed alone, and one of another framework by another model."""
    assert "expected.accuracy" in import_recipe(FOLDER / "04-batch-in-words.md", tmp_path / "words.yaml").unsaid
    assert "atc.framework" in import_recipe(FOLDER / "06-unknown-flag.md", tmp_path / "flag.yaml").unsaid


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "README.md").write_text("# " + "a" * 600_000)
    with pytest.raises(
        UsageError, match=r"README\.md: expected at most 512,000 bytes, found 600,002; set ZOO_RUNNER_RECIPE"
    ):
        import_recipe(tmp_path / "README.md", tmp_path / "m.yaml")
    monkeypatch.setenv("ZOO_RUNNER_RECIPE_LIMIT", "1MB")
    with pytest.raises(UsageError, match="expected a recipe with an atc command"):
        import_recipe(tmp_path / "README.md", tmp_path / "m.yaml")
