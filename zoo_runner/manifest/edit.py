"""A manifest's text with other values in it: what people wrote around them, comments too, stays as it is."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

from zoo_runner.errors import ManifestError
from zoo_runner.manifest.tree import KeyPath, Origin, dotted, plain
from zoo_runner.manifest.yaml_nodes import MERGE_TAG, Alias, BoundedLoader
from zoo_runner.manifest.yaml_text import YamlProblems, parse

Values: TypeAlias = Mapping[KeyPath, float | str]
_BY_HAND: Final = "edit it by hand"


def difference(path: Path, values: Values, name: str) -> str:
    """Write what has to change in a file as a unified diff, for ``patch -p1`` or ``git apply``.

    Args:
        path: A manifest that can be loaded.
        values: What the file is to say, by key path; keys that it lacks are added.
        name: What the diff calls the file.

    Returns:
        The diff; empty if the file says so already.

    Raises:
        ManifestError: The file cannot be read, a value stands in several places by an anchor, or it is written in
            a way that this module does not know how to edit.
    """
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        after = edited(text, values)
        right = _content(after) == _laid_over(_content(text), values)
    except _SharedError as error:
        raise ManifestError(f"{path}:{error}") from None
    except (yaml.YAMLError, YamlProblems):
        right = False
    if not right:
        keys = ", ".join(map(dotted, values))
        raise ManifestError(f"{path}: expected YAML that can be edited at {keys}, found another layout; {_BY_HAND}")
    tab = "\t" if " " in name else ""  # ends a name with spaces
    lines = difflib.unified_diff(_lines(text), _lines(after), f"a/{name}{tab}", f"b/{name}{tab}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


class _SharedError(Exception):
    """What would be edited is written once for several places; begins with its line."""

    def __init__(self, key_path: KeyPath, node: yaml.Node, by: str) -> None:
        line = node.start_mark.line + 1
        super().__init__(f"{line}: {dotted(key_path)}: expected a value of its own, found one shared {by}; {_BY_HAND}")


def edited(text: str, values: Values) -> str:
    """Return YAML text with other values in it; where a key is missing, it is put beside its siblings.

    Args:
        text: A mapping.
        values: By key path.
    """
    for path, value in values.items():
        text = _with(text, path, value)
    return text


def _with(text: str, path: KeyPath, value: float | str) -> str:
    loader = BoundedLoader(text)
    node: Any = loader.document()
    for depth, key in enumerate(path):
        rest = path[depth:]
        if not isinstance(node, yaml.MappingNode):  # null, which removes what a base says
            return _replaced(text, node, _flow(_nested(rest, value)))
        child = _child(node, key)
        if child is None:
            merged = _merged_child(node, key) if len(rest) > 1 else None
            if merged is not None:  # a mapping written here would hide the other keys of the merged one
                raise _SharedError(path[: depth + 1], merged[0], f"by the merge key on line {merged[1]}")
            entry = _flow(_nested(rest, value))[1:-1]
            return _appended(text, entry) if depth == 0 and not node.flow_style else _inserted(text, node, entry)
        node = _own(loader, child, path[: depth + 1])
    return _replaced(text, node, _flow([value])[1:-1])


def _child(mapping: yaml.MappingNode, key: str | int) -> yaml.Node | None:
    return next((child for each, child in mapping.value if _written(each).value == str(key)), None)


def _written(node: yaml.Node) -> Any:
    return node.value if isinstance(node, Alias) else node


def _own(loader: BoundedLoader, node: yaml.Node, key_path: KeyPath) -> yaml.Node:
    """Return a node that stands in one place only.

    Raises:
        _SharedError: An alias stands for it elsewhere, or it is an alias.
    """
    written = _written(node)
    if lines := loader.uses.get(written.start_mark.index):
        many = f"lines {', '.join(map(str, lines))}" if len(lines) > 1 else f"line {lines[0]}"
        raise _SharedError(key_path, written, f"with the alias on {many}")
    return node


def _merged_child(mapping: yaml.Node, key: str | int) -> tuple[yaml.Node, int] | None:
    """Return what a merge key brings into a mapping under ``key``, and the line of that merge key."""
    for each, child in mapping.value if isinstance(mapping, yaml.MappingNode) else ():
        if each.tag != MERGE_TAG:
            continue
        merged = _written(child)
        for one in map(_written, merged.value) if isinstance(merged, yaml.SequenceNode) else [merged]:
            found = _child(one, key)
            if found is not None:
                return _written(found), each.start_mark.line + 1
            if deeper := _merged_child(one, key):
                return deeper
    return None


def _replaced(text: str, node: Any, written: str) -> str:
    start, end = node.start_mark.index, node.end_mark.index
    return f"{text[:start]}{'' if end > start else ' '}{written}{text[end:]}"


def _appended(text: str, entry: str) -> str:
    newline = _newline(text)
    gap = "" if text.endswith("\n") else newline
    return f"{text}{gap}{entry}{newline}"


def _inserted(text: str, mapping: yaml.MappingNode, entry: str) -> str:
    """Put an entry into a mapping: after the last one that ends on its own line, else before the first one."""
    if mapping.flow_style:
        at = mapping.value[-1][1].end_mark.index if mapping.value else mapping.start_mark.index + 1
        return f"{text[:at]}{', ' if mapping.value else ''}{entry}{text[at:]}"
    newline, first = _newline(text), mapping.value[0][0].start_mark
    indent = " " * first.column
    ends = [value.end_mark for key, value in mapping.value if value.end_mark.line == key.start_mark.line]
    if not ends:
        return f"{text[: first.index]}{entry}{newline}{indent}{text[first.index :]}"
    at = text.find("\n", ends[-1].index)
    if at < 0:
        return f"{text}{newline}{indent}{entry}"
    return f"{text[: at + 1]}{indent}{entry}{newline}{text[at + 1 :]}"


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _nested(path: KeyPath, value: float | str) -> Any:
    nested: Any = value
    for key in reversed(path):
        nested = {key: nested}
    return nested


def _flow(value: Any) -> str:
    return str(yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=float("inf"))).strip()


def _content(text: str) -> Any:
    tree = parse(text.removeprefix("\ufeff"), lambda line: Origin("", line))
    return None if tree is None else plain(tree)


def _laid_over(content: Any, values: Values) -> Any:
    for path, value in values.items():
        content = _set(content, path, value)
    return content


def _set(content: Any, path: KeyPath, value: float | str) -> Any:
    if not path:
        return value
    entries = content if isinstance(content, Mapping) else {}
    return {**entries, path[0]: _set(entries.get(path[0]), path[1:], value)}


def _lines(text: str) -> list[str]:
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]
