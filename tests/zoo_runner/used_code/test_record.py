"""What a record of used code holds, and what does not let it hold any more."""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from zoo_runner.errors import PluginError
from zoo_runner.used_code.collecting import Step, alterations, collect
from zoo_runner.used_code.executed import alteration
from zoo_runner.used_code.record import Disk, Record
from zoo_runner.used_code.static import imported

Write = Callable[..., Path]
Install = Callable[..., Path]


def taken(package: str, declared: tuple[str, ...] = ()) -> Record:
    return collect(Step(name="test", entries=(), packages=(package,), declared=declared), Disk())


def differences(record: Record, *, by_content: bool = False) -> list[str]:
    return list(Disk(by_content=by_content).differences(record))


def own(record: Record) -> set[str]:
    """The modules of these tests, as other tests' are loaded too."""
    return {name for name in record.modules if name.startswith("zz_")}


def fresh(*names: str) -> None:
    """Forget modules, as a new process would have."""
    for name in list(sys.modules):
        if name.partition(".")[0] in names:
            del sys.modules[name]
    importlib.invalidate_caches()


def test_modules_that_are_loaded_count(write: Write) -> None:
    write("zz_plugin.py", "import zz_helper")
    write("zz_helper.py")
    write("zz_unused.py")
    importlib.import_module("zz_plugin")
    record = taken("zz_plugin")
    assert own(record) == {"zz_plugin", "zz_helper"}
    assert not any(name.startswith(("zoo_runner", "os", "numpy")) for name in record.modules)
    assert differences(record) == []
    write("zz_unused.py", "x = 1")
    assert differences(record) == []
    path = write("zz_helper.py", "x = 1")
    assert differences(record) == [f"zz_helper changed ({path})"]
    path.unlink()
    importlib.invalidate_caches()
    fresh("zz_helper")
    assert differences(record) == ["zz_helper is not there any more"]


def test_a_record_is_the_same_after_reading_it_back(write: Write) -> None:
    write("zz_plugin.py", "import numpy, zz_absent")
    with pytest.raises(ImportError):
        importlib.import_module("zz_plugin")
    write("zz_plugin.py", "import numpy")
    fresh("zz_plugin")
    importlib.import_module("zz_plugin")
    record = taken("zz_plugin")
    assert "numpy" in record.distributions
    data = record.encoded()
    assert Record.decoded(data, record.digest) == record
    for broken in (b"", data[:-1], data.replace(b"1", b"2"), b"{}", b"a b\n{}"):
        with pytest.raises(ValueError, match="not the record"):
            Record.decoded(broken, record.digest)
    with pytest.raises(ValueError, match="not the record"):
        Record.decoded(data, "0" * 64)
    deep = b"[" * 100_000
    with pytest.raises(ValueError, match="record"):
        Record.decoded(f"0 {hashlib.sha256(deep).hexdigest()}\n".encode() + deep, "0")


