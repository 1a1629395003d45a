"""The .om: made, given, refused, planned; and what a host lacks."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ascend_host import (
    CHIP,
    COMMAND,
    SCRIPT,
    TRIAL,
    Host,
    ended_in_an_error,
    on,
)
from zoo_runner.backends.ascend.om_stamp import read_stamp
from zoo_runner.testing import stand_in_environment

if TYPE_CHECKING:
    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # each run is a process with processes of its own


class TestConversion:
    def made(self, host: Host) -> Path:
        """The .om of the store for batch 8, with its stamp, in a folder of the user's."""
        (om,) = (
            path
            for path in host.run.cache.glob("om/[!.]*/content/*.om")
            if (stamp := read_stamp(path)) and stamp.batch == 8
        )
        mine = host.run.folder / "mine"
        mine.mkdir()
        for name in (om.name, f"{om.name}.json"):
            shutil.copy(om.with_name(name), mine)
        return mine / om.name

    def test_an_om_that_fits_is_used(self, unconverted_with_om: tuple[Host, Path]) -> None:
        host, om = unconverted_with_om
        ran = host(*TRIAL, "--om", om)
        assert ran.code == 0, ran.text
        assert (ran.stage("convert")["skipped"], ran.stage("convert")["why"]) == (True, f"{om} fits; batch 8")
        assert (ran.artifact("om"), host.kept("om")) == (om, [])
        assert [timing["batch"] for timing in ran.report["performance"]] == [8]

    @pytest.mark.long
    def test_flags_that_nobody_checked_are_named(self, unconverted: Host) -> None:
        flags = "atc.unchecked_flags={check_report: here.json}"
        for name in ("out", "again"):
            ran = unconverted(*TRIAL[:-1], name, "--until", "convert", "--set", flags, output=name)
            assert ran.code == 0, ran.text
            told = "atc.unchecked_flags: check_report: passed on without knowing what it does"
            assert told in ran.report["warnings"]
            assert ran.report["manifest"]["settings"]["atc.unchecked_flags.check_report"] == "here.json"
        log = (unconverted.run.folder / "out" / "logs" / "atc_bs8.log").read_text()
        assert log.splitlines()[0].endswith(" --check_report=here.json")
        before = unconverted.kept("om")
        assert unconverted(*TRIAL, "--until", "convert").code == 0
        assert len(unconverted.kept("om")) == 2 * len(before)

    @pytest.fixture
    def unconverted_with_om(self, host: Host) -> tuple[Host, Path]:
        om = self.made(host)
        shutil.rmtree(host.run.cache / "om")
        return host, om

    @pytest.mark.parametrize(
        ("edit", "more", "texts"),
        [
            pytest.param("", ("--batch-size", "4"), ("batch size: expected 4, found 8", "numbers:4,4"), id="batch"),
            pytest.param("", ("--soc", "Ascend910B1"), ("chip: expected Ascend910B1, found Ascend310P3",), id="chip"),
            pytest.param(
                "",
                ("--set", "atc.precision_mode=force_fp32"),
                ("ATC arguments: expected --precision_mode=force_fp32, found none",),
                id="flag",
            ),
            pytest.param("no stamp", (), ("there is no stamp of this program",), id="no stamp"),
            pytest.param("bytes", (), ("content: the file has SHA-256 ", "was changed or replaced"), id="bytes"),
            pytest.param("no file", (), ("there is no such file",), id="no file"),
        ],
    )
    @pytest.mark.long_rows("bytes", "batch")
    def test_an_om_that_does_not_fit_is_refused(
        self, host: Host, edit: str, more: tuple[str, ...], texts: tuple[str, ...]
    ) -> None:
        om = self.made(host)
        if edit == "no stamp":
            om.with_name(f"{om.name}.json").unlink()
        elif edit == "bytes":
            om.write_bytes(om.read_bytes() + b"\0")
        elif edit == "no file":
            om.unlink()
        ran = host(*TRIAL, "--om", om, *more)
        ended_in_an_error(ran, f"--om {om}: not the model of this manifest\n", *texts, "leave out --om")
        assert host.kept("predictions") == []

    @pytest.mark.parametrize("more", [(), ("--dry-run",)], ids=["run", "plan"])
    def test_onnxruntime_takes_no_om(self, host: Host, more: tuple[str, ...]) -> None:
        ran = host("trial.yaml", "--backend", "onnxruntime", "--output", "out", "--om", "mine.om", *more)
        assert (ran.code, ran.folder.exists()) == (2, False)
        assert "--om mine.om: only a backend that runs .om files takes one; add --backend ascend" in ran.done.stderr

    @pytest.mark.long
    def test_soc_is_what_is_converted_for(self, host: Host) -> None:
        ran = host(*TRIAL, "--soc", "Ascend310P1", "--until", "convert")
        assert ran.code == 0, ran.text
        assert "--soc_version=Ascend310P1" in (ran.folder / "logs" / "atc_bs8.log").read_text(encoding="utf-8")
        assert ran.report["environment"]["chip"] == CHIP
        ended_in_an_error(host(*TRIAL, "--soc", "Ascend310P1"), "runs only on the chip and CANN release", "Ascend310P1")
        ended_in_an_error(host(*TRIAL, "--soc", "Ascend311"), "E10001: Value [Ascend311] for parameter [--soc_version]")

    def test_a_changed_flag_and_a_damaged_om_are_converted_again(self, host: Host) -> None:
        until = (*TRIAL, "--until", "convert")
        unchanged = host(*until).stage("convert")
        assert (unchanged["skipped"], unchanged["why"]) == (True, "unchanged; batch 1, 8")
        changed = (*until, "--set", "atc.precision_mode=force_fp32")
        for skipped in (False, True):
            assert host(*changed).stage("convert")["skipped"] is skipped
        assert len(host.kept("om")) == 4
        for om in host.run.cache.glob("om/[!.]*/content/*.om"):
            om.write_bytes(b"half")
        assert host(*until).stage("convert")["skipped"] is False

    @pytest.mark.long
    def test_nodes_given_by_hand(self, host: Host) -> None:
        stamp = read_stamp(self.made(host))
        assert stamp is not None
        (node,) = stamp.out_nodes
        right = host(*TRIAL, "--set", f"atc.out_nodes=['{node}']", "--until", "convert")
        assert (right.code, right.stage("convert")["why"]) == (0, "unchanged; batch 1, 8")
        name = node.rpartition(":")[0]
        wrong = host(*TRIAL, "--set", f"atc.out_nodes=['{name}s:0']")
        texts = (f"there is no node '{name}s'; did you mean '{name}'", f"The graph's outputs are scores = {node}")
        ended_in_an_error(wrong, "atc.out_nodes does not fit ", *texts)
        assert not list((wrong.folder / "logs").glob("*"))  # ATC was not started


