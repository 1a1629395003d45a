"""What the catalogue takes from the code: sentences of Python modules, as templates, and fixed texts by their keys.

:func:`sentences` is an extraction method of Babel. An f-string becomes a template: ``{0}`` stands for what it puts in.
Where it puts in one of two fixed texts, as for a plural, there is a template for each.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Collection, Iterator, Mapping
from typing import IO, Any, Final

MOST: Final = 8
"""Templates of one f-string; where its choices give more, they are placeholders."""
SAID: Final = "said"
"""The function whose argument is a text, even where it is a single word."""
NO_TEXTS: Final = {
    *("compile", "search", "sub", "match", "fullmatch", "startswith", "endswith", "removeprefix", "removesuffix"),
    *("cast", "getLogger", "Field", "TypeVar", "NewType", "option", "argument", "Path", "run"),
}
"""Functions whose arguments nobody reads as a sentence, and those of help texts and schemas, which stay English."""
NO_ARGUMENTS: Final = {"style", "help", "description", "metavar", "envvar", "unit", "pattern"}
_WORD: Final = re.compile(r"(?<![\w`/.<-])[A-Za-z][a-z']*(?![\w(=/.-]*[\w(=/])")
_CODE: Final = re.compile(r"^[\w.:/<>\[\]{}*|=#-]*$|[\\^$]|\?P<|^\s*</?\w+|^(bold|dim|green|red|yellow|blue| )+$")
Piece = str | None
"""A literal, or ``None`` for what is put in."""


def sentences(
    fileobj: IO[bytes], keywords: Mapping[str, Any], comment_tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Yield the sentences of a module, as Babel asks for them: line, function, text, comments."""
    del keywords, comment_tags, options
    tree = ast.parse(fileobj.read())
    every = any(_is_words(each) for each in tree.body)
    for line, text, told in _texts(tree):
        if told or every or _is_sentence(text):
            yield line, "", text, []


def _is_words(node: ast.stmt) -> bool:
    """Say whether a statement lists single words, each of which is a text."""
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "SINGLE_WORDS"


def _is_sentence(text: str) -> bool:
    plain = re.sub(r"\{\d+\}", "0", text)
    if _CODE.search(plain) or " " not in plain.strip():
        return False
    return any(len(word) > 1 for word in _WORD.findall(plain))


def _texts(tree: ast.AST) -> Iterator[tuple[int, str, bool]]:
    docstrings = {
        id(each.value)
        for node in ast.walk(tree)
        for name in ("body", "orelse", "finalbody")
        for each in _block(node, name)
        if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)
    }
    yield from _walk(tree, docstrings, said=False)


def _block(node: ast.AST, name: str) -> list[Any]:
    found = getattr(node, name, None)
    return found if isinstance(found, list) else []


def _walk(node: ast.AST, left_out: Collection[int], *, said: bool) -> Iterator[tuple[int, str, bool]]:
    if id(node) in left_out:
        return
    alternatives = _alternatives(node) if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp) else None
    if alternatives is not None and isinstance(node, ast.expr):
        for pieces in alternatives:
            if text := _template(pieces):
                yield node.lineno, text, said
        for each in ast.walk(node):
            if isinstance(each, ast.FormattedValue):
                yield from _walk(each.value, left_out, said=False)
        return
    for child, child_said in _children(node):
        yield from _walk(child, left_out, said=said and child_said if isinstance(node, ast.IfExp) else child_said)


def _children(node: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
    """Yield the parts of a node in which there may be texts, and whether they are told to be."""
    if isinstance(node, ast.AnnAssign):
        yield from ((node.value, False),) if node.value else ()
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield from ((each, False) for each in (*node.args.defaults, *node.args.kw_defaults, *node.body) if each)
    elif isinstance(node, ast.Compare):
        yield from ((each, False) for each in (node.left, *node.comparators) if not isinstance(each, ast.Constant))
    elif isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        yield node.func, False
        if name not in NO_TEXTS:
            yield from ((each, name == SAID) for each in node.args)
            yield from ((each.value, False) for each in node.keywords if each.arg not in NO_ARGUMENTS)
    elif isinstance(node, ast.IfExp):
        yield from ((node.test, False), (node.body, True), (node.orelse, True))
    else:
        yield from ((each, False) for each in ast.iter_child_nodes(node))


def _alternatives(node: ast.AST) -> list[tuple[Piece, ...]] | None:
    """Return the pieces of a text, once for each choice it has; ``None`` where it is no text."""
    if isinstance(node, ast.Constant):
        return [(node.value,)] if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return _product([_put_in(each) for each in node.values])
    if isinstance(node, ast.IfExp):
        texts = [_alternatives(node.body), _alternatives(node.orelse)]
        return None if texts[0] is None or texts[1] is None else [*texts[0], *texts[1]]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [_alternatives(node.left), _alternatives(node.right)]
        return None if sides == [None, None] else _product([side or [(None,)] for side in sides])
    return None


def _put_in(node: ast.expr) -> list[tuple[Piece, ...]]:
    """Return what one value of an f-string can be: a literal, a few of them, or anything."""
    if isinstance(node, ast.Constant):
        return [(str(node.value),)]
    value = node.value if isinstance(node, ast.FormattedValue) else node
    if isinstance(value, ast.IfExp) and (texts := _alternatives(value)) is not None:
        return texts
    if isinstance(value, ast.Subscript) and isinstance(value.value, ast.Constant) and value.value.value == "s":
        return [("",), ("s",)]
    return [(None,)]


def _product(parts: list[list[tuple[Piece, ...]]]) -> list[tuple[Piece, ...]]:
    count = 1
    for each in parts:
        count *= len(each)
    if count > MOST:
        parts = [each if len(each) == 1 else [(None,)] for each in parts]
    return [tuple(itertools.chain.from_iterable(each)) for each in itertools.product(*parts)]


def _template(pieces: tuple[Piece, ...]) -> str:
    """Write pieces as a template; what is put in side by side has one place."""
    text, count, open_place = "", 0, False
    for piece in pieces:
        if piece is None:
            text += "" if open_place else f"{{{count}}}"
            count += not open_place
            open_place = True
        elif piece:
            text, open_place = text + piece, False
    return text
