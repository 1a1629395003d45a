"""The causes of exit code 4: each has a remedy, and no code is inconclusive without one."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import zoo_runner
from zoo_runner.causes import Cause

PACKAGE = Path(zoo_runner.__file__).parent
MAKERS = {("stages/gate/judging.py", "unclear"), ("stages/gate/verdicts.py", "decide")}
"""Where a verdict may become inconclusive: for one line with its cause, and for a run, from lines and doubts."""


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_says_when_and_what_to_do(cause: Cause) -> None:
    assert cause.value.islower()
    assert cause.when.endswith(".")
    assert cause.remedy.endswith(".")
    assert str.__str__(cause) == cause.value


def test_nothing_else_calls_a_verdict_inconclusive() -> None:
    """Outside these functions the name is only looked at, in comparisons, tables and tests of membership."""
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                given = [ast.unparse(each) for each in made(function)]
                if any("Verdict.INCONCLUSIVE" in each for each in given):
                    found.add((path.relative_to(PACKAGE).as_posix(), function.name))
    assert found == MAKERS


def made(function: ast.FunctionDef) -> list[ast.expr]:
    """What a function returns, assigns, or hands to a call: comparisons in there do not count."""
    values: list[ast.expr] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Return | ast.Assign) and node.value is not None:
            values.append(node.value)
        elif isinstance(node, ast.Call):
            values += [*node.args, *(each.value for each in node.keywords)]
    inner = [part for value in values for part in (value.elts if isinstance(value, ast.Tuple) else [value])]
    return [each for each in inner if isinstance(each, ast.Attribute)]


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_is_used(cause: Cause) -> None:
    name = f"Cause.{cause.name}"
    text = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    assert name in text
