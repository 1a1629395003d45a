"""A replay file -> the plugin's parts and its samples, in a folder of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_runner.errors import ManifestError, PluginError, UsageError, ZooError, interrupted
from zoo_runner.job.given_graph import GivenGraph
from zoo_runner.job.networks import driven
from zoo_runner.job.options import RunOptions
from zoo_runner.job.part_samples import check_parts
from zoo_runner.job.recipe import Recipe
from zoo_runner.manifest.load import load, load_plugin_config
from zoo_runner.manifest.section import Section
from zoo_runner.plugin import loading as plugins
from zoo_runner.plugin.calls import calling
from zoo_runner.plugin.model_texts import ToldPostprocess
from zoo_runner.replay.classes import packages_of, record_class, sample_class
from zoo_runner.replay.record import MANIFEST, Arrays, SampleRecord
from zoo_runner.replay.values import Decoder
from zoo_runner.report.ground_truth import sample_digest

if TYPE_CHECKING:
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.plugin.interfaces import Sample
    from zoo_runner.replay.reading import ReplayFile


@dataclass(frozen=True, kw_only=True, eq=False)
class Restored:
    """What is there to replay.

    Attributes:
        file: The replay file.
        recipe: The manifest with the plugin's parts, as this machine has them.
        samples: In the order of the file's records.
    """

    file: ReplayFile
    recipe: Recipe
    samples: tuple[Sample, ...]

    def arrays(self, numbers: Arrays) -> dict[str, Any]:
        """Return arrays of the file by name."""
        return {name: self.file.arrays[number] for name, number in numbers.items()}


def restore(file: ReplayFile, folder: Path) -> Restored:
    """Load the plugin that a file's manifest names, and make the samples again.

    Args:
        file: The replay file.
        folder: An empty folder, for the samples' files; nothing is written elsewhere.

    Raises:
        UsageError: The manifest cannot be read here, the plugin or its code is missing, or samples cannot be made.
    """
    recipe = _recipe(file, folder)
    for place, content in enumerate(file.files):
        for name, data in content.items():
            target = folder / "files" / f"{place:02d}" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    samples = tuple(
        _sample(file, recipe, record, folder / "files" / f"{place:02d}")
        for place, record in enumerate(file.record.samples)
    )
    return Restored(file=file, recipe=recipe, samples=samples)


def _recipe(file: ReplayFile, folder: Path) -> Recipe:
    record = file.record
    (folder / MANIFEST).write_bytes(file.manifest)
    try:
        loaded = load(folder / MANIFEST)
        _require_whole(loaded)
        plugin = plugins.load(loaded.manifest.plugin.name)
        config = load_plugin_config(loaded, plugin.config_model() or Section)
        manifest = loaded.manifest
        several = driven(loaded, RunOptions(output=folder), plugin, config) if manifest.models else None
        stands_in = several or GivenGraph(manifest.input_specs, manifest.output_specs)
        parts = plugin.parts(config, stands_in, driven=several is not None)
        check_parts(loaded, parts)
        if record.metadata and isinstance(parts.postprocess, ToldPostprocess):
            with calling("zoo_postprocess"):
                parts = replace(parts, postprocess=parts.postprocess.told(record.metadata))
    except (ManifestError, PluginError) as error:
        text = str(error).replace(f"{folder}/", f"{file.path}: ")
        text = text if str(file.path) in text else f"{file.path}: {text}"
        made_with = f" ({record.distribution})" if record.distribution else ""
        raise UsageError(
            f"{text}\n  the replay file was made with plugin {record.plugin!r}{made_with}: install that here"
        ) from error
    return Recipe(
        loaded=loaded,
        parts=parts,
        package=plugin.package,
        config=config,
        declared=plugin.packages(),
        own_aipp=record.own_aipp,
    )


def _require_whole(loaded: LoadedManifest) -> None:
    """Refuse a manifest that goes on in other files: that in effect does not.

    Raises:
        ManifestError: It does.
    """
    if len(loaded.sources) > 1:
        raise ManifestError(f"{loaded.path}: expected the manifest in effect, found one that extends another")


def _sample(file: ReplayFile, recipe: Recipe, record: SampleRecord, folder: Path) -> Sample:
    """Make a sample of its fields.

    Raises:
        UsageError: They are not what the plugin's class takes, or another sample comes of them.
    """
    try:
        numbers = [record.prediction, record.remade, record.baseline, *record.inputs, *record.outputs]
        if any(number >= len(file.arrays) for each in numbers for number in (each or {}).values()):
            raise ValueError("it names an array that is not there")  # noqa: TRY301 - like any other fault
        kind = sample_class(record.kind)
        packages = packages_of(recipe, kind)
        decoder = Decoder(
            array=lambda number: file.arrays[number],
            folder=folder,
            classes=lambda name: record_class(name, packages),
        )
        if not isinstance(record.fields, dict):
            raise TypeError("no fields")  # noqa: TRY301 - like any other fault
        sample = kind(**{name: decoder.decode(each) for name, each in record.fields.items()})
        if (sample.id, sample.index) != (record.id, record.index):
            raise ValueError("its fields are another sample's")  # noqa: TRY301 - like any other fault
        found = sample_digest(sample).hex()
    except Exception as error:
        if interrupted(error):
            raise
        kind_ = "" if isinstance(error, ValueError | ZooError) else f"{type(error).__name__}: "
        release = file.record.distribution or "the release of the plugin that made it"
        raise UsageError(
            f"{file.path}: sample {record.id!r} cannot be made again here ({kind_}{error}); install {release}"
        ) from error
    if found != record.digest:
        raise UsageError(
            f"{file.path}: sample {record.id!r}: expected the fields that were scored, found others; the file was "
            "changed, or the plugin's samples were: install the release of the plugin that made it"
        )
    return sample
