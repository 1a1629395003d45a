"""The manifest of a pack: the values in effect, the paths in it those of the pack."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import yaml

from zoo_runner.errors import ManifestError
from zoo_runner.manifest.schema import Manifest
from zoo_runner.manifest.tree import Origin, dotted, plain
from zoo_runner.manifest.wheel_address import SCHEME
from zoo_runner.manifest.yaml_text import parse
from zoo_runner.redaction import cleaned, redacted_url

if TYPE_CHECKING:
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.pack.files import PackedFile

_ELSEWHERE: Final = ("http", "https", "package", SCHEME)
"""Schemes of addresses that mean the same on another machine."""
_OF_AN_ARCHIVE: Final = frozenset({"url", "md5", "sha256", "size"})
"""Keys of ``dataset`` that are about what its address leads to."""
_SHAPING: Final = ("plugin", "inputs", "outputs", "onnx", "atc", "infer")
"""Sections whose values are more than words for people."""
_WIDTH: Final = 120


def packed_manifest(manifest: Manifest, weights: PackedFile, onnx: PackedFile | None) -> Manifest:
    """Return a manifest as a pack has it: weights and ONNX are the packed ones, and no path leads out of the pack.

    Args:
        manifest: The manifest in effect.
        weights: The weights in the pack.
        onnx: The exported network in the pack; ``None`` where the weights are an ONNX file themselves.

    Raises:
        ManifestError: Something that shapes the model holds a secret.
    """
    values: dict[str, Any] = manifest.model_dump(exclude_unset=True)
    for section, file in (("weights", weights), *([("onnx", onnx)] if onnx else [])):
        packed = {"url": file.name, "sha256": file.sha256, "size": file.size}
        values[section] = {**values.get(section, {}), **packed}
    values.pop("golden", None)  # it stays where it is, and a pack has its own files only
    values["dataset"] = {key: value for key, value in values["dataset"].items() if _stays(key, manifest)}
    if addresses := reachable(manifest):
        values["dataset"]["url"] = addresses[0] if len(addresses) == 1 else addresses
    clean: dict[str, Any] = cleaned(values)
    for section in _SHAPING:
        if clean.get(section) != values.get(section):
            raise ManifestError(
                f"{section}: expected values that may be handed on, found one with a user, password or token in an "
                "address; take it out of the manifest, and pack again"
            )
    return Manifest.model_validate({key: value for key, value in clean.items() if value != {}})


def check_confirmations(loaded: LoadedManifest) -> None:
    """Check that every confirmation is as new as the direction beside it: in one manifest, nobody could tell.

    Raises:
        ManifestError: One is older.
    """
    for path in loaded.origins:
        direction = (*path[:-1], "direction")
        if path[-1:] == ("confirm",) and direction in loaded.origins and loaded.older(path[:-1], direction):
            raise ManifestError(
                f"{loaded.locate(direction)}: {dotted(path)}: expected a confirmation written with this direction, or "
                f"after it, found an older one at {loaded.locate(path)}, which a pack would take for one of both; "
                "write it again beside the direction, or leave it out with confirm: null"
            )


def _stays(key: str, manifest: Manifest) -> bool:
    """Say whether a key of ``dataset`` means something where the data set's address may not."""
    return key not in _OF_AN_ARCHIVE or bool(reachable(manifest))


def reachable(manifest: Manifest) -> tuple[str, ...]:
    """Return the data set's addresses that mean the same on another machine, and may be handed on."""
    urls = manifest.dataset.urls
    return tuple(url for url in urls if urlsplit(url).scheme in _ELSEWHERE and redacted_url(url) == url)


def manifest_text(manifest: Manifest, head: str) -> str:
    """Write a manifest as YAML, with a line for people at its head, and make sure that it reads back as the same.

    Raises:
        ManifestError: It does not.
    """
    values = _plain_text(manifest.model_dump(exclude_unset=True))
    body: str = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=_WIDTH, default_flow_style=None)
    text = f"# {head}\n{body}"
    tree = parse(text, lambda line: Origin("manifest.yaml", line))
    if tree is None or Manifest.model_validate(plain(tree)) != manifest:
        raise ManifestError("the manifest in effect cannot be written so that it reads back as the same; report this")
    return text


def _plain_text(value: Any) -> Any:
    """Return the value with words in place of the members of enumerations, such as a figure's direction."""
    if isinstance(value, dict):
        return {key: _plain_text(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_text(each) for each in value]
    return value.value if isinstance(value, Enum) else value
