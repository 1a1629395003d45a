"""Content-addressed store: what was made once from the same inputs is found again, or made anew.

An entry is made in a temporary folder, stamped with the size and SHA-256 of every file,
and renamed into place, so that being killed leaves either nothing or a complete entry.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

import platformdirs

from zoo_runner.errors import FetchError, StageError
from zoo_runner.fingerprints import file_digest

Verify: TypeAlias = Literal["hash", "size"]
"""How an entry is checked before reuse.

``hash`` reads every file (about a second per GB); ``size`` compares names and sizes only, for
entries of thousands of files that were verified as one archive before.
"""

_CONTENT = "content"
_STAMP = "stamp.json"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_MANY_FILES = 64


def default_root() -> Path:
    """Return where artifacts live: ``$ZOO_RUNNER_CACHE``, or the user's cache folder."""
    chosen = os.environ.get("ZOO_RUNNER_CACHE")
    return Path(chosen).expanduser().absolute() if chosen else Path(platformdirs.user_cache_dir("zoo-runner"))


def write_durably(path: Path, data: bytes) -> None:
    """Replace a file in one step: after a crash it holds the old bytes or the new ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    temporary.write_bytes(data)
    _sync(temporary)
    temporary.replace(path)
    _sync(path.parent)


@dataclass(frozen=True)
class StampedFile:
    """One file of an entry, as it was when the entry was made.

    Attributes:
        path: Path below the entry's folder, with forward slashes.
        size: Bytes.
        sha256: Hex digest; of a symbolic link, that of its target's name.
    """

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Built:
    """A complete entry.

    Attributes:
        path: Folder with the files that ``make`` wrote.
        reused: Whether it was there before; ``False`` also when it was damaged and made anew.
        files: What.
    """

    path: Path
    reused: bool
    files: tuple[StampedFile, ...]


class Store:
    """Artifacts as folders ``<root>/<kind>/<key>/content``; processes may share it at the same time.

    Attributes:
        root: The folder.
        read_only: Whether nothing may be written below ``root``, as in what :meth:`frozen` returns.
    """

    read_only: ClassVar[bool] = False

    def __init__(self, root: Path) -> None:
        self.root = root

    def build(
        self,
        kind: str,
        key: str,
        make: Callable[[Path], None],
        *,
        verify: Verify = "hash",
        accept: Callable[[Built], bool] | None = None,
        on_wait: Callable[[], None] | None = None,
    ) -> Built:
        """Return the entry, making it when it is absent, damaged or not accepted.

        Args:
            kind: Family of artifacts, such as ``onnx``.
            key: Fingerprint of everything the result depends on.
            make: Writes the files into the empty folder it is given. When it raises, an earlier
                entry stays as it was. Only one process at a time is in ``make`` for an entry.
            verify: How a present entry is checked.
            accept: Has the last word on whether a present, undamaged entry may be reused.
            on_wait: Called once when another process is busy with the entry.
        """
        entry = self._entry(kind, key)
        fresh, old = entry.with_name(f".{key}.new"), entry.with_name(f".{key}.old")
        with _locked(entry.with_name(f".{key}.lock"), on_wait):
            for remains in (fresh, old):  # of builds that were killed: the lock says nobody is in them
                shutil.rmtree(remains, ignore_errors=True)
            found = _verified(entry, verify)
            if found is not None and (accept is None or accept(found)):
                return found
            try:
                (fresh / _CONTENT).mkdir(parents=True)
                make(fresh / _CONTENT)
                files = _stamp(fresh)
            except BaseException:
                shutil.rmtree(fresh, ignore_errors=True)
                raise
            if entry.exists():
                entry.rename(old)
            fresh.rename(entry)
            _sync(entry.parent)
            shutil.rmtree(old, ignore_errors=True)
        return Built(path=entry / _CONTENT, reused=False, files=files)

    def frozen(self, reason: str) -> Store:
        """Return a view of the store in which nothing is made, only found.

        Args:
            reason: Why, for the error when something is not there; such as ``--from infer``.
        """
        return _FrozenStore(self.root, reason)

    def lookup(self, kind: str, key: str, *, verify: Verify = "hash") -> Path | None:
        """Return the folder of a complete and undamaged entry, or ``None``; nothing is made or removed."""
        found = _verified(self._entry(kind, key), verify)
        return None if found is None else found.path

    def require_space(self, size: int, purpose: str) -> None:
        """Check that ``size`` more bytes fit on the store's disk.

        Raises:
            FetchError: They do not.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.root).free
        if size > free:
            raise FetchError(
                f"{purpose}: expected {size:,} bytes of free disk at {self.root}, found {free:,}. "
                "Free some space, or set ZOO_RUNNER_CACHE to a folder on a larger disk"
            )

    def _entry(self, kind: str, key: str) -> Path:
        for name in (kind, key):
            if not _NAME.fullmatch(name):
                raise ValueError(f"expected a plain file name for kind and key, found {name!r}")
        return self.root / kind / key


