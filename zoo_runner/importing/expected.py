"""The section ``expected``: published figures by chip and batch size, those that contradict each other left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.importing.account import Account, quoted
from zoo_runner.importing.columns import is_error
from zoo_runner.importing.numbers import OF_SAMPLES, PERCENT
from zoo_runner.manifest.chip_keys import chip_of
from zoo_runner.manifest.direction import Direction

if TYPE_CHECKING:
    from zoo_runner.importing.results import Figure

UNNAMED: Final = "unnamed"
"""Stands for the name of a metric, protocol or unit that a recipe does not name."""
PERCENT_UNIT: Final = "percent"
FRACTION_UNIT: Final = "fraction"
_CHIP: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _+-]{0,39}")
_AS_WRITTEN: Final = {"sentences/s": "sentences/s (such as 句/s)", "frames/s": "frames/s (such as 帧/s)"}
_ALL: Final = {PERCENT_UNIT: Decimal(100), FRACTION_UNIT: Decimal(1)}


@dataclass(kw_only=True)
class Expected:
    """The section, and batch sizes that are timed for it.

    Attributes:
        section: As a manifest has it; empty where nothing is published.
        batches: Batch sizes with a throughput.
        unsaid: Keys with stand-ins, and why.
        notes: Remarks for people, which stand before the section.
    """

    section: dict[str, Any] = field(default_factory=dict)
    batches: list[int] = field(default_factory=list)
    unsaid: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the figures are read beside: where they were published, the CANN release, and which batch sizes there are.

    Attributes:
        recipe: Name of the recipe's file.
        cann: Release of CANN; empty where the recipe names none.
        gears: The batch sizes that the one .om takes; empty where each has its own.
        chip: What the section ``atc`` converts for; empty where that is not said.
        dropped: Chips of other conversions, which the manifest does not have, each with the command's line.
    """

    recipe: str
    cann: str = ""
    gears: tuple[int, ...] = ()
    chip: str = ""
    dropped: Mapping[str, int] = field(default_factory=dict)


def expected(figures: Sequence[Figure], setting: Setting, account: Account) -> Expected:
    """Make the section of the figures of all tables."""
    made = Expected()
    here = [each for each in figures if not each.elsewhere and not each.card and _has_chip(each, account)]
    own = [each for each in here if _of_this_conversion(each, setting, account)]
    accuracies = [each for each in own if each.kind == "accuracy"]
    rates = [each for each in own if each.kind == "throughput"]
    chips: dict[str, dict[str, Any]] = {}
    _accuracies(accuracies, chips, setting, made, account)
    _throughputs(rates, chips, setting, made, account)
    for chip, table in chips.items():
        if setting.cann:
            table["cann"] = setting.cann
        table["published"] = _published(setting.recipe, [each.line for each in own if _key(each, chips) == chip])
    if chips:
        made.section["chips"] = chips
    _references([each for each in figures if each.elsewhere or each.card], setting, made, account)
    return made


def _has_chip(figure: Figure, account: Account) -> bool:
    if not figure.chip and figure.kind == "accuracy":
        return True
    if _CHIP.fullmatch(figure.chip):
        return True
    found = f"found {quoted(figure.chip)!r}" if figure.chip else "the table names none"
    account.warn(figure.line, f"{figure.kind} {figure.value}: expected the name of a chip, {found}; left out")
    return False


def _key(figure: Figure, chips: Iterable[str]) -> str:
    """Return the key of a figure's chip: two names of one chip share one."""
    return next((each for each in chips if chip_of(each) == chip_of(figure.chip)), figure.chip)


def _of_this_conversion(figure: Figure, setting: Setting, account: Account) -> bool:
    """Say whether a figure is of the command that the manifest has, as far as its chip tells."""
    line = setting.dropped.get(chip_of(figure.chip)) if figure.chip else None
    if line is None:
        return True
    text = f"{figure.kind} {figure.value:f} on {figure.chip}"
    account.leave(figure.line, f"{text}: of the atc command of line {line}, which the manifest does not have")
    return False


def _published(recipe: str, lines: Iterable[int]) -> str:
    """Name the lines of some figures, and no others."""
    ranges: list[list[int]] = []
    for line in sorted(set(lines)):
        if ranges and line == ranges[-1][-1] + 1:
            ranges[-1].append(line)
        else:
            ranges.append([line])
    texts = [str(each[0]) if len(each) == 1 else f"{each[0]} to {each[-1]}" for each in ranges]
    return f"{recipe}, line{'' if len(ranges) == len(ranges[0]) == 1 else 's'} {', '.join(texts)}"


