"""A pack takes the place of nothing but a pack, whole or not at all."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Callable
from copy import copy
from pathlib import Path

import pytest

from zoo_runner.errors import UsageError
from zoo_runner.output.names import SUMS
from zoo_runner.pack.checksums import sums_text
from zoo_runner.pack.placing import MARK, README, check_target, placed

GONE = 2**22 + 1
"""No process has this number: it is more than the system gives."""


def fill(folder: Path, model: bytes = b"model") -> None:
    files = {README: f"{MARK}m\n".encode(), "sub/m.onnx": model}
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    (folder / SUMS).write_text(sums_text(digests))


def put(target: Path, model: bytes = b"model") -> None:
    with placed(target, "m") as folder:
        fill(folder, model)


def model_in(target: Path) -> bytes:
    if target.is_dir():
        return (target / "sub" / "m.onnx").read_bytes()
    with zipfile.ZipFile(target) as archive:
        return archive.read("m/sub/m.onnx")


@pytest.mark.parametrize("name", ["p", "p.zip", "deeper/p", "deeper/p.zip"])
def test_a_pack_is_put_and_replaced(tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    for model in (b"one", b"two"):
        put(target, model)
        assert model_in(target) == model
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    put(tmp_path / "p")
    assert model_in(tmp_path / "p") == b"model"


def a_file(target: Path) -> None:
    target.write_bytes(b"mine")


def a_link(target: Path) -> None:
    put(target.with_name("real"))
    target.symlink_to("real")


def a_folder(target: Path) -> None:
    target.mkdir()
    (target / "mine.txt").write_text("mine")


def a_pipe(target: Path) -> None:
    os.mkfifo(target)


def edited(target: Path) -> None:
    put(target)
    (target / "sub" / "m.onnx").write_bytes(b"edited")


def more(target: Path) -> None:
    put(target)
    (target / "mine.txt").write_text("mine")


def less(target: Path) -> None:
    put(target)
    (target / "sub" / "m.onnx").unlink()


def linked_inside(target: Path) -> None:
    put(target)
    (target / "link").symlink_to("sub")


def without_mark(target: Path) -> None:
    put(target)
    (target / README).write_text("# Mine\n")
    (target / SUMS).write_text(sums_text({README: hashlib.sha256(b"# Mine\n").hexdigest()}))
    (target / "sub" / "m.onnx").unlink()


def without_list(target: Path) -> None:
    put(target)
    (target / SUMS).write_text("no list\n")


@pytest.mark.parametrize(
    "there",
    [a_file, a_link, a_folder, a_pipe, edited, more, less, linked_inside, without_mark, without_list],
    ids=lambda each: each.__name__,
)
def test_what_is_no_pack_as_it_was_made_stays(tmp_path: Path, there: Callable[[Path], None]) -> None:
    there(tmp_path / "p")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError) as caught, placed(tmp_path / "p", "m"):
        pytest.fail("it must be refused before anything is filled")
    assert str(caught.value) == (
        f"-o {tmp_path / 'p'}: expected nothing, or a pack of zoo-run's as it was made, found something else; it was "
        "left alone: move it away, or choose another name"
    )
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["p", "p.zip"])
def test_a_pack_of_the_other_kind_stays(tmp_path: Path, name: str) -> None:
    put(tmp_path / "archive.zip")
    (tmp_path / "archive.zip").rename(tmp_path / "p")
    (tmp_path / "p.zip").mkdir()
    with pytest.raises(UsageError, match="found something else"):
        check_target(tmp_path / name)


def archive_of(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Callable[[Path], None]:
    def make(target: Path) -> None:
        with zipfile.ZipFile(target, "w", compression) as archive:
            for name, content in members.items():
                archive.writestr(name, content)

    return make


OURS = {
    f"m/{README}": MARK.encode(),
    f"m/{SUMS}": sums_text({README: hashlib.sha256(MARK.encode()).hexdigest()}).encode(),
}


def nested(target: Path) -> None:
    """Make what would be a pack, if no member were within another one: such a file has any number of bytes in it."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("m/inner", b"x" * 1000)
    outer = inner.getvalue()
    digests = {"inner": b"x" * 1000, "outer": outer, README: MARK.encode()}
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("m/outer", outer)
        archive.writestr(f"m/{README}", MARK)
        archive.writestr(
            f"m/{SUMS}", sums_text({name: hashlib.sha256(each).hexdigest() for name, each in digests.items()})
        )
        row = copy(zipfile.ZipFile(inner).infolist()[0])
        row.header_offset = archive.getinfo("m/outer").header_offset + 30 + len("m/outer")
        archive.filelist.append(row)
        archive.NameToInfo[row.filename] = row


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        pytest.param(archive_of(OURS), True, id="ours"),
        pytest.param(archive_of({}), False, id="empty archive"),
        pytest.param(archive_of({"a": b"b"}), False, id="another archive"),
        pytest.param(archive_of({**OURS, "m/x": b"x"}), False, id="more in it"),
        pytest.param(archive_of({**OURS, f"n/{README}": MARK.encode()}), False, id="a name twice"),
        pytest.param(archive_of(OURS, zipfile.ZIP_DEFLATED), False, id="packed again"),
        pytest.param(a_file, False, id="no archive"),
        pytest.param(nested, False, id="members within members"),
    ],
)
def test_archives(tmp_path: Path, there: Callable[[Path], None], taken: bool) -> None:
    target = tmp_path / "p.zip"
    there(target)
    if taken:
        check_target(target)
        return
    before = target.read_bytes()
    with pytest.raises(UsageError, match="found something else"):
        put(target)
    assert target.read_bytes() == before


