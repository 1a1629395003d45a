"""The whole Ascend path on stand-ins, as users run it: what passes, what fails and how, what is left behind.

``python -m zoo_runner.testing … -- zoo-run …`` everywhere. What ``python -m ais_bench`` is run for is told apart
from the in-process backend by ``infer.tool``; its own failures are in ``test_ais_bench.py``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from zoo_runner.om_stamp import read_stamp
from zoo_runner.report.files import FILES
from zoo_runner.testing import stand_in_environment
from zoo_runner.testing.devices import lose

if TYPE_CHECKING:
    from tests.conftest import ZooRun

ROOT = Path(__file__).parent.parent
SCRIPT = Path(sys.executable).with_name("zoo-run")
SAMPLE = ROOT / "manifests" / "refinedet320-sample.yaml"
DATA = ROOT / "refinedet_plugin" / "sample" / "VOCdevkit"
ASCEND = ("--backend", "ascend")
COMMAND = ("--set", "infer.tool=ais_bench-cli")
TRIAL = ("trial.yaml", *ASCEND, "--output", "out")
QUICK = ("--set", "benchmark={batch: [8], loop: 2, warmup: 0}")
"""Timing is not what is looked at; the batch size that is converted anyway."""
NOTICE = "made with stand-ins: no figure here is an NPU's"
CHIP = "310P3 stand-in"
TIMEOUT_S = 300
DEVICE_TIMEOUT_S = "5"
SIXTY_FOUR = (SAMPLE, *ASCEND, "--limit", "64", "--batch-size", "4", "--until", "evaluate", "--output", "out")
TABLE = """\
extends: {path}
expected:
  chips:
    310P3: {{accuracy: {{8: 99.9}}, throughput: {{8: 1000000}}, tolerance: {{rel: 0.1}}}}
