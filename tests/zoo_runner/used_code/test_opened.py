"""Files that code of plugins opens, and those that do not count."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import pytest

from zoo_runner.stages.fetch.sample_keys import SampleKeys
from zoo_runner.used_code import machine_code, opened
from zoo_runner.used_code.collecting import Step, alterations, collect
from zoo_runner.used_code.record import Disk, Record

Write = Callable[..., Path]
READING = """
import pathlib

from zoo_runner.plugin.files import read_regular

FIXED = pathlib.Path(__file__).with_name("zz_fixed.json").read_text()


def read(path):
    with open(path) as file:
        return file.read()


def read_bounded(path):
    return read_regular(path, 1000)


def write(path):
    with open(path, "w") as file:
        file.write("made")
"""


@pytest.fixture
def plugin(write: Write) -> ModuleType:
    opened.watch("zz_plugin")
    write("zz_fixed.json", "[1]")
    write("zz_plugin.py", READING)
    return importlib.import_module("zz_plugin")


def taken() -> Record:
    return collect(Step(name="test", entries=(), packages=("zz_plugin",)), Disk())


def in_thread(call: Callable[..., object], *arguments: object) -> None:
    thread = Thread(target=call, args=arguments)
    thread.start()
    thread.join()


def files() -> set[str]:
    return {Path(place.rpartition(":")[2]).name for place in taken().files if "zz_" in place}


def test_a_file_that_is_read_counts(plugin: ModuleType, write: Write) -> None:
    table = write("zz_table.txt", "1")
    assert files() == {"zz_fixed.json"}
    in_thread(plugin.read, table)
    record = taken()
    assert files() == {"zz_fixed.json", "zz_table.txt"}
    assert "zz_plugin:zz_table.txt" in record.files
    assert list(Disk().differences(record)) == []
    assert list(alterations(record, Disk())) == []
    write("zz_table.txt", "2")
    assert list(Disk().differences(record)) == [f"zz_plugin:zz_table.txt changed ({table})"]
    assert next(alterations(taken(), Disk())) == f"{table} was changed after it was read"


def test_a_file_that_is_read_by_way_of_the_runner_counts(plugin: ModuleType, write: Write) -> None:
    in_thread(plugin.read_bounded, write("zz_bounded.txt", "1"))
    assert files() == {"zz_fixed.json", "zz_bounded.txt"}


def test_what_the_process_makes_and_what_is_gone_does_not_count(plugin: ModuleType, tmp_path: Path) -> None:
    made, gone = tmp_path / "zz_made", tmp_path / "zz_gone"
    in_thread(plugin.write, made)
    in_thread(plugin.read, made)
    gone.write_text("")
    in_thread(plugin.read, gone)
    gone.unlink()
    with pytest.raises(FileNotFoundError):
        plugin.read(gone)
    assert files() == {"zz_fixed.json"}


def test_what_is_in_the_keys_of_samples_does_not_count(plugin: ModuleType, write: Write, tmp_path: Path) -> None:
    image, keys = write("zz_image.txt"), SampleKeys()
    link = tmp_path / "zz_link.txt"
    link.symlink_to(image)
    keys._digest(link)
    in_thread(plugin.read, link)
    in_thread(plugin.read, image)
    assert files() == {"zz_fixed.json"}


def runner_module(name: str) -> Any:
    """A module that calls what it is given, and whose file is one of the runner's."""
    caller = ModuleType(name)
    source = compile("def call(read, path):\n    read(path)", f"{opened.RUNNER}somewhere.py", "exec")
    exec(source, vars(caller))  # noqa: S102 - so that its file is one of the runner's
    return caller


def test_what_a_data_set_reads_beside_its_root_counts(plugin: ModuleType, write: Write) -> None:
    """Below its root are annotations; what samples are is in their keys. A table may shape what follows."""
    annotation, table = write("root/zz_annotation.xml"), write("zz_table.txt")
    opened.set_apart_below(annotation.parent)
    for path in (annotation, table):
        runner_module(opened.READS_SAMPLES).call(plugin.read, path)
    assert files() == {"zz_fixed.json", "zz_table.txt"}
    in_thread(plugin.read, annotation)  # as a postprocess may
    assert files() == {"zz_fixed.json", "zz_table.txt", "zz_annotation.xml"}


def test_the_root_of_another_data_set_hides_nothing(plugin: ModuleType, write: Write) -> None:
    table, other = write("first/zz_table.txt"), write("second/zz_annotation.xml")
    opened.set_apart_below(table.parent)
    opened.set_apart_below(other.parent)
    runner_module(opened.READS_SAMPLES).call(plugin.read, table)
    assert files() == {"zz_fixed.json", "zz_table.txt"}


def test_only_what_is_read_for_a_step_counts(plugin: ModuleType, write: Write) -> None:
    """What a metric reads shapes no prediction."""
    table = write("zz_table.txt", "1")
    runner_module("zoo_runner.somewhere").call(plugin.read, table)
    assert str(table) in opened.opened(frozenset({"zoo_runner.somewhere"}))
    assert str(table) not in opened.opened(frozenset({"zoo_runner.elsewhere"}))


@pytest.mark.parametrize(("age_s", "there"), [(3600, False), (-3600, True)], ids=["older", "newer"])
def test_an_index_older_than_loaded_code_is_taken_away(
    age_s: int, there: bool, plugin: ModuleType, write: Write
) -> None:
    index = write("__pycache__/zz_plugin.kernel-1.py311.nbi")
    now = Path(str(plugin.__file__)).stat().st_ctime
    os.utime(index, (now - age_s, now - age_s))
    if there:
        assert plugin.read(index) == ""
    else:
        with pytest.raises(FileNotFoundError):  # as numba expects of what was never compiled
            plugin.read(index)
    plugin.write(index)
    assert plugin.read(index) == "made"


def test_an_index_that_cannot_be_taken_away_is_named(
    plugin: ModuleType, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(path)

    index = write("__pycache__/zz_plugin.kernel-1.py311.nbi")
    os.utime(index, (0, 0))
    monkeypatch.setattr(machine_code, "_outdated", {})
    monkeypatch.setattr(Path, "unlink", refuse)
    assert plugin.read(index) == ""
    assert list(alterations(taken(), Disk())) == [f"{index} is older than what it was compiled of; delete it"]


@pytest.mark.usefixtures("plugin")
def test_bytecode_older_than_its_source_is_not_run(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = write("zz_edited.py", "x = 1")
    before = path.stat()
    assert importlib.import_module("zz_edited").x == 1
    del sys.modules["zz_edited"]
    path.write_text("x = 2")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert importlib.import_module("zz_edited").x == 2


def test_a_library_that_is_loaded_counts(write: Write) -> None:
    """Python says so before it looks whether the file is a library."""
    opened.watch("zz_plugin")
    library = write("zz_library.so", "none")
    write("zz_plugin.py", "import ctypes\n\ndef load(path):\n    ctypes.CDLL(str(path))")
    plugin = importlib.import_module("zz_plugin")

    def load() -> None:
        with pytest.raises(OSError, match="zz_library"):
            plugin.load(library)

    in_thread(load)
    assert files() == {"zz_library.so"}


def test_the_end_of_the_process_is_quiet(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from zoo_runner.used_code import opened; opened.watch('x'); open('made', 'w')"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