def fill_and_fail(target: Path, failure: BaseException) -> None:
    with placed(target, "m") as folder:
        fill(folder)
        raise failure


@pytest.mark.parametrize("name", ["p", "p.zip"])
def test_a_failure_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    put(tmp_path / name, b"before")
    for failure in (OSError("disk"), KeyboardInterrupt()):
        with pytest.raises(type(failure)):
            fill_and_fail(tmp_path / name, failure)
    assert model_in(tmp_path / name) == b"before"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def fill_beside_another(target: Path) -> None:
    with placed(target, "m") as folder:
        fill(folder)
        target.write_text("mine")


@pytest.mark.parametrize("name", ["p", "p.zip"])
def test_what_comes_there_meanwhile_stays(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="found something else"):
        fill_beside_another(tmp_path / name)
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize("name", ["p", "p.zip"])
def test_what_killed_packing_left_is_removed(tmp_path: Path, name: str) -> None:
    left = [f".{name}.{GONE}.tmp", f".{name}.{GONE}.old", f".{name}.d.{GONE}.tmp"]
    kept = [f".{name}.{os.getppid()}.tmp", f".other.{GONE}.tmp"]
    for each in (*left, *kept):
        (tmp_path / each).mkdir()
    (tmp_path / f".{name}.{GONE + 1}.tmp").write_text("a file")
    put(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*kept, name])


def test_a_pack_that_killed_packing_had_moved_away_is_put_back(tmp_path: Path) -> None:
    put(tmp_path / "p", b"before")
    (tmp_path / "p").rename(tmp_path / f".p.{GONE}.old")
    with pytest.raises(OSError, match="disk"):
        fill_and_fail(tmp_path / "p", OSError("disk"))
    assert model_in(tmp_path / "p") == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


@pytest.mark.parametrize(
    ("name", "instead"),
    [(".", "pack"), ("", "pack"), ("..", "../pack"), ("/", "/pack"), ("deeper/..", "deeper/../pack")],
)
def test_a_folder_that_stays_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, instead: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        check_target(Path(name))
    assert str(caught.value) == (
        f"-o {Path(name)}: expected a name for the pack, found the path of a folder that stays where it is; write "
        f"{instead}"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.tar.gz", "expected a folder or a file that ends in .zip, found .gz; write p.zip"),
        ("p.TGZ", "expected a folder or a file that ends in .zip, found .TGZ; write p.zip"),
        ("file/p", "expected a folder above it, found a file at "),
        ("file/deeper/p.zip", "expected a folder above it, found a file at "),
    ],
)
def test_places_that_cannot_be(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError) as caught:
        check_target(tmp_path / name)
    assert text in str(caught.value)
    assert caught.value.exit_code == 2
