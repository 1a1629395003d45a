"""The text of an imported manifest: its sections, with comments for what is not said and not carried over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.draft.text import comment, flow

if TYPE_CHECKING:
    from zoo_runner.importing.account import Account
    from zoo_runner.importing.assembling import Assembled
    from zoo_runner.importing.reading import Recipe

MOST_REMARKS: Final = 1000
"""Remarks that are written out; a manifest has at most 1 MiB, and nobody reads more."""
_BLOCKS: Final = ("expected", "expected.chips", "models", "expected.accuracy", "atc", "atc.flags", "imported")
"""Mappings that are written with an entry a line."""


def manifest_text(made: Assembled, recipe: Recipe) -> str:
    """Write a manifest."""
    account = made.account
    lines = [
        *comment([f"Written by zoo-run import {recipe.name}. Lines are those of that file."]),
        *comment(_unsaid_intro(account)),
    ]
    for key, value in made.sections.items():
        section = {**value, "unsaid": list(account.unsaid)} if key == "imported" and account.unsaid else value
        lines += [
            "",
            *comment(made.notes.get(key, ())),
            *comment(_unsaid_of(key, account)),
            *_entry(key, section, "", key),
        ]
    if "expected" not in made.sections:
        lines += ["", *comment(made.notes.get("expected", ()))]
    if "weights" not in made.sections and "models" not in made.sections:
        lines += ["", *comment(["weights: no link of the recipe can be taken as it is; give --weights FILE."])]
    return "\n".join([*lines, *_left_out(account), ""])


def _unsaid_intro(account: Account) -> Iterator[str]:
    if account.unsaid:
        yield (
            "What imported.unsaid names is a stand-in, as the recipe does not say it. Write what is right, and take "
            "the key off that list; until then a run is refused (exit code 2)."
        )


def _unsaid_of(section: str, account: Account) -> Iterator[str]:
    for key, why in account.unsaid.items():
        if key == section or key.startswith(f"{section}."):
            yield f"{key} is a stand-in: {why}"


def _entry(key: Any, value: Any, indent: str, path: str) -> Iterator[str]:
    """Write an entry: the larger sections over several lines, everything else in one."""
    if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        yield f"{indent}{_key(key)}:"
        yield from (f"{indent}  - {flow(each)}" for each in value)
    elif isinstance(value, Mapping) and value and (path in _BLOCKS or path.startswith("models.") or not indent):
        yield f"{indent}{_key(key)}:"
        for name, each in value.items():
            yield from _entry(name, each, f"{indent}  ", f"{path}.{name}")
    else:
        yield f"{indent}{flow({key: value})[1:-1]}"


def _key(key: Any) -> str:
    """Write a key as YAML needs it."""
    return flow({key: 0})[1 : -len(": 0}")]


def _left_out(account: Account) -> Iterator[str]:
    remarks = sorted(account.remarks)
    if not remarks:
        return
    yield from ("", *comment(["Not carried over:"]))
    yield from comment(f"line {each.line}: {each.text}" for each in remarks[:MOST_REMARKS])
    if len(remarks) > MOST_REMARKS:
        rest = remarks[MOST_REMARKS:]
        yield from comment([f"and {len(rest)} more, from line {rest[0].line} on"])
