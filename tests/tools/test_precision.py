"""The sample with larger numbers inside, and the table that is made of it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from precision.run import differences, line, row
from precision.scaled import BACK, GROWING, scaled_weights, write_scaled
from zoo_runner.manifest.load import load

FIGURES = {
    "fp32": (92.6,),
    "inf": (76.25,),
    "sat": (26.0,),
    "allow": (92.6,),
    "keep": (92.6, 92.6),
    "safe": (92.6, 92.5),
}


@pytest.mark.parametrize("back", sorted(BACK))
@pytest.mark.parametrize("exponent", [0, 3, 9, 11])
def test_factors_are_powers_of_two_that_cancel(back: str, exponent: int) -> None:
    between, last = BACK[back]
    layers = (*GROWING, *between, last)
    weights = {f"{layer}.{part}": torch.ones(2) for layer in layers for part in ("weight", "bias")}
    made = scaled_weights(weights, exponent, back)
    factors = [math.log2(made[f"{layer}.weight"][0]) for layer in layers]
    grown = [sum(factors[: place + 1]) for place in range(len(layers))]
    assert grown[len(GROWING) - 1 :] == [exponent] * (len(between) + 1) + [0]
    assert [math.log2(made[f"{layer}.bias"][0]) for layer in layers] == grown
    assert all(factor == int(factor) for factor in factors)


def test_its_manifest(tmp_path: Path) -> None:
    loaded = load(write_scaled(tmp_path, 9, onnx="safe_l2_norm: 6"))
    assert (loaded.manifest.onnx.url, loaded.manifest.onnx.safe_l2_norm) == (None, 6)
    assert (tmp_path / str(loaded.manifest.weights.url)).is_file()


def test_a_row() -> None:
    assert line(9, FIGURES) == "| 2^9 | 92.60 | 76.25 | 26.00 | 92.60 | 92.60 | 92.60 / 92.50 |"
    assert differences(9, FIGURES)[1] == "2^9, force_fp16, saturating (310P): 26.00, before 26.78 (-0.78)"
    assert differences(3, FIGURES) == []


@pytest.mark.long  # minutes; tests/zoo_runner/precision shows the same on a small network
def test_the_scaled_sample_breaks_and_is_repaired(tmp_path: Path) -> None:
    figures = row(tmp_path, 9, "conv5_1", 40)
    (fp32,) = figures["fp32"]
    assert max(*figures["inf"], *figures["sat"]) < fp32 - 5
    for name in ("allow", "keep", "safe"):
        assert min(figures[name]) > fp32 - 0.3
