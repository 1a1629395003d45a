"""What a verdict is of: everything that can change it, by name, so that a later command can say what changed since.

All of it is taken down before it is used. What changes between that and its use is then seen as changed, and never the
other way round.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import FetchError, ZooError
from zoo_runner.job.steps import code_of
from zoo_runner.redaction import cleaned
from zoo_runner.stages.fetch.downloads import found
from zoo_runner.stages.fetch.locate import manifest_onnx, weights_source
from zoo_runner.stages.fetch.resource import local_file
from zoo_runner.stages.gate.data_digest import UnknownValueError, data_digest
from zoo_runner.store.fingerprints import file_digest, fingerprint
from zoo_runner.used_code.collecting import Step
from zoo_runner.used_code.record import Disk, Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from zoo_runner.job.job import Job
    from zoo_runner.job.options import RunOptions
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import Backend, Sample
    from zoo_runner.report.model import Environment
    from zoo_runner.stages.fetch.source import FileSource
    from zoo_runner.store.store import Store
    from zoo_runner.used_code.store import StepCode

UNKNOWN: Final = "unknown"
"""How the values begin that are equal to nothing, also not to themselves; why follows."""
NO_BEARING: Final = frozenset(
    {
        *("output", "backend", "devices", "require_hash", "refetch", "downloads", "trust_code"),
        *("no_cache", "verify_cache", "seed", "traceback", "command", "language", "sbom", "keep_inputs", "replay"),
        "explain",
    }
)
"""Options that change no verdict, or whose effect is among the other inputs. Any other option counts."""
ASKED: Final = "option "
FILES: Final = "file "
CODE: Final = "code"
DATA: Final = "data"
BACKEND, CHIP, DEVICES = "backend", "chip", "devices"
WAIVERS: Final = "overdue waivers"


def asked(options: RunOptions) -> dict[str, str]:
    """Return the options that a verdict depends on, by name."""
    names = [each.name for each in fields(options) if each.name not in NO_BEARING]
    return {f"{ASKED}{name}": cleaned(json.dumps(getattr(options, name), default=str)) for name in names}


def place(here: Environment | None) -> dict[str, str]:
    """Return where a run takes place, and the versions there."""
    if here is None:
        return {}
    return {
        BACKEND: here.backend,
        CHIP: here.chip,
        DEVICES: ", ".join(map(str, here.devices)),
        "version of the backend": here.backend_version,
        "host": here.host,
        "Python": here.python,
        **{f"package {name}": version for name, version in here.packages.items()},
    }


@dataclass
class Basis:
    """What a run has taken down so far.

    Attributes:
        code: The records of the code that it uses.
        inputs: What is known, by name.
    """

    code: StepCode
    inputs: dict[str, str] = field(default_factory=dict)

    def read(self, job: Job, samples: Sequence[Sample], scored: Sequence[Sample]) -> None:
        """Take down what the data are, as they were read and before they are used."""
        self.inputs |= data(job.recipe, samples, scored)


def begun(job: Job) -> Basis:
    """Take down what is known before a run reads anything."""
    code = verdict_code(job.recipe, job.backend, job.store)
    next(code.known(), None)  # packages as they are now are compared with what they are in the end
    return Basis(code=code, inputs=files(job.recipe, job.options))


def ended(job: Job, basis: Basis) -> dict[str, str]:
    """Return all inputs of a run that has its verdict."""
    try:
        digest = basis.code.settle()
    except ZooError as error:
        digest = _unknown(str(error))
    return {**basis.inputs, **waivers(job.recipe), CODE: digest}


def waivers(recipe: Recipe, today: date | None = None) -> dict[str, str]:
    """Return which waivers are overdue: a verdict that rests on one of them ends with it."""
    day = today or datetime.now(tz=timezone.utc).date()
    return {WAIVERS: ", ".join(each.line for each in recipe.manifest.waivers if day > each.until)}


def files(recipe: Recipe, options: RunOptions) -> dict[str, str]:
    """Return the hashes of the model's files and of the code that the manifest brings along."""
    found: dict[str, str] = {f"{FILES}network": fingerprint(recipe.network)}
    for each in recipe.models.values():
        try:
            source = weights_source(each, options)
        except FetchError:
            found[f"{FILES}{each.named('weights')}"] = _unknown("no file is named")
            continue
        found[f"{FILES}{each.named('weights')}"] = _hash(source, options)
        if (published := manifest_onnx(each.loaded)) is not None:
            found[f"{FILES}{each.named('onnx')}"] = _hash(published, options)
    return found


def _hash(source: FileSource, options: RunOptions) -> str:
    """Return what a file is: by its content where it is on this machine, else by the manifest's hash."""
    try:
        for each in source.each():
            if (path := local_file(each)) is not None and path.is_file():
                return file_digest(path)
        if source.sha256 is None and options.downloads is not None:
            path = found(source, options.downloads)
            return _unknown("it has no hash") if path is None else file_digest(path)
    except (FetchError, OSError) as error:
        return _unknown(str(error))
    return source.sha256 or _unknown("the manifest has no hash of it, so that another file may be there now")


def data(recipe: Recipe, samples: Sequence[Sample], scored: Sequence[Sample]) -> dict[str, str]:
    """Return what the data set is: what it says of all samples, and the content of the files that are scored."""
    try:
        return {DATA: data_digest(samples, scored)}
    except (ZooError, OSError, UnknownValueError) as error:
        return {DATA: _unknown(f"{recipe.manifest.dataset.name}: {error}")}


def verdict_code(recipe: Recipe, backend: Backend | None, store: Store) -> StepCode:
    """Return the records of all code that a verdict on this manifest depends on: of the runner, plugin and backend."""
    step = Step(name=f"verdict-{fingerprint(recipe.manifest.name)[:16]}", entries=("zoo_runner.runner",))
    own = replace(recipe, declared=tuple(dict.fromkeys([*recipe.declared, recipe.package])), disk=Disk())
    return code_of(step, own, store, lambda _: None, backend)


def code_changes(code: StepCode, digest: str) -> Iterator[str]:
    """Yield what of the code differs from a record.

    Args:
        code: The records, of which the one in question may be gone.
        digest: The record's name.
    """
    try:
        record = Record.decoded((code.folder / digest).read_bytes(), digest)
    except (OSError, ValueError):
        yield "nothing is known of what the verdict was made with, or it was changed at that time"
        return
    yield from Disk().differences(record, loaded=False)


def _unknown(why: str) -> str:
    return f"{UNKNOWN}: {cleaned(why)}"
