"""Whole runs, each in a process of its own: what is redone when code is changed, and what is not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from places import ROOT

pytestmark = pytest.mark.slow  # whole runs in new processes

CLASSES = ("ant", "bee", "cat", "dog")
SAMPLES = 8
MAIN = "from zoo_runner.cli import main; main()"
FROM_FILES = ("--from", "postprocess", "--until", "evaluate", "--results", "results")
STREAM = {"preprocess", "infer", "postprocess"}
PLUGIN = "trial_plugin.py"
POSTPROCESS = 'return {"label": scores.argmax(axis=0, keepdims=True)'

Edit = Callable[[Path], None]


@dataclass(frozen=True)
class Clone:
    """A folder with the runner, a plugin that is not installed, and data; its runs share a store with other clones."""

    folder: Path
    cache: Path

    @property
    def site(self) -> Path:
        return self.folder / "site"

    def write(self, name: str, text: str = "") -> None:
        path = self.site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def replace(self, path: str, old: str, new: str) -> None:
        text = (self.site / path).read_text()
        assert old in text
        (self.site / path).write_text(text.replace(old, new))

    def run(self, *arguments: str) -> dict[str, Any]:
        path = os.pathsep.join(map(str, (self.site, self.folder / "libraries", self.folder)))
        done = subprocess.run(
            [sys.executable, "-c", MAIN, "trial.yaml", "--output", "out", *(arguments or FROM_FILES)],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": path, "ZOO_RUNNER_CACHE": str(self.cache)},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode in {0, 1}, done.stdout + done.stderr
        found: dict[str, Any] = json.loads((self.folder / "out" / "report.json").read_text())
        return found

    def redone(self, *arguments: str) -> set[str]:
        stages = self.run(*arguments)["stages"]
        return {stage["name"] for stage in stages if not stage["skipped"]} - {"fetch", "evaluate", "benchmark", "gate"}

    def value(self) -> float:
        return float(self.run()["metrics"][0]["value"])


def make_clone(folder: Path, cache: Path, trial_site: Path) -> Clone:
    folder.mkdir()
    shutil.copytree(trial_site, folder / "site", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "zoo_runner", folder / "zoo_runner", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tests" / "trial_plugin" / "trial.yaml", folder)
    text = (folder / "trial.yaml").read_text()
    (folder / "trial.yaml").write_text(text.replace("samples: 150", f"samples: {SAMPLES}"))
    (folder / "data").mkdir()
    (folder / "results").mkdir()
    for index in range(SAMPLES):
        label = index % len(CLASSES)
        numbers = np.full(len(CLASSES), index / SAMPLES, "<f4")
        numbers[label] = 2
        (folder / "data" / f"{CLASSES[label]}_{index:03d}.txt").write_text(" ".join(map(str, numbers.tolist())))
    for index, path in enumerate(sorted((folder / "data").iterdir()), start=1):
        np.loadtxt(path, dtype="<f4").tofile(folder / "results" / f"{index:07d}_0.bin")
    return Clone(folder, cache)


@pytest.fixture
def clone(tmp_path: Path, trial_site: Path) -> Clone:
    return make_clone(tmp_path / "clone", tmp_path / "cache", trial_site)


USES = """

import importlib
import os
import pkgutil
import runpy

import helper
import layers.tables
import listing
import parts
from heads.inner import head

try:
    import faster_xyz
except ImportError:
    pass


@hookimpl
def zoo_packages():
    return ["declared"]


def best_of(scores):
    importlib.import_module("late")
    runpy.run_path(os.path.join(os.path.dirname(__file__), "scripts", "step.txt"))
    with open("words.txt") as file:
        file.read()
    return helper.best(scores)
"""
"""What the plugin is made to use: code of every kind, at the top and in a call."""
LISTING = """
import importlib, pkgutil
for each in pkgutil.iter_modules(__path__):
    importlib.import_module(f"listing.{each.name}")