class _FrozenStore(Store):
    """A store whose ``build`` refuses to make anything."""

    read_only = True

    def __init__(self, root: Path, reason: str) -> None:
        super().__init__(root)
        self.reason = reason

    def build(
        self,
        kind: str,
        key: str,
        make: Callable[[Path], None],  # noqa: ARG002 - the signature is the store's
        *,
        verify: Verify = "hash",
        accept: Callable[[Built], bool] | None = None,
        on_wait: Callable[[], None] | None = None,  # noqa: ARG002 - likewise
    ) -> Built:
        found = _verified(self._entry(kind, key), verify)
        if found is None or (accept is not None and not accept(found)):
            raise StageError(
                f"{self.reason}: expected what an earlier run made ({kind}), found none in {self.root} for exactly "
                "these inputs; run once without it"
            )
        return found


@contextmanager
def _locked(path: Path, on_wait: Callable[[], None] | None) -> Iterator[None]:
    from filelock import FileLock, Timeout  # noqa: PLC0415 - a tenth of a second that `--help` need not pay

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if on_wait is not None:
            on_wait()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _files(content: Path) -> Iterator[tuple[str, Path]]:
    """Walk files and links below a folder in a stable order; links are not followed."""
    for folder, folders, names in os.walk(content):
        folders.sort()
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in sorted([*names, *links]):
            path = Path(folder, name)
            yield path.relative_to(content).as_posix(), path


def _digest(path: Path) -> str:
    if path.is_symlink():
        return hashlib.sha256(os.fsencode(path.readlink())).hexdigest()
    return file_digest(path)


def _stamp(fresh: Path) -> tuple[StampedFile, ...]:
    """Write the stamp of a finished entry and bring all of it to the disk."""
    content = fresh / _CONTENT
    files = tuple(StampedFile(name, path.lstat().st_size, _digest(path)) for name, path in _files(content))
    (fresh / _STAMP).write_text(json.dumps({"files": [asdict(file) for file in files]}), encoding="utf-8")
    if len(files) > _MANY_FILES:
        os.sync()  # once for all: thousands of single calls would take minutes on a slow disk
        return files
    for path in [*fresh.rglob("*"), fresh]:
        if not path.is_symlink():
            _sync(path)
    return files


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _verified(entry: Path, verify: Verify) -> Built | None:
    content = entry / _CONTENT
    try:
        stamp = json.loads((entry / _STAMP).read_text(encoding="utf-8"))
        files = tuple(StampedFile(**row) for row in stamp["files"])
        found = {name: path.lstat().st_size for name, path in _files(content)}
        if not content.is_dir() or found != {file.path: file.size for file in files}:
            return None
        if verify == "hash" and any(_digest(content / file.path) != file.sha256 for file in files):
            return None
    except (OSError, ValueError, KeyError, TypeError):  # absent, or not readable as a stamp: not complete
        return None
    return Built(path=content, reused=True, files=files)
