"""Notes which Python files this process has run, and what they contained then.

A module computes with what its file contained when it was loaded. If the file is edited later, a record of the used
code must not have the new content. The list of loaded modules is not enough for that. It also lacks files that were
run in other ways, such as by ``runpy.run_path``. Python reports every execution to audit hooks (:pep:`578`).
"""

from __future__ import annotations

import hashlib
import os
import sys
import sysconfig
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

LIBRARY: Final = tuple(
    {f"{os.path.realpath(sysconfig.get_path(name))}{os.sep}" for name in ("stdlib", "platstdlib")}
    | {f"{sysconfig.get_path(name)}{os.sep}" for name in ("stdlib", "platstdlib")}
)
"""Folders of the standard library."""
SITES: Final = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
"""Parts of a path that only installed distributions have."""


@dataclass(frozen=True, slots=True)
class Execution:
    """A file that was run.

    Attributes:
        code: The code object that was run.
        sha256: Hash of the file just before; ``None`` if it could not be read.
        imported: Whether an import ran it. Otherwise other code did, such as ``runpy``.
    """

    code: CodeType
    sha256: str | None
    imported: bool


_executed: dict[str, Execution] = {}
_first: dict[str, str] = {}
"""Hashes of files that were run before :func:`watch`, as :func:`alteration` first saw them, by path."""
_compiled: dict[tuple[str, str], CodeType] = {}
"""Code that was compiled to compare it, by path and hash of the source."""
_state = {"watching": False}


def watch() -> None:
    """Note every file that is run from now on. A second call does nothing."""
    if not _state["watching"]:
        _state["watching"] = True
        sys.addaudithook(_audit_hook)


def is_installed(path: str) -> bool:
    """Say whether a path is in a folder of installed distributions."""
    return any(site in path for site in SITES)


def is_standard(path: str) -> bool:
    """Say whether a path is in the standard library."""
    return path.startswith(LIBRARY) and not is_installed(path)


def executed() -> dict[str, Execution]:
    """Return the files that were run since :func:`watch`, by path, without those of Python and of distributions."""
    return dict(_executed)


def alteration(path: str, content: bytes, module: str = "") -> str | None:
    """Return why the code that this process runs is not that of a file now; ``None`` if it is.

    A file that was run before :func:`watch` is compared with its content at the first call for it.

    Args:
        path: The file.
        content: What it contains now.
        module: Dotted name of the module that was loaded from it; empty if there is none.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    seen = _executed.get(path)
    first = _first.setdefault(path, sha256) if seen is None or seen.sha256 is None else seen.sha256
    if first != sha256:
        return f"{path} was changed after it was loaded"
    if seen is not None and seen.imported and _is_plain(module, path) and _compile(path, sha256, content) != seen.code:
        return f"{path} was loaded from outdated bytecode; delete {Path(path).parent / '__pycache__'}"
    return None


def _audit_hook(event: str, arguments: tuple[Any, ...]) -> None:
    """Note a file whose code is about to be run as a whole."""
    if event != "exec" or not isinstance(arguments[0], CodeType):
        return
    code = arguments[0]
    if code.co_name != "<module>" or code.co_filename.startswith("<"):
        return
    path = os.path.abspath(code.co_filename)  # noqa: PTH100 - Path's costs more, and this is done for every module
    imported = sys._getframe(1).f_code.co_filename.startswith("<frozen importlib")  # noqa: SLF001 - nothing else says
    if is_installed(path) or is_standard(path) or (path in _executed and not imported):
        return  # when a file has run, others may run parts of it: numba does so with functions that it compiles
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - likewise
            sha256 = hashlib.sha256(file.read()).hexdigest()
    except OSError:
        sha256 = None
    _executed[path] = Execution(code, sha256, imported)


def _is_plain(module: str, path: str) -> bool:
    """Say whether Python's own loader loaded a module from this file. Other loaders may change the source first."""
    loaded = sys.modules.get(module)
    members = vars(loaded) if isinstance(loaded, ModuleType) else {}
    loader = getattr(members.get("__spec__"), "loader", None)
    return members.get("__file__") == path and type(loader) is SourceFileLoader


def _compile(path: str, sha256: str, content: bytes) -> CodeType | None:
    """Return the code of a source, or ``None`` if it is not Python."""
    key = path, sha256
    try:
        return _compiled.get(key) or _compiled.setdefault(key, compile(content, path, "exec", dont_inherit=True))
    except (SyntaxError, ValueError):
        return None
