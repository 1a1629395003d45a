"""The data set by a backend's own command over files, such as ``infer.tool: ais_bench-cli``.

The same steps as a backend in this process takes, through files that can be looked at: ``<output>/inputs``,
``<output>/results`` with what the command leaves there, ``<output>/logs``.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.errors import InferenceError, ResultError
from zoo_runner.output.names import INPUTS, RESULTS
from zoo_runner.output.writing import put_folder
from zoo_runner.plugin.folders import FolderPart, FolderRequest, reads_sizes, sizes_folder
from zoo_runner.plugin.tensors import array_texts, mismatch, sample_texts
from zoo_runner.stages.fetch.sample_keys import SampleKeys
from zoo_runner.stages.predict import pipeline as stream
from zoo_runner.stages.predict import result_folder as results
from zoo_runner.stages.predict.clocks import Clocks
from zoo_runner.stages.predict.disk_space import files_size, require_room
from zoo_runner.stages.predict.given_sizes import FIXED, GivenSizes
from zoo_runner.stages.predict.result_origin import SampleOrigin, model_origin, sample_origins, write_origin
from zoo_runner.store.fingerprints import fingerprint

if TYPE_CHECKING:
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.folders import FolderBackend
    from zoo_runner.plugin.interfaces import Arrays, Preprocess, Progress, Sample
    from zoo_runner.plugin.shapes import Shapes, Sizes
    from zoo_runner.stages.convert.engine import Engine


def folder_request(
    recipe: Recipe,
    *,
    model: Path,
    devices: tuple[int, ...],
    samples: int,
    inputs: Path,
    output: Path,
    given: Iterable[Sizes] | None = None,
) -> FolderRequest:
    """Return the request to run a model over the input files of a data set.

    Args:
        recipe: What is run.
        model: The model file.
        devices: Device numbers.
        samples: How many samples there are.
        inputs: Where their inputs are.
        output: Where results go.
        given: The sizes of open axes that the model is given for each sample. Where they are not known, each gear is
            taken to be that of all samples.
    """
    specs = {spec.name: spec for spec in recipe.host_inputs}
    names = [spec.name for spec in recipe.parts.network.inputs]  # the graph's order
    folders = (inputs,) if len(names) == 1 else tuple(inputs / results.input_folder(name) for name in names)
    shapes = recipe.shapes
    return FolderRequest(
        model=model,
        inputs=folders,
        samples=samples,
        outputs=len(recipe.manifest.outputs),
        batch=recipe.manifest.infer.batch,
        devices=devices,
        output=output,
        dirname=RESULTS,
        format=recipe.manifest.infer.outfmt,
        shapes=shapes,
        takes=tuple(specs[name] for name in names),
        returns=tuple(recipe.manifest.output_specs),
        parts=tuple(_parts(folders, _counts(shapes, given, samples))) if _lie_apart(recipe) else (),
    )


def _lie_apart(recipe: Recipe) -> bool:
    """Say whether inputs of different sizes lie in folders of their own."""
    shapes = recipe.shapes
    return shapes is not None and shapes.opened != "batch" and not reads_sizes(shapes, recipe.manifest.infer.batch)


def _counts(shapes: Shapes | None, given: Iterable[Sizes] | None, samples: int) -> Iterator[tuple[Sizes, int]]:
    """Yield the sizes of each gear with the number of its samples."""
    if given is None:
        yield from ((gear, samples) for gear in (shapes.gears if shapes else ()))
        return
    for sizes, count in Counter(tuple(sorted(sizes.items())) for sizes in given).items():
        yield dict(sizes), count


def _parts(folders: tuple[Path, ...], counts: Iterable[tuple[Sizes, int]]) -> Iterator[FolderPart]:
    for sizes, count in counts:
        inputs = tuple(folder / sizes_folder(sizes) for folder in folders)
        yield FolderPart(sizes=sizes, inputs=inputs, samples=count)


def file_sizes(recipe: Recipe, samples: int) -> dict[str, int]:
    """Return the bytes of what a command reads and writes: of results in text, the least they take.

    Of open axes, the greatest size is taken.
    """
    manifest, shapes = recipe.manifest, recipe.shapes
    text, most = manifest.infer.outfmt == "TXT", {} if shapes is None else shapes.most
    return {
        INPUTS: files_size(recipe.host_inputs, samples, most=most),
        RESULTS: files_size(manifest.output_specs, samples, text=text, most=most),
    }


def _as_they_are(source: stream.OutputSource) -> stream.OutputSource:
    return source


@dataclass(kw_only=True)
class CommandOutputs:
    """Outputs inferred by one run of the command over all samples, when the first of them is asked for.

    Attributes:
        engine: The model.
        backend: Has the command.
        samples: All samples of the run: predictions are kept in chunks, but the command is run once, for all.
        output: The run's output folder.
        progress: Told what runs.
        clocks: Told how long ``preprocess`` and ``infer`` were busy, with writing and checking the files.
        checked: Makes results raise an error where they cannot be; then they are not put in place.
        given: The sizes of open axes that the model is given for samples.
    """

    engine: Engine
    backend: FolderBackend
    samples: Sequence[Sample]
    output: Path
    progress: Progress
    clocks: Clocks
    checked: Callable[[stream.OutputSource], stream.OutputSource] = _as_they_are
    given: GivenSizes = FIXED
    _results: results.ResultFolder | None = field(default=None, init=False)
    _keys: SampleKeys = field(default_factory=SampleKeys, init=False, repr=False, compare=False)

    def identity(self, samples: Sequence[Sample]) -> str:
        """Return the key of tool, model, preprocessing, the samples' files and what is known of the samples."""
        options = self.engine.recipe.manifest.infer
        key, keys = self.engine.key(options.batch), self._keys.of(samples)
        return fingerprint(options.tool, options.outfmt, key, self._preprocess.identity, options.batch, keys)

    def check(self, samples: Sequence[Sample]) -> None:
        """Refuse outputs of samples whose files, or whose model, changed since they were hashed.

        Raises:
            ChangedError: The first file that did.
        """
        self._keys.check(samples)
        self.engine.check(self.engine.recipe.manifest.infer.batch)

    def outputs(self, samples: Iterable[Sample]) -> Iterator[Arrays]:
        """Yield the outputs sample by sample."""
        yield from (self._results or self.run()).outputs(samples)

    @property
    def kept(self) -> Mapping[str, Path]:
        """What a run left behind, by name; nothing when the command did not run."""
        if self._results is None:
            return {}
        return {"inputs": self.output / INPUTS, "results": self._folder, f"{self.backend.tool} log": self._log}

    def run(self) -> results.ResultFolder:
        """Write the inputs, run the command, and put its results in place when they are complete.

        Raises:
            StageError: The disk has no room for inputs and results; no file was written then.
            InferenceError: The command failed, or its results are not what the model returns; an earlier
                ``results`` folder stays as it was.
        """
        inputs, recipe = self.output / INPUTS, self.engine.recipe
        batch, shapes = recipe.manifest.infer.batch, recipe.shapes
        require_room(file_sizes(recipe, len(self.samples)), self.output, self.progress)
        origins = sample_origins(self._keys, self.samples, self.given.of)
        with self.clocks.measure("preprocess"):
            prepared = stream.prepared(self.samples, self._preprocess, self.progress, recipe.inferred_noun)
            checked = map(self._checked, self.samples, prepared)
            shaped = reads_sizes(shapes, batch)
            results.write_inputs(inputs, self.samples, checked, sizes=self.given.of, shaped=shaped)
        with self.clocks.measure("infer"):
            with tempfile.TemporaryDirectory(dir=self.output, prefix=f".{self.backend.tool}-") as temporary:
                request = folder_request(
                    recipe,
                    model=self.engine.loadable(batch).path,
                    devices=self.engine.devices,
                    samples=len(self.samples),
                    inputs=inputs,
                    output=Path(temporary),
                    given=map(self.given.of, self.samples),
                )
                folder = self._run(request)
                self.check(self.samples)
                self._keep(folder, origins)
            self._results = self._open(self._folder)
        return self._results

    def _run(self, request: FolderRequest) -> Path:
        def note(what: str) -> None:
            self.progress.note(f"infer: {what}; log: {self._log}")

        folder = self.backend.run_folder(request, self._log, note)
        self.engine.check(request.batch)
        try:
            # All of it is read, so that a results folder that stands can be scored.
            for _ in self.checked(self._open(folder)).outputs(self.samples):
                pass
        except (ResultError, InferenceError) as error:
            text = str(error).replace(f" {folder}:", ":").replace(f"{folder}/", "")  # which is gone then
            raise InferenceError(f"{text}\n  log: {self._log}") from error
        return folder

    def _keep(self, folder: Path, origins: Sequence[SampleOrigin]) -> None:
        model = model_origin(self.engine, self.engine.recipe.manifest.infer.batch)
        write_origin(folder, model, origins, results.result_files(folder))
        put_folder(folder, self._folder)

    def _open(self, folder: Path) -> results.ResultFolder:
        specs = self.engine.recipe.manifest.output_specs
        title = f"{self.backend.tool}'s results"
        return results.open_results(folder, self.samples, self.samples, specs, title=title, given=self.given)

    def _checked(self, sample: Sample, arrays: Arrays) -> Arrays:
        """Refuse inputs that would have the right number of bytes by chance only."""
        specs = self.given.filled(self.engine.recipe.host_inputs, sample)
        expected, found = sample_texts(specs), array_texts(arrays)
        if sorted(found) != sorted(expected):
            raise InferenceError(mismatch("inputs of a sample", expected, found, "correct the plugin's preprocessing"))
        return arrays

    @property
    def _preprocess(self) -> Preprocess:
        return self.engine.recipe.host_preprocess

    @property
    def _folder(self) -> Path:
        return self.output / RESULTS

    @property
    def _log(self) -> Path:
        return self.engine.logs / f"{self.backend.tool}.log"
