"""Every refusal of the operating system has a remedy of its own."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from zoo_runner.files.regular import OversizedFileError, SpecialFileError
from zoo_runner.files.remedies import REMEDIES, UNKNOWN, refused, remedy


@pytest.mark.parametrize(
    ("number", "text"),
    [
        pytest.param(errno.ENOSPC, "free some space", id="full"),
        pytest.param(errno.EMFILE, "ulimit -n", id="too many open files"),
        pytest.param(errno.EROFS, "read-only", id="read-only"),
        pytest.param(errno.EACCES, "permissions", id="permissions"),
        pytest.param(errno.EIO, "dmesg", id="broken disk"),
        pytest.param(None, UNKNOWN, id="no number"),
        pytest.param(9999, UNKNOWN, id="unknown number"),
    ],
)
def test_a_remedy_fits_its_error(number: int | None, text: str) -> None:
    error = OSError("why") if number is None else OSError(number, "why")
    assert text in remedy(error)


def test_only_what_is_about_space_speaks_of_space(tmp_path: Path) -> None:
    for number in REMEDIES:
        said = refused(OSError(number, "why"), "write it", tmp_path, needed=12345)
        assert (" free)" in said) == ("12,345" in said) == (number in {errno.ENOSPC, errno.EDQUOT})


def test_an_error_names_file_work_reason_space_and_remedies(tmp_path: Path) -> None:
    path = tmp_path / "not there yet" / "file"
    error = OSError(errno.ENOSPC, "No space left on device")
    said = refused(error, "write the download", path, needed=5000, instead="or set IT")
    start, _, end = said.partition(" (5,000 bytes needed, ")
    assert start == f"{path}: cannot write the download: No space left on device"
    assert " free); free some space on that disk" in end
    assert end.endswith(", or set IT")


@pytest.mark.parametrize("number", sorted(REMEDIES))
def test_another_folder_is_no_way_out_of_what_is_wrong_with_the_machine(number: int, tmp_path: Path) -> None:
    said = refused(OSError(number, "why"), "write it", tmp_path, instead="or set IT")
    assert said.endswith(", or set IT") == (number not in {errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def test_other_files_that_the_error_names_are_named(tmp_path: Path) -> None:
    error = OSError(errno.EACCES, "Permission denied", str(tmp_path / "a"), None, "b" * 1_000_000)
    said = refused(error, "rename it", tmp_path / "a")
    assert said.startswith(f"{tmp_path / 'a'}: cannot rename it: Permission denied (bbb")
    assert "(1,000,000 characters)" in said
    assert len(said) < 1000


def test_what_is_no_error_of_the_disk_gets_no_remedy_of_the_disk() -> None:
    assert remedy(SpecialFileError(errno.EINVAL, "found a fifo")) == "give the path of a regular file"
    assert remedy(OversizedFileError(errno.EFBIG, "too large")) == "give the right file"
