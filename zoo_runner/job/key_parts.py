"""The parts that keys are made of, kept from run to run so that a later one can say what differs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.redaction import cleaned
from zoo_runner.store.durable import write_durably
from zoo_runner.store.fingerprints import fingerprint

if TYPE_CHECKING:
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.store.store import Store

KIND: Final = "keys"


def remember(recipe: Recipe, store: Store, step: str, parts: Mapping[str, object]) -> None:
    """Keep the parts of a step's key, in place of those of the run before; a store that is only read stays as it is."""
    if not store.read_only:
        with suppress(OSError):  # what was made is kept; only its explanation is not
            write_durably(_path(recipe, store, step), json.dumps(cleaned(parts), sort_keys=True).encode())


def remembered(recipe: Recipe, store: Store, step: str) -> dict[str, Any] | None:
    """Return the parts of a step's key in the last run, or ``None`` if there was none."""
    try:
        found = json.loads(_path(recipe, store, step).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def flat(parts: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the parts with the names that lines have: one for each value of a dictionary."""
    for name, value in parts.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value)


def _path(recipe: Recipe, store: Store, step: str) -> Path:
    manifest = recipe.manifest
    return store.root / KIND / f"{step}-{fingerprint(manifest.name, manifest.plugin.name)[:16]}.json"