class TestTheEnvironmentCheck:
    def test_a_complete_host(self, zoo_run: ZooRun) -> None:
        done = Host(zoo_run).command(SCRIPT, "doctor", "--backend", "ascend", devices=2)
        assert done.returncode == 0, done.stdout
        assert "backend ascend: ready" in done.stdout
        assert "chips: device 0: 310P3, device 1: 310P3" in done.stdout

    @pytest.mark.parametrize(
        ("missing", "faults", "text"),
        [
            pytest.param("", ("unhealthy",), "missing chips: device 0 (310P3): Alarm", id="unhealthy"),
            pytest.param("bin/atc", (), "missing atc: not on PATH", id="atc"),
            pytest.param("bin/npu-smi", (), "missing npu-smi: no chip could be read", id="npu-smi"),
            pytest.param("ascend-toolkit", (), "missing CANN environment: set_env.sh was not sourced", id="CANN"),
        ],
    )
    def test_what_is_missing_is_named(
        self, zoo_run: ZooRun, tmp_path: Path, missing: str, faults: tuple[str, ...], text: str
    ) -> None:
        environment = stand_in_environment(tmp_path / "host", faults=faults)
        if missing:
            path = tmp_path / "host" / missing
            path.rename(path.with_name("elsewhere"))
        done = on(zoo_run, environment)("doctor", "--backend", "ascend")
        assert done.returncode == 3, done.stdout
        assert text in done.stdout
        assert "backend ascend: not ready" in done.stdout


def test_the_plan_shows_the_commands_and_does_nothing(host: Host) -> None:
    before = {path: path.stat().st_mtime_ns for path in host.run.folder.rglob("*") if "graph" not in path.parts}
    ran = host(*TRIAL, *COMMAND, "--device", "0,1", "--dry-run", devices=2)
    assert ran.code == 0, ran.text
    lines = [line.split() for line in ran.done.stdout.splitlines() if line.startswith("  ")]
    commands = [line for line in lines if line[0] == "atc"]
    assert [[word for word in line if word.startswith(("--input_shape", "--soc"))] for line in commands] == [
        [f"--input_shape=numbers:{batch},4", "--soc_version=Ascend310P3"] for batch in (1, 8)
    ]
    (command,) = [line for line in lines if "ais_bench" in line]
    assert command[1:5] == ["-m", "ais_bench", "--model", "trial_bs8.om"]
    after = {path: path.stat().st_mtime_ns for path in host.run.folder.rglob("*") if "graph" not in path.parts}
    changed = {path for path, time in after.items() if before.get(path) != time}
    records = host.run.cache / "code"  # of what a graph without weights was made by
    assert {path for path in changed if records not in (path, *path.parents)} <= {host.run.cache}
