"""From the parts of a recipe to the sections of a manifest that says the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.errors import UsageError
from zoo_runner.importing import atc, links, prose, reasons, results, tensors
from zoo_runner.importing.account import Account, quoted
from zoo_runner.importing.bench import Bench, bench
from zoo_runner.importing.blocks import Document, document
from zoo_runner.importing.commands import Script, script
from zoo_runner.importing.expected import UNNAMED, Expected, Setting, expected
from zoo_runner.importing.single_model import Single, single_model

if TYPE_CHECKING:
    from zoo_runner.importing.reading import Recipe

MOST_COMMANDS: Final = 2000
"""A recipe has some 30."""
_LONGEST_WORDS: Final = 120


@dataclass(kw_only=True)
class Assembled:
    """A manifest before it is written.

    Attributes:
        sections: As a manifest has them, in order.
        notes: Lines of comment before a section, by its key.
        account: What became of everything in the recipe, and which keys are stand-ins.
    """

    sections: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    account: Account = field(default_factory=Account)


def assemble(recipe: Recipe, path: Path, name: str, plugin: str | None) -> Assembled:
    """Read a recipe.

    Args:
        recipe: Its text.
        path: Its file, for errors.
        name: Of the manifest.
        plugin: Name of the plugin; ``None`` where nobody said it yet.

    Raises:
        UsageError: It has no ``atc`` command and no script that may have it, too many commands, or a block of code
            without an end.
    """
    return _Assembly(recipe, path, name, plugin).made


class _Assembly:
    """Fills in a manifest section by section, in the order in which they are written."""

    def __init__(self, recipe: Recipe, path: Path, name: str, plugin: str | None) -> None:
        self.made = Assembled()
        self._account = self.made.account
        self._recipe, self._document = recipe, document(recipe)
        self._weights_line = 0
        self._script = _commands(self._document, path)
        self._converted = _conversions(self._script, path, self._account)
        self._results = self._read_results(name)
        self._tables = [tensors.tensor_table(each, self._account) for each in self._document.tables]
        self._bench = bench(self._script, self._account)
        self._head(name, plugin)
        self._network()
        self._account_for_the_rest()

    def _put(self, key: str, value: Any, *notes: str) -> None:
        self.made.sections[key] = value
        self.made.notes.setdefault(key, []).extend(notes)

    def _stand_ins(self, prefix: str, unsaid: dict[str, str]) -> None:
        for key, why in unsaid.items():
            self._account.stand_in(f"{prefix}.{key}" if key else prefix, why)

    def _read_results(self, name: str) -> results.Results:
        tables = [each for each in self._document.tables if results.is_results(each)]
        named = self._script.variables.values.get("model_name", [])
        model = named[0] if named else next((each.model for each in self._converted), name)
        found = results.results(tables, model, self._account)
        for line in found.rows:
            self._account.carry(line)
        return found

    def _head(self, name: str, plugin: str | None) -> None:
        self._put("name", name)
        if title := quoted(self._document.title)[:_LONGEST_WORDS]:
            self._put("description", title)
        self._put("plugin", {"name": plugin or name})
        if plugin is None:
            self._account.stand_in("plugin.name", "a recipe names no plugin")
        self._put("imported", {"file": self._recipe.name, "sha256": self._recipe.sha256})
        self._links()
        self._dataset()

    def _links(self) -> None:
        found = links.links(self._recipe, self._document)
        source = links.source(self._script, self._document.paragraphs, self._account)
        url, line = links.weights(found, self._script, self._account)
        if source is not None:
            commit = {"commit": source.commit} if source.commit else {}
            values = self._script.variables.values
            note = "; ".join(
                f"{each}: {quoted(values[each][0])}" for each in ("code_path", "model_name") if values.get(each)
            )
            self._put(
                "source", {"url": source.url, **commit, **({"note": note} if note else {})}, f"line {source.line}"
            )
            if not commit:
                self.made.notes["source"].append("source.commit: the recipe does not say which state it follows")
        if url:
            self._weights_line = line
            self._put("weights", {"url": url}, f"line {line}; the recipe has no hash of the file")
        links.account_links(found, source, url, self._account)

    def _dataset(self) -> None:
        count, where = prose.samples(self._document.paragraphs)
        name = quoted(self._results.dataset)
        notes = [f"name: line {self._results.dataset_line}"] if name else []
        self._put("dataset", {"name": name or UNNAMED, "samples": count or 1}, *notes)
        if not name:
            self._account.stand_in("dataset.name", "no table of results names it")
        if count is None:
            self._account.stand_in("dataset.samples", where)
        else:
            self.made.notes["dataset"].append(f"samples: {where}")

    def _listed(self, kind: str) -> Sequence[tensors.Listed]:
        listed = next((rows for found, rows in self._tables if found == kind), ())
        for each in listed:
            self._account.carry(each.line)
        return listed

    def _network(self) -> None:
        several = len(self._converted) > 1
        single = single_model(
            self._converted[0] if self._converted and not several else None,
            self._listed("inputs"),
            self._listed("outputs"),
            self._account,
        )
        self._put("inputs", single.inputs.entries)
        self._put("outputs", single.outputs.entries)
        self._stand_ins("inputs", single.inputs.unsaid)
        self._stand_ins("outputs", single.outputs.unsaid)
        if several:
            self._several()
        else:
            self._put("onnx", self._onnx(whole=not single.batched))
            if single.atc:
                self._put("atc", single.atc, f"line {self._converted[0].command.line}")
            self._stand_ins("atc", single.unsaid)
        self._figures(single)

    def _several(self) -> None:
        models: dict[str, Any] = {}
        for place, conversion in enumerate(self._converted):
            name = re.sub(r"[^a-z0-9_-]+", "-", conversion.model)[:40].strip("-_") or f"model{place + 1}"
            name = name if name not in models else f"{name}-{place + 1}"
            each = single_model(conversion, (), (), self._account, among=True)
            own = {"atc": each.atc} if each.atc else {}
            models[name] = {"inputs": each.inputs.entries, "outputs": each.outputs.entries, "onnx": self._onnx(), **own}
            self._stand_ins(f"models.{name}.inputs", each.inputs.unsaid)
            self._stand_ins(f"models.{name}.outputs", each.outputs.unsaid)
            self._stand_ins(f"models.{name}.atc", each.unsaid)
        lines = ", ".join(str(each.command.line) for each in self._converted)
        note = f"several networks, by the atc commands of the lines {lines}. The plugin has to drive them (zoo_driver);"
        self._put("models", models, f"{note} inputs and outputs above are those of the whole.")
        if weights := self.made.sections.pop("weights", None):
            del self.made.notes["weights"]
            text = f"weights {links.shown(weights['url'])}: of which of the models is not said"
            self._account.leave(self._weights_line, text)

    def _onnx(self, *, whole: bool = False) -> dict[str, Any]:
        simplified = [each for each in self._script.commands if reasons.simplifies(each)]
        for each in simplified:
            self._account.take(each)
        sizes = [(each, size) for each in self._script.commands if (size := reasons.opset_of(each)) is not None]
        opset = next((size for _, size in sizes if size >= 11), None)  # noqa: PLR2004 - the least that a manifest takes
        for command, size in sizes:
            if size != opset:
                self._account.leave(command.line, f"opset {size}: a manifest takes 11 and more, and one for a network")
        return {
            **({"opset": opset} if opset else {}),
            "simplify": bool(simplified),
            **({"dynamic_batch": False} if whole else {}),
        }

    def _figures(self, single: Single) -> None:
        gears = tuple(single.gears) if single.batched else (1,)
        cann = prose.cann_release(self._document.tables, self._account)
        first = self._converted[0] if self._converted else None
        setting = Setting(
            recipe=self._recipe.name,
            cann=cann,
            gears=gears,
            chip=str(single.atc.get("soc_version", "")),
            dropped=dict(first.dropped) if first else {},
        )
        found = expected(self._results.figures, setting, self._account)
        self._speed(found, self._bench, gears)
        if found.section:  # without figures a run is inconclusive anyway
            self._put("expected", found.section, *found.notes)
            self._stand_ins("expected", found.unsaid)
        else:
            self.made.notes["expected"] = ["The recipe has no figures that a manifest can hold a run against."]

    def _speed(self, found: Expected, said: Bench, gears: Sequence[int]) -> None:
        batch = said.over_data if not gears or said.over_data in gears else gears[0]
        batch = gears[0] if batch is None and gears and 1 not in gears else batch
        if batch is not None:
            self._put("infer", {"batch": batch})
        sizes = sorted({*found.batches}) or [each for each in said.batches if not gears or each in gears]
        sizes = sizes or ([gears[0]] if gears else [])
        timing: dict[str, Any] = {"batch": sizes} if sizes else {}
        if said.loop:
            timing["loop"] = said.loop
        if said.warmup:
            timing["warmup"] = said.warmup
        if timing:
            self._put("benchmark", timing, *([f"loop: line {said.line}"] if said.loop else []))

    def _account_for_the_rest(self) -> None:
        account = self._account
        known = {each.line for each in account.remarks} | account.carried
        for command in self._script.commands:
            if (command.line, command.text) not in account.taken:
                account.leave(command.line, f"command {quoted(command.text)}: {reasons.reason(command)}")
        for table in self._document.tables:
            for row in table.rows:
                if row.line not in known:
                    account.leave(row.line, f"row {quoted(' | '.join(row.cells))}: of a table that is not read")
            self._headless(table)
        for paragraph in self._document.paragraphs:
            if re.match(r"\s*\|.*\|.*\|\s*$", paragraph.text):
                text = f"row {quoted(paragraph.text)}: of a table without header (no |---|---| below names)"
                account.warn(paragraph.line, f"{text}; not read")

    def _headless(self, table: Any) -> None:
        cells = table.header.cells
        if any(re.fullmatch(r"[0-9.,]+\s*(?:%|fps)?", cell) for cell in cells) and not results.is_results(table):
            text = (
                f"row {quoted(' | '.join(cells))}: expected the names of columns, found figures; the table is not read"
            )
            self._account.warn(table.header.line, text)


def _commands(document: Document, path: Path) -> Script:
    found = script(document)
    if len(found.commands) > MOST_COMMANDS:
        raise UsageError(
            f"{path}: expected a recipe with at most {MOST_COMMANDS} commands, found {len(found.commands)}"
        )
    return found


def _conversions(found: Script, path: Path, account: Account) -> list[atc.Conversion]:
    """Read the ``atc`` commands.

    Raises:
        UsageError: There is none, and no script that may have it.
    """
    made = atc.conversions(found, account)
    scripts = atc.wrappers(found)
    if not made and not scripts:
        text = (
            f"expected a recipe with an atc command in a block of code, found none among {len(found.commands)} commands"
        )
        raise UsageError(f"{path}: {text}; zoo-run import reads recipes of the Ascend model zoo")
    if not made:
        text = f"command {quoted(scripts[0].text)}: the recipe shows no atc command, which is probably in this script"
        account.take(scripts[0])
        account.warn(scripts[0].line, f"{text}; the section atc is still to be written")
    return made
