"""The figures of a recipe's result tables: by chip and batch size, each with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

from zoo_runner.importing.account import Account, quoted
from zoo_runner.importing.columns import (
    Column,
    batch_in,
    columns,
    graphics_card,
    has_results,
    metric_name,
    why_not_gated,
)
from zoo_runner.importing.numbers import RATES, Quantity, batch, plain, quantities, says_nothing
from zoo_runner.manifest.chip_keys import spelled

if TYPE_CHECKING:
    from zoo_runner.importing.blocks import Row, Table

FROM_ABOVE: Final = ("chip", "dataset", "model")
"""Columns in which a cell without content stands for the one above it, as merged cells are written."""

NONE_OF_THEM: Final = "\0"
"""Stands for the model of a table that has several, of which none is meant; no cell has this character."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One published figure.

    Attributes:
        kind: What it is of.
        chip: As npu-smi calls it; empty where the table does not say.
        card: The graphics card, for figures of one.
        batch: The batch size; ``None`` where the table does not say.
        value: It, as it is written.
        unit: ``%``, a rate, or empty where the table does not say.
        metric: As the table calls it; empty where it does not.
        line: Of its row.
        elsewhere: What says that it is not of the recipe's own run; empty for those that are.
    """

    kind: Literal["accuracy", "throughput"]
    chip: str
    card: str
    batch: int | None
    value: Decimal
    unit: str
    metric: str
    line: int
    elsewhere: str = ""


@dataclass(frozen=True, kw_only=True)
class Results:
    """The figures of all result tables, and the data set that they are of."""

    figures: tuple[Figure, ...] = ()
    dataset: str = ""
    dataset_line: int = 0
    rows: tuple[int, ...] = ()


def results(tables: Sequence[Table], model: str, account: Account) -> Results:
    """Read the result tables.

    Args:
        tables: Those of the recipe that :func:`~.columns.has_results` is true of.
        model: What the recipe's commands call the model, for tables with several.
        account: Is told what cannot be read.
    """
    reader = _Reader(model, account)
    for table in tables:
        reader.read(table)
    return Results(
        figures=tuple(reader.figures),
        dataset=reader.dataset,
        dataset_line=reader.dataset_line,
        rows=tuple(reader.rows),
    )


def is_results(table: Table) -> bool:
    """Say whether a table has figures by chip or batch size."""
    return has_results(columns(table))


class _Reader:
    def __init__(self, model: str, account: Account) -> None:
        self._model, self._account = model, account
        self.figures: list[Figure] = []
        self.rows: list[int] = []
        self.dataset, self.dataset_line = "", 0

    def read(self, table: Table) -> None:
        found = columns(table)
        above: dict[int, str] = {}
        only = self._one_model(table, found)
        for row in table.rows:
            cells = dict(enumerate(row.cells[: len(found)]))
            for column in found:
                cell = cells.get(column.place, "")
                if column.kind in FROM_ABOVE and says_nothing(cell):
                    cells[column.place] = above.get(column.place, "")
            above = cells
            self._row(row, found, cells, only)

    def _one_model(self, table: Table, found: Sequence[Column]) -> str:
        """Return which of several models of a table is meant: the one that the commands name."""
        place = next((each.place for each in found if each.kind == "model"), None)
        if place is None:
            return ""
        names = [row.cells[place] for row in table.rows if place < len(row.cells)]
        known = list(dict.fromkeys(name for name in names if not says_nothing(name)))
        if len(known) < len(("one", "another")):
            return ""
        wanted = _bare(self._model)
        chosen = next((name for name in known if _bare(name) == wanted), "")
        if not chosen:
            text = f"results of {len(known)} models, and none is called {quoted(self._model)!r} as in the commands"
            self._account.warn(table.header.line, f"{text}; none of them is carried over")
        return chosen or NONE_OF_THEM

    def _row(self, row: Row, found: Sequence[Column], cells: Mapping[int, str], only: str) -> None:
        shown = f"row {quoted(' | '.join(row.cells))}"
        text = {column.kind: cells.get(column.place, "") for column in reversed(found)}
        if only and text.get("model") != only:
            wanted = quoted(self._model if only == NONE_OF_THEM else only)
            self._account.leave(row.line, f"{shown}: of another model than {wanted}")
            return
        if not self._same_dataset(row, text.get("dataset", ""), shown):
            return
        said_batch = not says_nothing(text.get("batch", ""))
        size = batch(text["batch"]) if said_batch else None
        if size is None and said_batch:
            said = f"expected a batch size, found {quoted(text['batch'])!r}"
            self._account.warn(row.line, f"{shown}: {said}; its figures are left out")
            return
        chip, card = spelled(plain(text.get("chip", ""))).strip(), graphics_card(text.get("chip", ""))
        before = len(self.figures)
        for column in found:
            for figure in self._cell(row, column, cells.get(column.place, ""), shown):
                whole = replace(figure, batch=figure.batch or size, chip=figure.chip or ("" if card else chip))
                self.figures.append(replace(whole, card=figure.card or card))
        if len(self.figures) > before:
            self.rows.append(row.line)
        else:
            self._account.leave(row.line, f"{shown}: has no figures that a manifest can hold a run against")

    def _same_dataset(self, row: Row, name: str, shown: str) -> bool:
        if name and not self.dataset:
            self.dataset, self.dataset_line = name, row.line
        if name and plain(name).lower() != plain(self.dataset).lower():
            self._account.leave(row.line, f"{shown}: of another data set than {quoted(self.dataset)}")
            return False
        return True

    def _gated(self, row: Row, column: Column, cell: str) -> list[Quantity]:
        """Return the numbers of a cell that can be gated, and say why the others cannot."""
        shown = f"{quoted(column.title)} {quoted(cell)}"
        if column.kind == "time":
            self._account.leave(row.line, f"{shown}: a time is not gated, a throughput is")
        if column.why_not:
            self._account.leave(row.line, f"{shown}: {column.why_not}")
        if column.kind not in {"accuracy", "throughput"}:
            return []
        found = []
        for each in quantities(cell):
            if why_not := why_not_gated(each.name):
                self._account.leave(row.line, f"{shown}: {each.value:f}: {why_not}")
            else:
                found.append(each)
        if not found:
            self._account.warn(
                row.line, f"row {quoted(' | '.join(row.cells))}: expected a number, found {quoted(cell)!r}"
            )
        return found

    def _cell(self, row: Row, column: Column, cell: str, shown: str) -> Iterator[Figure]:
        if says_nothing(cell):
            return
        found = self._gated(row, column, cell)
        for place, each in enumerate(found):
            if each.doubt:
                text = f"{shown}: {quoted(cell)} says more than a number ({quoted(each.doubt)!r})"
                self._account.warn(row.line, f"{text}; write it into expected if it is meant")
                continue
            unit = each.unit or column.unit
            if column.kind == "throughput" and unit and unit not in RATES:
                text = f"{quoted(column.title)} {quoted(cell)}: expected images or samples per second"
                self._account.leave(row.line, text)
                continue
            if column.kind == "throughput" and len(found) > 1:
                text = f"{shown}: expected one throughput, found {len(found)} in {quoted(cell)!r}"
                self._account.warn(row.line, text)
                return
            yield self._figure(row, column, each, _name(column, each, place, len(found)))

    def _figure(self, row: Row, column: Column, each: Quantity, metric: str) -> Figure:
        size = column.batch or batch_in(each.name)
        return Figure(
            kind="accuracy" if column.kind == "accuracy" else "throughput",
            chip=spelled(column.chip),
            card=column.card,
            batch=size,
            value=each.value,
            unit=each.unit or column.unit,
            metric=metric if column.kind == "accuracy" else "",
            line=row.line,
            elsewhere=column.title if column.elsewhere else "",
        )


def _bare(name: str) -> str:
    """Return a model's name as people mean it: ResNet-50 and resnet50 are one."""
    return re.sub(r"[\W_]+", "", plain(name).lower())


def _name(column: Column, each: Quantity, place: int, count: int) -> str:
    """Name the metric of one of the numbers of a cell; those of several without names are counted."""
    own = "" if batch_in(each.name) is not None else metric_name(each.name)
    if own:
        return own
    if len(column.metrics) == count:
        return column.metrics[place]
    if count == 1 and column.metrics:
        return "_".join(column.metrics)
    return "" if count == 1 or batch_in(each.name) is not None else f"{place + 1}"
