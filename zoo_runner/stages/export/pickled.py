"""What a pickle would make, told from its instructions: nothing of it is imported, made or called.

The instructions are those of :mod:`pickletools`. Containers are followed by name, and of everything else only the name
of what would be called is kept.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Any, Final

INSTRUCTIONS: Final = 1_000_000
"""Instructions that are read; a detector's checkpoint has some ten thousand."""
_MARK: Final = object()


@dataclass(eq=False)
class Thing:
    """What instructions would make.

    Attributes:
        name: Dotted name of what is called for it, or referred to; empty for plain containers.
        items: What is in it by name, as far as names are text.
        state: What it is filled with, by name.
    """

    name: str = ""
    items: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class Pickled:
    """What was found in a pickle.

    Attributes:
        content: What it would return; ``None`` where the instructions did not lead there.
        names: What it refers to, each once, in their order.
        whole: Whether all of it was read.
    """

    content: object = None
    names: dict[str, None] = field(default_factory=dict)
    whole: bool = False


def inspect(stream: IO[bytes]) -> Pickled:
    """Follow the instructions of one pickle, up to its end, the first mistake, or :data:`INSTRUCTIONS`."""
    found, machine = Pickled(), _Machine()
    try:
        for code, argument, _ in islice(pickletools.genops(stream), INSTRUCTIONS):
            machine.carry_out(code, argument)
            found.names = machine.names
            if code.name == "STOP":
                found.whole, found.content = True, machine.result
    except Exception:  # noqa: BLE001 - what a damaged pickle makes of its reader is anybody's guess
        return found
    return found


class _Machine:
    """The stack and the memory that instructions work on."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.result: object = None
        self._stack: list[Any] = []
        self._memory: dict[int, Any] = {}

    def carry_out(self, code: pickletools.OpcodeInfo, argument: Any) -> None:
        name, stack = code.name, self._stack
        if name == "STOP":
            self.result = stack.pop()
        elif name in _PUTS:
            self._memory[len(self._memory) if argument is None else int(argument)] = stack[-1]
        elif name in _GETS:
            stack.append(self._memory[int(argument)])
        elif name == "MARK":
            stack.append(_MARK)
        elif name in _SPECIAL:
            _SPECIAL[name](self, argument)
        else:
            self._plain(code, argument)

    def _plain(self, code: pickletools.OpcodeInfo, argument: Any) -> None:
        """Carry out what only takes so much from the stack, and puts a value there."""
        if pickletools.markobject in code.stack_before:
            self.to_mark()
        else:
            for _ in code.stack_before:
                self._stack.pop()
        for _ in code.stack_after:
            self._stack.append(argument if isinstance(argument, str) else Thing())

    def to_mark(self) -> list[Any]:
        taken = []
        while (each := self._stack.pop()) is not _MARK:
            taken.append(each)
        return taken[::-1]

    def refer(self, name: str) -> Thing:
        self.names[name] = None
        thing = Thing(name=name)
        self._stack.append(thing)
        return thing

    def make(self, callee: object) -> None:
        self._stack.append(Thing(name=callee.name if isinstance(callee, Thing) else ""))

    def global_name(self, argument: Any) -> None:
        self.refer(".".join(str(argument).split(" ", 1)))

    def stack_global(self, _: Any) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self.refer(f"{module}.{name}")

    def instance(self, argument: Any) -> None:
        self.to_mark()
        self.global_name(argument)

    def object_of_mark(self, _: Any) -> None:
        self.make(next(iter(self.to_mark()), None))

    def call(self, count: int) -> None:
        for _ in range(count):
            self._stack.pop()
        self.make(self._stack.pop())

    def fill(self, _: Any) -> None:
        state = self._stack.pop()
        if isinstance(self._stack[-1], Thing) and isinstance(state, Thing):
            self._stack[-1].state = state.items

    def put_in(self, values: list[Any]) -> None:
        if isinstance(self._stack[-1], Thing):
            pairs = zip(values[::2], values[1::2], strict=False)
            self._stack[-1].items.update((key, value) for key, value in pairs if isinstance(key, str))

    def put_pair(self, _: Any) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self.put_in([key, value])

    def dictionary(self, _: Any) -> None:
        values = self.to_mark()
        self._stack.append(Thing())
        self.put_in(values)

    def double(self, _: Any) -> None:
        self._stack.append(self._stack[-1])

    def leave_out(self, _: Any) -> None:
        self._stack.pop()

    def to_first(self, _: Any) -> None:
        self.to_mark()


_PUTS: Final = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}
_GETS: Final = {"GET", "BINGET", "LONG_BINGET"}
_SPECIAL: Final[Mapping[str, Callable[[_Machine, Any], None]]] = {
    "GLOBAL": _Machine.global_name,
    "STACK_GLOBAL": _Machine.stack_global,
    "INST": _Machine.instance,
    "OBJ": _Machine.object_of_mark,
    "REDUCE": lambda machine, _: machine.call(1),
    "NEWOBJ": lambda machine, _: machine.call(1),
    "NEWOBJ_EX": lambda machine, _: machine.call(2),
    "BUILD": _Machine.fill,
    "DICT": _Machine.dictionary,
    "SETITEM": _Machine.put_pair,
    "SETITEMS": lambda machine, _: machine.put_in(machine.to_mark()),
    "APPEND": _Machine.leave_out,
    "APPENDS": _Machine.to_first,
    "ADDITEMS": _Machine.to_first,
    "DUP": _Machine.double,
    "POP": _Machine.leave_out,
    "POP_MARK": _Machine.to_first,
}


def things(content: object, deepest: int) -> Iterator[tuple[tuple[str, ...], Thing]]:
    """Yield what is in nested containers and the names that lead to it, each thing once, the nearest first."""
    ahead: list[tuple[tuple[str, ...], object]] = [((), content)]
    seen: set[int] = set()
    while ahead:
        names, each = ahead.pop(0)
        if isinstance(each, Thing) and id(each) not in seen:
            seen.add(id(each))
            yield names, each
            if len(names) < deepest:
                ahead.extend(((*names, name), inside) for name, inside in each.items.items())
