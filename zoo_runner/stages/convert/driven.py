"""Several networks that a plugin drives, in the place of one: loaded together, and run as a whole."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from zoo_runner.errors import ManifestError, PluginError, shortened
from zoo_runner.plugin.calls import calling
from zoo_runner.plugin.interfaces import BATCH, Timings
from zoo_runner.plugin.tensors import array_texts, batch_texts, mismatch
from zoo_runner.stages.convert.engine import Engine, Loadable
from zoo_runner.stages.export.model import ModelFile
from zoo_runner.store.fingerprints import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zoo_runner.job.networks import Driven
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.driving import Driver, Model
    from zoo_runner.plugin.interfaces import Arrays, Session, TensorSpec


def weights_of(hashes: Mapping[str, str]) -> str:
    """Return one hash for the weights of several networks, by their names."""
    return fingerprint("weights", dict(sorted(hashes.items())))


def driven_engine(recipe: Recipe, several: Driven, engines: Mapping[str, Engine]) -> DrivenEngine:
    """Return several networks as one model.

    Args:
        recipe: The run's recipe.
        several: The networks and their driver.
        engines: What runs each network alone, by name; one at least.
    """
    first = next(iter(engines.values()))
    models = {name: engine.model for name, engine in engines.items()}
    together = ModelFile(
        path=first.model.path,
        sha256=fingerprint({name: model.sha256 for name, model in models.items()}),
        reused=all(model.reused for model in models.values()),
        differences={},
        weights=weights_of({name: model.weights for name, model in models.items()}),
    )
    return DrivenEngine(
        recipe=recipe,
        backend=first.backend,
        model=together,
        devices=first.devices,
        store=first.store,
        logs=first.logs.parent,
        given=first.given,
        warn=first.warn,
        run=first.run,
        driver=several.driver,
        engines=engines,
    )


@dataclass(frozen=True, kw_only=True)
class DrivenEngine(Engine):
    """Several networks and what runs them, as one model.

    Attributes:
        driver: Makes one result of them.
        engines: What runs each network alone, by name.
    """

    driver: Driver
    engines: Mapping[str, Engine] = field(default_factory=dict)

    def loadable(self, batch: int) -> Loadable:
        """Return what all files to load for a batch size are together; its path is that of the first."""
        files = {name: engine.loadable(batch) for name, engine in self.engines.items()}
        return Loadable(
            path=next(iter(files.values())).path,
            sha256=fingerprint({name: file.sha256 for name, file in files.items()}),
            reused=all(file.reused for file in files.values()),
            identity=fingerprint({name: file.identity for name, file in files.items()}, self.driver.identity),
        )

    def unstamped(self, batch: int) -> bool:
        """Say whether one of the models is one of the user's own that is taken without a stamp."""
        return any(engine.unstamped(batch) for engine in self.engines.values())

    def conversion_parts(self, batch: int) -> Mapping[str, object]:
        """Return what the keys of the files for a batch size are made of, by the networks' names."""
        return {name: dict(engine.conversion_parts(batch)) for name, engine in self.engines.items()}

    def open(self, batch: int) -> Session:
        """Load all networks for a batch size.

        Raises:
            ChangedError: What was loaded is not the files that were made or given.
        """
        return self._opened(batch, lambda engine: engine.open(batch))

    def open_graphs(self, batch: int) -> Session:
        """Load the exported graphs of all networks in ONNX Runtime."""
        return self._opened(batch, lambda engine: engine.open_graphs(batch))

    def check(self, batch: int) -> None:
        """Refuse a file for a batch size, now that it was used, if it is not what it was."""
        for engine in self.engines.values():
            engine.check(batch)

    @property
    def graph_batch(self) -> int:
        """Samples per call of the exported graphs: 1, or what one of them was exported for."""
        return max(engine.graph_batch for engine in self.engines.values())

    def _opened(self, batch: int, opened: Callable[[Engine], Session]) -> DrivenSession:
        models = _Models()
        with ExitStack() as cleanup:
            for name, engine in self.engines.items():
                session = opened(engine)
                cleanup.callback(session.close)
                models[name] = CheckedModel(name, session, engine.recipe.manifest.input_specs, batch)
            return DrivenSession(self.driver, models, self.recipe.manifest.output_specs, batch, cleanup.pop_all())


