"""``--set KEY=VALUE``: one value of the manifest, changed for one run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from zoo_runner.errors import UsageError, shortened
from zoo_runner.manifest.outline import annotation_at, has_integer_keys
from zoo_runner.manifest.source import EXTENDS
from zoo_runner.manifest.tree import REMOVED, KeyPath, Node, Origin, dotted, merge
from zoo_runner.manifest.wording import found
from zoo_runner.manifest.yaml_nodes import MAX_DEPTH
from zoo_runner.manifest.yaml_text import YamlProblems, parse

if TYPE_CHECKING:
    from pydantic import BaseModel


def apply(tree: Node, overrides: Sequence[str], model: type[BaseModel]) -> Node:
    """Lay ``KEY=VALUE`` texts over a tree, the later over the earlier.

    Args:
        tree: The manifest's values.
        overrides: Dotted key (``infer.batch``, ``inputs.0.dtype``), equals sign, YAML value; the
            value ``null`` removes the key.
        model: The schema, which says where keys are integers.

    Raises:
        UsageError: A text has another form, its value is not YAML, or its key leads through something
            that has no parts.
    """
    for override in overrides:
        key, equals, text = override.partition("=")
        segments = key.strip().split(".")
        if len(segments) > MAX_DEPTH:
            raise UsageError(f"--set {shortened(override)}: expected at most {MAX_DEPTH} keys, one in the other")
        if not equals or not all(segments):
            raise UsageError(
                f"--set {shortened(override)}: expected KEY=VALUE with a dotted key, such as --set infer.batch=4"
            )
        label = f"--set {shortened(key.strip())}"
        if segments[0] == EXTENDS:
            raise UsageError(f"{label}: a manifest's base cannot be replaced; write a file that extends it")
        tree = _assign(tree, (), segments, _value(label, text), model)
    return tree


def _value(label: str, text: str) -> Node:
    try:
        node = parse(text, lambda _: Origin(label))
    except YamlProblems as error:
        raise UsageError("\n".join(f"{label}: {problem}" for _, _, problem in error.problems)) from None
    if node is None:
        raise UsageError(f"{label}: the value is empty; write null to remove the key, or '' for an empty string")
    return node


def _assign(node: Node, path: KeyPath, segments: Sequence[str], value: Node, model: type[BaseModel]) -> Node:
    if not segments:
        return merge(node, value)
    segment, rest = segments[0], segments[1:]
    if isinstance(node.value, tuple):
        position = _position(node.value, path, segment, value.origin)
        items = list(node.value)
        if rest or value.value is not None:  # a list keeps its length: null is put in, and removes nothing
            value = _assign(items[position], (*path, position), rest, value, model)
        items[position] = value
        return Node(tuple(items), node.origin)
    if not isinstance(node.value, Mapping) and node.value is not None and node.value is not REMOVED:
        raise UsageError(f"{value.origin}: {dotted(path)} is {found(node.value)} and has no key {segment!r}")
    entries = dict(node.value) if isinstance(node.value, Mapping) else {}
    key = _key(entries, path, segment, model)
    if key in entries:
        entries[key] = _assign(entries[key], (*path, key), rest, value, model)
    elif rest:
        entries[key] = _assign(Node({}, value.origin), (*path, key), rest, value, model)
    else:
        entries[key] = value
    return Node(entries, node.origin)


def _key(entries: Mapping[str | int, Node], path: KeyPath, segment: str, model: type[BaseModel]) -> str | int:
    if segment in entries or not re.fullmatch("[0-9]{1,18}", segment):
        return segment
    number = int(segment)
    return number if number in entries or has_integer_keys(annotation_at(model, path)) else segment


def _position(items: Sequence[Node], path: KeyPath, segment: str, origin: Origin) -> int:
    positions = [str(position) for position in range(len(items))]
    if segment not in positions:
        raise UsageError(
            f"{origin}: expected a position in {dotted(path)}, which has {len(items)} items counted from 0, "
            f"found {segment!r}; or give the whole list: --set '{dotted(path)}=[...]'"
        )
    return int(segment)
