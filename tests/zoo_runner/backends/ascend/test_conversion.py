"""The conversion that the Ascend backend brings; that it is run, kept and checked is in the tests of the stage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from places import SAMPLE
from zoo_runner.aipp.config_file import aipp_text
from zoo_runner.backends.ascend.conversion import ATC_TIMEOUT_S, OM, OmConversion, atc_options, atc_timeout
from zoo_runner.errors import UsageError
from zoo_runner.job.options import RunOptions
from zoo_runner.job.recipe import resolve
from zoo_runner.manifest.load import load
from zoo_runner.plugin.conversion import ConversionRequest
from zoo_runner.plugin.pixels import Normalisation
from zoo_runner.stages.convert.request import conversion_request
from zoo_runner.store.store import Store

REFINEDET = Normalisation(mean=(123, 117, 104), scale=(1, 1, 1), swap_red_blue=True, height=320, width=320)


@pytest.fixture
def request_of(tmp_path: Path) -> Callable[..., ConversionRequest]:
    """Ask for a conversion of the sample."""

    def request(*overrides: str, chip: str = "310P3") -> ConversionRequest:
        recipe = resolve(load(SAMPLE, overrides), RunOptions(output=Path("out")))
        return conversion_request(
            recipe, OM, Store(tmp_path / "store"), model=Path("m.onnx"), sha256="", batch=8, chip=chip
        )

    return request


def test_with_aipp_atc_is_given_a_file_that_is_kept(request_of: Callable[..., ConversionRequest]) -> None:
    request = request_of("atc.aipp=auto", "atc.flags={enable_small_channel: 1}")
    options = atc_options(request)
    assert options.insert_op_conf is not None
    assert Path(options.insert_op_conf).is_absolute()
    assert Path(options.insert_op_conf).read_text(encoding="utf-8") == aipp_text(REFINEDET)
    assert options.aipp is None
    assert options.flags == {"enable_small_channel": 1}
    assert atc_options(request) == options


def test_without_aipp_nothing_is_written(request_of: Callable[..., ConversionRequest], tmp_path: Path) -> None:
    request = request_of()
    assert atc_options(request) is request.options
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("chip", "overrides", "soc"),
    [
        pytest.param("310P3", (), "--soc_version=Ascend310P3 ", id="the chip"),
        pytest.param("310P3 stand-in", (), "--soc_version=Ascend310P3 ", id="a stand-in"),
        pytest.param("310P3", ("atc.soc_version=Ascend310P1",), "--soc_version=Ascend310P1 ", id="the one asked for"),
        pytest.param("", (), "--soc_version=Ascend<chip from npu-smi>", id="none is known"),
    ],
)
def test_the_command_of_a_plan(
    request_of: Callable[..., ConversionRequest], chip: str, overrides: tuple[str, ...], soc: str
) -> None:
    request = request_of(*overrides, chip=chip)
    (line,) = OmConversion().conversion_commands(request, Path("m_bs8.om"), lambda: ("/Conv:0", "/Conv:1"))
    assert line.startswith("atc --framework=5 --model=m.onnx --output=m_bs8 ")
    assert "--out_nodes=/Conv:0;/Conv:1" in line
    assert soc in line + " "


@pytest.mark.parametrize(("chip", "repeats"), [("310P3", "never"), ("310P3 stand-in", "everywhere")])
def test_what_repeats(request_of: Callable[..., ConversionRequest], chip: str, repeats: str) -> None:
    assert OmConversion().repeats(request_of(chip=chip)) == repeats


@pytest.mark.parametrize(("text", "seconds"), [(None, ATC_TIMEOUT_S), ("", ATC_TIMEOUT_S), ("2.5", 2.5), ("1e4", 1e4)])
def test_the_time_that_atc_has(monkeypatch: pytest.MonkeyPatch, text: str | None, seconds: float) -> None:
    monkeypatch.delenv("ZOO_RUNNER_ATC_TIMEOUT", raising=False)
    if text is not None:
        monkeypatch.setenv("ZOO_RUNNER_ATC_TIMEOUT", text)
    assert atc_timeout() == seconds


@pytest.mark.parametrize("text", ["0", "-1", "soon", "inf", "nan"])
def test_the_time_that_atc_has_is_a_positive_number(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("ZOO_RUNNER_ATC_TIMEOUT", text)
    with pytest.raises(UsageError, match=f"^ZOO_RUNNER_ATC_TIMEOUT: expected a positive number .* found '{text}'$"):
        atc_timeout()
