"""Code that a manifest brings along: read once, named by its content, and run only where the user said so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import ManifestError, UsageError, shortened
from zoo_runner.files.bounds import Bound
from zoo_runner.files.regular import read_regular
from zoo_runner.manifest.tree import dotted
from zoo_runner.redaction import redacted_url
from zoo_runner.store.durable import write_durably
from zoo_runner.store.fingerprints import fingerprint
from zoo_runner.store.root import unwritable

if TYPE_CHECKING:
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.store.store import Store

OPTION: Final = "--trust-code"
LARGEST: Final = Bound("ZOO_RUNNER_SCRIPT_LIMIT", 1 << 20)
"""Bytes of a script: it is written by hand."""
_FOLDER: Final = "trusted-code"


@dataclass(frozen=True, kw_only=True)
class Script:
    """A script that a manifest names.

    Attributes:
        key: Of the manifest, such as ``onnx.transforms.0``.
        where: ``file:line`` of that key.
        path: The file, as it was found.
        sha256: Hash of its content.
        content: What is run, whatever the file holds later.
        address: Where it comes from, if it is no file here; without secrets.
        used: What of it is called, and with what: trust is given to just that.
        hashed: What the hash is of, if it is not the content alone.
    """

    key: str
    where: str
    path: Path
    sha256: str
    content: bytes = field(repr=False)
    address: str = ""
    used: str = ""
    hashed: str = ""

    @property
    def trusted_as(self) -> str:
        """The hash that trust is remembered by: of the content, and of what of it is called."""
        return fingerprint("called", self.sha256, self.used) if self.used else self.sha256

    @property
    def shown(self) -> str:
        """What people know it by."""
        return self.address or str(self.path)


@dataclass(frozen=True, kw_only=True)
class ForeignCode:
    """All code that a manifest brings along.

    Attributes:
        transforms: Scripts that change the graph, of each model by name; of the one network under no name.
        patches: Unified diffs that change ``code``, in order.
        source: ``code`` itself, its hash that of the archive and the patches together; ``None`` where there is none.
    """

    transforms: Mapping[str, tuple[Script, ...]] = field(default_factory=dict)
    patches: tuple[Script, ...] = ()
    source: Script | None = None

    def hashes(self, model: str) -> dict[str, object]:
        """Return the hashes of what shapes a network, of several models of one; without a name, of all."""
        scripts = {name: [each.sha256 for each in found] for name, found in self.transforms.items() if found}
        own = scripts.get(model) if model else scripts
        return {
            **({"transforms": own} if own else {}),
            **({"code": self.source.sha256} if self.source is not None else {}),
        }

    def run_by(self, network: str) -> tuple[Script, ...]:
        """Return what runs only with trust.

        Args:
            network: Identity of the networks: what of ``code`` they call, and with which arguments. One archive may
                do other things when another function of it is called.
        """
        scripts = tuple(script for each in self.transforms.values() for script in each)
        return scripts if self.source is None else (replace(self.source, used=network), *scripts)


def foreign_code(loaded: LoadedManifest) -> ForeignCode:
    """Read what a manifest brings along; nothing is fetched, and nothing runs.

    Raises:
        ManifestError: A file is not there, or cannot be read.
    """
    manifest = loaded.manifest
    alone = {name: loaded.model(name) if name else loaded for name in manifest.models or [""]}
    transforms = {
        name: tuple(_read(each, ("onnx", "transforms", place), "a Python script") for place in _places(each))
        for name, each in alone.items()
    }
    if manifest.code is None:
        return ForeignCode(transforms=transforms)
    places = range(len(manifest.code.patches))
    patches = tuple(_read(loaded, ("code", "patches", place), "a unified diff") for place in places)
    source = Script(
        key="code",
        where=loaded.locate(("code", "url")),
        path=Path(),
        address=redacted_url(manifest.code.urls[0]),
        sha256=fingerprint(manifest.code.sha256, manifest.code.subdir, [patch.sha256 for patch in patches]),
        content=b"",
        hashed="of code.sha256, code.subdir and the patches together",
    )
    return ForeignCode(transforms=transforms, patches=patches, source=source)


def _places(loaded: LoadedManifest) -> range:
    return range(len(loaded.manifest.onnx.transforms))


def _read(loaded: LoadedManifest, at: tuple[str, str, int], what: str) -> Script:
    section, key, place = at
    written: str = getattr(getattr(loaded.manifest, section), key)[place]
    where, shown, path = loaded.locate(at), dotted((*loaded.within, *at)), loaded.resolve(at, written)
    try:
        content = read_regular(path, LARGEST.value, LARGEST.remedy)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ManifestError(
            f"{where}: {shown}: expected {what}, relative to the manifest, found {shortened(str(path))}: {reason}"
        ) from error
    return Script(key=shown, where=where, path=path, sha256=hashlib.sha256(content).hexdigest(), content=content)


def require_trust(scripts: Sequence[Script], store: Store, note: Callable[[str], None], *, trusted: bool) -> None:
    """Let foreign code run only if the user said so: now, or before of the very same content.

    Args:
        scripts: What would run.
        store: Has the hashes of what was trusted before.
        note: Is told what is trusted from now on.
        trusted: Whether the user says so now.

    Raises:
        UsageError: Some of it was never trusted.
    """
    unknown = [each for each in scripts if not _record(store, each.trusted_as).is_file()]
    if unknown and not trusted:
        listed = "\n".join(
            f"  {each.shown} ({each.where}: {each.key}), sha256 {_hash(each)}{_use(each)}" for each in unknown
        )
        raise UsageError(
            f"the manifest brings code of its own, which would run with all your rights:\n{listed}\n"
            f"  read it, and add {OPTION} if it may run; that is remembered for just this content"
            f"{' and this use of it' if any(each.used for each in unknown) else ''}"
        )
    for each in unknown:
        note(f"{OPTION}: {each.shown} may run from now on, with sha256 {_hash(each)}")
        record = _record(store, each.trusted_as)
        if not unwritable(record.parent):
            when = datetime.now(timezone.utc).isoformat(timespec="seconds")
            kept = {"path": each.shown, "key": each.key, "sha256": each.sha256, "when": when}
            write_durably(record, json.dumps(kept).encode())


def _hash(script: Script) -> str:
    """Return a hash, with what it is of where that is no file whose hash could be looked up."""
    return f"{script.sha256} ({script.hashed})" if script.hashed else script.sha256


def _use(script: Script) -> str:
    return f"\n    called by the network: {shortened(script.used, 400)}" if script.used else ""


def _record(store: Store, sha256: str) -> Path:
    return store.root / _FOLDER / f"{sha256}.json"
