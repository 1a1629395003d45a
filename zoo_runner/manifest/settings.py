"""A manifest as flat text, for telling two runs apart."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo_runner.manifest.tree import KeyPath, dotted
from zoo_runner.redaction import redacted, redacted_url

if TYPE_CHECKING:
    from pydantic import BaseModel


def settings(section: BaseModel) -> dict[str, str]:
    """Return every value of a manifest, or of a part, defaults included, by its dotted key; without URLs' secrets."""
    return {dotted(path): text for path, text in _leaves(section.model_dump(mode="json"), ())}


def _leaves(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, Mapping) and value:
        for key, child in value.items():
            yield from _leaves(child, (*path, key))
    elif _is_list(value) and any(isinstance(item, Mapping) or _is_list(item) for item in value):
        for position, item in enumerate(value):
            yield from _leaves(item, (*path, position))
    else:
        yield path, redacted(redacted_url(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