"""
TABLES = """
import pathlib
HERE = pathlib.Path(__file__).parent
exec((HERE / "deep" / "below.json").read_text())
(HERE.parent / "beside.json").read_bytes()
"""
ARGMAX = "def best(scores):\n    return scores.argmax(axis=0, keepdims=True)\n"


def prepare(clone: Clone) -> None:
    """Spread the plugin over many files."""
    clone.replace(PLUGIN, POSTPROCESS, 'return {"label": best_of(scores)')
    with (clone.site / PLUGIN).open("a") as file:
        file.write(USES)
    for name in ("helper.py", "late.py", "shadowed.py", "scripts/step.txt", "declared/inner/part.py", "listing/one.py"):
        clone.write(name, ARGMAX)
    clone.write("helper.py", f"import shadowed\n{ARGMAX}")
    clone.write("declared/__init__.py", "raise RuntimeError('is not to be imported')\n")
    clone.write("listing/__init__.py", LISTING)
    clone.write("layers/tables.py", TABLES)
    for name in ("beside.json", "layers/deep/below.json", "../words.txt"):
        clone.write(name, '["argmax"]')
    clone.write("parts/__init__.py")
    clone.write("parts/names.json", '["argmax"]')
    clone.write("../libraries/heads/__init__.py")
    clone.write("../libraries/heads/inner/head.py", ARGMAX)


@pytest.fixture(scope="module")
def spread(tmp_path_factory: pytest.TempPathFactory, trial_site: Path) -> Clone:
    """A plugin in many files that ran twice; the second time nothing was done."""
    folder = tmp_path_factory.mktemp("spread")
    clone = make_clone(folder / "clone", folder / "cache", trial_site)
    prepare(clone)
    assert clone.redone() == {"postprocess"}
    assert clone.redone() == set()
    return clone


def shadow(site: Path) -> None:
    clone = Clone(site.parent, site)
    clone.write("shadowed/__init__.py", ARGMAX.replace("argmax", "argmin"))


def argmin(name: str) -> Edit:
    """Turn the answer over, keeping size and times, and bytecode: what is compared is content."""

    def edit(site: Path) -> None:
        path = site / name
        found = path.stat()
        assert "argmax" in path.read_text()
        path.write_text(path.read_text().replace("argmax", "argmin"))
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))

    return edit


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(argmin("helper.py"), id="helper in a second module"),
        pytest.param(argmin("late.py"), id="loaded by name in the first call"),
        pytest.param(argmin("../libraries/heads/inner/head.py"), id="package elsewhere"),
        pytest.param(argmin("scripts/step.txt"), id="run by its path"),
        pytest.param(argmin("declared/inner/part.py"), id="declared"),
        pytest.param(argmin("parts/names.json"), id="file beside a package's modules"),
        pytest.param(argmin("beside.json"), id="file beside a module"),
        pytest.param(argmin("layers/deep/below.json"), id="text that is run"),
        pytest.param(argmin("../words.txt"), id="file elsewhere, read in a call"),
        pytest.param(lambda site: (site / "listing" / "two.py").touch(), id="new in a folder that is listed"),
        pytest.param(lambda site: (site / "faster_xyz.py").touch(), id="absent before"),
        pytest.param(shadow, id="shadowed"),
        pytest.param(lambda site: (site / "late.py").rename(site / "late.pyw") and (site / "late").mkdir(), id="gone"),
        pytest.param(lambda site: Clone(site.parent, site).replace(PLUGIN, "top1", "top1"), id="nothing"),
    ],
)
@pytest.mark.long_rows(
    "file beside a package's modules",
    "file beside a module",
    "run by its path",
    "text that is run",
    "file elsewhere, read in a call",
    "loaded by name in the first call",
    "gone",
    "shadowed",
)
def test_edited_code_is_not_reused(spread: Clone, edit: Edit, request: pytest.FixtureRequest) -> None:
    edit(spread.site)
    assert spread.redone() == (set() if request.node.callspec.id == "nothing" else {"postprocess"})


def test_a_helper_that_was_turned_over_gives_another_figure(clone: Clone) -> None:
    prepare(clone)
    assert clone.value() == 100
    argmin("helper.py")(clone.site)
    assert clone.value() == 0
    clone.replace("helper.py", "argmin", "argmax")
    assert clone.redone() == set()  # what was made before is still there


@pytest.mark.long
def test_kept_machine_code_follows_what_it_was_compiled_of(clone: Clone) -> None:
    """Numba compares the file of a function, and not the files of what the function calls."""
    pytest.importorskip("numba")
    clone.replace(PLUGIN, POSTPROCESS, 'return {"label": np.array([kernels.outer(scores)])')
    clone.replace(PLUGIN, "import numpy as np", "import kernels\nimport numpy as np")
    cached = "import numba\n\n\n@numba.njit(cache=True)\ndef "
    clone.write("kernels.py", f"import inner\n{cached}outer(scores):\n    return inner.best(scores)\n")
    clone.write("inner.py", f"{cached}best(scores):\n    return (1.0 * scores).argmax()\n")
    assert clone.value() == 100
    assert clone.redone() == set()
    assert list(clone.site.glob("__pycache__/kernels.outer*.nbi"))
    argmin("inner.py")(clone.site)
    assert clone.value() == 0
    assert clone.redone() == set()


@pytest.mark.long
def test_another_clone_with_the_same_content_finds_it(clone: Clone, tmp_path: Path, trial_site: Path) -> None:
    other = make_clone(tmp_path / "other", clone.cache, trial_site)
    for each in (clone, other):
        prepare(each)
    assert clone.redone() == {"postprocess"}
    assert other.redone() == set()


@pytest.mark.long
def test_without_a_record_nothing_is_reused(clone: Clone) -> None:
    clone.run()
    (record,) = (clone.cache / "code").glob("*/*")
    content = record.read_bytes()
    assert b'"size":' in content
    damaged = {"empty": b"", "a digit": content.replace(b'"size":', b'"size":1', 1), "no JSON": content[:-1]}
    for what, data in damaged.items():
        record.write_bytes(data)
        assert clone.redone() == {"postprocess"}, what
    record.rename(record.with_name("0" * 64))
    assert clone.redone() == {"postprocess"}
    shutil.rmtree(clone.cache / "code")
    assert clone.redone() == {"postprocess"}
    assert clone.redone() == set()


@pytest.mark.long
def test_the_stages_part_of_the_runner_counts_and_no_other(clone: Clone, trial_files: Path) -> None:
    shutil.copy(trial_files / "weights.pth", clone.folder)
    whole = ("--until", "evaluate")
    (clone.site / "layers.py").write_text("SIZE = 4\n")
    clone.replace(PLUGIN, "        import torch  # noqa", "        import layers\n        import torch  # noqa")

    def comment(path: Path) -> None:
        with path.open("a") as file:
            file.write("\n# changed\n")

    assert clone.redone(*whole) == {"export"} | STREAM
    assert clone.redone(*whole) == set()
    comment(clone.folder / "zoo_runner" / "report" / "html" / "__init__.py")
    comment(clone.folder / "zoo_runner" / "stages" / "gate" / "verdicts.py")
    assert clone.redone(*whole) == set()
    comment(clone.folder / "zoo_runner" / "stages" / "predict" / "pipeline.py")
    assert clone.redone(*whole) == STREAM
    comment(clone.site / "layers.py")
    assert clone.redone(*whole) >= {"export"}
    assert clone.redone(*whole) == set()
