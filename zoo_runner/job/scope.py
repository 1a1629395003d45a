"""What the figures of a run are measured on."""

from __future__ import annotations

from dataclasses import dataclass

from zoo_runner.plugin.interfaces import SAMPLES


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What the figures were measured on.

    Attributes:
        chip: The chip, as manifests name it.
        backend: The backend, as ``--backend`` names it.
        batch: Samples per call while scoring; ``None`` when the results came from files.
        samples: How many samples were scored.
        dataset_samples: How many the data set has, or the subset.
        subset: Name of the subset; ``None`` for the whole data set.
        groups: How many groups the scored ones are in; ``None`` where they name none.
        noun: What the samples are called, in the plural.
        accelerator: Whether the run is on a real accelerator; the CPU and stand-ins are none.
    """

    chip: str
    backend: str
    batch: int | None
    samples: int
    dataset_samples: int
    subset: str | None = None
    groups: int | None = None
    noun: str = SAMPLES
    accelerator: bool = False

    @property
    def partial(self) -> bool:
        """Whether some of the samples were left out."""
        return self.samples < self.dataset_samples
