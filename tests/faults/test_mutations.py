"""Each protection is taken out of a copy of the source, and the test that holds it must fail then.

The long form does that; the short one checks that the table fits the source.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from fault_world import LONG
from places import PACKAGES, ROOT

COPIED = (*PACKAGES, "tests", "tools", "benchmarks", "manifests", "schemas")
LIMIT_S = 1800
FAILED = 1
"""Pytest's exit code when tests ran and some failed."""


@dataclass(frozen=True)
class Mutation:
    """One protection.

    Attributes:
        file: Where it is.
        old: The text that protects; once in the file.
        new: What stands there without it.
        test: What must fail then, as pytest takes it.
    """

    file: str
    old: str
    new: str
    test: str


STORE, FETCH = "zoo_runner/store", "zoo_runner/stages/fetch"
MUTATIONS = {
    "leftovers are removed": Mutation(
        "zoo_runner/runner.py",
        "    store.clear_remains()\n",
        "",
        "tests/faults/test_kills.py::test_alone[without predictions]",
    ),
    "what is being made is not removed": Mutation(
        f"{STORE}/locks.py",
        "    with suppress(Timeout), FileLock(lock_path, timeout=0):\n        remove(path)",
        "    with suppress(Timeout):\n        remove(path)",
        "tests/zoo_runner/store/test_store.py",
    ),
    "what is being written is not removed": Mutation(
        f"{STORE}/durable.py",
        "        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "",
        "tests/zoo_runner/store/test_durable.py",
    ),
    "a half written file is removed": Mutation(
        f"{STORE}/durable.py",
        "                temporary.unlink(missing_ok=True)\n",
        "                pass\n",
        "tests/zoo_runner/store/test_durable.py",
    ),
    "entries are synced": Mutation(
        f"{STORE}/store.py",
        "            sync(path)\n",
        "            pass\n",
        "tests/faults/test_power_loss.py",
    ),
    "replaced files are synced": Mutation(
        f"{STORE}/durable.py",
        "        os.fsync(file.fileno())\n",
        "",
        "tests/faults/test_power_loss.py",
    ),
    "files of the output are synced": Mutation(
        "zoo_runner/output/writing.py",
        "        sync(temporary)  # otherwise a power failure may leave the new name with an empty file\n",
        "",
        "tests/faults/test_power_loss.py",
    ),
    "entries are renamed into place": Mutation(
        f"{STORE}/store.py",
        '        fresh, old = entry.with_name(f".{key}{_NEW}"),',
        "        fresh, old = entry,",
        "tests/zoo_runner/store/test_store.py",
    ),
    "entries are hashed": Mutation(
        f"{STORE}/entries.py",
        "    if digest != file.sha256:\n",
        "    if not digest:\n",
        "tests/zoo_runner/store/test_damage.py",
    ),
    "stamps nested too deep are damage": Mutation(
        f"{STORE}/entries.py",
        "TypeError, AttributeError, RecursionError) as error",
        "TypeError, AttributeError) as error",
        "tests/faults/test_parsers.py::test_corpus[stamp of the store]",
    ),
    "stamps of conversions nested too deep are none": Mutation(
        "zoo_runner/backends/ascend/om_stamp.py",
        "TypeError, AttributeError, RecursionError)",
        "TypeError, AttributeError)",
        "tests/faults/test_parsers.py::test_corpus[stamp of a conversion]",
    ),
    "tables are hashed": Mutation(
        f"{STORE}/kept_table.py",
        "    if digest != hashlib.sha256(text).hexdigest().encode():\n        return {}\n",
        "",
        "tests/zoo_runner/store/test_kept_table.py",
    ),
    "errors name the file": Mutation(
        "zoo_runner/files/named_errors.py",
        "            error.filename = str(path)\n",
        "            pass\n",
        "tests/zoo_runner/files/test_named_errors.py",
    ),
    "predictions are counted": Mutation(
        "zoo_runner/stages/predict/pipeline.py",
        "    if len(found) != count:\n",
        "    if False:\n",
        "tests/zoo_runner/stages/predict/test_pipeline.py",
    ),
    "result files are hashed": Mutation(
        "zoo_runner/stages/predict/result_origin.py",
        "        if expected != sha256:\n",
        "        if False:\n",
        "tests/faults/test_damage.py::test_in_result_files",
    ),
    "names with two meanings are refused": Mutation(
        "zoo_runner/stages/predict/result_names.py",
        "    if other is not None and (ids or by_position):\n",
        "    if False:\n",
        "tests/zoo_runner/stages/predict/test_result_names.py",
    ),
    "a reading explains all names": Mutation(
        "zoo_runner/stages/predict/result_names.py",
        "    return set(stems) <= set(reading.values()) and all(",
        "    return all(",
        "tests/zoo_runner/stages/predict/test_result_names.py",
    ),
    "room for files is asked for": Mutation(
        "zoo_runner/stages/predict/disk_space.py",
        "    if sum(sizes.values()) > free:\n",
        "    if False:\n",
        "tests/zoo_runner/stages/predict/test_disk_space.py",
    ),
    "only packs are replaced": Mutation(
        "zoo_runner/pack/placing.py",
        "    if os.path.lexists(target) and not _is_replaceable(target):\n",
        "    if False:\n",
        "tests/zoo_runner/pack/test_placing.py",
    ),
    "copies in a pack are hashed": Mutation(
        "zoo_runner/pack/files.py",
        "    if (found := file_digest(target)) != file.sha256:\n",
        "    if not (found := file_digest(target)):\n",
        "tests/zoo_runner/pack/test_files.py",
    ),
    "a pack has the manifest's weights": Mutation(
        "zoo_runner/pack/pack.py",
        "    if pinned is not None and weights.sha256 != pinned:\n",
        "    if False:\n",
        "tests/zoo_runner/pack/test_pack.py::test_other_weights_are_not_packed_as_the_manifests",
    ),
    "a published model is of the network's code": Mutation(
        "zoo_runner/stages/export/model.py",
        '        "network code": network_code(recipe),\n',
        "",
        "tests/zoo_runner/stages/export/test_published.py::"
        "test_without_torch_it_is_not_reused_once_the_code_of_the_network_is_another",
    ),
    "times are positive": Mutation(
        "zoo_runner/stages/benchmark/timing.py",
        "    if wrong or not times.compute_ms:\n",
        "    if False:\n",
        "tests/zoo_runner/stages/benchmark/test_timing.py",
    ),
    "a ledger's run is written whole": Mutation(
        "zoo_runner/history/ledger.py",
        '            connection.execute("BEGIN IMMEDIATE")\n            connection.execute(_INSERT_SETTINGS',
        '            connection.execute("SELECT 1")\n            connection.execute(_INSERT_SETTINGS',
        "tests/zoo_runner/history/test_ledger_writers.py",
    ),
    "special files are refused": Mutation(
        "zoo_runner/files/regular.py",
        "    _refuse_special(found, path)\n",
        "",
        "tests/zoo_runner/files/test_regular.py",
    ),
    "downloads end at their size": Mutation(
        f"{FETCH}/download.py",
        "                    if size > most:\n",
        "                    if False:\n",
        f"tests/{FETCH}/test_limits.py",
    ),
    "slow downloads are refused": Mutation(
        f"{FETCH}/pace.py",
        "                if now - before < SLOWEST * self.window_s:\n",
        "                if False:\n",
        f"tests/{FETCH}/test_limits.py",
    ),
    "archives stay inside": Mutation(
        f"{FETCH}/archive.py",
        "    if trouble := problem(members):\n",
        "    if trouble := problem(members) and None:\n",
        f"tests/{FETCH}/test_archive.py",
    ),
    "archives have a bound": Mutation(
        f"{FETCH}/archive.py",
        "        if total > most:\n",
        "        if False:\n",
        f"tests/{FETCH}/test_archive_limits.py",
    ),
    "manifests have a bound": Mutation(
        "zoo_runner/manifest/source.py",
        "    if len(chain) >= MAX_FILES:\n",
        "    if False:\n",
        "tests/zoo_runner/manifest/test_source.py",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_table_fits_the_source(name: str) -> None:
    mutation = MUTATIONS[name]
    assert (ROOT / mutation.file).read_text(encoding="utf-8").count(mutation.old) == 1
    assert (ROOT / re.split("::", mutation.test)[0]).exists()


@pytest.mark.skipif(not LONG, reason="the long form takes protections out: tests/faults/run.py --long")
@pytest.mark.parametrize("name", MUTATIONS)
def test_its_loss_is_noticed(name: str, tmp_path: Path, count: Callable[[str, int], None]) -> None:
    mutation, tree = MUTATIONS[name], tmp_path / "tree"
    tree.mkdir()
    for each in COPIED:
        shutil.copytree(ROOT / each, tree / each, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    path = tree / mutation.file
    path.write_text(path.read_text(encoding="utf-8").replace(mutation.old, mutation.new), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", mutation.test],
        cwd=tree,
        env={**os.environ, "ZOO_FAULTS": "short", "ZOO_FAULT_COUNTS": "", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == FAILED, done.stdout[-2000:]
    count("mutations", 1)