"""
"""Figures of a real chip, none of which the stand-ins reach."""
GATED = f"""\
extends: trial.yaml
name: gated
expected: {{chips: {{{CHIP}: {{throughput: {{1: 100}}, tolerance: {{rel: 0.1}}}}}}}}
"""
"""At least 90 images/s at batch 1, that is at most 11.1 ms."""
SMALL = f"""\
extends: {SAMPLE}
name: small
dataset: {{samples: 24}}
expected: {{accuracy: {{value: 97, tolerance: {{abs: 3}}, too_good: null}}}}
"""


@dataclass(frozen=True)
class Finished:
    """A run that is over."""

    done: subprocess.CompletedProcess[str]
    report: dict[str, Any]
    folder: Path

    @property
    def code(self) -> int:
        return self.done.returncode

    @property
    def text(self) -> str:
        return self.done.stdout + self.done.stderr

    @property
    def detections(self) -> bytes:
        return (self.folder / "detections.npz").read_bytes()

    def stage(self, name: str) -> dict[str, Any]:
        (found,) = (stage for stage in self.report["stages"] if stage["name"] == name)
        return dict(found)

    def artifact(self, name: str) -> Path:
        (path,) = (each["path"] for each in self.report["artifacts"] if each["name"] == name)
        return Path(path)


@dataclass(frozen=True)
class Host:
    """A machine with stand-ins, on which commands are run in a folder with a store of its own."""

    run: ZooRun

    def command(
        self, *words: str | Path, faults: tuple[str, ...] = (), devices: int = 1
    ) -> subprocess.CompletedProcess[str]:
        asked = [word for fault in faults for word in ("--fault", fault)]
        start = [sys.executable, "-m", "zoo_runner.testing", "--devices", str(devices), *asked, "--", *words]
        return subprocess.run(
            start,
            cwd=self.run.folder,
            env=self.run.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def __call__(
        self, *arguments: str | Path, output: str = "out", faults: tuple[str, ...] = (), devices: int = 1
    ) -> Finished:
        done = self.command(SCRIPT, *arguments, faults=faults, devices=devices)
        folder = self.run.folder / output
        report = self.run.report(output) if (folder / "report.json").exists() else {}
        return Finished(done, report, folder)

    def kept(self, kind: str) -> list[str]:
        """Complete entries of the store."""
        return sorted(path.name for path in (self.run.cache / kind).glob("[!.]*"))


def on(run: ZooRun, host: Mapping[str, str]) -> ZooRun:
    """Return the same on a machine with stand-ins that a test lays out itself."""
    added = {name: value for name, value in host.items() if os.environ.get(name) != value}
    for name in ("PATH", "PYTHONPATH"):
        ahead = host[name].removesuffix(os.environ.get(name, "")).rstrip(os.pathsep)
        added[name] = os.pathsep.join(filter(None, (ahead, run.environment.get(name, ""))))
    return run.given(**added)


def copied(source: Path, destination: Path, *kinds: str) -> Path:
    """Copy what a store has of these kinds."""
    for kind in kinds:
        if (source / kind).is_dir():
            shutil.copytree(source / kind, destination / kind, ignore=shutil.ignore_patterns(".*"))
    return destination


def beside(run: ZooRun, files: Path, site: Path) -> ZooRun:
    shutil.copytree(files, run.folder, dirs_exist_ok=True)
    (run.folder / "gated.yaml").write_text(GATED, encoding="utf-8")
    return run.given(PYTHONPATH=site, ZOO_RUNNER_DEVICE_TIMEOUT=DEVICE_TIMEOUT_S)


@pytest.fixture(scope="module")
def reference(session_zoo_run: ZooRun) -> Finished:
    """The sample on ONNX Runtime."""
    done = session_zoo_run(SAMPLE, "--backend", "onnxruntime", "--output", "reference", "--until", "evaluate")
    assert done.returncode == 0, done.stderr
    return Finished(done, session_zoo_run.report("reference"), session_zoo_run.folder / "reference")


@pytest.fixture(scope="module")
def exported(
    session_zoo_run: ZooRun, reference: Finished, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Host]:
    """Make hosts that have the exported sample in their store, and nothing inferred."""
    assert reference.artifact("onnx").is_file()

    def make(name: str) -> Host:
        folder = tmp_path_factory.mktemp(name)
        copied(session_zoo_run.cache, folder / "store", "onnx")
        return Host(replace(session_zoo_run, folder=folder).given(ZOO_RUNNER_CACHE=folder / "store"))

    return make


@pytest.fixture(scope="module")
def whole(exported: Callable[[str], Host]) -> Mapping[int, Host]:
    """Hosts by their number of devices; a command and the in-process backend share nothing but the .om."""
    return {devices: exported(f"devices-{devices}") for devices in (1, 3)}


@pytest.fixture(scope="module")
def undisturbed(exported: Callable[[str], Host]) -> tuple[Host, Finished]:
    """Sixty-four images on one device."""
    host = exported("undisturbed")
    ran = host(*SIXTY_FOUR)
    assert ran.code == 0, ran.text
    return host, ran


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


class TestTheWholeSample:
    """Two hundred and forty images, each way once."""

    @pytest.mark.parametrize(
        ("name", "devices", "more"),
        [
            pytest.param("one", 1, (), id="in process, one device"),
            pytest.param("three", 3, (), id="in process, three devices"),
            pytest.param("command-one", 1, COMMAND, id="command, one device"),
            pytest.param("command-three", 3, COMMAND, id="command, three devices"),
            pytest.param("aipp", 3, ("--set", "atc.aipp=auto"), id="in process with AIPP, three devices"),
        ],
    )
    def test_passes_with_the_detections_of_onnxruntime(
        self,
        whole: Mapping[int, Host],
        reference: Finished,
        tmp_path: Path,
        name: str,
        devices: int,
        more: tuple[str, ...],
    ) -> None:
        host = whole[devices]
        manifest = SAMPLE
        if devices > 1:
            manifest = tmp_path / "table.yaml"
            manifest.write_text(TABLE.format(path=SAMPLE), encoding="utf-8")
        numbers = ",".join(map(str, range(devices)))
        where = ("--device", numbers, "--output", name)
        ran = host(manifest, *ASCEND, *where, *QUICK, *more, output=name, devices=devices)
        assert ran.code == 0, ran.text
        self.says_stand_in(ran)
        assert ran.report["environment"]["devices"] == list(range(devices))
        assert (ran.report["verdict"], ran.report["warnings"]) == ("pass", [])
        assert [metric["value"] for metric in ran.report["metrics"]] == [
            metric["value"] for metric in reference.report["metrics"]
        ]
        assert ran.detections == reference.detections
        assert ran.stage("infer")["why"] == "busy seconds; 240 of 240 samples, stages overlap"
        (timing,) = ran.report["performance"]
        assert (timing["chip"], timing["batch"], timing["backend"]) == (CHIP, 8, "ascend")
        assert (timing["expected"], timing["tolerance"], timing["verdict"]) == (None, None, "not_gated")
        assert timing["end_to_end"] > 0
        assert f"the manifest expects nothing of {CHIP} at batch 8 (it lists " in timing["why"]

    def says_stand_in(self, ran: Finished) -> None:
        environment = ran.report["environment"]
        assert (ran.report["notice"], environment["chip"], environment["backend"]) == (NOTICE, CHIP, "ascend")
        assert environment["backend_version"] == (
            "ais_bench 0.0.2+stand-in, aclruntime 0.0.2+stand-in, CANN 8.0.0-stand-in"
        )
        assert ran.done.stderr.splitlines()[0].startswith("stand-in: no NPU here; ")
        assert ran.done.stdout.strip().splitlines()[0] == NOTICE


class TestADeviceIsLost:
    """Sixty-four images in sixteen batches on three devices, of which the second does only one."""

    @pytest.mark.parametrize(
        ("fault", "reason"),
        [
            pytest.param("device-crash:1:1", "inference: its process was ended by SIGKILL", id="process killed"),
            pytest.param("device-lost:1:1", "device 1 is lost (stand-in)", id="device fails"),
            pytest.param("hang:1:1", f"inference did not end within {DEVICE_TIMEOUT_S} s", id="device hangs"),
        ],
    )
    def test_the_others_do_its_work_and_the_detections_are_the_same(
        self, undisturbed: tuple[Host, Finished], zoo_run: ZooRun, tmp_path: Path, fault: str, reason: str
    ) -> None:
        converted, wanted = undisturbed
        cache = copied(converted.run.cache, tmp_path / "store", "onnx", "om")
        host = Host(zoo_run.given(ZOO_RUNNER_CACHE=cache, ZOO_RUNNER_DEVICE_TIMEOUT=DEVICE_TIMEOUT_S))
        ran = host(*SIXTY_FOUR, "--device", "0,1,2", faults=(fault,), devices=3)
        assert ran.code == 0, ran.text
        (warning,) = ran.report["warnings"]
        assert warning.startswith("device 1 was lost and its work done by the others: ")
        assert reason in warning
        assert f"warning: {warning}" in ran.done.stderr
        assert ran.detections == wanted.detections
        assert ran.report["metrics"] == wanted.report["metrics"]


@pytest.fixture(scope="module")
def finished_trial(
    trial_site: Path, trial_files: Path, session_zoo_run: ZooRun, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A store with everything of the trial on one device: its ONNX, its .om for two batch sizes, its predictions."""
    folder, store = (tmp_path_factory.mktemp(name) for name in ("finished-trial", "finished-trial-store"))
    run = replace(session_zoo_run, folder=folder).given(ZOO_RUNNER_CACHE=store)
    ran = Host(beside(run, trial_files, trial_site))(*TRIAL)
    assert ran.code == 0, ran.text
    return store


