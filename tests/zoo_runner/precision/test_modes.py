"""The mode that a manifest asks for, and those that have no number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from places import TRIAL
from zoo_runner.manifest.load import load
from zoo_runner.precision.modes import ALLOW, CUBE, EMULATED, FORCE_FP16, KEEP, MIXED, asked_mode, meant, unemulated


@pytest.mark.parametrize(
    ("atc", "written", "mode", "where"),
    [
        ("{}", "force_fp16", FORCE_FP16, "ATC's default for inference"),
        ("{precision_mode: allow_fp32_to_fp16}", "allow_fp32_to_fp16", ALLOW, "m.yaml:2"),
        ("{precision_mode: force_fp32}", "force_fp32", CUBE, "m.yaml:2"),
        ("{flags: {precision_mode_v2: origin}}", "origin", KEEP, "m.yaml:2"),
        ("{flags: {precision_mode_v2: mixed_bfloat16}}", "mixed_bfloat16", "mixed_bfloat16", "m.yaml:2"),
    ],
)
def test_what_is_asked_for(atc: str, written: str, mode: str, where: str, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(f"extends: {TRIAL}\natc: {atc}\n")
    found = asked_mode(load(tmp_path / "m.yaml"))
    assert (found.written, found.mode) == (written, mode)
    assert found.where.endswith(where)


@pytest.mark.parametrize(
    ("mode", "chip", "text"),
    [
        (KEEP, "310P3", "on 310P convolutions exist in fp16 only: .*AI CPU, which is slow, or is refused by ATC"),
        (KEEP, "910B4", "one that has no such kernel goes to the AI CPU or is refused"),
        (KEEP, "", "On 310, 310P and 910 that is every convolution"),
        (MIXED, "310P3", r"in lists that an installed CANN holds \(precision_reduce\.flag\)"),
        ("mixed_bfloat16", "910B4", "is not emulated; those that are: force_fp16, allow_fp32_to_fp16, cube_"),
    ],
)
def test_modes_without_a_number(mode: str, chip: str, text: str) -> None:
    assert re.search(text, unemulated(mode, chip))


def test_modes_with_one() -> None:
    assert [unemulated(mode, "") for mode in EMULATED] == ["", "", ""]
    assert [meant(mode) for mode in ("force_fp32", "fp16", "mixed_float16", "new")] == [CUBE, FORCE_FP16, MIXED, "new"]
