"""What loading a plugin gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Dataset, Network, Postprocess, Preprocess
    from zoo_runner.plugin.scoring import Metric


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
    """The objects a model plugin contributed to one run.

    Attributes:
        told: The manifest's tensors as text, where a hook of what makes predictions took them: what such an object does
            may depend on them, whatever its ``identity`` says. Else empty.
        notes: What looks like an optional protocol and is none, a text each.
    """

    network: Network
    dataset: Dataset
    preprocess: Preprocess
    postprocess: Postprocess
    metric: Metric
    told: str = ""
    notes: tuple[str, ...] = ()
