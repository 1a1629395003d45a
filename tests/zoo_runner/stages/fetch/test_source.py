"""What is wanted against what is there, in words that help."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from zoo_runner.stages.fetch.source import FileSource, mismatch, refusal

SHA256, MD5 = (hashlib.new(name, b"weights", usedforsecurity=False).hexdigest() for name in ("sha256", "md5"))


@pytest.mark.parametrize(
    ("pins", "expected"),
    [
        pytest.param({}, "", id="nothing-known"),
        pytest.param({"sha256": SHA256, "md5": MD5, "size": 7}, "", id="right"),
        pytest.param({"sha256": SHA256.upper(), "md5": MD5.upper()}, "", id="capitals"),
        pytest.param({"size": 8}, "\n  expected size 8\n  got      size 7", id="size"),
        pytest.param({"size": 0}, "\n  expected size 0\n  got      size 7", id="empty-expected"),
        pytest.param(
            {"sha256": "0", "md5": "1", "size": 7},
            f"\n  expected sha256 0\n  got      sha256 {SHA256}\n  expected md5 1\n  got      md5 {MD5}",
            id="both-digests",
        ),
    ],
)
def test_mismatch(pins: dict[str, Any], expected: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"weights")
    assert mismatch(FileSource(url="x", base=Path(), **pins), path, SHA256) == expected


@pytest.mark.parametrize(
    ("pins", "hashed"), [({}, False), ({"size": 1}, False), ({"md5": "1"}, True), ({"sha256": "0"}, True)]
)
def test_a_size_is_no_hash(pins: dict[str, Any], hashed: bool) -> None:
    assert FileSource(url="x", base=Path(), **pins).hashed == hashed


def test_a_refusal_tells_no_secret() -> None:
    source = FileSource(url="https://us3r:p4ss@host/x?key=t0ken", base=Path())
    assert refusal(source, Path("/store/x"), "\n  wrong", "discarded") == (
        "https://***@host/x?key=***: the file is not the expected one.\n  wrong\n  file: /store/x\n  done: discarded"
    )
