"""What is given in place of a file is called by its name; files are left in peace."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.stages.fetch.wrong_content import wrong_content

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize {}\n"
OBS = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'

WRONG = {
    "login page": ("<!DOCTYPE html>\n<html><head><title> Sign in\n &amp; go </title>", "title 'Sign in & go'"),
    "page without a title": ("\ufeff <HTML lang='en'><body>moved", "a web page (text/html, without a title)"),
    "page after comments": ("<?xml version='1.0'?><!-- a\nb --> <html>", "a web page"),
    "object store": (OBS, "an error document (XML: AccessDenied, Access Denied)"),
    "namespace": ('<s:Fault xmlns:s="x"><faultstring>no</faultstring></s:Fault>', "an error document (XML: no)"),
    "bare": ("<Error/>", "an error document (XML: no message)"),
    "json": ('{"error": "token expired"}', "an error document (JSON: token expired)"),
    "json inside": ('\n{"error": {"code": 401}}', 'an error document (JSON: {"code": 401})'),
    "pointer": (POINTER.format(550_000_000), "a Git LFS pointer of 550 MB: run git lfs pull, or take the address"),
    "pointer, CRLF": (POINTER.format(12).replace("\n", "\r\n"), "a Git LFS pointer of 12 bytes"),
    "small pointer": (POINTER.format(2_500), "a Git LFS pointer of 2.5 kB"),
    "large pointer": (POINTER.format(5 * 10**9), "a Git LFS pointer of 5 GB"),
}


@pytest.mark.parametrize(("content", "text"), WRONG.values(), ids=WRONG.keys())
def test_wrong_content(content: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content.encode())
    assert text in wrong_content(path)


def archives() -> dict[str, bytes]:
    tar, packed = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("<html>"))
    with zipfile.ZipFile(packed, "w") as pack:
        pack.writestr("a.html", "<html>")
    return {"tar": tar.getvalue(), "zip": packed.getvalue(), "gzip": gzip.compress(b"<html>")}


@pytest.mark.parametrize(
    "content",
    [
        *(pytest.param(content, id=name) for name, content in archives().items()),
        b"",
        b"{",
        b"{}",
        b"[1]",
        json.dumps({"layers": [1], "error": None}).encode(),
        b"<annotation/>",
        b"1 2 3",
        b"version https://git-lfs.github.com/spec/v1\n",
    ],
)
def test_files_are_left_in_peace(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert wrong_content(path) == ""


@given(st.binary(max_size=100), st.sampled_from([b"", b"<html>", b"<Error>", b"{", b"version https://git-lfs"]))
def test_any_bytes_can_be_asked(tmp_path_factory: pytest.TempPathFactory, data: bytes, start: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(start + data)
    assert isinstance(wrong_content(path), str)