def _agreed(figures: Sequence[Figure], account: Account) -> list[Figure]:
    """Return one figure for each chip and batch size; where two differ, none: which of them is right is not known."""
    by_place: dict[tuple[str, int | None], list[Figure]] = {}
    for each in figures:
        by_place.setdefault((chip_of(each.chip), each.batch), []).append(each)
    kept = []
    for (chip, batch), several in by_place.items():
        if len({each.value for each in several}) == 1:
            kept.append(several[0])
            continue
        first, other = several[0], next(each for each in several if each.value != several[0].value)
        of = f"{chip or 'a chip that is not named'}, batch {batch or 'not said'}"
        text = f"{other.kind} {other.value:f} for {of}, and line {first.line} has {first.value:f}"
        account.warn(other.line, f"{text}; neither is carried over, as nothing says which is right")
    return kept


def _accuracies(
    figures: Sequence[Figure], chips: dict[str, Any], setting: Setting, made: Expected, account: Account
) -> None:
    by_metric: dict[str, list[Figure]] = {}
    for each in figures:
        by_metric.setdefault(each.metric, []).append(each)
    tables = {}
    everyone = {chip_of(each.chip): each.chip for each in figures if each.chip}
    for metric, several in by_metric.items():
        unit, read = _in_one_unit(several, account)
        possible = [each for each in _agreed(read, account) if _possible(each, unit, account)]
        if possible:
            tables[metric] = (unit, any(each.unit for each in several), possible)
    lines = {metric: _line(metric, alone=len(tables) == 1) for metric in tables}
    accuracy: dict[str, Any] = {}
    for metric, (unit, said, several) in tables.items():
        value, why = _whole(several, setting.chip, everyone)
        published = _published(setting.recipe, [value.line])
        direction = {"direction": str(Direction.AT_MOST)} if is_error(metric) else {}
        entry = {"unit": unit, "value": _number(value.value), **direction, "published": published}
        where = f"accuracy.{lines[metric]}" if len(tables) > 1 else "accuracy"
        accuracy |= _entry(metric, entry, lines[metric], where, made, several=len(tables) > 1)
        if why:
            made.unsaid[f"{where}.value"] = why
        if not said:
            made.unsaid[f"{where}.unit"] = "no cell and no column says %, or another unit"
        _of_chips(several, None if why else value.value, lines[metric] if len(tables) > 1 else "", chips, account)
        if not why:
            made.notes.append(_where_from(metric, value, several))
    if accuracy:
        made.section["accuracy"] = accuracy
    else:
        made.unsaid["accuracy"] = "no accuracy could be read, and without one a run would be judged by its speed alone"


def _entry(
    metric: str, entry: dict[str, Any], line: str, where: str, made: Expected, *, several: bool
) -> dict[str, Any]:
    why = "the recipe does not say how the figure is computed"
    if several:
        made.unsaid[where] = f"{why}: write METRIC/PROTOCOL as the plugin calls it, here and in expected.chips"
        return {line: entry}
    name, _, protocol = line.partition("/")
    if not metric:
        made.unsaid[f"{where}.metric"] = "the table names no metric"
    made.unsaid[f"{where}.protocol"] = why
    return {"metric": name, "protocol": protocol, **entry}


def _where_from(metric: str, value: Figure, several: Sequence[Figure]) -> str:
    others = len({each.value for each in several}) - 1
    more = f"; {others} other values stand below their chips" if others else ""
    return f"{metric or 'accuracy'}: the value is that of line {value.line}{more}. The recipe names no tolerance."


def _line(metric: str, *, alone: bool) -> str:
    name = metric or UNNAMED
    return f"{name if alone or not name.isdecimal() else f'{UNNAMED}_{name}'}/{UNNAMED}"


def _in_one_unit(figures: Sequence[Figure], account: Account) -> tuple[str, list[Figure]]:
    """Return the unit of the figures of one metric, and the figures in it."""
    if any(each.unit == PERCENT for each in figures):
        read = []
        for each in figures:
            if each.unit == PERCENT or each.value > 1:
                read.append(each)
                continue
            text = f"accuracy {each.value:f}: expected %, as other rows have; read as {each.value * 100:f} %"
            account.warn(each.line, text)
            read.append(replace(each, value=each.value * 100))
        return PERCENT_UNIT, read
    units = {each.unit for each in figures}
    if len(units) == 1 and units != {""}:
        return units.pop(), list(figures)
    if all(0 <= each.value <= 1 for each in figures):
        return FRACTION_UNIT, list(figures)
    in_hundred = all(0 <= each.value <= _ALL[PERCENT_UNIT] for each in figures)
    if not in_hundred:
        return UNNAMED, list(figures)
    for each in figures:
        if each.value <= 1:
            text = f"accuracy {each.value:f}: other rows have more than 1, and no row says %; left out"
            account.warn(each.line, text)
    return PERCENT_UNIT, [each for each in figures if each.value > 1]


def _possible(figure: Figure, unit: str, account: Account) -> bool:
    """Say whether a manifest takes a figure without a confirmation that it is no slip of the pen."""
    most = _ALL.get(unit)
    least = 1 if unit == PERCENT_UNIT else 0
    if least < figure.value and (most is None or figure.value <= most):
        return True
    text = f"accuracy {figure.value:f} in {unit}: looks like a slip of the pen"
    account.warn(figure.line, f"{text}; if it is meant, write it into expected with a reason in confirm")
    return False


