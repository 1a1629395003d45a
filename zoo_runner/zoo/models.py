"""What is known of each model of a zoo: whether its manifest is valid, its last verdict, and what changed since."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import ExitCode, UsageError, ZooError, interrupted, shortened
from zoo_runner.job.job import Job
from zoo_runner.job.journal import Journal
from zoo_runner.job.recipe import choose_backend, on_backend, resolve
from zoo_runner.manifest.load import load
from zoo_runner.plugin import loading as plugins
from zoo_runner.plugin.interfaces import STAND_IN
from zoo_runner.redaction import clean
from zoo_runner.report.model import EXIT_CODES, Verdict
from zoo_runner.stages.fetch.locate import find_data, read_samples
from zoo_runner.stages.fetch.trust import in_use
from zoo_runner.stages.gate import basis
from zoo_runner.zoo.expected import expected_figures

if TYPE_CHECKING:
    from zoo_runner.history.ledger import Entry
    from zoo_runner.job.options import RunOptions
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import Progress
    from zoo_runner.store.store import Store

LOOK_BACK: Final = 200
"""Runs of a manifest among which its last verdict is looked for."""
DECIDED: Final = (Verdict.PASS, Verdict.FAIL)
"""Verdicts that hold as long as nothing changes. The others say that a run could not decide."""
CLOCKS: Final = timedelta(minutes=2)
"""How far ahead a run may have begun: clocks are corrected now and then."""
HASHED: Final = (basis.FILES, basis.DATA)
NEVER: Final = "there is no verdict on it yet"
NOT_KEPT: Final = "its last run did not keep what its verdict depends on; runs with --keep-inputs do"


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model of a zoo.

    Attributes:
        path: Its manifest.
        name: What reports call it.
        digest: Of the manifest; empty where it is not valid.
        task: What it does, in its plugin's words.
        expected: The figures to reach here, a text each.
        verdict: The last one on this manifest, these options and this place; ``None`` where there is none.
        started: When that run began, in UTC.
        report: Its ``report.json``.
        changes: Why the verdict does not hold for what is there now, or why there is none; nothing where it holds.
        error: Why the manifest cannot be run, or what became of its run where that left no report.
        code: The exit code for it.
        ran: Whether it was run just now.
        stand_in: Whether it runs on stand-ins here, whose figures are no chip's.
    """

    path: Path
    name: str
    digest: str = ""
    task: str = ""
    expected: tuple[str, ...] = ()
    verdict: Verdict | None = None
    started: datetime | None = None
    report: Path | None = None
    changes: tuple[str, ...] = ()
    error: str = ""
    code: int = ExitCode.INCONCLUSIVE
    ran: bool = False
    stand_in: bool = False


def look(
    path: Path,
    options: RunOptions,
    *,
    store: Store,
    progress: Progress,
    last: Callable[[str, int], Sequence[Entry]],
    now: datetime,
) -> Model:
    """Say what is known of a model; nothing is fetched and nothing is run.

    Args:
        path: Its manifest.
        options: Those of the runs of the zoo.
        store: Where earlier runs kept their results; it is only read.
        progress: Gets the warnings.
        last: Returns the last runs of a name, newest first.
        now: The time.

    Returns:
        The model; of a manifest that is not valid, one with the error.
    """
    name = path.stem
    try:
        loaded = load(path)
        name = loaded.manifest.name
        recipe = resolve(loaded, options)
        model = Model(path=path, name=name, digest=loaded.digest, task=_task(loaded.manifest.plugin.name))
        try:
            present = here(recipe, options, store=store, progress=progress)
        except ZooError as error:  # of this machine: a run will say so
            why = f"it cannot be run here: {_first(error)}"
            return replace(model, expected=expected_figures(recipe, None, options), changes=(why,))
        figures = expected_figures(present.job.recipe, present.job.backend, options)
        model = replace(model, expected=figures, stand_in=present.job.chip.endswith(STAND_IN))
        return judged(model, present, last(name, LOOK_BACK), now)
    except (Exception, SystemExit) as error:  # a plugin may raise anything
        if interrupted(error):
            raise
        kind = "" if isinstance(error, ZooError) else f"{type(error).__name__}: "
        code = error.exit_code if isinstance(error, ZooError) else ExitCode.STAGE_FAILED
        return Model(path=path, name=name, error=f"{kind}{error}", code=code)


@cache
def _task(plugin: str) -> str:
    return plugins.load(plugin).task()


def namesakes(models: Sequence[Model]) -> tuple[Model, ...]:
    """Refuse models that have one name: their runs could not be told apart, and each would pass for the other."""
    by_name: dict[str, list[Model]] = {}
    for each in models:
        by_name.setdefault(each.name if each.digest else str(each.path), []).append(each)
    return tuple(_alone(each, by_name[each.name if each.digest else str(each.path)]) for each in models)


def _alone(model: Model, same: Sequence[Model]) -> Model:
    if len(same) == 1:
        return model
    paths = ", ".join(str(each.path) for each in same)
    error = UsageError(f"{model.path}: {paths} are all named {model.name!r}: give each a name of its own")
    return Model(path=model.path, name=model.name, error=str(error), code=error.exit_code)


@dataclass(frozen=True, kw_only=True)
class Here:
    """What a run of a model would be, here and now.

    Attributes:
        job: The run; its store is only read.
        inputs: What its verdict would depend on, by name, without the data.
    """

    job: Job
    inputs: Mapping[str, str]


