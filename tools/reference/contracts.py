"""Reference of hooks, protocols and records, from the source text: the same whatever Python reads it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

from reference.markdown import attributes, code, heading, prose, table, without_attributes

_PROTOCOLS: Final = {"Protocol", "runtime_checkable"}


def functions(path: Path, decorator: str) -> str:
    """Describe the functions of a module that carry a decorator."""
    return "\n".join(
        f"{heading(3, code(node.name))}\n{_signature(node)}\n\n{prose(ast.get_docstring(node))}"
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and any(decorator in ast.unparse(each) for each in node.decorator_list)
    )


def aliases(path: Path) -> str:
    """Say what the short names of types in a module stand for."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return "\n".join(
        f"{code(ast.unparse(node.target))} stands for {code(str(ast.literal_eval(node.value)))}: {prose(said)}"
        for node, after in pairwise(body)
        if isinstance(node, ast.AnnAssign) and node.value and ast.unparse(node.annotation) == "TypeAlias"
        for said in [str(ast.literal_eval(after.value)) if isinstance(after, ast.Expr) else None]
    )


def protocols(path: Path) -> str:
    """Describe the protocols of a module: what an object must have."""
    return "\n".join(_protocol(node) for node in _classes(path) if _is_protocol(node))


def records(path: Path) -> str:
    """Describe the dataclasses of a module: what is passed about."""
    return "\n".join(_record(node) for node in _classes(path) if not _is_protocol(node))


def base(path: Path, name: str) -> str:
    """Describe a class that plugins extend."""
    (node,) = (each for each in _classes(path) if each.name == name)
    methods = (each for each in node.body if isinstance(each, ast.FunctionDef) and not each.name.startswith("_"))
    texts = (f"\n{_signature(each)}\n\n{prose(ast.get_docstring(each))}" for each in methods)
    return f"{_record(node)}{''.join(texts)}"


def _classes(path: Path) -> Iterator[ast.ClassDef]:
    return (node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef))


def _is_protocol(node: ast.ClassDef) -> bool:
    return bool(_PROTOCOLS & {ast.unparse(each) for each in (*node.bases, *node.decorator_list)})


def _protocol(node: ast.ClassDef) -> str:
    bases = [ast.unparse(base) for base in node.bases]
    extends = ", ".join(code(base) for base in bases if base != "Protocol")
    text = f"{heading(3, code(node.name))}\n{prose(ast.get_docstring(node))}"
    if extends:
        text += f"\nAlso has everything of {extends}.\n"
    for member in node.body:
        if isinstance(member, ast.FunctionDef):
            text += f"\n{_signature(member)}\n\n{prose(ast.get_docstring(member))}"
    return text


def _record(node: ast.ClassDef) -> str:
    docstring = ast.get_docstring(node)
    meanings = attributes(docstring)
    rows = [
        [code(ast.unparse(each.target)), code(ast.unparse(each.annotation)), _default(each.value), meaning]
        for each in node.body
        if isinstance(each, ast.AnnAssign)
        for meaning in [meanings.get(ast.unparse(each.target), "")]
    ]
    text = f"{heading(3, code(node.name))}\n{prose(without_attributes(docstring))}"
    return f"{text}\n{table(['field', 'type', 'default', 'meaning'], rows)}" if rows else text


def _default(value: ast.expr | None) -> str:
    if value is None:
        return ""
    if isinstance(value, ast.Call):  # field(default_factory=dict)
        return code("{}") if "dict" in ast.unparse(value) else code(ast.unparse(value))
    return code(ast.unparse(value))


def _signature(node: ast.FunctionDef) -> str:
    returns = f": {ast.unparse(node.returns)}" if node.returns else ""
    if any(ast.unparse(each) == "property" for each in node.decorator_list):
        return f"**`{node.name}{returns}`**"
    arguments = ast.unparse(node.args).removeprefix("self").removeprefix(", ")
    return f"**`{node.name}({arguments}){returns.replace(': ', ' -> ', 1)}`**"
