"""What the Ascend backend says about a machine, asked in a process of its own as another shell would have it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from zoo_runner.backends.ascend import backend as ascend
from zoo_runner.backends.ascend.backend import AscendBackend
from zoo_runner.backends.ascend.devices import check_devices
from zoo_runner.errors import PrerequisiteError
from zoo_runner.plugin import hookspecs
from zoo_runner.plugin.conversion import ConvertingBackend
from zoo_runner.testing import stand_in_environment

NAMES = [
    "CANN environment",
    "CANN version",
    "atc",
    "npu-smi",
    "chips",
    "aclruntime",
    "ais_bench",
    "matching versions",
    "imports",
    "generation",
]
REAL = """\
| npu-smi 23.0.0                   Version: 23.0.0                    |
| NPU   Name   | Health | Power(W) Temp(C)  Hugepages-Usage(page)     |
| Chip  Device | Bus-Id | AICore(%) Memory-Usage(MB)                  |
| 0     310P3  | OK     | NA 40  0 / 0                                |
| 0     0      | NA     | 0  1839 / 21525                             |
"""
SECOND = "| 8     {}   | OK     | NA 40  0 / 0 |\n| 0     1      | NA     | 0  1839 / 21525 |\n"


def asked(environ: Mapping[str, str], what: str) -> Any:
    code = (
        "import json; from dataclasses import asdict; from zoo_runner.backends.ascend.backend import AscendBackend\n"
        f"backend = AscendBackend(); print(json.dumps({what}))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def needs(environ: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    return {need["name"]: need for need in asked(environ, "[asdict(need) for need in backend.prerequisites()]")}


def test_the_entry_point_gives_the_backend() -> None:
    backend = ascend.zoo_backend()
    assert isinstance(backend, ConvertingBackend)
    assert (backend.name, backend.makes.name) == ("ascend", "om")
    assert getattr(ascend.zoo_backend, f"{hookspecs.PROJECT}_impl") is not None


def test_a_complete_host(tmp_path: Path) -> None:
    environ = stand_in_environment(tmp_path / "host", devices=2)
    found = needs(environ)
    assert list(found) == NAMES
    assert [need for need in found.values() if not need["ok"]] == []
    assert found["chips"]["found"] == "device 0: 310P3, device 1: 310P3"
    assert found["CANN version"]["found"] == "8.0.0-stand-in"
    assert found["ais_bench"]["found"] == "version 0.0.2+stand-in"
    assert asked(environ, "[backend.chip(), backend.version()]") == [
        "310P3 stand-in",
        "ais_bench 0.0.2+stand-in, aclruntime 0.0.2+stand-in, CANN 8.0.0-stand-in",
    ]


def test_a_bare_machine(tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    found = needs(environ)
    assert {name: need["found"] for name, need in found.items()} == {
        "CANN environment": "set_env.sh was not sourced: no ASCEND_TOOLKIT_HOME",
        "CANN version": "unknown",
        "atc": "not on PATH",
        "npu-smi": "no chip could be read",
        "aclruntime": "not importable",
        "ais_bench": "not importable",
    }
    assert not any(need["ok"] for need in found.values())
    assert "source /usr/local/Ascend/ascend-toolkit/set_env.sh" in found["CANN environment"]["remedy"]
    assert "It comes with the NPU driver" in found["npu-smi"]["remedy"]
    for name in ("aclruntime", "ais_bench"):
        assert "pip install 'git+https://github.com/Ascend/tools.git#egg=" in found[name]["remedy"]
        assert "never by name from PyPI" in found[name]["remedy"]
    assert asked(environ, "backend.version()") == "ais_bench unknown, aclruntime unknown, CANN unknown"


@pytest.mark.parametrize(
    ("name", "edit", "found"),
    [
        ("chips", "unhealthy", "device 0 (310P3): Alarm"),
        ("matching versions", "version", "aclruntime 0.0.1, ais_bench 0.0.2+stand-in"),
        ("imports", "library", "ImportError: libascendcl.so: cannot open shared object file"),
        ("ais_bench", "look-alike", "another tool of that name (No module named 'ais_bench.infer')"),
        ("ais_bench", "other-tool", "another tool of that name (it has no ais_bench.infer.interface)"),
    ],
)
def test_each_can_be_the_one_that_lacks(tmp_path: Path, name: str, edit: str, found: str) -> None:
    host, ahead = tmp_path / "host", tmp_path / "ahead"
    environ = dict(stand_in_environment(host, faults=("unhealthy",) if edit == "unhealthy" else ()))
    environ["PYTHONPATH"] = f"{ahead}{os.pathsep}{environ['PYTHONPATH']}"
    ahead.mkdir()
    if edit == "version":
        (folder,) = (host / "packages").glob("aclruntime-*.dist-info")
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: aclruntime\nVersion: 0.0.1\n", encoding="utf-8")
    if edit == "library":
        text = "raise ImportError('libascendcl.so: cannot open shared object file')\n"
        (ahead / "aclruntime.py").write_text(text, encoding="utf-8")
    if edit in {"look-alike", "other-tool"}:
        package = ahead / "ais_bench" / ("infer" if edit == "other-tool" else "")
        package.mkdir(parents=True)
        for folder in {package, ahead / "ais_bench"}:
            (folder / "__init__.py").touch()
    all_needs = needs(environ)
    assert [need["name"] for need in all_needs.values() if not need["ok"]] == [name]
    assert all_needs[name]["found"] == found
    assert all_needs[name]["remedy"]


def tool(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\ncat <<'EOF'\n{text}\nEOF\n", encoding="utf-8")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    "smi", [REAL, REAL + SECOND.format("310P3"), REAL + SECOND.format("Ascend310P3")], ids=["one", "two", "prefixed"]
)
def test_chip_of_a_real_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, smi: str) -> None:
    tool(tmp_path / "bin", "npu-smi", smi)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert AscendBackend().chip() == "310P3"


def test_one_stand_in_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(tmp_path / "bin", "npu-smi", REAL)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    (tmp_path / "version.cfg").write_text("toolkit_running_version=[1:8.0.0-stand-in]\n", encoding="utf-8")
    monkeypatch.setenv("ASCEND_TOOLKIT_HOME", str(tmp_path))
    assert AscendBackend().chip() == "310P3 stand-in"


def test_mixed_chips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(tmp_path / "bin", "npu-smi", REAL + SECOND.format("310"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    with pytest.raises(PrerequisiteError, match="expected chips of one kind, found device 0: 310P3, device 1: 310"):
        AscendBackend().chip()


def test_chips_that_are_hidden_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(tmp_path / "bin", "npu-smi", REAL + SECOND.format("310"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("ASCEND_RT_VISIBLE_DEVICES", "1")
    assert AscendBackend().chip() == "310"


@pytest.mark.parametrize(
    ("value", "ill", "found"),
    [
        ("1", ["chips"], "device 0 (310P3): Alarm"),
        ("0,2", [], "device 0: 310P3, device 1: 310P3 (at NPU 64 chip 0)"),
        ("0,0", ["visible devices", "chips"], "device 1 (310P3): Alarm"),
    ],
)
def test_the_doctor_looks_at_the_visible_devices(tmp_path: Path, value: str, ill: list[str], found: str) -> None:
    environ = dict(stand_in_environment(tmp_path / "host", devices=3, faults=("ill-card:1",)))
    all_needs = needs({**environ, "ASCEND_RT_VISIBLE_DEVICES": value})
    assert [name for name, need in all_needs.items() if not need["ok"]] == ill
    assert all_needs["chips"]["found"] == found
    assert not any(need["required"] for need in all_needs.values() if not need["ok"])


@pytest.mark.parametrize(
    ("value", "devices", "told"),
    [
        (None, (0, 3), r"expected device 3, found 0, 1, 2 in `npu-smi info`; choose with --device"),
        ("1,2", (2,), r"expected device 2, found 0, 1 in `npu-smi info` with ASCEND_RT_VISIBLE_DEVICES=1,2; choose"),
        ("1,2", (1,), ""),
        ("2,1", (7,), ""),
    ],
    ids=["absent", "hidden", "there", "unknown"],
)
def test_devices_are_checked_as_the_process_counts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None, devices: tuple[int, ...], told: str
) -> None:
    environ = dict(stand_in_environment(tmp_path / "host", devices=3))
    for name, text in (environ if value is None else {**environ, "ASCEND_RT_VISIBLE_DEVICES": value}).items():
        monkeypatch.setenv(name, text)
    with pytest.raises(PrerequisiteError, match=told) if told else nullcontext():
        check_devices(devices)


@pytest.mark.parametrize(
    ("role", "lacking"),
    [
        ("both", {"convert": [], "infer": []}),
        ("build", {"convert": [], "infer": ["npu-smi", "aclruntime", "ais_bench"]}),
        ("inference", {"convert": ["atc"], "infer": []}),
    ],
)
def test_what_a_host_lacks_for_what(tmp_path: Path, role: str, lacking: dict[str, list[str]]) -> None:
    found = needs(stand_in_environment(tmp_path / "host", role=role)).values()
    for way, names in lacking.items():
        assert [need["name"] for need in found if not need["ok"] and way in need["ways"]] == names
