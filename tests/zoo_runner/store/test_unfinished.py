"""A run keeps its name until it ends; other runs have others."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo_runner.store.store import Store
from zoo_runner.store.unfinished import end, name_of

OF = (Path("trial.yaml"), Path("out"))


def test_a_run_that_goes_on_has_the_same_name(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert name_of(store, *OF) == name_of(Store(tmp_path), *OF)


@pytest.mark.parametrize("other", [(Path("other.yaml"), Path("out")), (Path("trial.yaml"), Path("elsewhere"))])
def test_another_run_has_another(tmp_path: Path, other: tuple[Path, Path]) -> None:
    store = Store(tmp_path)
    assert name_of(store, *OF) != name_of(store, *other)


@pytest.mark.parametrize("variable", ["PATH", "LD_LIBRARY_PATH", "PYTHONPATH"])
def test_with_other_software_it_is_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    store = Store(tmp_path)
    first = name_of(store, *OF)
    with monkeypatch.context() as patched:
        patched.setenv(variable, "/usr/local/Ascend/another")
        assert name_of(store, *OF) != first
    assert name_of(store, *OF) == first


def test_after_its_end_the_next_has_another(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = name_of(store, *OF)
    end(store, *OF)
    assert name_of(store, *OF) != first
    end(store, *OF)
    end(store, *OF)  # of a run that never had a name


@pytest.mark.parametrize("content", [b"", b"no name", b"x" * 1000])
def test_a_damaged_name_is_replaced(tmp_path: Path, content: bytes) -> None:
    store = Store(tmp_path)
    first = name_of(store, *OF)
    (path,) = (tmp_path / "unfinished").iterdir()
    path.write_bytes(content)
    second = name_of(store, *OF)
    assert first != second == name_of(store, *OF)


def test_where_nothing_may_be_written_each_has_its_own(tmp_path: Path) -> None:
    store = Store(tmp_path).frozen("a test")
    assert name_of(store, *OF) != name_of(store, *OF)
    end(store, *OF)
    assert list(tmp_path.iterdir()) == []
