"""The steps whose results are kept, each by the code that it can use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import PluginError
from zoo_runner.plugin import loading as plugins
from zoo_runner.used_code.collecting import Step
from zoo_runner.used_code.store import CodedStore, StepCode

if TYPE_CHECKING:
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.conversion import Conversion
    from zoo_runner.plugin.folders import FolderBackend
    from zoo_runner.plugin.interfaces import Backend
    from zoo_runner.store.store import Store

CHECKS: Final = "zoo_runner.stages.predict.repetitions"
INPUTS: Final = ("zoo_runner.aipp.host_inputs", "zoo_runner.job.padded_inputs")
EXPORT: Final = Step(name="onnx", entries=("zoo_runner.stages.export.model",))
PREDICT: Final = Step(
    name="predictions",
    entries=("zoo_runner.stages.predict.inference", *INPUTS, CHECKS),
    files=(
        "zoo_runner.stages.predict.stage",
        "zoo_runner.stages.convert.engine",
        "zoo_runner.stages.convert.driven",
    ),
)
PREDICT_FROM_FILES: Final = Step(
    name="predictions-files",
    entries=(
        "zoo_runner.stages.predict.result_folder",
        "zoo_runner.stages.predict.pipeline",
        "zoo_runner.job.padded_inputs",
        CHECKS,
    ),
    files=("zoo_runner.stages.predict.stage",),
)


def conversion_step(conversion: Conversion) -> Step:
    """Return the step that makes what a backend loads; of the runner's own conversions, their module alone counts."""
    module = type(conversion).convert.__module__
    own = all(name.startswith("zoo_runner.") for name in (module, type(conversion).__module__))
    return Step(
        name=conversion.makes.name,
        entries=(module,) if own else (),
        files=("zoo_runner.stages.convert.engine", "zoo_runner.stages.convert.request"),
        loaded=not own,
    )


def command_step(backend: FolderBackend) -> Step:
    """Return the step that makes predictions of what a backend's own command infers."""
    return Step(
        name=f"predictions-{backend.tool}",
        entries=("zoo_runner.stages.predict.command_outputs", *INPUTS, CHECKS),
        files=("zoo_runner.stages.predict.stage", "zoo_runner.stages.convert.engine"),
    )


def code_of(
    step: Step, recipe: Recipe, store: Store, warn: Callable[[str], None], backend: Backend | None = None
) -> StepCode:
    """Return the code of a step in a run of this recipe.

    Args:
        step: One of this module's.
        recipe: Its plugin takes part, unless the step is the runner's alone.
        store: Has the records.
        warn: Told when results cannot be kept.
        backend: Takes part too.
    """
    if step.loaded:
        module = "" if backend is None else type(backend).__module__
        packages = dict.fromkeys([recipe.package, module.partition(".")[0] or recipe.package])
        step = Step(
            name=step.name,
            entries=(*step.entries, *([module] if module.startswith("zoo_runner.") else [])),
            files=step.files,
            packages=tuple(name for name in packages if name != "zoo_runner"),
            declared=(*recipe.declared, *_declared(backend)),
        )
    return StepCode(step=step, root=store.root, warn=warn, disk=recipe.disk)


def coded(
    step: Step, recipe: Recipe, store: Store, warn: Callable[[str], None], backend: Backend | None = None
) -> CodedStore:
    """Return the store as the step sees it: what was made with other code is not in it."""
    return CodedStore(store, code_of(step, recipe, store, warn, backend))


def _declared(backend: Backend | None) -> tuple[str, ...]:
    if backend is None or backend.name not in plugins.names():
        return ()
    try:
        return plugins.load(backend.name).packages()
    except PluginError:  # said when the backend was chosen
        return ()
