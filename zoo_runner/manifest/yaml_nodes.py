"""YAML text -> composed nodes, bounded in size and depth: what aliases stand for counts each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import yaml

from zoo_runner.errors import did_you_mean, shortened

MAX_NODES: Final = 10_000
MAX_DEPTH: Final = 40
MAX_ALIASES: Final = 1_000
MERGE_TAG: Final = "tag:yaml.org,2002:merge"


class Refused(yaml.MarkedYAMLError):
    """Correct YAML that a manifest does not allow."""

    def __init__(self, problem: str, mark: yaml.Mark) -> None:
        super().__init__(problem=problem, problem_mark=mark)


class Alias(yaml.Node):
    """A place in the text that stands for a value written before it, as in ``*name``.

    Attributes:
        value: The node that the anchor names.
        tag: That node's.
    """

    id = "alias"

    def __init__(self, target: yaml.Node, event: yaml.AliasEvent) -> None:
        super().__init__(target.tag, target, event.start_mark, event.end_mark)  # type: ignore[arg-type] # Python's marks


@dataclass(frozen=True, slots=True)
class _Anchored:
    """What an anchor names: how many values it is, and how many levels of nesting."""

    line: int
    size: int
    height: int


class BoundedLoader(yaml.SafeLoader):
    """Composes one document within bounds.

    Attributes:
        uses: The lines of the aliases, counted from 1, by the index in the text where what they stand for begins.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.uses: dict[int, list[int]] = {}
        self._nodes = 0
        self._depth = 0
        self._deepest = 0
        self._aliases = 0
        self._begun: dict[str, int] = {}
        self._named: dict[str, _Anchored] = {}

    def document(self) -> yaml.Node | None:
        """Return the only document, or ``None`` for an empty text.

        Raises:
            Refused: It is larger than allowed, or not the only one.
            yaml.YAMLError: The text is not YAML.
        """
        self.get_event()  # type: ignore[no-untyped-call] # the stubs leave it out
        if self.check_event(yaml.StreamEndEvent):
            return None
        node: yaml.Node | None = self.compose_document()
        if not self.check_event(yaml.StreamEndEvent):
            problem = "expected a single YAML document, found a second one; remove what follows the '---' line"
            raise Refused(problem, _mark(self._next()))
        return node

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose one node; an alias counts as much as what it stands for, so that a short text stays a small tree."""
        event = self._next()
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        anchor, mark = event.anchor, _mark(event)
        if anchor in self._begun:
            raise Refused(f"anchor &{anchor} is given twice, first on line {self._begun[anchor]}; rename one", mark)
        if anchor is not None:
            self._begun[anchor] = mark.line + 1
        before, deepest = self._nodes, self._deepest
        self._grow(1, 1, mark)
        self._depth += 1
        self._deepest = self._depth
        node: yaml.Node | None = super().compose_node(parent, index)
        if anchor is not None:
            height = self._deepest - self._depth + 1
            self._named[anchor] = _Anchored(mark.line + 1, self._nodes - before, height)
        self._depth -= 1
        self._deepest = max(deepest, self._deepest)
        return node

    def _alias(self, event: yaml.AliasEvent) -> Alias:
        name, mark = str(event.anchor), _mark(event)
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            raise Refused(f"expected at most {MAX_ALIASES} aliases (*name), found more", mark)
        if name not in self._named:
            raise Refused(self._unnamed(name), mark)
        anchored = self._named[name]
        self._grow(anchored.size, anchored.height, mark, f", with what *{shortened(name)} stands for")
        self._deepest = max(self._deepest, self._depth + anchored.height)
        self.get_event()  # type: ignore[no-untyped-call] # the stubs leave it out
        target: yaml.Node = self.anchors[name]
        self.uses.setdefault(target.start_mark.index, []).append(mark.line + 1)
        return Alias(target, event)

    def _unnamed(self, name: str) -> str:
        shown = shortened(name)
        if name in self._begun:
            return f"*{shown} stands inside of &{shown} (line {self._begun[name]}) and would never end; write it out"
        hint = did_you_mean(name, self._named) or "; in a text, put quotes around it"
        return f"expected an anchor &{shown} before its alias *{shown}, found none{hint}"

    def _grow(self, size: int, height: int, mark: yaml.Mark, counted: str = "") -> None:
        self._nodes += size
        if self._nodes > MAX_NODES:
            raise Refused(f"expected at most {MAX_NODES} values, found more{counted}", mark)
        if self._depth + height > MAX_DEPTH:
            raise Refused(f"expected at most {MAX_DEPTH} levels of nesting, found more{counted}", mark)

    def _next(self) -> Any:
        return self.peek_event()  # type: ignore[no-untyped-call] # the stubs leave it out


def _mark(event: yaml.Event) -> yaml.Mark:
    return event.start_mark  # type: ignore[return-value] # events read from a text have one
