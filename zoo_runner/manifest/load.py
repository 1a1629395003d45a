"""File -> checked manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from zoo_runner.errors import ManifestError
from zoo_runner.known_secrets import learn
from zoo_runner.manifest import overrides as command_line
from zoo_runner.manifest.consistency import contradictions
from zoo_runner.manifest.explain import explain, located_lines
from zoo_runner.manifest.models import MODELS, SECTIONS, TENSORS, model_manifest
from zoo_runner.manifest.schema import Manifest
from zoo_runner.manifest.source import read
from zoo_runner.manifest.tree import KeyPath, Origin, dotted, origins, plain, texts
from zoo_runner.manifest.wording import lines_shown

if TYPE_CHECKING:
    from pydantic import BaseModel

    AnyModel = TypeVar("AnyModel", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class LoadedManifest:
    """A checked manifest, and where each of its values comes from.

    Attributes:
        manifest: The values.
        path: The file it was loaded from.
        sources: Every file read: the manifest, then what it extends.
        origins: Where each value was written, by key path.
        overrides: The ``KEY=VALUE`` texts laid over the files.
        digest: SHA-256 of the values as files and ``--set`` have them, defaults included: equal for manifests that
            mean the same.
        within: Key path of the section whose keys are the manifest's own, for one of several models.
    """

    manifest: Manifest
    path: Path
    sources: tuple[Path, ...]
    origins: Mapping[KeyPath, Origin]
    overrides: tuple[str, ...]
    digest: str
    within: KeyPath = ()

    def model(self, name: str) -> LoadedManifest:
        """Return the manifest of one of several models (:func:`~.models.model_manifest`)."""
        return replace(self, manifest=model_manifest(self.manifest, name), within=(MODELS, name))

    def origin(self, key_path: KeyPath) -> Origin:
        """Return where a value was written; for one that was not, where the section around it was."""
        return _nearest(self.origins, self._whole(key_path))

    def locate(self, key_path: KeyPath) -> str:
        """Return ``file:line`` or ``--set KEY`` of a value, for messages.

        Args:
            key_path: Such as ``("weights", "url")``.
        """
        return str(self.origin(key_path))

    def shown(self, key_path: KeyPath) -> str:
        """Return a key as the manifest has it: of one of several models, with the model's name."""
        return dotted(self._whole(key_path))

    def _whole(self, key_path: KeyPath) -> KeyPath:
        own = bool(self.within) and key_path[:1] and key_path[0] in (*SECTIONS, *TENSORS)
        return (*self.within, *key_path) if own else key_path

    def older(self, section: KeyPath, key_path: KeyPath) -> str:
        """Say that a section's ``confirm`` was written before a value, in a file that the value's file extends.

        It is about what its writer saw; empty where it was written with the value or after it, or is not there. One
        that a merge key brought along is about the values that came with it.
        """
        confirm = (*section, "confirm")
        if confirm not in self.origins:
            return ""
        if self._age(confirm) > self._age(key_path):
            return f" (that of {self.locate(confirm)} is older than what stands here)"
        entry = key_path[: len(section) + 1]
        merged, came = self.origins[confirm].merged, self.origin(entry)
        if not merged or (came.merged[: len(merged)] == merged and came.source == self.origins[confirm].source):
            return ""
        return f" (that of {self.locate(confirm)}, taken over by <<, was written for other values)"

    def _age(self, key_path: KeyPath) -> int:
        files = [str(path) for path in self.sources]
        source = self.origin(key_path).source
        return files.index(source) if source in files else -1  # the command line comes last

    def resolve(self, key_path: KeyPath, path: str) -> Path:
        """Make a path found at ``key_path`` relative to the file that says it, or to here after ``--set``."""
        return self.origin(key_path).folder / path


def load(path: Path, overrides: Sequence[str] = ()) -> LoadedManifest:
    """Read, merge and check a manifest.

    Args:
        path: The manifest file.
        overrides: ``KEY=VALUE`` texts, laid over the file in this order.

    Raises:
        ManifestError: A file cannot be read, or values do not follow the schema; they are listed, one a line, each
            with file, line and key path.
        UsageError: An override is malformed or leads nowhere.
    """
    source = read(path)
    learn(*overrides)
    tree = command_line.apply(source.tree, overrides, Manifest)
    where = dict(origins(tree))
    data = plain(tree)
    learn(*texts(tree))  # as YAML has them: a text may be escaped in the file
    manifest = _validate(data, Manifest, lambda key_path: _nearest(where, key_path))
    content = json.dumps(manifest.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    loaded = LoadedManifest(
        manifest=manifest,
        path=path,
        sources=source.files,
        origins=where,
        overrides=tuple(overrides),
        digest=hashlib.sha256(content.encode()).hexdigest(),
    )
    found = contradictions(manifest, loaded.older)
    if lines := located_lines((loaded.origin(at), at, text) for at, text in found):
        raise ManifestError(lines_shown(lines))
    return loaded


def load_plugin_config(loaded: LoadedManifest, model: type[AnyModel]) -> AnyModel:
    """Check ``plugin.config`` against the plugin's own model.

    Args:
        loaded: The manifest.
        model: What the plugin's ``zoo_config`` returned. Lists are lists to it, however strict it is.

    Raises:
        ManifestError: As from :func:`load`; key paths begin with ``plugin.config``.
    """
    return check_plugin_config(loaded.manifest.plugin.config, model, loaded.origin)


def check_plugin_config(
    config: Mapping[str, Any], model: type[AnyModel], locate: Callable[[KeyPath], Origin]
) -> AnyModel:
    """Check what is to stand at ``plugin.config`` against the plugin's own model.

    Args:
        config: The values.
        model: As for :func:`load_plugin_config`.
        locate: Says where a value was written.

    Raises:
        ManifestError: As from :func:`load_plugin_config`.
    """
    return _validate(config, model, locate, ("plugin", "config"))


def _validate(data: Any, model: type[AnyModel], locate: Callable[[KeyPath], Origin], prefix: KeyPath = ()) -> AnyModel:
    try:
        # A plugin's strict model may want lists where the tree has tuples: JSON mode takes both.
        return model.model_validate_json(json.dumps(data)) if prefix else model.model_validate(data)
    except ValidationError as error:
        raise ManifestError(lines_shown(explain(error, data, model, locate, prefix))) from None


def _nearest(where: Mapping[KeyPath, Origin], key_path: KeyPath) -> Origin:
    while key_path not in where:
        key_path = key_path[:-1]
    return where[key_path]