def test_a_file_loaded_under_a_name_of_its_own(write: Write) -> None:
    write("zz_pack/__init__.py")
    path = write("zz_pack/parts/odd-name.py", "x = 1")
    importlib.import_module("zz_pack")
    spec = spec_from_file_location("zz_made_up", path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules["zz_made_up"] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
    record = taken("zz_pack")
    assert record.modules["zz_made_up"].at == "zz_pack:zz_pack/parts/odd-name.py"
    fresh("zz_pack", "zz_made_up")
    assert differences(record) == []
    path.write_text("x = 2")
    assert differences(record) == [f"zz_made_up changed ({path})"]


def test_a_distribution_counts_by_name_version_and_files(write: Write, installed: Install) -> None:
    write("zz_plugin.py", "def late():\n    import zz_lib")
    folder = installed(
        "zz_lib", "1.0", {"zz_lib/__init__.py": "import zz_base", "zz_lib/other.py": "x = 1"}, requires=("zz_base>=1",)
    )
    installed("zz_base", "1.0", {"zz_base.py": "x = 1"})
    installed("zz_apart", "1.0", {"zz_apart.py": ""})
    for name in ("zz_plugin", "zz_lib", "zz_apart"):
        importlib.import_module(name)
    record = taken("zz_plugin")
    found = {name: set(fact.files) for name, fact in record.distributions.items() if name.startswith("zz")}
    assert found == {"zz-lib": {"zz_lib/__init__.py"}, "zz-base": {"zz_base.py"}}
    assert own(record) == {"zz_plugin"}
    assert differences(record) == []

    base = folder / "zz_base.py"
    times = base.stat()
    base.write_text("x = 2")
    assert differences(record) == [f"zz-base: zz_base.py changed ({base})"]
    os.utime(base, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert differences(record) == []
    assert differences(record, by_content=True) == [f"zz-base: zz_base.py changed ({base})"]
    base.write_text("x = 1")
    installed("zz_base", "1.1", {"zz_base.py": "x = 1"})
    assert differences(record) == ["zz-base was 1.0, is 1.1"]
    installed("zz_base", "1.0", {"zz_base.py": "x = 1", "zz_more.py": ""})
    assert differences(record) == ["zz-base 1.0 is another build (its RECORD differs)"]
    for path in [*folder.glob("zz_base*/*"), *folder.glob("zz_base*.dist-info")]:
        path.rmdir() if path.is_dir() else path.unlink()
    importlib.invalidate_caches()
    assert differences(record) == ["zz-base 1.0 is not installed any more"]


def test_a_new_environment_of_the_same_wheels_agrees(
    write: Write, installed: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("zz_plugin.py", "import zz_lib")
    first = installed("zz_lib", "1.0", {"zz_lib.py": "x = 1"})
    importlib.import_module("zz_plugin")
    record = taken("zz_plugin")
    fresh("zz_plugin", "zz_lib")
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(first)])
    second = installed("zz_lib", "1.0", {"zz_lib.py": "x = 1"}, where="other")
    os.utime(second / "zz_lib.py", (0, 0))
    assert differences(record) == []
    importlib.import_module("zz_plugin")
    assert taken("zz_plugin").digest == record.digest


def test_a_plugin_that_is_installed_counts_with_what_it_imports(installed: Install) -> None:
    installed("zz_wheel", "1.0", {"zz_wheel/__init__.py": "import zz_lib"})  # which it forgot to ask for
    folder = installed("zz_lib", "1.0", {"zz_lib.py": ""})
    importlib.import_module("zz_wheel")
    record = taken("zz_wheel")
    assert {"zz-wheel", "zz-lib"} <= record.distributions.keys()
    (folder / "zz_wheel" / "__init__.py").write_text("import zz_lib  # edited")
    assert len(differences(record)) == 1


@pytest.mark.parametrize("name", ["zz_declared", "zz_declared.inner"])
def test_declared_packages_count_as_a_whole(write: Write, name: str) -> None:
    write("zz_plugin.py")
    write("zz_declared/__init__.py", "raise RuntimeError('imported')")
    write("zz_declared/inner/__init__.py")
    write("zz_declared/inner/part.py")
    write("zz_declared/inner/table.json", "[]")
    importlib.import_module("zz_plugin")
    record = taken("zz_plugin", (name,))
    assert differences(record) == []
    for inside in ("inner/part.py", "inner/table.json"):
        path = write(f"zz_declared/{inside}", "[1]")
        assert [text.endswith(f"changed ({path})") for text in differences(record)] == [True]
        write(f"zz_declared/{inside}", "" if inside.endswith("py") else "[]")
    write("zz_declared/inner/new.py")
    assert [text.endswith("new.py is new") for text in differences(record)] == [True]


def test_a_declared_module_and_one_that_is_missing(write: Write) -> None:
    write("zz_single.py")
    record = taken("zz_plugin", ("zz_single",))
    write("zz_single.py", "x = 1")
    assert len(differences(record)) == 1
    with pytest.raises(PluginError, match=r"zoo_packages\(\) names 'zz_none', and there is no such package"):
        taken("zz_plugin", ("zz_none",))


def test_what_was_absent_and_another_python(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("zz_plugin.py", "try:\n    import zz_faster\nexcept ImportError:\n    pass")
    importlib.import_module("zz_plugin")
    record = taken("zz_plugin")
    assert "zz_faster" in record.absent
    write("zz_faster.py")
    assert differences(record) == ["zz_faster was not there, and is now"]
    monkeypatch.setattr("platform.python_version", lambda: "3.99.0")
    assert differences(record)[0] == f"Python was {record.python}, is 3.99.0"


def test_code_that_is_edited_under_the_process_is_not_taken_for_what_ran(write: Write) -> None:
    path = write("zz_plugin.py", "x = 1")
    importlib.import_module("zz_plugin")
    assert list(alterations(taken("zz_plugin"), Disk())) == []
    write("zz_plugin.py", "x = 2")
    assert next(alterations(taken("zz_plugin"), Disk())) == f"{path} was changed after it was loaded"


def test_a_piece_that_runs_under_the_name_of_a_file_is_not_the_file(write: Write) -> None:
    """Numba compiles expressions so."""
    path = write("zz_plugin.py", "x = 1")
    importlib.import_module("zz_plugin")
    piece = compile("y = 2", str(path), "exec")
    exec(piece, {})  # noqa: S102 - as numba does
    assert list(alterations(taken("zz_plugin"), Disk())) == []
    write("zz_plugin.py", "x = 2")
    exec(piece, {})  # noqa: S102 - likewise
    assert next(alterations(taken("zz_plugin"), Disk())) == f"{path} was changed after it was loaded"


def test_outdated_bytecode_is_not_taken_for_its_source(write: Write) -> None:
    """Python takes bytecode for current if size and second of the source are the same."""
    path = write("zz_plugin.py", "x = 1")
    times = path.stat()
    importlib.import_module("zz_plugin")
    fresh("zz_plugin")
    path.write_text("x = 2")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    ran = importlib.import_module("zz_plugin").x
    found = alteration(str(path), path.read_bytes(), "zz_plugin")
    if ran == 1:  # where bytecode is written at all
        assert found == f"{path} was loaded from outdated bytecode; delete {path.parent / '__pycache__'}"
    else:
        assert found is None


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", set()),
        ("import a.b as c, d", {"a.b", "d"}),
        ("from a import b", {"a", "a.b"}),
        ("from . import b\nfrom ..c import d", {"pkg.sub", "pkg.sub.b", "pkg.c", "pkg.c.d"}),
        ("from .... import b", set()),
        ("def f():\n    import a", {"a"}),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", {"b"}),
        ("if typing.TYPE_CHECKING:\n    import a", set()),
        ("try:\n    import a\nexcept ImportError:\n    import b", {"a", "b"}),
        ("no python", set()),
        ("\0", set()),
    ],
)
def test_imports_are_read_from_the_text(source: str, expected: set[str]) -> None:
    assert imported(source.encode(), "pkg.sub.mod") == expected