def _whole(figures: Sequence[Figure], chip: str, everyone: Mapping[str, str]) -> tuple[Figure, str]:
    """Choose the accuracy of the whole manifest: of the chip that is converted for, or of rows without a chip.

    Args:
        figures: Those of one metric.
        chip: What is converted for; empty where that is not said.
        everyone: All chips that an accuracy is published for, of this metric or another.

    Returns:
        The figure, and why it can be a stand-in only: the rows are of other chips, whose accuracy is another one.
    """
    named = {chip_of(each.chip): each.chip for each in figures if each.chip}
    wanted = chip_of(chip) if chip else ""
    own = [each for each in figures if not each.chip or chip_of(each.chip) == wanted]
    if own:
        return _most_common(own), ""
    shown = ", ".join(named.values())
    if wanted:
        return figures[0], f"the table has {shown}, and the atc command converts for {chip}"
    if len(named) > 1 and len({each.value for each in figures}) > 1:
        return figures[0], f"the accuracies of {shown} differ, and no atc command says which chip is meant"
    lacking = ", ".join(name for each, name in everyone.items() if each not in named)
    if lacking:
        return figures[0], f"it is published for {shown} and not for {lacking}, and no atc command says which is meant"
    return _most_common(figures), ""


def _most_common(figures: Sequence[Figure]) -> Figure:
    counts = Counter(each.value for each in figures)
    most = max(counts.values())
    return next(each for each in figures if counts[each.value] == most)


def _of_chips(
    figures: Sequence[Figure], value: Decimal | None, line: str, chips: dict[str, Any], account: Account
) -> None:
    """Write the figures that differ from the whole's below their chips."""
    for each in figures:
        if each.value == value:
            continue
        if each.batch is None or not each.chip:
            lacking = "batch size" if each.chip else "chip"
            another = "another row has another one" if value is None else f"another row has {value:f}"
            account.leave(each.line, f"accuracy {each.value:f}: {another}, and this one names no {lacking}")
            continue
        table = chips.setdefault(_key(each, chips), {}).setdefault("accuracy", {})
        (table.setdefault(line, {}) if line else table)[each.batch] = _number(each.value)


def _throughputs(
    figures: Sequence[Figure], chips: dict[str, Any], setting: Setting, made: Expected, account: Account
) -> None:
    units: dict[str, set[str]] = {}
    for each in _agreed(figures, account):
        if each.batch is None:
            text = f"throughput {each.value:f} of {quoted(each.chip)}: the table does not say at which batch size"
            account.leave(each.line, text)
        elif setting.gears and each.batch not in setting.gears:
            sizes = ", ".join(map(str, setting.gears))
            text = f"throughput {each.value:f} for batch {each.batch}: the .om takes only {sizes}; left out"
            account.warn(each.line, text)
        elif each.value <= 0:
            account.warn(each.line, f"throughput {each.value:f}: expected more than 0; left out")
        else:
            chip = _key(each, chips)
            chips.setdefault(chip, {}).setdefault("throughput", {})[each.batch] = _number(each.value)
            made.batches.append(each.batch)
            units.setdefault(chip, set()).add(each.unit)
    for chip, table in chips.items():
        if chip in units and not units[chip] <= {*OF_SAMPLES}:
            table["unit"] = "images/s"
            made.unsaid[f"chips.{chip}.unit"] = _no_unit(units[chip])


def _no_unit(found: set[str]) -> str:
    """Say why nobody knows what the rates of a chip count."""
    said = ", ".join(_AS_WRITTEN.get(each, each) for each in sorted(found - {""}))
    if not said:
        return "no cell and no column says that images or samples are counted"
    return f"expected images or samples per second, found {said}{' and figures without a unit' if '' in found else ''}"


def _references(figures: Sequence[Figure], setting: Setting, made: Expected, account: Account) -> None:
    """Write figures of graphics cards, which are shown and never gated."""
    by_card: dict[str, dict[int, Decimal]] = {}
    lines: dict[str, list[int]] = {}
    for each in figures:
        of = each.card or each.elsewhere
        if each.kind == "throughput" and each.card and each.batch and each.value > 0:
            by_card.setdefault(each.card, {}).setdefault(each.batch, each.value)
            lines.setdefault(each.card, []).append(each.line)
        else:
            account.leave(each.line, f"{each.kind} {each.value:f} of {quoted(of)}: not of the recipe's own run")
    made_list = [
        {
            "name": card,
            "throughput": {b: _number(v) for b, v in table.items()},
            "published": _published(setting.recipe, lines[card]),
        }
        for card, table in by_card.items()
    ]
    if made_list:
        made.section["reference"] = made_list


def _number(value: Decimal) -> float | int:
    """Return a figure as YAML writes it."""
    whole = int(value)
    return whole if whole == value else float(value)


def batch_sizes(*several: Iterable[int]) -> Iterator[int]:
    """Yield batch sizes, each once, in order."""
    yield from sorted({size for sizes in several for size in sizes})
