"""The manifests of one command, each with its options: read and checked before the first of them is run."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import UsageError, ZooError, did_you_mean, interrupted, shortened
from zoo_runner.job.options import RunOptions
from zoo_runner.output.folder import claimed, clear_default_folders, require_baseline_elsewhere
from zoo_runner.output.names import NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import ExitStack

    from zoo_runner.job.recipe import Recipe
    from zoo_runner.manifest.load import LoadedManifest

STANDARD_INPUT: Final = Path("-")
OUTPUT: Final = Path("zoo-output")
"""Where reports go that nobody said anything else of."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One manifest to run.

    Attributes:
        path: The manifest, as the user wrote it.
        options: What was asked for; its ``output`` is where this manifest's report goes.
        recipe: The manifest in effect, checked and joined with its plugin; ``None`` if it cannot be run.
        error: Why it cannot: its own fault, or a bug in its plugin.
        name: What reports call it.
        digest: Of the manifest, where it could be read.
        notes: What to warn the user of before it is run.
    """

    path: Path
    options: RunOptions
    name: str
    digest: str = ""
    recipe: Recipe | None = None
    error: Exception | SystemExit | None = None
    notes: tuple[str, ...] = ()

    def checked(self) -> Recipe:
        """Return the recipe.

        Raises:
            Exception: It cannot be run.
        """
        if self.error or self.recipe is None:
            raise self.error or UsageError(f"{self.path}: not checked")
        return self.recipe


@dataclass(frozen=True, kw_only=True)
class Request:
    """What one command asks of all its manifests.

    Attributes:
        options: For all of them; where each writes to follows from ``output``.
        output: Folder that was given, if any.
        overrides: ``KEY=VALUE`` texts.
        several: Whether there is more than one manifest.
        dry: Whether nothing may be touched.
        commands: The names of commands, which are easily taken for manifests and the other way round.
    """

    options: RunOptions
    output: Path | None
    overrides: tuple[str, ...]
    several: bool
    dry: bool
    commands: tuple[str, ...]

    def options_for(self, name: str) -> RunOptions:
        """Return the options for a manifest: of several, each has folders of its own below those given."""
        output, baseline = self.output, self.options.baseline
        if output is None or self.several:
            output = (output or OUTPUT) / name
        if self.several and baseline and baseline.is_dir() and not (baseline / NAME).exists():
            baseline /= name
        return replace(self.options, output=output, baseline=baseline)


def prepare_orders(manifests: Sequence[Path], request: Request, held: ExitStack) -> tuple[Order, ...]:
    """Read and check every manifest. One that cannot be run is kept with its error.

    Args:
        manifests: As the user wrote them.
        request: What is asked of them.
        held: Gets the output folders, which are held against other runs until it is closed.

    Raises:
        UsageError: The options contradict themselves, or two manifests would write to the same folder.
    """
    if request.several and (request.options.results or request.options.om):
        raise UsageError("--results and --om belong to one model: give one manifest")
    orders = _held_back(tuple(_prepare_order(path, request, held) for path in manifests))
    seen: dict[Path, Order] = {}
    for order in orders:
        if order.digest and (first := seen.setdefault(order.options.output, order)) is not order:
            msg = (
                f"{first.path} and {order.path} are both named {order.name!r} and would write to "
                f"{order.options.output}: run them one after the other, each with its own --output"
            )
            raise UsageError(msg)
    return orders


def _held_back(orders: tuple[Order, ...]) -> tuple[Order, ...]:
    """Run none if a word is no file: it may be a misspelt command, and then nobody asked for a run of the others."""
    lost = next((order.path for order in orders if order.error and not _is_there(order.path)), None)
    if lost is None:
        return orders
    error = UsageError(f"not run, because {shortened(str(lost))} is no file")
    return tuple(order if order.error else replace(order, error=error) for order in orders)


def _is_there(path: Path) -> bool:
    return path == STANDARD_INPUT or os.path.exists(path)  # noqa: PTH110 - Path.exists raises what a name can be too long for


def load(path: Path, overrides: tuple[str, ...], commands: Iterable[str]) -> LoadedManifest:
    """Load a manifest, or say that its name is a command's."""
    name, known = str(path), list(commands)
    absent = not _is_there(path)
    if name in known and absent:
        raise UsageError(f"{name}: expected a command's options after its name: zoo-run {name} [OPTIONS]")
    if absent and (hint := did_you_mean(name, known)):
        raise UsageError(f"{name}: neither a manifest file nor a command{hint}")
    from zoo_runner.manifest.load import load as load_manifest  # noqa: PLC0415 - loads pydantic

    return load_manifest(path, overrides)


def clear_reports(manifests: Sequence[Path], output: Path | None, baseline: Path | None) -> None:
    """Leave no old report where a command is refused before its manifests are read."""
    if output is not None and len(manifests) <= 1:
        with suppress(ZooError), claimed(output, baseline=baseline):  # what is reported is why it is refused
            pass
        return
    for path in manifests:
        clear_default_folders(path, output or OUTPUT)


def _prepare_order(path: Path, request: Request, held: ExitStack) -> Order:
    unread = Order(path=path, options=request.options, name=path.stem)
    notes: tuple[str, ...] = ()
    try:
        if request.output and not request.several:
            notes = _claim(request.options_for(""), held, dry=request.dry)  # also when the manifest cannot be read
        loaded = load(path, request.overrides, request.commands)
    except ZooError as error:
        if not request.dry and (request.output is None or request.several):
            clear_default_folders(path, request.output or OUTPUT)
        return replace(unread, error=error)
    options = request.options_for(loaded.manifest.name)
    order = Order(path=path, options=options, name=loaded.manifest.name, digest=loaded.digest)
    try:
        notes = (*notes, *_claim(options, held, dry=request.dry))
        return replace(order, notes=notes, recipe=_resolved(loaded, options))
    except (Exception, SystemExit) as error:
        if interrupted(error):
            raise
        return replace(order, error=error)


def _resolved(loaded: LoadedManifest, options: RunOptions) -> Recipe:
    from zoo_runner.job.recipe import resolve  # noqa: PLC0415 - not needed for --help

    return resolve(loaded, options)


def _claim(options: RunOptions, held: ExitStack, *, dry: bool) -> tuple[str, ...]:
    """Hold the output folder, and leave no old report there that somebody takes for this run's."""
    if dry:
        require_baseline_elsewhere(options.baseline, options.output)
        return ()
    return held.enter_context(claimed(options.output, options.leaves, options.baseline))
