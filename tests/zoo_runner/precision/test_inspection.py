"""From a manifest to what lower precision does, on the trial with an L2 norm in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import speech_files
from norm_graphs import write_norm
from zoo_runner.errors import ExitCode, StageError, UsageError
from zoo_runner.job.options import RunOptions, Stage
from zoo_runner.manifest.load import load
from zoo_runner.plugin.interfaces import Sample
from zoo_runner.precision.inspection import Inspection, Question, inspect, spread
from zoo_runner.precision.report import draft_text, lines
from zoo_runner.precision.words import BREAKS, UNBROKEN, UNKNOWN
from zoo_runner.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab import Lab


@pytest.fixture
def look(lab: Lab) -> Callable[..., Inspection]:
    """Look at a manifest that extends the trial's; its network has an L2 norm."""
    write_norm(lab.folder / "norm.onnx")
    text = "extends: trial.yaml\nname: norm\nweights: {url: norm.onnx}\n"

    def look_at(more: str = "", *overrides: str, soc: str | None = None, **asked: Any) -> Inspection:
        manifest = lab.folder / "norm.yaml"
        manifest.write_text(text + more)
        options = RunOptions(output=lab.folder / "out", backend="onnxruntime", last=Stage.INFER, soc=soc)
        loaded = load(manifest, overrides)
        return inspect(loaded, options, Question(**asked), store=Store(lab.cache), progress=lab.listener)

    return look_at


def words(found: Inspection) -> dict[str, str]:
    return {each.mode: each.word for each in found.answers}


def test_the_scan(look: Callable[..., Inspection], lab: Lab) -> None:
    found = look()
    assert "range scan: 15 of 15 samples" in lab.listener.heard
    assert found.findings.draft == ("pow", "sum", "sqrt", "add", "div")
    assert [each.node for each in found.findings.overflowing] == ["sum", "pow"]
    assert found.ranges.largest["squares"] == 1024**2
    assert found.ranges.largest["numbers"] == 2
    assert found.own_answer is None
    text = "\n".join(lines(found))
    assert "\noverflow in fp16: 2 operators:\n" in text
    assert "1.04858e+06  pow (Pow, Ascend: Pow), read by sum; fp16 in the manifest's mode\n" in text
    assert "epsilon becomes 0, read by add\n" in text
    assert "the manifest asks for force_fp16 (ATC's default for inference)\nwhat that costs: add --emulate" in text


def test_the_modes(look: Callable[..., Inspection]) -> None:
    found = look(emulate=True)
    assert words(found) == {"force_fp16": BREAKS, "allow_fp32_to_fp16": UNBROKEN, "cube_fp16in_fp32out": UNBROKEN}
    own = found.own_answer
    assert own is not None
    assert own.exit_code is ExitCode.GATE_FAILED
    assert [band.broken for band in own.bands] == [
        tuple(f"Inf/NaN, {each}: 25.33" for each in ("each operator alone", "matrix operators joined with the next"))
    ]
    assert (own.bands[0].greatest, own.bands[0].limit.reference, own.bands[0].limit.margin) == (100.0, 100.0, 0.5)
    text = "\n".join(lines(found))
    assert "emulated on ONNX Runtime over 150 samples; overflow as the chip is not known (--soc), Inf/NaN and " in text
    assert "\nforce_fp16 (what the manifest asks for): breaks\n" in text
    assert "\ncube_fp16in_fp32out = force_fp32: no break seen\n" in text
    assert text.endswith('"no break seen" is no pass; only a run on the card can pass')


def test_a_chip_has_one_rule(look: Callable[..., Inspection]) -> None:
    """Saturated, the trial's scores are too large, and the largest is still the largest."""
    found = look(emulate=True, modes=("fp16",), soc="310P3")
    assert words(found) == {"force_fp16": UNBROKEN}
    assert found.own_answer is not None
    assert found.own_answer.exit_code is ExitCode.PASS
    assert words(look(emulate=True, modes=("fp16",), soc="910B4")) == {"force_fp16": BREAKS}


