"""Finding the one plugin or backend a run names, and holding it to its contract.

Plugins and backends share one entry-point group. Nothing is imported but the entry
point asked for, so a broken plugin cannot break the runs of another.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import metadata
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, Literal

import pluggy

from zoo_runner.errors import PluginError, ZooError, did_you_mean
from zoo_runner.plugin import hookspecs
from zoo_runner.plugin.drafting import Draft
from zoo_runner.plugin.driving import Driver
from zoo_runner.plugin.hooks import (
    BACKEND_HOOK,
    DRAFT_HOOK,
    DRIVER_HOOK,
    HOOKS,
    MODEL_HOOKS,
    NETWORK_HOOK,
    NETWORKS_HOOK,
    PACKAGES_HOOK,
    PLAIN_HOOK,
    PREDICTING_HOOKS,
    TASK_HOOK,
    TENSORS,
    notes_on,
    signature,
)
from zoo_runner.plugin.interfaces import Backend, Network
from zoo_runner.plugin.near_misses import look, near_misses
from zoo_runner.plugin.records import Listing, ModelParts
from zoo_runner.plugin.registered import origin, points
from zoo_runner.used_code import executed, opened
from zoo_runner.used_code.finding import Finder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pluggy import HookImpl
    from pydantic import BaseModel

    from zoo_runner.plugin.drafting import Material
    from zoo_runner.plugin.interfaces import TensorSpec


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
        """Return the model of ``plugin.config``, or ``None`` when the plugin takes none.

        Raises:
            PluginError: ``zoo_config`` fails or returns something else, or this is no model plugin.
        """
        from pydantic import BaseModel  # noqa: PLC0415 - listing plugins needs no pydantic

        self._require_model_hooks()
        model = self._call("zoo_config")
        if model is None or (inspect.isclass(model) and issubclass(model, BaseModel)):
            return model
        msg = f"plugin {self.name!r}: zoo_config() returned {model!r}, expected a subclass of pydantic.BaseModel"
        raise PluginError(msg)

    def parts(self, config: object, network: Network | None = None, *, driven: bool = False) -> ModelParts:
        """Ask every factory once.

        Args:
            config: The validated plugin configuration.
            network: The manifest's tensors; it stands for the network of a plugin that has none. Without it there must
                be one, whose tensors the other hooks are given.
            driven: Whether ``network`` stands for several, so that one of the plugin's own is not asked for.

        Raises:
            PluginError: A hook is not implemented, fails, or returns something else than its protocol.
        """
        self._require_model_hooks()
        own = network is None or (self.implements(NETWORK_HOOK) and not driven)
        self._refuse_missing([NETWORK_HOOK] if own and not self.implements(NETWORK_HOOK) else [])
        told = self._tensors(network)
        made: dict[str, Any] = {"network": network}
        for hook, protocol in MODEL_HOOKS.items():
            if own or hook != NETWORK_HOOK:
                made[hook.removeprefix("zoo_")] = self._ask(hook, protocol, config=config, **told)
            told = told if network is not None else self._tensors(made["network"])
        asked = any(self._takes_tensors(hook) for hook in PREDICTING_HOOKS)
        notes = [
            f"plugin {self.name!r}: {text}"
            for hook in MODEL_HOOKS
            for text in notes_on(hook, made[hook.removeprefix("zoo_")], self._implementations(hook))
        ]
        return ModelParts(**made, told=repr(tuple(told.values())) if asked else "", notes=tuple(notes))

    def notes(self) -> tuple[str, ...]:
        """Return what looks like an optional protocol and is none, as far as that can be told without a manifest."""
        if self.implements(BACKEND_HOOK):
            try:
                backend = self.backend()
            except PluginError as error:  # whoever asks for it is told; a list of others goes on
                return (str(error),)
            return tuple(f"backend {self.name!r}: {text}" for text in near_misses(backend, Backend))
        try:
            model = self.config_model()
            return self.parts(model() if model else None).notes
        except (Exception, SystemExit):  # noqa: BLE001 - whatever a plugin raises that lacks its configuration
            spaces = [vars(plugin) for plugin in self._manager.get_plugins() if hasattr(plugin, "__dict__")]
            return tuple(f"plugin {self.name!r}: {text}" for space in spaces for text in look(space, self.package))

    @staticmethod
    def _tensors(network: Network | None) -> dict[str, tuple[TensorSpec, ...]]:
        return {tensors: tuple(getattr(network, tensors, ())) for tensors in TENSORS}

    def _takes_tensors(self, hook: str) -> bool:
        return any(name in TENSORS for each in self._implementations(hook) for name in each.argnames)

    def _implementations(self, hook: str) -> Sequence[HookImpl]:
        found: list[HookImpl] = getattr(self._manager.hook, hook).get_hookimpls()
        return found

    def driver(self, config: object) -> Driver:
        """Return what runs several networks.

        Raises:
            PluginError: The hook is not implemented, fails, or returns something else than its protocol.
        """
        self._refuse_missing([] if self.implements(DRIVER_HOOK) else [DRIVER_HOOK])
        made: Driver = self._ask(DRIVER_HOOK, Driver, config=config)
        return made

    def networks(self, config: object) -> Mapping[str, Network]:
        """Return the networks of a manifest with several; none where the plugin has no hook for that.

        Raises:
            PluginError: The hook fails, or returns something else than networks by name.
        """
        made = self._call(NETWORKS_HOOK, config=config)
        where = f"plugin {self.name!r}: {signature(NETWORKS_HOOK)}"
        if made is None:
            return {}
        if not isinstance(made, Mapping) or not all(isinstance(name, str) for name in made):
            raise PluginError(f"{where} returned {type(made).__name__}, expected networks by name")
        for name, network in made.items():
            self._require(network, Network, where, f" under {name!r}")
        return made

    def packages(self) -> tuple[str, ...]:
        """Return the packages whose code counts as the plugin's own, loaded or not.

        Raises:
            PluginError: ``zoo_packages`` fails, returns something else than names, or names what cannot be found.
        """
        made = self._call(PACKAGES_HOOK)
        where = f"plugin {self.name!r}: {signature(PACKAGES_HOOK)}"
        if made is not None and (isinstance(made, str) or not all(isinstance(name, str) for name in made)):
            raise PluginError(f"{where} returned {made!r}, expected names of packages, such as ['my_heads']")
        finder = Finder()
        for name in made or ():
            if finder.spec(name) is None:
                raise PluginError(f"{where} names {name!r}, and no package of that name can be found; is it installed?")
        return tuple(made or ())

    def task(self) -> str:
        """Return what the plugin's models do; an empty text where it does not say.

        Raises:
            PluginError: ``zoo_task`` fails, or returns no text.
        """
        made = self._call(TASK_HOOK)
        if made is None or isinstance(made, str):
            return made or ""
        raise PluginError(f"plugin {self.name!r}: {signature(TASK_HOOK)} returned {made!r}, expected a few words")

    def draft(self, material: Material) -> Draft:
        """Return what the plugin makes of files that a manifest is to be written for.

        Raises:
            PluginError: It has no hook for that, or the hook fails or returns something else.
            ZooError: The files are not what it is for.
        """
        self._require_model_hooks()
        if not self.implements(DRAFT_HOOK):
            msg = (
                f"plugin {self.name!r} does not draft manifests: it does not implement {signature(DRAFT_HOOK)}; "
                f"{_others(drafters())}; write one by hand, or let it extend another one"
            )
            raise PluginError(msg)
        made = self._call(DRAFT_HOOK, material=material)
        if isinstance(made, Draft):
            return made
        expected = f"{Draft.__module__}.{Draft.__name__}"
        raise PluginError(f"plugin {self.name!r}: {signature(DRAFT_HOOK)} returned {made!r}, expected a {expected}")

    def plain(self, config: object, network: Network) -> object:
        """Return what ``zoo_plain`` does, not checked; ``None`` where the plugin has no such hook."""
        return self._call(PLAIN_HOOK, config=config, **self._tensors(network))

    def backend(self) -> Backend:
        """Return the backend the plugin provides.

        Raises:
            PluginError: It provides none, or one that is not as its protocol says.
        """
        if not self.implements(BACKEND_HOOK) and any(map(self.implements, MODEL_HOOKS)):
            msg = f"{self.name!r} is a model plugin, not a backend; `zoo-run backends` lists those"
            raise PluginError(msg)
        self._refuse_missing([] if self.implements(BACKEND_HOOK) else [BACKEND_HOOK])
        made: Backend = self._ask(BACKEND_HOOK, Backend)
        if made.name != self.name:
            msg = (
                f"the backend registered as {self.name!r} calls itself {made.name!r}; reports would name "
                f"something that --backend does not take: make them the same"
            )
            raise PluginError(msg)
        return made

    def _require_model_hooks(self) -> None:
        missing = [hook for hook in MODEL_HOOKS if hook != NETWORK_HOOK and not self.implements(hook)]
        if missing and self.implements(BACKEND_HOOK):
            msg = f"{self.name!r} is a backend, not a model plugin; `zoo-run plugins` lists those"
            raise PluginError(msg)
        self._refuse_missing(missing)

    def _refuse_missing(self, hooks: Sequence[str]) -> None:
        if hooks:
            msg = (
                f"plugin {self.name!r} does not implement {', '.join(map(signature, hooks))}: add what is missing, "
                f"marked with zoo_runner.plugin.hookspecs.hookimpl"
            )
            raise PluginError(msg)

    def _ask(self, hook: str, protocol: type, **arguments: object) -> Any:
        made = self._call(hook, **arguments)
        self._require(made, protocol, f"plugin {self.name!r}: {signature(hook)}")
        return made

    @staticmethod
    def _require(made: object, protocol: type, where: str, under: str = "") -> None:
        expected = f"expected an object like {protocol.__module__}.{protocol.__name__}"
        if made is None:
            raise PluginError(f"{where} returned{under} None, {expected}")
        if inspect.isclass(made):
            raise PluginError(f"{where} returned{under} the class {made.__name__} itself, {expected}: call it")
        absent = [member for member in _members(protocol) if not hasattr(made, member)]
        if absent:
            kind = type(made).__name__
            raise PluginError(f"{where} returned{under} {kind}, which lacks {', '.join(absent)}; {expected}")

    def _call(self, hook: str, **arguments: object) -> Any:
        try:
            return getattr(self._manager.hook, hook)(**arguments)
        except ZooError:
            raise
        except Exception as error:  # whatever a plugin raises
            msg = (
                f"plugin {self.name!r}: {signature(hook)} failed: {type(error).__name__}: {error} "
                f"({_place(error, self.package)})"
            )
            raise PluginError(msg) from error


def names() -> tuple[str, ...]:
    """Return the names in the entry-point group, sorted."""
    return tuple(sorted({point.name for point in points()}))


def load(name: str, *, kind: Literal["model", "backend"] = "model") -> Plugin:
    """Load the plugin or backend registered under ``name``.

    Args:
        name: In the entry-point group.
        kind: What is wanted; an error suggests only names of that kind.

    Raises:
        PluginError: Nothing or more than one thing is registered under it, it cannot be
            imported, or one of its hooks does not match the specification.
    """
    found = [point for point in points() if point.name == name]
    if not found:
        raise PluginError(_unknown(name, kind))
    if len(found) > 1:
        claims = ", ".join(f"{origin(point)} -> {point.value}" for point in found)
        msg = f"plugin name {name!r} is registered more than once: {claims}; uninstall all but one"
        raise PluginError(msg)
    return _load(found[0])


def _unknown(name: str, kind: str) -> str:
    known = [entry.name for entry in listing() if entry.kind == kind]
    noun, registered = "plugin" if kind == "model" else kind, ", ".join(known) or "none"
    if hint := did_you_mean(name, known):
        return f"no {noun} is registered as {name!r}{hint} (registered: {registered})"
    return f"no {noun} is registered as {name!r}; install the package that registers it (registered: {registered})"


def drafters() -> tuple[str, ...]:
    """Return the names of the plugins that can draft a manifest."""
    models = (entry.name for entry in listing() if entry.kind == "model")
    return tuple(name for name in models if load(name).implements(DRAFT_HOOK))


def listing() -> tuple[Listing, ...]:
    """Describe every entry point; those that cannot be loaded are listed as broken, with the reason."""
    return tuple(_describe(point) for point in points())


def _load(point: metadata.EntryPoint) -> Plugin:
    where = f"plugin {point.name!r} ({origin(point)} -> {point.value})"
    executed.watch()
    opened.watch(point.module.partition(".")[0])
    try:
        target = point.load()
    except (Exception, SystemExit) as error:  # whatever a plugin's modules raise; exiting is not theirs to decide
        msg = (
            f"{where} cannot be imported: {type(error).__name__}: {error} "
            f"(`python -c 'import {point.module}'` shows where)"
        )
        raise PluginError(msg) from error
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    _refuse_unmarked_hooks(where, target)
    try:
        manager.register(target, name=point.name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        unknown = [name for name, caller in vars(manager.hook).items() if name[0] != "_" and not caller.has_spec()]
        hint = "".join(did_you_mean(name, HOOKS) for name in unknown)
        reason = "; ".join(str(error).splitlines())
        known = ", ".join(signature(hook, ()) for hook in HOOKS)
        msg = f"{where} does not follow the hook specifications: {reason}{hint} (hooks: {known})"
        raise PluginError(msg) from error
    return Plugin(point.name, point.module.partition(".")[0], manager)


def _refuse_unmarked_hooks(where: str, target: object) -> None:
    """A function named like a hook but not marked would be ignored by pluggy without a word."""
    for name, value in inspect.getmembers(target, inspect.isroutine):
        if name.startswith("zoo_") and getattr(value, f"{hookspecs.PROJECT}_impl", None) is None:
            msg = (
                f"{where}: {name} is not marked with zoo_runner.plugin.hookspecs.hookimpl and would never be "
                f"called{did_you_mean(name, HOOKS) if name not in HOOKS else ''}"
            )
            raise PluginError(msg)


def _describe(point: metadata.EntryPoint) -> Listing:
    kind: Literal["model", "backend", "broken"]
    problem = ""
    try:
        kind = "backend" if load(point.name).implements(BACKEND_HOOK) else "model"
    except PluginError as error:
        kind, problem = "broken", str(error)
    return Listing(name=point.name, target=point.value, distribution=origin(point), kind=kind, problem=problem)


def _others(names: Sequence[str]) -> str:
    return f"those that do: {', '.join(names)}" if names else "no plugin that is installed does"


def _place(error: Exception, package: str) -> str:
    """Where the plugin's own code was when something that it called failed; ``file:line``."""
    steps = list(walk_tb(error.__traceback__))
    own = [step for step in steps if str(step[0].f_globals.get("__name__")).partition(".")[0] == package]
    frame, line = (own or steps)[-1]
    return f"{frame.f_code.co_filename}:{line}"


def _members(protocol: type) -> list[str]:
    return [name for name in vars(protocol) if name == "__call__" or not name.startswith("_")]
