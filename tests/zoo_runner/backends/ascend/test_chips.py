"""The chip: asked of npu-smi, or named by the user; and ATC's name of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo_runner.backends.ascend.backend import AscendBackend
from zoo_runner.backends.ascend.chips import OF_SEVERAL, chip_and_version, chip_needs, exact_soc
from zoo_runner.backends.ascend.devices import check_devices
from zoo_runner.errors import PrerequisiteError, UsageError
from zoo_runner.plugin.backend_facts import ChipNamingBackend
from zoo_runner.testing import stand_in_environment
from zoo_runner.testing.machine import KNOWN_CHIPS

A3 = ", ".join(f"Ascend910_{number}" for number in (9362, 9372, 9381, 9382, 9391, 9392))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make this process's environment that of a host with stand-ins."""

    def start(chip: str = "310P3", *faults: str) -> None:
        for name, value in stand_in_environment(tmp_path / "host", chip=chip, faults=faults).items():
            monkeypatch.setenv(name, value)

    return start


@pytest.mark.parametrize(
    ("chip", "faults", "soc", "found"),
    [
        pytest.param("310P3", (), "", ("310P3", "22.0.4-stand-in"), id="asked"),
        pytest.param("310P3", (), "Ascend310P1", ("310P3", "22.0.4-stand-in"), id="what is asked counts"),
        pytest.param("910_9391", (), "", ("910", "22.0.4-stand-in"), id="A3"),
        pytest.param("310P3", ("no-npu-smi",), "Ascend310P3", ("310P3", ""), id="named"),
        pytest.param("310P3", ("no-npu-smi",), "310P3", ("310P3", ""), id="named without Ascend"),
    ],
)
def test_chip(host: Callable[..., None], chip: str, faults: tuple[str, ...], soc: str, found: tuple[str, str]) -> None:
    host(chip, *faults)
    assert chip_and_version(soc) == found
    assert AscendBackend().for_chip(soc).chip() == f"{found[0]} stand-in"


def test_a_chip_that_nobody_names(host: Callable[..., None]) -> None:
    host("310P3", "no-npu-smi")
    with pytest.raises(PrerequisiteError, match="expected npu-smi on PATH, found none"):
        chip_and_version("")


def test_the_name_goes_on_to_the_command_s_backend(host: Callable[..., None]) -> None:
    host("310P3", "no-npu-smi")
    backend = AscendBackend().for_chip("Ascend310P1")
    assert isinstance(backend, AscendBackend)
    assert isinstance(backend, ChipNamingBackend)
    command = backend.using("ais_bench-cli")
    assert command is not None
    assert command.chip() == "310P1 stand-in"


@pytest.mark.parametrize(
    ("chip", "soc", "name"),
    [
        ("310P3", None, "Ascend310P3"),
        ("310P3", "Ascend310P1", "Ascend310P1"),
        ("910", "Ascend910_9391", "Ascend910_9391"),
        ("910", "910A", "Ascend910A"),
        ("910B4", None, "Ascend910B4"),
    ],
)
def test_atc_s_name(chip: str, soc: str | None, name: str) -> None:
    assert exact_soc(chip, soc) == name


def test_a_name_of_several_chips_is_asked_for() -> None:
    with pytest.raises(UsageError) as caught:
        exact_soc("910", None)
    assert str(caught.value) == (
        "expected --soc NAME, or atc.soc_version in the manifest: npu-smi calls several chips Ascend910, and ATC wants "
        f"to know which: {A3}. It is what `npu-smi info -t board -i CARD -c CHIP` shows as Chip Name and NPU Name, "
        "with _ between them"
    )
    assert {name.removeprefix("Ascend") for name in OF_SEVERAL["910"]} <= KNOWN_CHIPS


@pytest.mark.parametrize(
    ("chip", "faults", "soc", "lacking", "required"),
    [
        pytest.param("310P3", (), "", [], [], id="nothing"),
        pytest.param("310P3", ("no-npu-smi",), "", ["npu-smi"], ["npu-smi"], id="no npu-smi"),
        pytest.param("310P3", ("no-npu-smi",), "Ascend310P3", ["npu-smi"], [], id="no npu-smi, and a name"),
        pytest.param("910_9391", (), "", ["soc_version"], [], id="A3"),
        pytest.param("910_9391", (), "Ascend910_9391", [], [], id="A3, and a name"),
        pytest.param("310B4", (), "", [], [], id="an idle board that is its own host"),
        pytest.param("310P3", ("unhealthy",), "", ["chips"], [], id="ill"),
    ],
)
def test_needs(
    host: Callable[..., None], chip: str, faults: tuple[str, ...], soc: str, lacking: list[str], required: list[str]
) -> None:
    host(chip, *faults)
    found = [need for need in chip_needs(soc) if not need.ok]
    assert [need.name for need in found] == lacking
    assert [need.name for need in found if need.required] == required
    assert all(need.remedy for need in found)


def test_without_npu_smi_opening_tells_whether_a_device_is_there(host: Callable[..., None]) -> None:
    host("310P3", "no-npu-smi")
    check_devices((0, 7))
