"""What Python files this process has run, and what they held then.

A module that is loaded computes with what its file held when it was loaded. A record of the code that a step used must
not name a later content, and the list of modules does not have files that were run in other ways, such as by
``runpy.run_path`` or a loader that keeps its modules to itself. Python reports both to audit hooks: :pep:`578`.
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
SITES: Final = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


@dataclass(frozen=True, slots=True)
class Execution:
    """A file that was run.

    Attributes:
        code: What was run of it.
        sha256: Hash of the file just before that; ``None`` if it could not be read.
        imported: Whether an import ran it; else something did that calls its code by the file's name.
    """

    code: CodeType
    sha256: str | None
    imported: bool


_executed: dict[str, Execution] = {}
_first: dict[str, str] = {}
_compiled: dict[tuple[str, str], CodeType] = {}
_state = {"watching": False}


def watch() -> None:
    """Note every file that is run from now on; calling it again does nothing."""
    if not _state["watching"]:
        _state["watching"] = True
        sys.addaudithook(_audit_hook)


def is_installed(path: str) -> bool:
    """Say whether a file is in a folder of installed distributions."""
    return any(site in path for site in SITES)


def is_standard(path: str) -> bool:
    """Say whether a file is one of the standard library's."""
    return path.startswith(LIBRARY) and not is_installed(path)


def executed() -> dict[str, Execution]:
    """Return the files that were run since :func:`watch`, but not those of Python and of installed distributions."""
    return dict(_executed)


def alteration(path: str, content: bytes, module: str = "") -> str | None:
    """Say why a file that holds ``content`` now is not what this process runs; ``None`` if it is.

    What was run before :func:`watch` is compared with what it held when it was first asked about.

    Args:
        path: The file.
        content: What it holds.
        module: The module that was loaded from it, if one was.
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
    """Note that the code of a whole file is about to be run."""
    if event != "exec" or not isinstance(arguments[0], CodeType):
        return
    code = arguments[0]
    if code.co_name != "<module>" or code.co_filename.startswith("<"):
        return
    path = os.path.abspath(code.co_filename)  # noqa: PTH100 - Path's costs more, and this is done for every module
    imported = sys._getframe(1).f_code.co_filename.startswith("<frozen importlib")  # noqa: SLF001 - nothing else says
    if is_installed(path) or is_standard(path) or (path in _executed and not imported):
        return  # of a file that has run, others run pieces only, as numba does of what it compiles
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - likewise
            sha256 = hashlib.sha256(file.read()).hexdigest()
    except OSError:
        sha256 = None
    _executed[path] = Execution(code, sha256, imported)


def _is_plain(module: str, path: str) -> bool:
    """Say whether Python's own loader ran a file: what others make of a source is theirs to say."""
    loaded = sys.modules.get(module)
    members = vars(loaded) if isinstance(loaded, ModuleType) else {}
    loader = getattr(members.get("__spec__"), "loader", None)
    return members.get("__file__") == path and type(loader) is SourceFileLoader


def _compile(path: str, sha256: str, content: bytes) -> CodeType | None:
    key = path, sha256
    try:
        return _compiled.get(key) or _compiled.setdefault(key, compile(content, path, "exec", dont_inherit=True))
    except (SyntaxError, ValueError):
        return None
