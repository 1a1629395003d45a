"""What a golden bundle holds: chosen samples with what each stage gave for them, and where that was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """The run that a bundle is of.

    Attributes:
        manifest: The manifest's name.
        plugin: The plugin's name.
        weights: SHA-256 of the weights.
        network: Identity of the network.
        preprocess: Identity of the preprocessing.
        postprocess: Identity of the postprocessing.
        backend: What ran the model, with its version.
        chip: What it ran on.
        versions: Of the packages that can change a result.
        recorded: When, in UTC.
        untrusted: Why the run was not a trusted one; empty where it was.
    """

    manifest: str
    plugin: str
    weights: str
    network: str
    preprocess: str
    postprocess: str
    backend: str
    chip: str
    versions: Mapping[str, str]
    recorded: str
    untrusted: str = ""


RUN: Final = "run"
EMULATION: Final = "emulation"


@dataclass(frozen=True, kw_only=True)
class DeviceLimits:
    """How far a device's outputs may be from the recorded ones.

    Attributes:
        of: What they are derived from: :data:`RUN` or :data:`EMULATION`.
        chip: What it ran on; empty of an emulation where the chip is not known.
        backend: Name of what ran it; empty of an emulation.
        conversion: Identity of the settings that shape the converted model.
        outputs: By output, as a part of its size by the Euclidean norm.
        basis: How they were derived, in words.
        recorded: When, in UTC.
    """

    of: Literal["run", "emulation"]
    chip: str
    backend: str
    conversion: str
    outputs: Mapping[str, float]
    basis: str
    recorded: str


@dataclass(frozen=True, kw_only=True, eq=False)
class GoldenSample:
    """One sample.

    Attributes:
        id: The data set's name for it.
        files: SHA-256 of its files, in their order.
        annotations: Digest of what the data set says of it, in hexadecimal.
        hashes: SHA-256 of each input's type, shape and bytes, by the input's name.
        inputs: The inputs themselves, of the first samples of a bundle; none of the others.
        outputs: The network's outputs without batch axis; floating ones as float16.
        prediction: What the postprocessing makes of these outputs.
    """

    id: str
    files: tuple[str, ...]
    annotations: str
    hashes: Mapping[str, str]
    inputs: Arrays
    outputs: Arrays
    prediction: Arrays


@dataclass(frozen=True, kw_only=True, eq=False)
class GoldenBundle:
    """All of a bundle.

    Attributes:
        provenance: The run that it is of.
        limits: By output, how far a value may be from the recorded one, beside what float16 rounds off.
        samples: The chosen samples.
        annotations: Digest over all samples of the data set, in hexadecimal.
        support: How many annotated things each class has, as far as the metric tells.
        basis: How ``limits`` were derived, in words.
        devices: The limits of devices.
    """

    provenance: Provenance
    limits: Mapping[str, float]
    samples: tuple[GoldenSample, ...]
    annotations: str
    support: Mapping[str, int] = field(default_factory=dict)
    basis: str = ""
    devices: tuple[DeviceLimits, ...] = ()
