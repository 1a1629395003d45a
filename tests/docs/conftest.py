"""A copy of the repository as a reader of its pages has it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from places import ROOT

SAMPLE = Path("manifests", "refinedet320-sample.yaml")
SLOW, QUICK = "  loop: 10\n", "  loop: 1\n  warmup: 0\n"
"""The sample is timed once instead of many times: no page says how fast it is."""
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "zoo-output", "build", "dist", "run")


@pytest.fixture(scope="session")
def fresh_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone would have, with what is not committed yet, and a sample that is timed quickly."""
    folder = tmp_path_factory.mktemp("clone") / "repository"
    copy_repository(folder)
    manifest = (folder / SAMPLE).read_text(encoding="utf-8")
    assert SLOW in manifest
    (folder / SAMPLE).write_text(manifest.replace(SLOW, QUICK), encoding="utf-8")
    return folder


def copy_repository(folder: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - git of the user's path
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:  # not a git checkout
        shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)


@pytest.fixture
def clone(fresh_copy: Path, tmp_path: Path) -> Path:
    """A copy to work in, with the program where the README installs it, and nothing else of that environment."""
    folder = Path(shutil.copytree(fresh_copy, tmp_path / "repository"))
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "zoo-run").symlink_to(Path(sys.executable).with_name("zoo-run"))
    return folder
