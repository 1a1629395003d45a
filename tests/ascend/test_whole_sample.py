"""The whole Ascend path on stand-ins, as users run it: what passes, what fails and how, what is left behind.

``python -m zoo_runner.testing … -- zoo-run …`` everywhere. What ``python -m ais_bench`` is run for is told apart
from the in-process backend by ``infer.tool``; its own failures are in ``test_ais_bench.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ascend_host import (
    ASCEND,
    CHIP,
    COMMAND,
    DEVICE_TIMEOUT_S,
    NOTICE,
    QUICK,
    SAMPLE,
    SIXTY_FOUR,
    TABLE,
    Finished,
    Host,
    copied,
)

if TYPE_CHECKING:
    from tests.conftest import ZooRun


pytestmark = pytest.mark.slow  # each run is a process with processes of its own


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


class TestTheWholeSample:
    """Two hundred and forty images, each way once."""

    @pytest.mark.parametrize(
        ("name", "devices", "generation", "more"),
        [
            pytest.param("one", 1, 2023, (), id="in process, one device"),
            pytest.param("three", 3, 2023, (), id="in process, three devices"),
            pytest.param("command-one", 1, 2023, COMMAND, id="command, one device"),
            pytest.param("command-three", 3, 2023, COMMAND, id="command, three devices"),
            pytest.param("aipp", 3, 2023, ("--set", "atc.aipp=auto"), id="in process with AIPP, three devices"),
            pytest.param("newer", 3, 2024, (), id="in process, three devices, of 2024"),
            pytest.param("newer-command", 3, 2024, COMMAND, id="command, three devices, of 2024"),
        ],
    )
    @pytest.mark.long_rows(
        "in process, three devices",
        "command, three devices",
        "command, one device",
        "in process, three devices, of 2024",
        "command, three devices, of 2024",
    )
    def test_passes_with_the_detections_of_onnxruntime(
        self,
        whole: Mapping[int, Host],
        reference: Finished,
        tmp_path: Path,
        name: str,
        devices: int,
        generation: int,
        more: tuple[str, ...],
    ) -> None:
        host = whole[devices]
        manifest = SAMPLE
        if devices > 1:
            manifest = tmp_path / "table.yaml"
            manifest.write_text(TABLE.format(path=SAMPLE), encoding="utf-8")
        numbers = ",".join(map(str, range(devices)))
        where = ("--device", numbers, "--output", name)
        ran = host(manifest, *ASCEND, *where, *QUICK, *more, output=name, devices=devices, generation=generation)
        assert ran.code == 0, ran.text
        self.says_stand_in(ran, "" if generation == 2023 else f" of {generation}")
        assert ran.report["environment"]["devices"] == list(range(devices))
        assert (ran.report["verdict"], ran.report["warnings"]) == ("pass", [])
        assert [metric["value"] for metric in ran.report["metrics"]] == [
            metric["value"] for metric in reference.report["metrics"]
        ]
        assert ran.detections == reference.detections
        assert ran.stage("infer")["why"] == "busy seconds; 240 of 240 images, stages overlap"
        (timing,) = ran.report["performance"]
        assert (timing["chip"], timing["batch"], timing["backend"]) == (CHIP, 8, "ascend")
        assert (timing["expected"], timing["tolerance"], timing["verdict"]) == (None, None, "not_gated")
        assert timing["end_to_end"] > 0
        assert f"the manifest expects nothing of {CHIP} at batch 8 (it lists " in timing["why"]

    def says_stand_in(self, ran: Finished, of: str) -> None:
        environment = ran.report["environment"]
        assert (ran.report["notice"], environment["chip"], environment["backend"]) == (NOTICE, CHIP, "ascend")
        assert environment["backend_version"] == (
            f"ais_bench 0.0.2+stand-in{of}, aclruntime 0.0.2+stand-in{of}, CANN 8.0.0-stand-in"
        )
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
    @pytest.mark.long
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
