"""What a recipe says in words: how many samples the data set has, and for which CANN release the figures are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from zoo_runner.importing.account import Account
from zoo_runner.importing.numbers import plain

if TYPE_CHECKING:
    from zoo_runner.importing.blocks import Paragraph, Table

_COUNT: Final = re.compile(
    r"(?<![\w.,])([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,9}(?:\.[0-9]{1,4})?)\s{0,3}(万)?\s{0,3}"
    r"(?:张|幅|条|个样本|段|句|(?:validation |test |val )?(?:images|samples|pictures|sentences|utterances)\b)",
    re.IGNORECASE,
)
_OF_TEST: Final = re.compile(r"验证|测试|评测|\bval|\btest|\beval", re.IGNORECASE)
_OF_TRAINING: Final = re.compile(r"训练|\btrain", re.IGNORECASE)
_NEAR: Final = 24
"""Characters before a number in which it is said what it counts."""
_RELEASE: Final = re.compile(r"[0-9]+(?:\.[0-9A-Za-z]+)*")


def samples(paragraphs: Sequence[Paragraph]) -> tuple[int | None, str]:
    """Return how many samples the data set has.

    Returns:
        The number, and where it stands; or ``None``, and why.
    """
    found = [each for paragraph in paragraphs for each in _counts(paragraph)]
    test = [each for each in found if each[2]]
    chosen = test or found
    sizes = {count for count, _, _ in chosen}
    if len(sizes) == 1:
        return chosen[0][0], f"line {chosen[0][1]}"
    if not sizes:
        return None, "the recipe does not say how many samples the data set has"
    listed = ", ".join(f"{count} (line {line})" for count, line, _ in chosen[:5])
    return None, f"the recipe has several numbers, and does not say which it is: {listed}"


def _counts(paragraph: Paragraph) -> Iterator[tuple[int, int, bool]]:
    text = plain(paragraph.text)
    for match in _COUNT.finditer(text):
        before = text[max(match.start() - _NEAR, 0) : match.start()]
        tests = [each.start() for each in _OF_TEST.finditer(before)]
        training = [each.start() for each in _OF_TRAINING.finditer(before)]
        if training and (not tests or tests[-1] < training[-1]):
            continue
        count = Decimal(match[1].replace(",", "")) * (10_000 if match[2] else 1)
        if count == int(count) and count > 0:
            yield int(count), paragraph.line, bool(tests)


def cann_release(tables: Sequence[Table], account: Account) -> str:
    """Return the CANN release of the table of versions; empty where there is none."""
    for table in tables:
        for row in table.rows:
            name, version = plain(row.cells[0]).lower() if row.cells else "", plain(" ".join(row.cells[1:2]))
            if name == "cann" and _RELEASE.fullmatch(version):
                account.carry(row.line)
                return version
    return ""
