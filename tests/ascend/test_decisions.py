"""Figures for the chip, and timing on devices that are slow or not quiet."""

from __future__ import annotations

import sys

import pytest

from ascend_host import (
    ASCEND,
    CHIP,
    COMMAND,
    SCRIPT,
    Host,
)

pytestmark = pytest.mark.slow  # each run is a process with processes of its own


class TestTheTable:
    """A table for the chip that the stand-ins call themselves, which asks for at least 90 images/s."""

    @pytest.mark.parametrize(
        ("faults", "more", "code", "text"),
        [
            pytest.param(("slow:10",), (), 0, "batch 1: 100.00, expected at least 100 - 10", id="just fast enough"),
            pytest.param(("slow:12",), (), 1, "batch 1: 83.33, expected at least 100 - 10", id="slow"),
            pytest.param(
                ("slow:12",),
                COMMAND,
                1,
                "batch 1: 83.33, expected at least 100 - 10",
                marks=pytest.mark.long,
                id="slow, command",
            ),
            pytest.param(
                ("slow:12", "busy"), (), 4, "not quiet: device 0 before the timing: process 4242 (python3)", id="busy"
            ),
            pytest.param(("slow:10", "hot"), (), 4, "104 degrees Celsius, expected at most 85", id="hot"),
            pytest.param(("slow:10", "unhealthy"), (), 4, "health is Alarm, expected OK", id="ill from the start"),
        ],
    )
    def test_verdict(self, scored: Host, faults: tuple[str, ...], more: tuple[str, ...], code: int, text: str) -> None:
        ran = scored("gated.yaml", *ASCEND, "--output", "out", *more, faults=faults)
        assert ran.code == code, ran.text
        verdict = {0: "pass", 1: "fail", 4: "inconclusive"}[code]
        assert ran.report["verdict"] == verdict
        (timing,) = ran.report["performance"]
        assert (timing["expected"], timing["tolerance"], timing["verdict"]) == (100, 10, verdict)
        (why,) = [why for why in ran.report["why"] if why.startswith(f"throughput on {CHIP}, batch 1: ")]
        assert text in why
        assert bool(ran.report["warnings"][1:]) is (code == 4)  # the first one is about the weights' hash
        assert ran.report["metrics"][0]["verdict"] == "pass"

    @pytest.mark.parametrize(
        ("faults", "device", "more", "code", "text"),
        [
            pytest.param(("ill-card:1",), "1", (), 4, "0 before the timing: health is Alarm, expected OK", id="ill"),
            pytest.param(("ill-card:0",), "1", (), 0, "batch 1: 100.00", marks=pytest.mark.long, id="another is ill"),
            pytest.param((), "1,0", (), 4, "ASCEND_RT_VISIBLE_DEVICES is '1,0'", id="unknown"),
            pytest.param(
                (),
                "1,0",
                ("--trust-unwatched",),
                0,
                "batch 1: 100.00",
                marks=pytest.mark.long,
                id="unknown and trusted",
            ),
            pytest.param(
                ("ill-card:1",),
                "1",
                ("--trust-unwatched",),
                4,
                "97 degrees",
                marks=pytest.mark.long,
                id="trust is not for ill cards",
            ),
        ],
    )
    @pytest.mark.long_rows("unknown")
    def test_the_card_that_the_process_uses_is_the_one_that_counts(
        self, scored: Host, faults: tuple[str, ...], device: str, more: tuple[str, ...], code: int, text: str
    ) -> None:
        start = ("env", f"ASCEND_RT_VISIBLE_DEVICES={device}", SCRIPT)
        done = scored.command(
            *start, "gated.yaml", *ASCEND, "--output", "out", *more, faults=("slow:10", *faults), devices=2
        )
        assert done.returncode == code, done.stdout + done.stderr
        report = scored.run.report()
        assert text in " ".join(report["why"])
        trusted = "timed without a look at the device, as --trust-unwatched allows"
        assert (trusted in report["remarks"]) is (bool(more) and not faults)
        if device == "1":
            assert report["watched"][0].startswith("before the timing: device 0 is NPU 32 chip 0 (310P3): ")

    @pytest.mark.parametrize(
        ("words", "variables", "code", "text"),
        [
            pytest.param((), (), 3, "npu-smi: no chip could be read. expected npu-smi on PATH", id="no name"),
            pytest.param(
                ("--soc", "Ascend310P3"),
                (),
                4,
                "whether the device was quiet: expected npu-smi",
                marks=pytest.mark.long,
                id="named",
            ),
            pytest.param(("--soc", "Ascend310P3", *COMMAND), (), 4, "whether the device was quiet", id="command"),
            pytest.param(("--soc", "Ascend310P3", "--trust-unwatched"), (), 0, "batch 1: 100.00", id="trusted"),
            pytest.param(
                ("--soc", "Ascend310P3"),
                ("ZOO_RUNNER_TRUST_UNWATCHED=1",),
                0,
                "batch 1: 100.00",
                marks=pytest.mark.long,
                id="by variable",
            ),
        ],
    )
    @pytest.mark.long_rows("trusted")
    def test_without_npu_smi(
        self, scored: Host, words: tuple[str, ...], variables: tuple[str, ...], code: int, text: str
    ) -> None:
        words = ("gated.yaml", *ASCEND, "--output", "out", *words)
        done = scored.command("env", *variables, SCRIPT, *words, faults=("slow:10", "no-npu-smi"))
        assert done.returncode == code, done.stdout + done.stderr
        if code == 3:
            assert text in " ".join(done.stderr.split())
            return
        report = scored.run.report()
        assert text in " ".join(report["why"])
        assert report["environment"]["chip"] == CHIP
        assert [line["cause"] for line in report["performance"]] == ["unwatched" if code else ""]
        trusted = "timed without a look at the device, as --trust-unwatched allows"
        assert (trusted in report["remarks"]) is (code == 0)
        assert report["watched"] == []
        assert report["metrics"][0]["verdict"] == "pass"

    def test_a_card_that_falls_ill_while_it_is_timed(self, scored: Host) -> None:
        """``npu-smi`` shows an alarm as soon as the detections are there."""
        tools = scored.run.folder / "tools"
        tools.mkdir()
        (tools / "npu-smi").write_text(
            "#!/bin/sh\n[ -e out/predictions.npz ] && ZOO_STAND_IN_FAULTS=$ZOO_STAND_IN_FAULTS,unhealthy\n"
            f'exec {sys.executable} -m zoo_runner.testing.npu_smi "$@"\n',
            encoding="utf-8",
        )
        (tools / "npu-smi").chmod(0o755)
        start = ("sh", "-c", f'PATH="{tools}:$PATH" exec "$@"', "sh", SCRIPT)
        done = scored.command(*start, "gated.yaml", *ASCEND, "--output", "out", faults=("slow:12",))
        assert done.returncode == 4, done.stdout + done.stderr
        why = scored.run.report()["why"][0]
        assert "device 0 before the timing: health is Alarm, expected OK" in why
        assert "device 0 after the timing: health is Alarm, expected OK" in why