def test_the_draft_repairs_it(look: Callable[..., Inspection], lab: Lab) -> None:
    (lab.folder / "keep.txt").write_text(draft_text(look().findings.draft))
    kept = "atc: {flags: {keep_dtype: keep.txt}}\n"
    assert words(look(kept, emulate=True, modes=("force_fp16",))) == {"force_fp16": UNBROKEN}
    (lab.folder / "keep.txt").write_text("pow\nsum\nsqroot\n")  # what reads them is missing
    found = look(kept, emulate=True, modes=("force_fp16",))
    assert words(found) == {"force_fp16": BREAKS}
    text = "\n".join(lines(found))
    assert f"warning: {lab.folder}/keep.txt:3: no operator is named 'sqroot'; did you mean 'sqrt'" in text
    assert "the manifest's files: keep_dtype keeps 2 operators, customize_dtypes sets 0" in text


def test_modes_without_a_number_are_inconclusive(look: Callable[..., Inspection]) -> None:
    found = look("atc: {precision_mode: allow_mix_precision}\n", emulate=True, modes=("allow_fp32_to_fp16",), samples=8)
    assert words(found) == {"allow_fp32_to_fp16": UNBROKEN, "allow_mix_precision": UNKNOWN}
    assert found.own_answer is not None
    assert found.own_answer.exit_code is ExitCode.INCONCLUSIVE
    assert "precision_reduce.flag" in found.own_answer.why[0]
    assert found.emulated == 8


def test_files_that_have_no_effect_are_warned_of(look: Callable[..., Inspection], lab: Lab) -> None:
    (lab.folder / "keep.txt").write_text("pow\n")
    found = look("atc: {precision_mode: must_keep_origin_dtype, flags: {keep_dtype: keep.txt}}\n", samples=2)
    assert list(lines(found))[-2] == "warning: ATC ignores keep_dtype in the mode must_keep_origin_dtype"


def test_fp32_that_overflows_by_itself(look: Callable[..., Inspection], lab: Lab) -> None:
    write_norm(lab.folder / "norm.onnx", 1.75e38)  # twice that is too large for fp32
    found = look(samples=2)
    assert found.ranges.largest["sum"] == float("inf")
    with pytest.raises(StageError, match=r"fp32 itself: [0-9]+ of 4 numbers of output 'scores' are not finite"):
        look(emulate=True, samples=2)


def test_several_networks(lab: Lab, driven_files: Path) -> None:
    options = RunOptions(output=lab.folder / "out", backend="onnxruntime", last=Stage.INFER)
    with pytest.raises(UsageError, match="expected one network to look at, found models "):
        inspect(load(driven_files / "driven.yaml"), options, Question(), store=Store(lab.cache), progress=lab.listener)


def test_samples_of_several_parts(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(speech_files.write_site(tmp_path / "speech-site"))
    loaded = load(speech_files.write_files(tmp_path / "speech") / "speech.yaml")
    options = RunOptions(output=lab.folder / "out", backend="onnxruntime", last=Stage.INFER)
    asked = Question(emulate=True, modes=("force_fp16",))
    found = inspect(loaded, options, asked, store=Store(lab.cache), progress=lab.listener)
    assert (found.ranges.samples, found.emulated) == (12, speech_files.UTTERANCES)
    assert words(found) == {"force_fp16": UNBROKEN}
    assert f"fp32: {speech_files.UTTERANCES} of {speech_files.UTTERANCES} utterances" in lab.listener.heard


def test_samples_of_any_size(lab: Lab, sized_site: Path, sized_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(sized_site)
    options = RunOptions(output=lab.folder / "out", backend="onnxruntime", last=Stage.INFER)
    loaded = load(sized_files / "sized.yaml")
    asked = Question(emulate=True, modes=("force_fp16",))
    found = inspect(loaded, options, asked, store=Store(lab.cache), progress=lab.listener)
    assert words(found)["force_fp16"] == UNBROKEN
    assert found.ranges.largest


@pytest.mark.parametrize(
    ("count", "expected"), [(1, [0]), (2, [0, 4]), (3, [0, 3, 6]), (7, list(range(7))), (9, list(range(7)))]
)
def test_samples_are_spread(count: int, expected: list[int], tmp_path: Path) -> None:
    samples = [Sample(index=index, id=str(index), path=tmp_path) for index in range(7)]
    assert [sample.index for sample in spread(samples, count)] == expected
    assert spread([], count) == []
