"""What the distribution asks for, brings along and leaves out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from places import PACKAGES, ROOT

SAMPLE = "refinedet_plugin/sample/"
IMAGES = f"{SAMPLE}VOCdevkit/VOC2007/JPEGImages/"
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel that an installation from this folder makes."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def sizes(wheel: zipfile.ZipFile) -> dict[str, int]:
    return {member.filename: member.file_size for member in wheel.infolist()}


@pytest.fixture(scope="module")
def facts(wheel: zipfile.ZipFile) -> Message:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return Parser().parsestr(wheel.read(name).decode())


def requirements(facts: Message) -> dict[str, str]:
    """Requirement texts by normalised name, those of extras included."""
    texts = [str(text) for text in facts.get_all("Requires-Dist", [])]
    return {re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", text)[0]).lower(): text for text in texts}


def test_identity(facts: Message) -> None:
    assert (facts["Name"], facts["License-Expression"]) == ("zoo-runner", "Apache-2.0")
    assert facts["Requires-Python"] == ">=3.10"
    assert facts["Version"] == metadata.version("zoo-runner")


def test_the_core_is_small_and_exporting_is_an_extra(facts: Message) -> None:
    wanted = requirements(facts)
    core = {name for name, text in wanted.items() if "extra ==" not in text}
    assert {"torch", "onnx", "onnxsim", "onnxscript", "hatchling", "pytest"}.isdisjoint(core)
    export = {name for name, text in wanted.items() if re.search("extra == .export.", text)}
    assert export == {"torch", "onnx", "onnxsim", "onnxscript", "packaging", "safetensors", "unidiff"}
    assert "<2.14" in wanted["torch"]


def test_every_requirement_has_a_floor_and_a_ceiling(facts: Message) -> None:
    open_ended = [
        text
        for name, text in requirements(facts).items()
        if not name.startswith("types-") and name != "zoo-runner" and not (">=" in text and "<" in text)
    ]
    assert open_ended == []


def pins(python: str) -> dict[str, str]:
    """Versions by name that ``constraints.txt`` has for a release of Python on Linux."""
    here = {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": "linux"}
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    wanted = [pin for pin in map(Requirement, lines) if not pin.marker or pin.marker.evaluate(here)]
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in wanted}


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
def test_constraints_have_a_version_of_every_requirement(facts: Message, python: str) -> None:
    pinned = pins(python)
    needed = {name: Requirement(text) for name, text in requirements(facts).items() if name != "zoo-runner"}
    assert {name for name, need in needed.items() if not need.specifier.contains(pinned.get(name, "0"))} == set()


def test_constraints_name_no_index_and_no_build_of_torch() -> None:
    text = (ROOT / "constraints.txt").read_text()
    assert re.findall(r"^-.*|.*://.*|.*\+cpu.*", text, flags=re.MULTILINE) == []


@pytest.mark.parametrize("name", ["ais-bench", "aclruntime"])
def test_what_is_not_on_pypi_is_not_asked_of_it(facts: Message, name: str) -> None:
    assert name not in requirements(facts)


def test_entry_points(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt")]
    lines = wheel.read(name).decode().split("\n")
    sections: dict[str, dict[str, str]] = {}
    for line in filter(None, lines):
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), {})
        else:
            key, value = line.split(" = ")
            section[key] = value
    assert sections == {
        "console_scripts": {"zoo-run": "zoo_runner.cli:main"},
        "zoo_runner": {
            "ascend": "zoo_runner.backends.ascend.backend",
            "classify": "zoo_classification.plugin",
            "detect": "zoo_detection.plugin",
            "onnxruntime": "zoo_runner.backends.onnxruntime",
            "recognise": "zoo_text.plugin",
            "refinedet": "refinedet_plugin.plugin",
        },
    }


def test_only_the_packages_are_installed(sizes: dict[str, int]) -> None:
    tops = {name.partition("/")[0] for name in sizes}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert not any(re.search(r"(^|/)(test_|conftest|__pycache__|\.)", name) for name in sizes)
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(sizes)
    assert any(name.endswith("/licenses/LICENSE") for name in sizes)


def test_the_source_archive_has_what_a_contributor_needs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = tmp_path.iterdir()
    with tarfile.open(path) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    pages = {page.name for page in ROOT.glob("*.md")}
    tools = {".pre-commit-config.yaml", "changes/README.md", "constraints.txt", "noxfile.py", "tests/conftest.py"}
    assert pages | tools | {"LICENSE", "manifests/refinedet320-sample.yaml"} <= inside


def test_every_module_is_installed(sizes: dict[str, int]) -> None:
    here = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert {str(path.relative_to(ROOT)) for path in here} == {name for name in sizes if name.endswith(".py")}


def test_the_sample_is_complete_and_small(sizes: dict[str, int], wheel: zipfile.ZipFile) -> None:
    assert 0 < sizes[f"{SAMPLE}weights.pth"] <= 4 * MEGABYTE
    devkit = {name: size for name, size in sizes.items() if name.startswith(f"{SAMPLE}VOCdevkit/")}
    assert sum(devkit.values()) <= 6 * MEGABYTE
    images = {Path(name).stem for name in devkit if name.startswith(IMAGES)}
    listed = wheel.read(f"{SAMPLE}VOCdevkit/VOC2007/ImageSets/Main/test.txt").decode().split()
    annotated = {Path(name).stem for name in devkit if "/Annotations/" in name}
    assert len(listed) >= 200
    assert images == annotated == set(listed)
    assert all(wheel.read(name)[:3] == b"\xff\xd8\xff" for name in devkit if name.startswith(IMAGES))


def test_the_sample_says_where_it_comes_from(wheel: zipfile.ZipFile) -> None:
    provenance: dict[str, Any] = json.loads(wheel.read(f"{SAMPLE}provenance.json"))
    assert provenance["seed"] >= 0
    assert provenance["steps"] > 0
    assert provenance["seconds"] > 0
    assert re.fullmatch("[0-9a-f]{64}", provenance["scenes_sha256"])


def test_help_waits_for_nothing_heavy() -> None:
    code = """
import json, sys
from zoo_runner.cli import main
try:
    main(["--help"])
except SystemExit as stop:
    assert stop.code == 0
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *shown, loaded = done.stdout.splitlines()
    assert any("zoo-run" in line for line in shown)
    heavy = {"numpy", "torch", "onnx", "onnxruntime", "cv2", "pydantic", "pydantic_core", "rich", "requests", "yaml"}
    assert heavy.isdisjoint(json.loads(loaded))
