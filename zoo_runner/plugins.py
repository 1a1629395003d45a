"""Finding the one plugin or backend a run names, and holding it to its contract.

Plugins and backends share one entry-point group. Nothing is imported but the entry
point asked for, so a broken plugin cannot break the runs of another.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any, Literal

import pluggy

from zoo_runner import hookspecs
from zoo_runner.errors import PluginError, did_you_mean

if TYPE_CHECKING:
    from pydantic import BaseModel

    from zoo_runner.interfaces import Backend, Dataset, Metric, Network, Postprocess, Preprocess

MODEL_HOOKS = ("zoo_network", "zoo_dataset", "zoo_preprocess", "zoo_postprocess", "zoo_metric")
"""The hooks a model plugin must implement; ``zoo_config`` is optional."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One entry point, for ``zoo-run plugins`` and ``zoo-run backends``.

    Attributes:
        name: What manifests and ``--backend`` call it.
        target: ``module:attribute`` it points to.
        distribution: The installed distribution and version that registers it.
        kind: What its hooks make it; ``broken`` when it cannot be loaded.
        problem: Why it is broken.
    """

    name: str
    target: str
    distribution: str
    kind: Literal["model", "backend", "broken"]
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class ModelParts:
    """The objects a model plugin contributed to one run."""

    network: Network
    dataset: Dataset
    preprocess: Preprocess
    postprocess: Postprocess
    metric: Metric


class Plugin:
    """A loaded entry point.

    Args:
        name: Its name in the entry-point group.
        package: Top-level package its code lives in; part of cache keys.
        manager: A pluggy manager with this one plugin registered.
    """

    def __init__(self, name: str, package: str, manager: pluggy.PluginManager) -> None:
        self.name = name
        self.package = package
        self._manager = manager

    def implements(self, hook: str) -> bool:
        """Say whether the plugin has an implementation of ``hook``."""
        return bool(getattr(self._manager.hook, hook).get_hookimpls())

    def config_model(self) -> type[BaseModel] | None:
        """Return the model of ``plugin.config``, or ``None`` when the plugin takes none."""
        model: type[BaseModel] | None = self._manager.hook.zoo_config()
        return model

    def parts(self, config: object) -> ModelParts:
        """Ask every factory once.

        Args:
            config: The validated plugin configuration.

        Raises:
            PluginError: A hook is not implemented, fails or returns nothing.
        """
        made = {hook.removeprefix("zoo_"): self._ask(hook, config=config) for hook in MODEL_HOOKS}
        return ModelParts(**made)

    def backend(self) -> Backend:
        """Return the backend the plugin provides.

        Raises:
            PluginError: It provides none.
        """
        made: Backend = self._ask("zoo_backend")
        return made

    def _ask(self, hook: str, **arguments: object) -> Any:
        if not self.implements(hook):
            msg = (
                f"plugin {self.name!r} does not implement {_signature(hook)}; add a function of that name "
                f"marked with zoo_runner.hookspecs.hookimpl"
            )
            raise PluginError(msg)
        made = getattr(self._manager.hook, hook)(**arguments)
        if made is None:
            msg = f"plugin {self.name!r}: {_signature(hook)} returned None, expected an object"
            raise PluginError(msg)
        return made


def names() -> tuple[str, ...]:
    """Return the names in the entry-point group, sorted."""
    return tuple(sorted({point.name for point in _entry_points()}))


def load(name: str) -> Plugin:
    """Load the plugin or backend registered under ``name``.

    Raises:
        PluginError: Nothing or more than one thing is registered under it, it cannot be
            imported, or one of its hooks does not match the specification.
    """
    points = [point for point in _entry_points() if point.name == name]
    if not points:
        known = ", ".join(names()) or "none"
        msg = f"no plugin is registered as {name!r}{did_you_mean(name, names())} (registered: {known})"
        raise PluginError(msg)
    if len({point.value for point in points}) > 1:
        claims = ", ".join(sorted(f"{_origin(point)} -> {point.value}" for point in points))
        msg = f"plugin name {name!r} is registered more than once: {claims}; uninstall all but one"
        raise PluginError(msg)
    return _load(points[0])


def listing() -> tuple[Listing, ...]:
    """Describe every entry point; those that cannot be loaded are listed as broken, with the reason."""
    return tuple(_describe(point) for point in sorted(_entry_points(), key=lambda point: point.name))


def _entry_points() -> tuple[metadata.EntryPoint, ...]:
    return tuple(metadata.entry_points(group=hookspecs.PROJECT))


def _load(point: metadata.EntryPoint) -> Plugin:
    where = f"plugin {point.name!r} ({_origin(point)} -> {point.value})"
    try:
        target = point.load()
    except Exception as error:
        msg = f"{where} cannot be imported: {type(error).__name__}: {error}"
        raise PluginError(msg) from error
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    _refuse_unmarked_hooks(where, target)
    try:
        manager.register(target, name=point.name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        known = ", ".join(_signature(hook) for hook in _hooks())
        msg = f"{where} does not follow the hook specifications: {error} (hooks: {known})"
        raise PluginError(msg) from error
    return Plugin(point.name, point.module.partition(".")[0], manager)


def _refuse_unmarked_hooks(where: str, target: object) -> None:
    """A function named like a hook but not marked would be ignored by pluggy without a word."""
    for name, value in inspect.getmembers(target, inspect.isroutine):
        if name.startswith("zoo_") and getattr(value, f"{hookspecs.PROJECT}_impl", None) is None:
            msg = (
                f"{where}: {name} is not marked with zoo_runner.hookspecs.hookimpl and would never be "
                f"called{did_you_mean(name, _hooks()) if name not in _hooks() else ''}"
            )
            raise PluginError(msg)


def _describe(point: metadata.EntryPoint) -> Listing:
    kind: Literal["model", "backend", "broken"]
    problem = ""
    try:
        kind = "backend" if _load(point).implements("zoo_backend") else "model"
    except PluginError as error:
        kind, problem = "broken", str(error)
    return Listing(name=point.name, target=point.value, distribution=_origin(point), kind=kind, problem=problem)


def _hooks() -> tuple[str, ...]:
    return (
        "zoo_config",
        *MODEL_HOOKS,
        "zoo_backend",
    )


def _signature(hook: str) -> str:
    return f"{hook}{inspect.signature(getattr(hookspecs, hook))}".partition(" ->")[0].replace(": Any", "")


def _origin(point: metadata.EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "unknown distribution"
