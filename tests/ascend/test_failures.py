"""What fails, how it ends and what is left behind: ATC, devices, outputs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ascend_host import (
    ASCEND,
    COMMAND,
    DATA,
    QUICK,
    SMALL,
    TRIAL,
    Host,
    ended_in_an_error,
    on,
)
from zoo_runner.testing import stand_in_environment
from zoo_runner.testing.devices import lose

pytestmark = pytest.mark.slow  # each run is a process with processes of its own


@pytest.fixture(scope="module")
def small(exported: Callable[[str], Host]) -> Host:
    """The first 24 images of the sample, as a data set of their own."""
    host = exported("small")
    folder = host.run.folder
    (folder / "small.yaml").write_text(SMALL, encoding="utf-8")
    devkit = shutil.copytree(DATA, folder / "VOCdevkit")
    (images,) = devkit.glob("VOC2007/ImageSets/Main/test.txt")
    images.write_text("".join(images.read_text(encoding="utf-8").splitlines(keepends=True)[:24]), encoding="utf-8")
    return host


class TestAtcFails:
    @pytest.mark.parametrize(
        ("fault", "texts"),
        [
            pytest.param("atc-code:E10001", ("E10001: Value [-1] for", "a flag has a value"), id="E10001"),
            pytest.param("atc-code:E10003", ("E10003: ", "does not know the flag"), id="E10003"),
            pytest.param("atc-code:E10016", ("E10016: Opname [Softmax_0]", "leave atc.out_nodes out"), id="E10016"),
            pytest.param("atc-code:E40021", ("E40021: Failed to compile Op", "numpy, decorator"), id="E40021"),
            pytest.param("atc-code:EZ9999", ("EZ9999: ", "troubleshooting manual"), id="unknown code"),
            pytest.param("atc-silent", ("ATC reported success for ", "expected an .om, found none"), id="silent"),
            pytest.param("atc-crash", ("ended by signal SIGSEGV", "free memory"), id="crash"),
            pytest.param("atc-hang", ("did not finish within 3 s", "ZOO_RUNNER_ATC_TIMEOUT=SECONDS"), id="hang"),
        ],
    )
    @pytest.mark.long_rows("silent", "E10003", "E40021", "unknown code")
    def test_with_its_reason_and_leaves_nothing(self, unconverted: Host, fault: str, texts: tuple[str, ...]) -> None:
        limited = Host(unconverted.run.given(ZOO_RUNNER_ATC_TIMEOUT="3")) if fault == "atc-hang" else unconverted
        ran = limited(*TRIAL, faults=(fault,))
        ended_in_an_error(ran, *texts, "out/logs/atc_bs1.log")
        assert ran.stage("convert")["why"] == "failed"
        assert (ran.folder / "logs" / "atc_bs1.log").read_text(encoding="utf-8").startswith("$ ")
        assert (limited.kept("om"), limited.kept("predictions")) == ([], [])

    def test_the_next_run_converts(self, unconverted: Host) -> None:
        until = (*TRIAL, "--until", "convert")
        ended_in_an_error(unconverted(*until, faults=("atc-silent",)))
        ran = unconverted(*until)
        assert (ran.code, ran.stage("convert")["skipped"], len(unconverted.kept("om"))) == (0, False, 2)

    def test_the_time_limit_must_be_one(self, unconverted: Host) -> None:
        ran = Host(unconverted.run.given(ZOO_RUNNER_ATC_TIMEOUT="soon"))(*TRIAL)
        assert (ran.code, ran.report["exit_code"]) == (2, 2)
        assert "ZOO_RUNNER_ATC_TIMEOUT: expected a positive number of seconds, found 'soon'" in ran.text


class TestTheDeviceFails:
    @pytest.mark.parametrize(
        ("fault", "more", "texts"),
        [
            pytest.param("device-lost:0:3", (), ("device 0: inference: ", "device 0 is lost"), id="lost"),
            pytest.param(
                "device-crash:0:3", (), ("device 0: inference: its process was ended by SIGKILL",), id="crash"
            ),
            pytest.param("hang:0:3", (), ("device 0: inference did not end within 5 s",), id="hang"),
            pytest.param("nan-output", (), ("output scores: expected finite numbers, found 1 of 32",), id="NaN"),
            pytest.param("wrong-size", (), ("an output: expected scores", "[8, 4]", "[8, 3]"), id="size"),
            pytest.param("wrong-chip", (), ("loading the model", "device 0 is Ascend310 (stand-in)"), id="chip"),
            pytest.param(
                "device-crash:1:2",
                ("--device", "0,1,2", *COMMAND),
                ("ais_bench gave no sign of life for 5 s", "the process of one was killed"),
                id="crash below the command",
            ),
        ],
    )
    @pytest.mark.long_rows("crash below the command", "chip", "size", "lost")
    def test_and_nothing_is_scored(self, host: Host, fault: str, more: tuple[str, ...], texts: tuple[str, ...]) -> None:
        before = host.kept("om")
        ran = host(*TRIAL, *more, faults=(fault,), devices=3)
        shutil.rmtree(ran.folder / "inputs", ignore_errors=True)  # of the command: complete, and no result
        ended_in_an_error(ran, *texts)
        assert (host.kept("om"), host.kept("predictions")) == (before, [])

    def test_the_absent_device_is_named(self, host: Host) -> None:
        ended_in_an_error(host(*TRIAL, "--device", "0,3", devices=3), "expected device 3, found 0, 1, 2 in")

    def test_all_devices_are_lost_and_the_next_run_goes_on(self, host: Host) -> None:
        """Nineteen batches in chunks of 8, 8 and 3: the two devices do twelve."""
        faults = ("device-lost:0:6", "device-lost:1:6")
        ran = host(*TRIAL, "--device", "0,1", faults=faults, devices=2)
        ended_in_an_error(ran, "no device is left:", "device 0: inference: ", "device 1: inference: ")
        assert [warning[:20] for warning in sorted(ran.report["warnings"])[:2]] == [
            "device 0 was lost: i",
            "device 1 was lost: i",
        ]
        assert len(host.kept("predictions")) == 1
        again = host(*TRIAL, "--device", "0,1", devices=2)
        assert (again.code, again.report["metrics"][0]["value"]) == (0, 100), again.text
        assert again.stage("infer")["why"].startswith("busy seconds; 86 of 150 samples")

    def test_a_device_that_cannot_be_timed_is_named(self, scored: Host, tmp_path: Path) -> None:
        environment = stand_in_environment(tmp_path / "host", devices=2)
        lose(tmp_path / "host", 0)
        ran = on(scored.run, environment)(*TRIAL, "--device", "0,1", "--set", "benchmark.batch=[1, 8]")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        report = scored.run.report()
        assert [timing["loops"] for timing in report["performance"]] == [3, 3]
        (lost,) = report["warnings"][1:]
        assert lost.startswith("device 0 was lost and not timed: loading the model: ")

    def test_too_few_times(self, scored: Host) -> None:
        ran = scored(*TRIAL, faults=("short-summary",))
        assert (ran.code, ran.report["verdict"], ran.report["performance"]) == (3, "error", [])
        assert "timing: expected 2 compute times from ais_bench, found 1" in ran.report["why"][0]


class TestWrongOutputs:
    """On the first 24 images of the sample, which pass as they are."""

    @pytest.mark.parametrize(
        ("faults", "more", "code", "text"),
        [
            pytest.param((), (), 0, "", id="none"),
            pytest.param(("swap-outputs",), (), 3, "outputs 0 and 2 look exchanged", id="swapped"),
            pytest.param(("swap-outputs",), COMMAND, 3, "outputs 0 and 2 look exchanged", id="swapped, by the command"),
            pytest.param(
                ("corrupt-output",),
                COMMAND,
                3,
                "output 1 (odm_conf): expected probabilities",
                id="garbage, by the command",
            ),
            pytest.param(
                ("zero-outputs",),
                (),
                3,
                "from device 0: output 0 (odm_loc): expected offsets that differ from place to place, found 0 at all",
                id="zeros",
            ),
            pytest.param(
                ("scaled-outputs",),
                (),
                3,
                "output 1 (odm_conf): expected probabilities from 0 to 1, found ",
                id="scaled",
            ),
            pytest.param(
                ("stale-outputs",),
                ("--batch-size", "1"),
                3,
                "odm_loc of sample '000001' from device 0 again",
                id="stale",
            ),
            pytest.param(
                ("copied-outputs",), (), 3, "outputs of sample '000002' from device 0: output odm_loc of", id="copied"
            ),
            pytest.param(
                ("copied-outputs",), COMMAND, 3, "a stale buffer, a copy or a constant", id="copied, by the command"
            ),
        ],
    )
    @pytest.mark.long_rows("garbage, by the command", "swapped, by the command", "copied, by the command", "zeros")
    def test_are_never_scored(
        self, small: Host, faults: tuple[str, ...], more: tuple[str, ...], code: int, text: str
    ) -> None:
        shutil.rmtree(small.run.cache / "predictions", ignore_errors=True)
        ran = small("small.yaml", *ASCEND, "--data", "VOCdevkit", "--output", "out", *QUICK, *more, faults=faults)
        assert ran.code == code, ran.text
        assert ran.report["verdict"] == ("error" if code else "pass")
        assert text in ran.report["why"][0]
        assert len(ran.report["metrics"]) == (0 if code else 3)
        assert bool(small.kept("predictions")) is not bool(code)
