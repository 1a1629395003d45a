"""A manifest as flat text, for telling two runs apart."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.manifest.tree import KeyPath, dotted
from zoo_runner.redaction import redacted, redacted_url

if TYPE_CHECKING:
    from pydantic import BaseModel


JUDGING: Final = (
    "name",
    "description",
    "source",
    "imported",
    "expected",
    "uncertainty",
    "subsets",
    "waivers",
    "benchmark",
)
"""First parts of the settings that cannot change a prediction."""


def settings(section: BaseModel) -> dict[str, str]:
    """Return every value of a manifest, or of a part, defaults included, by its dotted key; without URLs' secrets."""
    return {dotted(path): text for path, text in _leaves(section.model_dump(mode="json"), ())}


def addresses(setting: str) -> tuple[str, ...]:
    """Return the addresses that the setting of a location has: of several it is a list in JSON."""
    try:
        found = json.loads(setting)
    except ValueError:
        return (setting,) if setting else ()
    return tuple(found) if isinstance(found, list) else (setting,)


def _leaves(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, Mapping) and value:
        for key, child in value.items():
            yield from _leaves(child, (*path, key))
    elif _is_list(value) and any(isinstance(item, Mapping) or _is_list(item) for item in value):
        for position, item in enumerate(value):
            yield from _leaves(item, (*path, position))
    else:
        shown = [_shown(item) for item in value] if _is_list(value) else _shown(value)
        yield path, shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)


def _shown(value: Any) -> Any:
    """Take secrets out of a text; of a list from each by itself, as a query ends where its text does."""
    return redacted(redacted_url(value)) if isinstance(value, str) else value


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
