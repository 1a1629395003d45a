"""Recognises zoo-run's files by their content, for folders that a release without an inventory wrote."""

from __future__ import annotations

import json
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from zoo_runner.output.names import (
    INPUTS,
    JUNIT,
    NAME,
    ORIGIN,
    PAGE,
    PREDICTIONS,
    PREVIOUS,
    REPLAY,
    RESULTS,
    SARIF,
    SBOM,
    SUMMARY,
)

LONGEST: Final = 256 << 20
"""Largest file that is read for this, in bytes. A larger one does not count as zoo-run's."""
_START: Final = 64 << 10
"""How many bytes of an XML file are searched for its first element."""
_VERDICTS: Final = {"pass", "fail", "inconclusive", "waived", "not_gated", "stopped", "error"}
_PAGE: Final = re.compile(rb'<body class="v-[a-z_]+">')
_POLICY: Final = b"Content-Security-Policy"
_JUNIT: Final = re.compile(rb'<testsuites\b[^<>]*\bname="zoo-run"')
_SUMMARY: Final = re.compile("## [✅❌⚠⏹💥]\ufe0f? .{1,40} — ")
_INPUT: Final = re.compile(r"(?:[^/]+/)?\d{7}\.bin")
_RESULT: Final = re.compile(r"(?:device\d+/)?(?:.*_\d+\.(?:bin|npy|txt)|[^/]*_?summary\.json|zoo-run\.origin\.json)")


def looks_own(path: Path) -> bool:
    """Say whether a file or folder has the form that zoo-run writes under its name; links and devices never have it."""
    try:
        found = path.lstat()
        if stat.S_ISDIR(found.st_mode):
            return path.name in _FOLDERS and _FOLDERS[path.name](_files(path))
        if not stat.S_ISREG(found.st_mode) or found.st_size > LONGEST or path.name not in _FORMS:
            return False
        return _FORMS[path.name](path)
    except (OSError, ValueError, KeyError, NotImplementedError, RuntimeError, zlib.error, zipfile.BadZipFile):
        return False


def _report(path: Path) -> bool:
    content = json.loads(path.read_bytes())
    # An incomplete report counts, too: people and programs may read its verdict.
    return isinstance(content, dict) and content.get("verdict") in _VERDICTS and "exit_code" in content


def _page(path: Path) -> bool:
    content = path.read_bytes()
    return _POLICY in content and _PAGE.search(content) is not None


def _junit(path: Path) -> bool:
    with path.open("rb") as file:
        return _JUNIT.search(file.read(_START)) is not None


def _summary(path: Path) -> bool:
    with path.open(encoding="utf-8") as file:
        return _SUMMARY.match(file.readline(10_000)) is not None


def _sarif(path: Path) -> bool:
    content: Any = json.loads(path.read_bytes())
    try:
        return all(run["tool"]["driver"]["name"] == "zoo-run" for run in content["runs"])
    except (KeyError, TypeError):
        return False


def _sbom(path: Path) -> bool:
    content: Any = json.loads(path.read_bytes())
    try:
        return (content["bomFormat"], content["metadata"]["component"]["bom-ref"]) == ("CycloneDX", "run")
    except (KeyError, TypeError):
        return False


def _predictions(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return "count.npy" in archive.namelist()


def _replay(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive, archive.open("replay.json") as file:
        return b'"zoo-run replay"' in file.read(100)


def _inputs(names: Iterable[str]) -> bool:
    listed = tuple(names)
    return bool(listed) and all(_INPUT.fullmatch(name) for name in listed)


def _results(names: Iterable[str]) -> bool:
    listed = tuple(names)
    return ORIGIN in listed and all(_RESULT.fullmatch(name) for name in listed)


_FORMS: Final[Mapping[str, Callable[[Path], bool]]] = {
    NAME: _report,
    PAGE: _page,
    PREVIOUS[NAME]: _report,
    PREVIOUS[PAGE]: _page,
    JUNIT: _junit,
    SUMMARY: _summary,
    SARIF: _sarif,
    SBOM: _sbom,
    PREDICTIONS: _predictions,
    REPLAY: _replay,
}
_FOLDERS: Final[Mapping[str, Callable[[Iterable[str]], bool]]] = {INPUTS: _inputs, RESULTS: _results}


def _files(folder: Path) -> list[str]:
    """Return the relative paths of files and links below a folder; a link gets an ``@``, which no name of ours has."""
    return [
        f"{path.relative_to(folder).as_posix()}{'@' if path.is_symlink() else ''}"
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    ]
