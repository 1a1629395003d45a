"""What zoo-run's files look like: how those of a release without an inventory are told from other people's."""

from __future__ import annotations

import json
import re
import stat
import zipfile
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
    RESULTS,
    SARIF,
    SBOM,
    SUMMARY,
)

LONGEST: Final = 256 << 20
"""Bytes of a file that are read to tell whose it is; a longer one is not zoo-run's."""
_START: Final = 64 << 10
"""Bytes in which the first element of an XML file stands."""
_VERDICTS: Final = {"pass", "fail", "inconclusive", "waived", "not_gated", "stopped", "error"}
_PAGE: Final = re.compile(rb'<body class="v-[a-z_]+">')
_POLICY: Final = b"Content-Security-Policy"
_JUNIT: Final = re.compile(rb'<testsuites\b[^<>]*\bname="zoo-run"')
_SUMMARY: Final = re.compile("## [✅❌⚠⏹💥]\ufe0f? .{1,40} — ")
_INPUT: Final = re.compile(r"(?:[^/]+/)?\d{7}\.bin")
_RESULT: Final = re.compile(r"(?:device\d+/)?(?:.*_\d+\.(?:bin|npy|txt)|[^/]*_?summary\.json|zoo-run\.origin\.json)")


def looks_own(path: Path) -> bool:
    """Say whether a file or folder is what zoo-run writes under its name. Links and special files never are."""
    try:
        found = path.lstat()
        if stat.S_ISDIR(found.st_mode):
            return path.name in _FOLDERS and _FOLDERS[path.name](_files(path))
        if not stat.S_ISREG(found.st_mode) or found.st_size > LONGEST or path.name not in _FORMS:
            return False
        return _FORMS[path.name](path)
    except (OSError, ValueError, RecursionError, zipfile.BadZipFile):
        return False


def _report(path: Path) -> bool:
    content = json.loads(path.read_bytes())
    # Less than a whole report is enough: whatever has a verdict of zoo-run's may be taken for one.
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
}
_FOLDERS: Final[Mapping[str, Callable[[Iterable[str]], bool]]] = {INPUTS: _inputs, RESULTS: _results}


def _files(folder: Path) -> list[str]:
    """Return everything below a folder that is no folder; a link has a name that nothing of zoo-run's has."""
    return [
        f"{path.relative_to(folder).as_posix()}{'@' if path.is_symlink() else ''}"
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    ]
