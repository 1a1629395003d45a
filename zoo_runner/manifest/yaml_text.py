"""YAML text -> tree: plain data only, bounded in size, with line numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import yaml

from zoo_runner.errors import shortened
from zoo_runner.manifest.tree import Node, Origin
from zoo_runner.manifest.yaml_nodes import MERGE_TAG, Alias, BoundedLoader, Refused

if TYPE_CHECKING:
    from zoo_runner.manifest.tree import Value

_MAX_INTEGER: Final = 2**63 - 1
_TAG: Final = "tag:yaml.org,2002:"
_MERGE: Final = "<<"
_OTHER_BASE: Final = re.compile(r"[-+]?(0[0-7_]+|[^:]*:.*)")
"""Numbers to the base of 8 (``077`` is 63) or 60 (``1:17`` is 77): YAML 1.1 has them, and nobody means them."""
_LONGEST_NUMBER: Final = 1000
"""Characters of a number: reading a longer one can take a time that grows with the square of its length."""
_LONGEST_KEY: Final = 1000
"""Characters of a key: messages show keys whole."""
_NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")
"""What YAML can write as an escape, and no path, file or screen takes."""


class YamlProblems(Exception):  # noqa: N818 - it holds several problems
    """What is wrong with a text; never leaves this package.

    Attributes:
        problems: Line and column, counted from 1, and what is wrong there.
    """

    def __init__(self, problems: list[tuple[int, int, str]]) -> None:
        super().__init__(problems)
        self.problems = problems


class _Loader(BoundedLoader):
    """Builds plain values of one document."""

    def __init__(self, text: str, origin_at: Callable[[int], Origin]) -> None:
        super().__init__(text)
        self._origin_at = origin_at
        self._built: dict[int, Value] = {}
        self.problems: list[tuple[int, int, str]] = []

    def build(self, node: yaml.Node, origin: Origin) -> Node:
        """Turn a composed node into a value; what is wrong goes to ``problems``.

        An alias becomes the value that it stands for, whose lines are those where it is written.
        """
        if isinstance(node, Alias):
            written = self._origin(node.value)
            return Node(self._value(node.value), replace(written, taken=_line(node)))
        return Node(self._value(node), origin)

    def _value(self, node: yaml.Node) -> Value:
        """Return the value of a node; that of one with several aliases is built, and complained of, once."""
        if id(node) not in self._built:
            self._built[id(node)] = self._new_value(node)
        return self._built[id(node)]

    def _new_value(self, node: yaml.Node) -> Value:
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return tuple(self.build(item, self._origin(item)) for item in node.value)
        return self._scalar(node)

    def _origin(self, node: yaml.Node) -> Origin:
        return self._origin_at(_line(node))

    def _problem(self, node: yaml.Node, text: str) -> None:
        self.problems.append((_line(node), node.start_mark.column + 1, text))

    def _mapping(self, node: yaml.MappingNode) -> dict[str | int, Node]:
        entries: dict[str | int, Node] = {}
        merged: dict[str | int, Node] = {}
        lines: dict[str | int, int] = {}
        for key_node, value_node in node.value:
            is_merge = key_node.tag == MERGE_TAG
            key = _MERGE if is_merge else self._key(key_node)
            if key is None:
                continue
            if key in lines:
                remedy = "merge several as a list, <<: [*a, *b]" if is_merge else "remove one"
                self._problem(key_node, f"key {key!r} is given twice, first on line {lines[key]}; {remedy}")
                continue
            lines[key] = _line(key_node)
            if is_merge:
                merged = self._merged(key_node, value_node)
            else:
                entries[key] = self.build(value_node, self._origin(key_node))
        return {**merged, **entries}

    def _merged(self, key_node: yaml.Node, node: yaml.Node) -> dict[str | int, Node]:
        """Return the entries of the mappings at a key ``<<``; of several, the first that has a key gives it."""
        written = node.value if isinstance(node, Alias) else node
        several = written.value if isinstance(written, yaml.SequenceNode) else [node]
        merged: dict[str | int, Node] = {}
        for each in reversed(several):
            mapping = each.value if isinstance(each, Alias) else each
            value = self._value(mapping) if isinstance(mapping, yaml.MappingNode) else None
            if not isinstance(value, Mapping):
                self._problem(each, "expected a mapping, or a list of them, after the merge key <<")
                continue
            for key, entry in value.items():
                chain = (mapping.start_mark.index, *entry.origin.merged)
                merged[key] = Node(entry.value, replace(entry.origin, taken=_line(key_node), merged=chain))
        return merged

    def _key(self, node: yaml.Node) -> str | int | None:
        node = node.value if isinstance(node, Alias) else node
        count = len(self.problems)
        key = self._scalar(node) if isinstance(node, yaml.ScalarNode) else None
        if isinstance(key, str) and len(key) > _LONGEST_KEY:
            self._problem(node, f"expected a key of at most {_LONGEST_KEY} characters, found {shortened(key)}")
            return None
        if isinstance(key, str | int) and not isinstance(key, bool):
            return key
        if len(self.problems) == count:
            written = shortened(node.value) if isinstance(node, yaml.ScalarNode) else "a list or mapping"
            hint = "; quote it" if isinstance(node, yaml.ScalarNode) else ""
            self._problem(node, f"expected a string or an integer as key, found {written}{hint}")
        return None

    def _scalar(self, node: yaml.Node) -> str | float | bool | None:
        tag = node.tag.removeprefix(_TAG)
        if not isinstance(node, yaml.ScalarNode) or tag not in _SCALARS:
            shown = shortened(node.tag.replace(_TAG, "!!"))
            self._problem(node, f"tag {shown} is not supported; use plain values")
            return None
        try:
            value: str | float | bool | None = _value(self, tag, node)
        except (ValueError, KeyError, IndexError, OverflowError):
            self._problem(node, f"expected a value of type {tag}, found {node.value[:40]!r}")
            return None
        problem = _unmeant(tag, node.value, value)
        if problem:
            self._problem(node, problem)
            return None
        return value


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def _value(loader: _Loader, tag: str, node: yaml.ScalarNode) -> str | float | bool | None:
    """Return the value of a scalar.

    Raises:
        ValueError: It is not of the kind that its tag says, or a number that is too long to be read.
    """
    if tag in {"int", "float"} and len(node.value) > _LONGEST_NUMBER:
        raise ValueError(f"more than {_LONGEST_NUMBER} characters")
    value: str | float | bool | None = _SCALARS[tag](loader, node)
    return value


def _unmeant(tag: str, written: str, value: str | float | bool | None) -> str:
    """Say why a scalar, which YAML can read, is refused; nothing for one that means what people see."""
    if tag in {"int", "float"} and _OTHER_BASE.fullmatch(written):
        found = f"found {shortened(written)}, which YAML reads as {shortened(str(value))}"
        return f"expected a number as people write it, {found}; write it without leading zeros and colons, or quote it"
    if isinstance(value, int) and abs(value) > _MAX_INTEGER:
        return "expected an integer of at most 64 bits, found a larger one"
    if isinstance(value, str) and (bad := _NO_TEXT.search(value)):
        return f"character #x{ord(bad[0]):02x} is not allowed, written as an escape or not; remove it"
    return ""


def _text(_: _Loader, node: yaml.ScalarNode) -> str:
    return str(node.value)


_SCALARS: Final[dict[str, Callable[[_Loader, yaml.ScalarNode], Any]]] = {
    "str": _text,
    "timestamp": _text,  # a manifest has no dates: `published: 2022-12-01` means the text
    "value": _text,
    "merge": _text,
    "int": yaml.SafeLoader.construct_yaml_int,
    "float": yaml.SafeLoader.construct_yaml_float,
    "bool": yaml.SafeLoader.construct_yaml_bool,
    "null": yaml.SafeLoader.construct_yaml_null,
}


def parse(text: str, origin_at: Callable[[int], Origin]) -> Node | None:
    """Read one YAML document.

    Args:
        text: The document.
        origin_at: Makes the origin of what stands on a line.

    Returns:
        The tree, or ``None`` if the text has no document.

    Raises:
        YamlProblems: The text is not YAML, or not of the plain kind a manifest is made of.
    """
    try:
        loader = _Loader(text, origin_at)
        document = loader.document()
    except yaml.MarkedYAMLError as error:
        raise YamlProblems([_marked(error)]) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        column = len(before) - before.rfind("\n")
        problem = f"character #x{ord(text[error.position]):02x} is not allowed; remove it"
        raise YamlProblems([(before.count("\n") + 1, column, problem)]) from None
    except (ValueError, OverflowError):
        # Of an escape such as "\U00110000", or a directive's number; the scanner is still at it.
        problem = "not valid YAML: no character has this number, or the number is too long; remove it"
        raise YamlProblems([(loader.line + 1, loader.column + 1, problem)]) from None
    if document is None:
        return None
    tree = loader.build(document, origin_at(1))
    if loader.problems:
        raise YamlProblems(loader.problems)
    return tree


def _marked(error: yaml.MarkedYAMLError) -> tuple[int, int, str]:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if isinstance(error, Refused):
        return line, column, str(error.problem)
    text = f"not valid YAML: {error.problem or error.context}"
    if error.problem and error.context:
        since = f", begun on line {error.context_mark.line + 1}" if error.context_mark else ""
        text += f" ({error.context}{since})"
    if "'\\t'" in text:
        text += "; indent with spaces, not tabs"
    return line, column, text
