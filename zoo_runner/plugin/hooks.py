"""The hooks by name: which there are, what each one returns, and what is worth a note about one."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final

from zoo_runner.plugin import hookspecs
from zoo_runner.plugin.interfaces import Dataset, Network, Postprocess, Preprocess
from zoo_runner.plugin.near_misses import near_misses
from zoo_runner.plugin.scoring import Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pluggy import HookImpl

BACKEND_HOOK: Final = "zoo_backend"
NETWORK_HOOK: Final = "zoo_network"
NETWORKS_HOOK: Final = "zoo_networks"
DRIVER_HOOK: Final = "zoo_driver"
MODEL_HOOKS: Final[dict[str, type]] = {
    NETWORK_HOOK: Network,
    "zoo_dataset": Dataset,
    "zoo_preprocess": Preprocess,
    "zoo_postprocess": Postprocess,
    "zoo_metric": Metric,
}
"""The hooks of a model plugin, and the protocol of what each one returns; only ``zoo_network`` may be missing."""
PREDICTING_HOOKS: Final = (NETWORK_HOOK, "zoo_preprocess", "zoo_postprocess")
TENSORS: Final = ("inputs", "outputs")
"""What these hooks may take of the manifest, beside its configuration."""
PACKAGES_HOOK: Final = "zoo_packages"
PLAIN_HOOK: Final = "zoo_plain"
TASK_HOOK: Final = "zoo_task"
DRAFT_HOOK: Final = "zoo_draft"
HOOKS: Final = (
    *("zoo_config", *MODEL_HOOKS, NETWORKS_HOOK, DRIVER_HOOK, BACKEND_HOOK),
    *(PACKAGES_HOOK, PLAIN_HOOK, TASK_HOOK, DRAFT_HOOK),
)


def signature(hook: str, leave_out: Sequence[str] = TENSORS) -> str:
    """Write a hook as most plugins define it.

    Args:
        hook: Its name.
        leave_out: Arguments that are not shown.
    """
    parameters = inspect.signature(getattr(hookspecs, hook)).parameters
    return f"{hook}({', '.join(name for name in parameters if name not in leave_out)})"


def notes_on(hook: str, made: object, implementations: Sequence[HookImpl]) -> list[str]:
    """Say what a plugin's author would want to know of a hook, which works all the same.

    Args:
        hook: Its name; one of a model plugin.
        made: What it returned.
        implementations: The plugin's; without any, the object is not its own.
    """
    unfilled = [name for each in implementations for name in each.kwargnames if name in {"config", *TENSORS}]
    found = near_misses(made, MODEL_HOOKS[hook]) if implementations else ()
    return [
        *(f"{signature(hook)}: {name} has a default value, so it is never given; remove it" for name in unfilled),
        *(f"{signature(hook)} returned {type(made).__name__}, which {text}" for text in found),
    ]