def here(recipe: Recipe, options: RunOptions, *, store: Store, progress: Progress) -> Here:
    """Find out what a run would be.

    Raises:
        ZooError: It would be refused on this machine.
    """
    backend = choose_backend(options.backend, recipe.loaded, options.soc, ways=options.ways)
    journal = Journal(loaded=recipe.loaded, progress=progress, subset=options.subset)
    frozen = store.frozen("zoo-run zoo")
    job = Job(recipe=on_backend(recipe, backend), options=options, store=frozen, journal=journal, backend=backend)
    journal.describe(backend=backend.name, version=backend.version(), chip=job.chip, devices=options.devices)
    known = {**basis.asked(options), **basis.place(journal.environment), **basis.files(job.recipe, options)}
    return Here(job=job, inputs={**known, **basis.waivers(recipe)})


def judged(model: Model, present: Here, entries: Sequence[Entry], now: datetime) -> Model:
    """Return a model with its last verdict, and with what changed since.

    Args:
        model: Without a verdict.
        present: What a run of it would be.
        entries: The last runs of its name, newest first.
        now: The time.
    """
    entry = next((each for each in entries if _is_of(each, model.digest, present.inputs)), None)
    if entry is None:
        others = " (runs of it are of another manifest, model, place or option)" if entries else ""
        return replace(model, changes=(f"{NEVER}{others}",))
    changes = tuple(_changes(entry, present, now))
    report = entry.report if entry.report.is_file() else None
    known = replace(model, verdict=entry.verdict, started=_moment(entry.started), report=report, changes=changes)
    return replace(known, code=_code(known, entry))


def _is_of(entry: Entry, digest: str, present: Mapping[str, str]) -> bool:
    """Say whether a run was one of this manifest as a whole, at this place, of these files and with these options."""
    if entry.inputs is None or entry.digest != digest:
        return False
    if any(entry.inputs.get(name) != value for name, value in present.items() if name.startswith(basis.ASKED)):
        return False
    weights = f"{basis.FILES}weights"
    kept = {weights: entry.weights, **entry.inputs} if entry.weights else entry.inputs
    same = [name for name in present if name in {basis.BACKEND, basis.CHIP} or name.startswith(basis.FILES)]
    return not any(_differ(kept.get(name), present[name]) for name in same)


def _differ(was: str | None, now: str) -> bool:
    """Say whether two values are known, and are not the same."""
    return was is not None and was != now and not any(each.startswith(basis.UNKNOWN) for each in (was, now))


def _changes(entry: Entry, present: Here, now: datetime) -> Sequence[str]:
    """Say why a verdict does not hold for what is there now. The data, which take longest, are read last."""
    found = list(_doubts(entry, now))
    kept = entry.inputs or {}
    if basis.DATA not in kept or basis.CODE not in kept:
        return [*found, NOT_KEPT]
    # What was used then and is not there now, such as a package, is a change as well.
    names = dict.fromkeys([*present.inputs, *(name for name in kept if name not in {basis.DATA, basis.CODE})])
    found += [text for name in names if (text := _change(name, kept.get(name), present.inputs.get(name)))]
    job = present.job
    code = basis.verdict_code(job.recipe, job.backend, job.store)
    found += [f"code: {text}" for text in basis.code_changes(code, kept[basis.CODE])]
    if not found and (text := _change(basis.DATA, kept[basis.DATA], _data(job))):
        found.append(text)
    return found


def _doubts(entry: Entry, now: datetime) -> Sequence[str]:
    """Say what keeps an entry of the ledger from being a verdict at all."""
    found = []
    if entry.verdict not in DECIDED:
        found.append(f"the last verdict on it is {entry.verdict.value}, which decides nothing")
    elif EXIT_CODES[entry.verdict] != entry.exit_code:
        found.append(f"the history has {entry.verdict.value} with exit code {entry.exit_code}, which cannot be")
    moment = _moment(entry.started)
    if moment is None:
        found.append(f"the history does not say when the verdict was reached, but {shortened(entry.started)!r}")
    elif moment - now > CLOCKS:
        found.append(f"the verdict is of the future ({entry.started}): a clock was wrong, then or now")
    return found


def _change(name: str, was: str | None, now: str | None) -> str:
    if now is not None and now.startswith(basis.UNKNOWN):
        return f"{name}: {now}"
    if was == now:
        return ""
    if was is not None and now is not None and name.startswith(HASHED):
        return f"{name} changed"
    return f"{name} was {shortened(was) if was else 'not there'}, is {shortened(now) if now else 'not there'}"


def _data(job: Job) -> str:
    try:
        root = find_data(job.recipe, job.options, job.store, job.journal)
        with in_use(root.archive):
            samples = read_samples(job.recipe, root.path)
            return basis.data(job.recipe, samples, job.scored(samples))[basis.DATA]
    except ZooError as error:
        return f"{basis.UNKNOWN}: {_first(error)}"


def _code(model: Model, entry: Entry) -> int:
    """Return the exit code for a model that was not run: only a pass that still holds is one."""
    if model.verdict is Verdict.PASS:
        return ExitCode.INCONCLUSIVE if model.changes else ExitCode.PASS
    if model.verdict in {Verdict.FAIL, Verdict.INCONCLUSIVE}:
        return EXIT_CODES[model.verdict]
    return entry.exit_code or ExitCode.STAGE_FAILED


def _moment(started: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(started)
    except ValueError:
        return None
    return moment.astimezone(timezone.utc) if moment.tzinfo else None


def _first(error: ZooError) -> str:
    return clean(str(error)).strip().splitlines()[0]
