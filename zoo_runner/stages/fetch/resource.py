"""Obtain one file from the network, the disk or an installed package, and never a wrong one."""

from __future__ import annotations

import re
import stat
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from zoo_runner.errors import LISTED, FetchError, IntegrityError, did_you_mean, shortened
from zoo_runner.files.remedies import refused
from zoo_runner.manifest.wheel_address import SCHEME
from zoo_runner.plugin.interfaces import Progress
from zoo_runner.redaction import redacted_url
from zoo_runner.stages.fetch.download import PATIENT, RetryPolicy, download
from zoo_runner.stages.fetch.downloads import found, names
from zoo_runner.stages.fetch.kept import recorded
from zoo_runner.stages.fetch.mirrors import first_of, here_first
from zoo_runner.stages.fetch.source import OWN_FILE, FileSource, mismatch, refusal
from zoo_runner.stages.fetch.trust import Fetched, Trust
from zoo_runner.stages.fetch.wheel import download_wheel
from zoo_runner.store.fingerprints import file_digest
from zoo_runner.store.store import Store

SCHEMES = ("http", "https", "file", "package", SCHEME)
_NETWORK = ("http", "https", SCHEME)
FEWER: Final = 2
"""Requests that may fail at an address while there is another one to try."""
_RIGHT_FILE = (
    "Give the file that the manifest has the hash of, or correct the manifest; a file given with --weights is taken "
    "as it is without --require-hash"
)


def fetch(
    source: FileSource,
    store: Store,
    progress: Progress,
    *,
    require_hash: bool = False,
    refetch: bool = False,
    downloads: Path | None = None,
    retry: RetryPolicy = PATIENT,
) -> Fetched:
    """Return the file that ``source`` describes; one that is already here costs only its verification.

    With ``refetch`` what was downloaded before is downloaded again, and replaced when the new file is right. Of
    several addresses the first is taken that has the right file; why one before it has not is a warning. A file of
    that name in the folder ``downloads`` is taken instead of any from the network.

    Raises:
        FetchError: It cannot be obtained.
        IntegrityError: It has another size or digest than the manifest, or an earlier download, says;
            or ``require_hash`` is set and the manifest has no digest (then nothing is transferred).
    """
    if (require_hash or source.mirrors) and not source.hashed:
        raise _without_hash(source, "--require-hash" if require_hash else "several addresses")
    given = found(source, downloads) if downloads is not None else None
    if given is not None:
        return _given(source, given, store, progress, refetch=refetch)

    def obtain(one: FileSource, last: bool) -> Fetched:
        patience = retry if last else replace(retry, attempts=min(retry.attempts, FEWER))
        return _fetch_one(one, store, progress, patience, refetch=refetch)

    sources = source.each() if refetch else here_first(source.each(), store)
    try:
        return first_of(sources, obtain, progress)
    except FetchError as why:
        if downloads is None or not names(source):
            raise
        lacking = f"In the folder {downloads} (--downloads) there is no {' or '.join(names(source))}"
        raise type(why)(f"{why}\n{lacking}") from why


def _without_hash(source: FileSource, asked: str) -> IntegrityError:
    return IntegrityError(
        f"{source.shown}: expected a sha256 in the manifest ({asked}), found none. Take it from the publisher, or run "
        "once without --require-hash: the run prints the line to paste"
    )


def _given(source: FileSource, path: Path, store: Store, progress: Progress, *, refetch: bool) -> Fetched:
    """Take a file from the folder of downloads.

    Without a digest it must be what an earlier download or folder had, as if it came from its address.
    """
    trust = Trust.of(source, store)
    known = None if source.hashed or refetch else recorded(trust, source)
    sha256, expected = _digest(source, path), source if known is None else replace(source, sha256=known)
    if wrong := mismatch(expected, path, sha256):
        apart = f" If both are needed, call the right one {names(source)[0]}." if source.hashed else ""
        record = "" if known is None else " The hash is that of an earlier download; --refetch accepts the change."
        done = "the file was left as it is. Put the right one in its place, or remove it to have it downloaded."
        raise IntegrityError(refusal(source, path, wrong, f"{done}{apart}{record}"))
    size = path.stat().st_size
    _warn_of_trust(source, progress, sha256, size)
    kept = trust if not source.hashed and not store.read_only else None
    return Fetched(path=path, sha256=sha256, size=size, reused=True, origin=str(path), pinned=source.hashed, trust=kept)


def _warn_of_trust(source: FileSource, progress: Progress, sha256: str, size: int) -> None:
    """Say of a file that has no hash which one it has, unless the manifest has that of the file it stands in for."""
    if source.hashed or source.stand_in:
        return
    progress.warn(
        f"{source.shown} has no hash in the manifest and is trusted on first use. To pin it, paste:\n"
        f"  sha256: {sha256}\n  size: {size}"
    )


