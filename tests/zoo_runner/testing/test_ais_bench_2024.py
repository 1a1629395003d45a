"""The stand-in of 2024 differs from that of 2023 where the real tools do, and refuses what the real one refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.slow  # starts the command again and again

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
ASK = """
import json, aclruntime
from ais_bench.infer import interface
session = interface.InferSession(0, {om!r})
print()
print(json.dumps([
    [name for name in ("sumary", "summary", "free_resource") if hasattr(session, name)],
    [name for name in ("get_H2D_time_list", "get_h2d_time_list") if hasattr(interface.MemorySummary, name)],
    hasattr(aclruntime, "infer_options"),
]))
"""


@pytest.fixture
def inputs(images: NDArray[Any], tmp_path: Path) -> Path:
    folder = tmp_path / "inputs"
    folder.mkdir()
    for number, image in enumerate(images):
        image.tofile(folder / f"img{number}.bin")
    return folder


@pytest.mark.parametrize(
    ("generation", "found"),
    [
        (2023, [["sumary"], ["get_H2D_time_list"], False]),
        (2024, [["summary", "free_resource"], ["get_h2d_time_list"], True]),
    ],
)
def test_the_interfaces(host: Callable[..., Run], om_file: Path, generation: int, found: list[Any]) -> None:
    om_file.chmod(0o644)
    done = host(generation=generation)(sys.executable, "-c", ASK.format(om=str(om_file)))
    assert json.loads(done.stdout.splitlines()[-1]) == found


@pytest.mark.parametrize(
    ("options", "folders", "files"),
    [
        pytest.param((), {"device0_0", "device1_1"}, [20, 20], id="every device runs all files"),
        pytest.param(("--divide_input", "1"), {"device0_0", "device1_1"}, [12, 8], id="unless they are divided"),
    ],
)
def test_several_devices(
    host: Callable[..., Run],
    om_file: Path,
    inputs: Path,
    tmp_path: Path,
    options: tuple[str, ...],
    folders: set[str],
    files: list[int],
) -> None:
    om_file.chmod(0o644)
    where = ("--input", str(inputs), "--output", str(tmp_path / "out"), "--output_dirname", "results")
    command = (sys.executable, "-m", "ais_bench", "--model", str(om_file), "--device", "0,1", *where, *options)
    done = host(generation=2024, devices=2)(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    results = tmp_path / "out" / "results"
    assert {path.name for path in results.iterdir() if path.is_dir()} == folders
    assert {path.name for path in results.glob("*.json")} == {f"{name}_summary.json" for name in folders}
    assert sorted((len(list((results / name).iterdir())) for name in folders), reverse=True) == files


@pytest.mark.parametrize(
    ("change", "text"),
    [
        pytest.param("group", "group or others may write to the file (mode 664)", id="group-writable"),
        pytest.param("link", "is or goes through a soft link", id="soft link"),
        pytest.param("space", "special characters in the path", id="space"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_what_it_refuses(
    host: Callable[..., Run], om_file: Path, inputs: Path, tmp_path: Path, change: str, text: str
) -> None:
    om_file.chmod(0o664 if change == "group" else 0o644)
    model = tmp_path / "link.om"
    model.symlink_to(om_file)
    output = tmp_path / ("a folder" if change == "space" else "out")
    given = ("--model", str(model if change == "link" else om_file), "--input", str(inputs), "--output", str(output))
    done = host(generation=2024)(sys.executable, "-m", "ais_bench", *given)
    assert (done.returncode == 0, text in done.stdout + done.stderr) == (not change, True)
