"""Readers of outside data, given what coverage-guided fuzzing comes upon: an error meant for users, and nothing else.

What it finds and is worth keeping is in ``corpus``, which ``test_parsers.py`` replays. With ``ZOO_FAULT_CORPUS=FOLDER``
some of the inputs that reached something new are written there.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fault_world import LONG, Reference
from places import ROOT
from readers import READERS, SECONDS

SEVERAL = 10
"""Seconds of fuzzing of each reader."""
LONGEST = 4096
"""Bytes of an input, or those of the seed."""
KEPT = 40
"""Inputs of a reader that are kept at most."""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not LONG, reason="the long form fuzzes: tests/faults/run.py --long"),
    pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="there is no atheris: nox -s fuzz"),
]


@dataclass(frozen=True)
class Fuzzer:
    """The process that forks into fuzzers."""

    process: subprocess.Popen[str]

    def __call__(self, name: str, folder: Path, *options: str) -> str:
        """Return what a fuzzer printed."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"name": name, "folder": str(folder), "options": options}) + "\n")
        self.process.stdin.flush()
        code = self.process.stdout.readline()
        said = (folder / "said").read_text(encoding="utf-8", errors="replace")
        found = {path.name: path.read_bytes()[:200] for path in folder.glob("found-*")}
        assert (code, found) == ("0\n", {}), said[-4000:]
        return said


@pytest.fixture(scope="module")
def fuzz(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzer]:
    home = tmp_path_factory.mktemp("home")
    with subprocess.Popen(
        [sys.executable, ROOT / "tests" / "faults" / "fuzz.py"],
        env={**os.environ, "ZOO_RUNNER_CACHE": str(home), "HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield Fuzzer(process)


def keep(name: str, corpus: Path, into: Path) -> None:
    """Write some of the inputs that each reached something new, from the smallest to the largest.

    What has a path of this machine in it stays here.
    """
    private = [os.fsencode(folder) for folder in (ROOT, Path.home(), tempfile.gettempdir())]
    found = [path.read_bytes() for path in corpus.iterdir()]
    inputs = sorted((data for data in found if not any(map(data.count, private))), key=lambda data: (len(data), data))
    with zipfile.ZipFile(into / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number, data in enumerate(inputs[:: -(-len(inputs) // KEPT) or 1]):
            archive.writestr(zipfile.ZipInfo(f"{number:03d}"), data, zipfile.ZIP_DEFLATED)


@pytest.mark.parametrize("name", READERS)
def test_fuzzed(
    name: str, fuzz: Fuzzer, reference: Reference, tmp_path: Path, count: Callable[[str, int], None]
) -> None:
    seed = READERS[name].seed(reference)
    shutil.copytree(reference.output, tmp_path / "output")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "seed").write_bytes(seed)
    options = [f"-max_total_time={SEVERAL}", f"-timeout={SECONDS}", "-rss_limit_mb=3000", "-artifact_prefix=found-"]
    said = fuzz(name, tmp_path, f"-max_len={max(LONGEST, len(seed))}", "-print_final_stats=1", *options)
    tried = re.search(r"stat::number_of_executed_units: *(\d+)", said)
    assert tried, said[-2000:]
    count("coverage-guided inputs", int(tried[1]))
    if into := os.environ.get("ZOO_FAULT_CORPUS"):
        keep(name, tmp_path / "corpus", Path(into))