def _fetch_one(source: FileSource, store: Store, progress: Progress, retry: RetryPolicy, *, refetch: bool) -> Fetched:
    scheme, pinned = _scheme(source.url), source.hashed
    if scheme in _NETWORK:
        if scheme == SCHEME:
            built = download_wheel(source, store, progress, retry, refetch=refetch)
        else:
            built = download(source, store, progress, retry, refetch=refetch)
        (file,) = built.files
        path, sha256, reused = built.path / file.path, file.sha256, built.reused
    else:
        path, reused = _local(source.url, source.base), True
        sha256 = _digest(source, path)
        if wrong := mismatch(source, path, sha256):
            raise IntegrityError(refusal(source, path, wrong, f"the file was left as it is. {_RIGHT_FILE}"))
    size = path.stat().st_size
    _warn_of_trust(source, progress, sha256, size)
    trust = Trust.of(source, store) if scheme in _NETWORK and not pinned and not store.read_only else None
    return Fetched(path=path, sha256=sha256, size=size, reused=reused, origin=source.shown, pinned=pinned, trust=trust)


def _digest(source: FileSource, path: Path) -> str:
    """Hash a file on this machine."""
    try:
        return file_digest(path)
    except FileNotFoundError as why:
        near = did_you_mean(path.name, _files(path.parent))
        msg = f"{source.shown}: expected a file at {shortened(str(path))}, found none{near or '.'} {OWN_FILE}"
        raise FetchError(msg) from why
    except IsADirectoryError as why:
        inside = _files(path)
        more = f" and {len(inside) - LISTED} more" if len(inside) > LISTED else ""
        choice = f"; name a file in it: {', '.join(inside[:LISTED])}{more}" if inside else ", with no file in it"
        raise FetchError(f"{source.shown}: expected a file, found a folder{choice}. {OWN_FILE}") from why
    except OSError as why:
        raise FetchError(f"{source.shown}: {refused(why, 'read', path)}. {OWN_FILE}") from why


def _files(folder: Path) -> list[str]:
    """Name the files in a folder, as far as it can be read."""
    try:
        return sorted(shortened(each.name) for each in folder.iterdir() if each.is_file())
    except OSError:
        return []


def resource_folder(url: str, base: Path) -> Path | None:
    """Return the existing folder that a ``package:`` or ``file:`` URL or a plain path names.

    Returns:
        ``None`` when the URL names a file or a network address, which :func:`fetch` is for.

    Raises:
        FetchError: The scheme is unknown, or there is nothing of that name.
    """
    if _scheme(url) in _NETWORK:
        return None
    path = _local(url, base)
    try:
        found = path.stat()
    except FileNotFoundError as why:
        shown = shortened(redacted_url(url))
        raise FetchError(
            f"{shown}: expected a folder or file at {shortened(str(path))}, found none. {OWN_FILE}"
        ) from why
    except (OSError, ValueError):
        return None  # fetch says what is wrong with it
    return path if stat.S_ISDIR(found.st_mode) else None


def local_file(source: FileSource) -> Path | None:
    """Return where on this machine a source is; ``None`` for what has to be fetched from the network.

    Raises:
        FetchError: The scheme is unknown, or the package is not there.
    """
    return None if _scheme(source.url) in _NETWORK else _local(source.url, source.base)


def _scheme(url: str) -> str:
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", url)
    scheme = match[1].lower() if match else "file"
    if scheme not in SCHEMES:
        shown = redacted_url(url)
        raise FetchError(
            f"{shown}: expected a plain path or one of the schemes {', '.join(SCHEMES)}; found {scheme!r}"
            f"{did_you_mean(scheme, SCHEMES)}. A path with a colon is written ./{shown}"
        )
    return scheme


def _local(url: str, base: Path) -> Path:
    if url[:8].lower() == "package:":
        return _in_package(url)
    if url[:5].lower() != "file:":
        return base / url
    try:
        parts = urlsplit(url)
    except ValueError as why:
        raise FetchError(f"{shortened(redacted_url(url))}: expected file:///PATH on this machine, found {why}") from why
    if parts.netloc not in {"", "localhost"}:
        host = parts.netloc.rpartition("@")[2]
        raise FetchError(f"{redacted_url(url)}: expected file:///PATH on this machine, found the host {host!r}")
    return base / unquote(parts.path)


def _in_package(url: str) -> Path:
    package, _, inner = url[8:].partition("/")
    parts = PurePosixPath(inner).parts
    if not package.isidentifier() or not parts or ".." in parts or inner.startswith("/"):
        raise FetchError(f"{url}: expected package:<package>/<path inside it>, without '..'")
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):  # of what is loaded already and no package
        spec = None
    if spec is None:
        raise FetchError(f"{url}: expected the package {package!r} to be installed, found none")
    for root in map(Path, spec.submodule_search_locations or ()):
        try:
            path = (root / inner).resolve()
        except (OSError, ValueError, RuntimeError):  # no name of a file, or links in a circle
            continue
        if path.exists() and path.is_relative_to(root.resolve()):
            return path
    raise FetchError(f"{url}: expected {inner!r} inside the package {package!r}, found nothing there")