@pytest.fixture
def host(zoo_run: ZooRun, trial_site: Path, trial_files: Path, finished_trial: Path, tmp_path: Path) -> Host:
    """The trial is converted here, and was never run."""
    copied(finished_trial, tmp_path / "store", "onnx", "om")
    return Host(beside(zoo_run, trial_files, trial_site).given(ZOO_RUNNER_CACHE=tmp_path / "store"))


@pytest.fixture
def scored(host: Host, finished_trial: Path) -> Host:
    """The trial was inferred here already, in process."""
    copied(finished_trial, host.run.cache, "predictions")
    return host


@pytest.fixture
def unconverted(host: Host) -> Host:
    """The trial is exported here."""
    shutil.rmtree(host.run.cache / "om")
    return host


def ended_in_an_error(ran: Finished, *texts: str) -> None:
    """Exit code 3, the reason in report and terminal, and nothing scored."""
    assert ran.code == 3, ran.text
    report = ran.report
    assert (report["verdict"], report["exit_code"], report["notice"]) == ("error", 3, NOTICE)
    assert (report["metrics"], report["performance"]) == ([], [])
    for text in texts:
        assert text in report["why"][0]
        assert text in ran.done.stdout
    assert {path.name for path in ran.folder.iterdir()} <= {*FILES, "logs"}
    assert "Traceback" not in ran.text


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
            pytest.param("wrong-size", (), ("output scores", "expected", "[8, 4]", "[8, 3]"), id="size"),
            pytest.param("wrong-chip", (), ("loading the model", "device 0 is Ascend310 (stand-in)"), id="chip"),
            pytest.param(
                "device-crash:1:2",
                ("--device", "0,1,2", *COMMAND),
                ("ais_bench gave no sign of life for 5 s", "the process of one was killed"),
                id="crash below the command",
            ),
        ],
    )
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
    """On the first 24 images of the sample, which pass as they are. Swapped outputs have the same shapes."""

    @pytest.mark.parametrize(
        ("faults", "more", "code"),
        [
            pytest.param((), (), 0, id="none"),
            pytest.param(("swap-outputs",), (), 1, id="swapped"),
            pytest.param(("corrupt-output",), COMMAND, 1, id="garbage, by the command"),
        ],
    )
    def test_fail_the_gate(self, small: Host, faults: tuple[str, ...], more: tuple[str, ...], code: int) -> None:
        shutil.rmtree(small.run.cache / "predictions", ignore_errors=True)
        ran = small("small.yaml", *ASCEND, "--data", "VOCdevkit", "--output", "out", *QUICK, *more, faults=faults)
        assert ran.code == code, ran.text
        assert ran.report["verdict"] == ("fail" if code else "pass")
        metric = ran.report["metrics"][0]
        assert (metric["verdict"], metric["samples"]) == (ran.report["verdict"], 24)
        assert (metric["value"] < metric["expected"] - metric["tolerance"]) is bool(code)


class TestTheTable:
    """A table for the chip that the stand-ins call themselves, which asks for at least 90 images/s."""

    @pytest.mark.parametrize(
        ("faults", "more", "code", "text"),
        [
            pytest.param(("slow:10",), (), 0, "batch 1: 100.0000, expected at least 100 - 10", id="just fast enough"),
            pytest.param(("slow:12",), (), 1, "batch 1: 83.3333, expected at least 100 - 10", id="slow"),
            pytest.param(("slow:12",), COMMAND, 1, "batch 1: 83.3333, expected at least 100 - 10", id="slow, command"),
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

    def test_a_card_that_falls_ill_while_it_is_timed(self, scored: Host) -> None:
        """``npu-smi`` shows an alarm as soon as the detections are there."""
        tools = scored.run.folder / "tools"
        tools.mkdir()
        (tools / "npu-smi").write_text(
            "#!/bin/sh\n[ -e out/detections.npz ] && ZOO_STAND_IN_FAULTS=$ZOO_STAND_IN_FAULTS,unhealthy\n"
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
    assert {path for path, time in after.items() if before.get(path) != time} <= {host.run.cache}
