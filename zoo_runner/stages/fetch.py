"""Obtain one file from the network, the disk or an installed package, and never a wrong one."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from zoo_runner.artifacts import Store
from zoo_runner.errors import FetchError, IntegrityError, did_you_mean
from zoo_runner.fingerprints import file_digest
from zoo_runner.interfaces import Progress
from zoo_runner.redaction import redacted_url
from zoo_runner.stages.download import PATIENT, RetryPolicy, download
from zoo_runner.stages.source import OWN_FILE, Fetched, Source, mismatch, refusal

SCHEMES = ("http", "https", "file", "package")
_NETWORK = ("http", "https")


def fetch(
    source: Source,
    store: Store,
    progress: Progress,
    *,
    require_hash: bool = False,
    retry: RetryPolicy = PATIENT,
) -> Fetched:
    """Return the file that ``source`` describes; one that is already here costs only its verification.

    Raises:
        FetchError: It cannot be obtained.
        IntegrityError: It has another size or digest than the manifest, or an earlier download, says;
            or ``require_hash`` is set and the manifest has no digest (then nothing is transferred).
    """
    scheme, pinned = _scheme(source.url), source.hashed
    if require_hash and not pinned:
        raise IntegrityError(
            f"{source.shown}: expected a sha256 in the manifest (--require-hash), found none. Take it from the "
            "publisher, or run once without --require-hash: the run prints the line to paste"
        )
    if scheme in _NETWORK:
        built = download(source, store, progress, retry)
        (file,) = built.files
        path, sha256, reused = built.path / file.path, file.sha256, built.reused
    else:
        path, reused = _local(source.url, source.base), True
        if not path.is_file():
            raise FetchError(f"{source.shown}: expected a file at {path}, found none. {OWN_FILE}")
        sha256 = file_digest(path)
        if wrong := mismatch(source, path, sha256):
            raise IntegrityError(refusal(source, path, wrong, "the file was left as it is"))
    size = path.stat().st_size
    if not pinned:
        progress.warn(
            f"{source.shown} has no hash in the manifest and is trusted on first use. To pin it, paste:\n"
            f"  sha256: {sha256}\n  size: {size}"
        )
    return Fetched(path=path, sha256=sha256, size=size, reused=reused, origin=source.shown, pinned=pinned)


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
    if not path.exists():
        raise FetchError(f"{url}: expected a folder or file at {path}, found none. {OWN_FILE}")
    return path if path.is_dir() else None


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
    parts = urlsplit(url)
    if parts.netloc not in {"", "localhost"}:
        raise FetchError(f"{url}: expected file:///PATH on this machine, found the host {parts.netloc!r}")
    return base / unquote(parts.path)


def _in_package(url: str) -> Path:
    package, _, inner = url[8:].partition("/")
    parts = PurePosixPath(inner).parts
    if not package.isidentifier() or not parts or ".." in parts or inner.startswith("/"):
        raise FetchError(f"{url}: expected package:<package>/<path inside it>, without '..'")
    spec = find_spec(package)
    if spec is None:
        raise FetchError(f"{url}: expected the package {package!r} to be installed, found none")
    for root in map(Path, spec.submodule_search_locations or ()):
        path = (root / inner).resolve()
        if path.exists() and path.is_relative_to(root.resolve()):
            return path
    raise FetchError(f"{url}: expected {inner!r} inside the package {package!r}, found nothing there")
