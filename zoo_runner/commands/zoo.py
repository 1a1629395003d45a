"""``zoo-run zoo``: all models of a folder, their last verdicts, and runs of those that changed since."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from zoo_runner.commands.failure import failed, worst
from zoo_runner.commands.run import FOLDER, run
from zoo_runner.errors import StageError, ZooError
from zoo_runner.job.options import RunOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from zoo_runner.history.ledger import Entry
    from zoo_runner.zoo.folder import Found
    from zoo_runner.zoo.models import Model

OF_RUNS: Final = (
    *("backend", "subset", "devices", "soc", "downloads", "accuracy_only", "trust_unwatched", "trust_code"),
    *("require_hash", "language", "quiet"),
)
"""Options of a run that count for each of the models."""
FILES: Final = ("html", "markdown", "json_")
"""Options that name a file to write."""
NOT_OPTIONS: Final = {"language", "quiet"}


@click.command(params=[each for each in run.params if each.name in OF_RUNS])
@click.argument("folder", metavar="FOLDER", type=FOLDER)
@click.option("--changed", is_flag=True, help="Run the models whose inputs changed since their last verdict.")
@click.option("--html", metavar="FILE", type=FOLDER, help="Write the overview as a page.")
@click.option("--markdown", metavar="FILE", type=FOLDER, help="Write the overview as Markdown.")
@click.option("--json", "json_", metavar="FILE", type=FOLDER, help="Write the overview as JSON, for programs.")
@click.option(
    "--output", metavar="FOLDER", type=FOLDER, help="Where runs write to, each below it. Default: zoo-output."
)
def zoo(folder: Path, output: Path | None, **given: Any) -> int:
    """Show the models of FOLDER, and of the folders below it, each with its last verdict.

    Every manifest is checked. A verdict counts if it is of the manifest as it is now, as a whole, on this backend and
    chip, and if nothing that it depends on has changed since. With --changed, the other models are run.
    The exit code is the worst of all models: 1 (a gate failed) before 2, 3 and 4; a model without a verdict that
    counts has 4.
    """
    from zoo_runner.commands.orders import OUTPUT  # noqa: PLC0415 - not needed for --help
    from zoo_runner.zoo import overview as shown  # noqa: PLC0415 - loads rich
    from zoo_runner.zoo.document import document  # noqa: PLC0415 - loads rich
    from zoo_runner.zoo.folder import find  # noqa: PLC0415 - loads pydantic

    output = output or OUTPUT
    html, markdown, json = (given[name] for name in FILES)
    for each in filter(None, (html, markdown, json)):
        shown.free(each)
    found = find(folder, output)
    models = _looked(found, given, output)
    if given["changed"]:
        models = list(_run(models, given, output))
    codes = [each.code for each in models] + [error.exit_code for _, error in found.errors]
    overview = shown.Overview(
        folder=str(folder),
        models=models,
        others=[f"{path}: {why}" for path, why in found.others],
        errors=[str(error) for _, error in found.errors],
        code=worst(codes),
        now=datetime.now(tz=timezone.utc),
        subset=given["subset"],
    )
    shown.show(overview)
    if html is not None:
        shown.write(html, shown.page(overview, html.parent, given["language"]))
    if markdown is not None:
        shown.write(markdown, shown.markdown(overview, given["language"]))
    if json is not None:
        shown.write(json, document(overview))
    return overview.code


def _looked(found: Found, given: Mapping[str, Any], output: Path) -> list[Model]:
    """Return what is known of each model, and say what is wrong or no model."""
    from zoo_runner.store.store import Store, default_root  # noqa: PLC0415 - not needed for --help
    from zoo_runner.terminal.console import Detail  # noqa: PLC0415 - loads rich
    from zoo_runner.terminal.progress import Terminal  # noqa: PLC0415 - loads rich
    from zoo_runner.zoo.models import look, namesakes  # noqa: PLC0415 - loads numpy

    for path, why in found.others:
        click.echo(f"not a model: {path}: {why}", err=True)
    for path, error in found.errors:
        failed(error, str(path))
    store, progress = Store(default_root()), Terminal(Detail.QUIET)
    options = RunOptions(output=output, **_options(given))
    last, now = _History(store.root), datetime.now(tz=timezone.utc)
    models = namesakes(
        [look(path, options, store=store, progress=progress, last=last, now=now) for path in found.manifests]
    )
    for each in models:
        if each.error:
            failed(StageError(each.error), str(each.path))
    return list(models)


class _History:
    """The last runs by name; of a ledger that cannot be read none, which is said once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._damaged = False

    def __call__(self, name: str, count: int) -> Sequence[Entry]:
        from zoo_runner.history.ledger import LEDGER, Ledger  # noqa: PLC0415 - loads pydantic

        try:
            return Ledger(self._root / LEDGER).last(name, count)
        except ZooError as error:
            if not self._damaged:
                click.echo(f"warning: no verdict is known, because the history cannot be read: {error}", err=True)
            self._damaged = True
            return ()


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in OF_RUNS if name not in NOT_OPTIONS}


def _run(models: Sequence[Model], given: Mapping[str, Any], output: Path) -> Iterator[Model]:
    """Run the models that changed, one after the other; what ends one of them does not keep the others from it."""
    from zoo_runner.zoo.runs import run_model  # noqa: PLC0415 - not needed for --help

    changed = [each for each in models if each.changes and not each.error]
    for each in models:
        if each not in changed:
            yield each
            continue
        click.echo(f"{each.name}: {changed.index(each) + 1} of {len(changed)}: {each.changes[0]}", err=True)
        done = run_model(each, _words(given), output / each.name)
        if done.error:
            failed(StageError(done.error), str(each.path))
        yield done


def _words(given: Mapping[str, Any]) -> list[str]:
    """Return the options of each run, as a command line has them."""
    words: list[str] = []
    for each in run.params:
        value = given.get(each.name or "") if each.name in OF_RUNS else None
        if isinstance(each, click.Option) and value not in (None, False):
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words += [each.opts[0]] if each.is_flag else [each.opts[0], text]
    return words
