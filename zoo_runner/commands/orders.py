"""The manifests of one command, each with its options: read and checked before the first of them is run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import UsageError, ZooError, did_you_mean, interrupted
from zoo_runner.options import RunOptions
from zoo_runner.report.files import NAME, keep, remove_report

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zoo_runner.manifest.load import LoadedManifest

OUTPUT: Final = Path("zoo-output")
"""Where reports go that nobody said anything else of."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One manifest to run.

    Attributes:
        path: The manifest, as the user wrote it.
        options: What was asked for; its ``output`` is where this manifest's report goes.
        loaded: The manifest, or ``None`` if it cannot be run.
        error: Why it cannot: its own fault, or a bug in its plugin.
    """

    path: Path
    options: RunOptions
    loaded: LoadedManifest | None = None
    error: Exception | SystemExit | None = None

    @property
    def name(self) -> str:
        """What reports call it."""
        return self.loaded.manifest.name if self.loaded else self.path.stem

    def checked(self) -> LoadedManifest:
        """Return the manifest.

        Raises:
            Exception: It cannot be run.
        """
        if self.error or self.loaded is None:
            raise self.error or UsageError(f"{self.path}: not loaded")
        return self.loaded


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


def take(manifests: Sequence[Path], request: Request) -> tuple[Order, ...]:
    """Read and check every manifest. One that cannot be run is kept with its error.

    Raises:
        UsageError: The options contradict themselves, or two manifests would write to the same folder.
    """
    if request.several and (request.options.results or request.options.om):
        raise UsageError("--results and --om belong to one model: give one manifest")
    orders = tuple(_take(path, request) for path in manifests)
    seen: dict[Path, Order] = {}
    for order in orders:
        if order.loaded and (first := seen.setdefault(order.options.output, order)) is not order:
            msg = (
                f"{first.path} and {order.path} are both named {order.name!r} and would write to "
                f"{order.options.output}: run them one after the other, each with its own --output"
            )
            raise UsageError(msg)
    return orders


def load(path: Path, overrides: tuple[str, ...], commands: Iterable[str]) -> LoadedManifest:
    """Load a manifest, or say that its name is a command's."""
    name, known = str(path), list(commands)
    if name in known and not path.exists():
        raise UsageError(f"{name}: expected a command's options after its name: zoo-run {name} [OPTIONS]")
    if not path.exists() and (hint := did_you_mean(name, known)):
        raise UsageError(f"{name}: neither a manifest file nor a command{hint}")
    from zoo_runner.manifest.load import load as load_manifest  # noqa: PLC0415 - loads pydantic

    return load_manifest(path, overrides)


def _take(path: Path, request: Request) -> Order:
    if request.output and not request.several:
        _make_way(request.options_for(""), dry=request.dry)  # also when the manifest cannot be read
    try:
        loaded = load(path, request.overrides, request.commands)
    except ZooError as error:
        return Order(path=path, options=request.options, error=error)
    options = request.options_for(loaded.manifest.name)
    _make_way(options, dry=request.dry)
    try:
        _check(loaded, options)
    except (Exception, SystemExit) as error:
        if interrupted(error):
            raise
        return Order(path=path, options=options, loaded=loaded, error=error)
    return Order(path=path, options=options, loaded=loaded)


def _check(loaded: LoadedManifest, options: RunOptions) -> None:
    from zoo_runner.recipe import resolve  # noqa: PLC0415 - not needed for --help

    options.check()
    resolve(loaded, options)


def _make_way(options: RunOptions, *, dry: bool) -> None:
    """Remove an old report, so that nobody takes its verdict for this run's; but never what is to be compared with."""
    if dry:
        keep(options.baseline, options.output)
    else:
        remove_report(options.output, options.baseline)