class _Models(dict[str, "CheckedModel"]):
    """The networks of a manifest by name; a driver that asks for another one is told what there is."""

    def __missing__(self, name: object) -> CheckedModel:
        raise ManifestError(
            f"models: expected {shortened(str(name))!r}, which the plugin's driver runs, found {', '.join(self)}"
            f"; write models.{shortened(str(name))}"
        )


@dataclass(frozen=True)
class CheckedModel:
    """A loaded network that refuses inputs which are not its own: some devices would read any bytes.

    Attributes:
        name: In the manifest.
        session: Runs it.
        inputs: What it takes.
        batch: Samples per call.
    """

    name: str
    session: Session
    inputs: tuple[TensorSpec, ...]
    batch: int

    def infer(self, inputs: Arrays) -> Arrays:
        """Run one full batch.

        Raises:
            PluginError: The inputs are not those of the manifest.
            InferenceError: The device failed.
        """
        if not _fit(self.inputs, inputs, self.batch):
            where = f"inputs of the model {self.name!r}"
            texts = batch_texts(self.inputs, self.batch), array_texts(inputs)
            raise PluginError(mismatch(where, *texts, "correct the plugin's driver"))
        return self.session.infer({name: np.ascontiguousarray(array) for name, array in inputs.items()})


class DrivenSession:
    """Loaded networks that a driver runs, as one session.

    Args:
        driver: The plugin's.
        models: The networks by name.
        outputs: What the driver returns.
        batch: Samples per call.
        cleanup: Closes the sessions.
    """

    def __init__(
        self,
        driver: Driver,
        models: Mapping[str, Model],
        outputs: tuple[TensorSpec, ...],
        batch: int,
        cleanup: ExitStack,
    ) -> None:
        self._driver, self._models, self._outputs, self._batch = driver, models, outputs, batch
        self._cleanup = cleanup

    def infer(self, inputs: Arrays) -> Arrays:
        """Run one full batch through all networks.

        Raises:
            HookError: The driver raised an error.
            InferenceError: A device failed.
            PluginError: The driver gave a network, or returned, something else than the manifest says.
        """
        with calling("zoo_driver"):
            outputs = self._driver(self._models, inputs)
            fits = _fit(self._outputs, outputs, self._batch)
        if not fits:
            texts = batch_texts(self._outputs, self._batch), array_texts(outputs)
            raise PluginError(mismatch("outputs of the driver", *texts, "correct the plugin's driver"))
        return {name: array.copy() for name, array in outputs.items()}  # a driver may use its memory again

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        """Run one batch ``warmup + loop`` times and return how long the last ``loop`` took, driver and all."""
        taken = []
        for _ in range(warmup + loop):
            start = time.perf_counter()
            self.infer(inputs)
            taken.append((time.perf_counter() - start) * 1000)
        return Timings(compute_ms=tuple(taken[warmup:]))

    def close(self) -> None:
        """Release the device. Calling it again does nothing."""
        self._cleanup.close()


def _fit(specs: Sequence[TensorSpec], arrays: Arrays, batch: int) -> bool:
    """Say whether a batch's arrays are the tensors of these names; an open axis has one size in all of them."""
    if set(arrays) != {spec.name for spec in specs}:
        return False
    sizes: dict[str, int] = {BATCH: batch}
    for spec in specs:
        array = arrays[spec.name]
        if array.dtype != np.dtype(spec.dtype) or len(array.shape) != len(spec.shape):
            return False
        for size, found in zip(spec.shape, array.shape, strict=True):
            if found != (size if isinstance(size, int) else sizes.setdefault(size, found)):
                return False
    return True
