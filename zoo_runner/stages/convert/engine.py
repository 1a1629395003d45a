"""A model together with what runs it; converted where the backend, or ``atc.aipp``, needs that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.aipp.folding import Folding
from zoo_runner.backends.onnxruntime import OnnxRuntimeBackend
from zoo_runner.errors import StageError, UsageError
from zoo_runner.job.steps import coded, conversion_step
from zoo_runner.manifest.open_axes import shapes_of
from zoo_runner.plugin.conversion import ConvertingBackend, StampingBackend
from zoo_runner.plugin.interfaces import ParallelSession, Session, SessionRequest
from zoo_runner.plugin.near_misses import near_misses
from zoo_runner.stages.convert.request import batch_made_for, conversion_request, given_model, made_for
from zoo_runner.stages.convert.unstamped import require_there
from zoo_runner.store.fingerprints import file_digest, fingerprint
from zoo_runner.store.snapshots import Watch, used
from zoo_runner.store.store import Terms
from zoo_runner.used_code.libraries import PREDICTING, versions

if TYPE_CHECKING:
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.conversion import Artifact, Conversion, ConversionRequest
    from zoo_runner.plugin.interfaces import Backend, TensorSpec
    from zoo_runner.stages.export.model import ModelFile
    from zoo_runner.stages.fetch.given_models import GivenModels
    from zoo_runner.store.store import Store


def _tell_nobody(_text: str) -> None:
    """Stand for a run without a journal."""


@dataclass(frozen=True, kw_only=True)
class Loadable:
    """A file the backend can load, for one batch size.

    Attributes:
        path: The file.
        sha256: Its hash.
        reused: Whether it was there before this run.
        identity: Everything it was made of, as one fingerprint.
    """

    path: Path
    sha256: str
    reused: bool
    identity: str


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A model and what runs it. Files are made, and hashed, once for each batch size, or once for all that one takes.

    Attributes:
        recipe: The run's recipe.
        backend: Loads the model.
        model: The exported model.
        devices: Device numbers.
        store: Keeps converted models.
        logs: Folder for the converter's logs.
        given: Converted models of the user's own, to use instead of converting.
        order: The outputs in the order in which an unstamped model returns them; ``None`` where each must have a stamp.
        warn: Told when a file cannot be kept for later runs.
        run: Name of the run, where what is made is for no other one; empty where it is for all.
    """

    recipe: Recipe
    backend: Backend
    model: ModelFile
    devices: tuple[int, ...]
    store: Store
    logs: Path
    given: GivenModels | None = None
    order: tuple[TensorSpec, ...] | None = None
    warn: Callable[[str], None] = _tell_nobody
    run: str = ""
    _loadables: dict[int, Loadable] = field(default_factory=dict, init=False, repr=False, compare=False)
    _keys: dict[int, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    _watch: Watch = field(default_factory=Watch, init=False, repr=False, compare=False)

    @property
    def converts(self) -> bool:
        """Whether the backend runs something else than ONNX."""
        return isinstance(self.backend, ConvertingBackend)

    @property
    def conversion(self) -> Conversion | None:
        """What makes the file to load of the export; ``None`` where the export is loaded as it is."""
        if isinstance(self.backend, ConvertingBackend):
            return self.backend
        return Folding() if self.recipe.pixels else None

    def makes(self, conversion: Conversion) -> Artifact:
        """Return what a conversion makes of this recipe's network."""
        return made_for(self.recipe, conversion.makes)

    def loadable(self, batch: int) -> Loadable:
        """Return the file to load for a batch size, converting the model if this was not done before.

        Raises:
            PrerequisiteError: The converter is missing.
            StageError: It failed; its log is named. Or the given file was made of something else.
        """
        of = batch_made_for(self.recipe, batch)
        if of not in self._loadables:
            made = self._loadables[of] = self._made(of)
            self._watch.expect(made.path, made.sha256)
        return self._loadables[of]

    def key(self, batch: int) -> str:
        """Name the outputs at a batch size by the model, what runs it and the libraries around it."""
        if batch not in self._keys:
            self._keys[batch] = fingerprint(self.parts(batch))
        return self._keys[batch]

    def parts(self, batch: int) -> dict[str, object]:
        """Return what :meth:`key` is made of."""
        return {
            "model": self.loadable(batch).sha256,
            "model made of": self.loadable(batch).identity,
            "backend": f"{self.backend.name} ({self.backend.version()})",
            "libraries": dict(versions(PREDICTING)),
            **({"run": self.run} if self.run else {}),
            **({"hooks given": self.recipe.parts.told} if self.recipe.parts.told else {}),
        }

    def unstamped(self, batch: int) -> bool:
        """Say whether the model for a batch size is one of the user's own that is taken without a stamp."""
        backend = self.backend
        if self.order is None or self.given is None or not isinstance(backend, ConvertingBackend):
            return False
        return isinstance(backend, StampingBackend) and not backend.stamped(
            given_model(self.given, self.makes(backend), batch, self.recipe)
        )

    def conversion_parts(self, batch: int) -> Mapping[str, object]:
        """Return what the key of the file for a batch size is made of; nothing where the export is loaded as it is."""
        conversion = self.conversion
        return (
            {}
            if conversion is None or self.unstamped(batch)
            else conversion.conversion_parts(self._request(conversion, batch))
        )

    def session_request(self, batch: int) -> SessionRequest:
        """Return what the backend is asked to load for a batch size; the file is made, or found, for that."""
        manifest = self.recipe.manifest
        return SessionRequest(
            model=self.loadable(batch).path,
            inputs=self.recipe.host_inputs,
            outputs=self.order if self.order and self.unstamped(batch) else manifest.output_specs,
            batch=batch,
            devices=self.devices,
            threads=manifest.infer.threads,
            shapes=shapes_of(manifest),
        )

    def open(self, batch: int) -> Session:
        """Load the model for a batch size.

        Raises:
            ChangedError: What was loaded is not the file that was made or given.
        """
        session = self.backend.open(self.session_request(batch))
        try:
            self.check(batch)
        except BaseException:
            session.close()
            raise
        return session

    @property
    def graph_batch(self) -> int:
        """Samples per call of the exported graph: 1, or what it was exported for."""
        return 1 if self.recipe.manifest.onnx.dynamic_batch else self.recipe.manifest.infer.batch

    def open_graphs(self, batch: int) -> Session:
        """Load the exported graph in ONNX Runtime, whatever the backend is."""
        manifest = self.recipe.manifest
        request = SessionRequest(
            model=self.model.path,
            inputs=manifest.input_specs,
            outputs=manifest.output_specs,
            batch=batch,
            shapes=self.recipe.shapes,
        )
        return OnnxRuntimeBackend().open(request)

    def check(self, batch: int) -> None:
        """Refuse the file for a batch size, now that it was used, if it is not what it was.

        Raises:
            ChangedError: It changed.
        """
        self._watch.check([self.loadable(batch).path])

    def _made(self, batch: int) -> Loadable:
        conversion, model = self.conversion, self.model
        if conversion is None:
            return Loadable(path=model.path, sha256=model.sha256, reused=model.reused, identity=model.sha256)
        request = self._request(conversion, batch)
        if self.given is not None and isinstance(conversion, ConvertingBackend):
            return self._accepted(conversion, request, self.given)
        return self._built(conversion, request)

    def _request(self, conversion: Conversion, batch: int) -> ConversionRequest:
        """Ask for the export to be converted, or for the export with the normalisation at its head."""
        path, sha256 = self.model.path, self.model.sha256
        if self.recipe.pixels and not conversion.makes.normalises:
            folded = self._built(Folding(), self._request(Folding(), batch))
            path, sha256 = folded.path, folded.sha256
        request = conversion_request(
            self.recipe,
            conversion.makes,
            self.store,
            model=path,
            sha256=sha256,
            batch=batch,
            chip=self.backend.chip(),
        )
        if self.given is None or not isinstance(conversion, ConvertingBackend):
            return request
        return replace(request, given=given_model(self.given, self.makes(conversion), batch, self.recipe))

    def _built(self, conversion: Conversion, request: ConversionRequest) -> Loadable:
        """Return the file that a conversion makes, from the store if it has it."""
        makes, identity = self.makes(conversion), self._identity(conversion, request)
        log = self.logs / (f"{makes.tool}_bs{request.batch}.log" if makes.by_batch else f"{makes.tool}.log")

        def make(folder: Path) -> None:
            with used(request.model, request.sha256):
                conversion.convert(request, folder, log)

        step, terms = conversion_step(conversion), Terms(needs=(makes.file,), repeats=conversion.repeats(request))
        store = coded(step, self.recipe, self.store, self.warn, self.backend)
        built = store.build(makes.name, identity, make, terms)
        path = built.path / makes.file
        return Loadable(path=path, sha256=built.sha256(makes.file), reused=built.reused, identity=identity)

    def _identity(self, conversion: Conversion, request: ConversionRequest) -> str:
        """Name a file by all that it is made of; what any conversion depends on counts whatever its parts say."""
        parts = dict(conversion.conversion_parts(request))
        batch = request.batch if self.makes(conversion).by_batch else None
        own = (self.run,) if self.run else ()
        return fingerprint(self.backend.name, request.chip, request.sha256, batch, parts, *own)

    def _accepted(self, backend: ConvertingBackend, request: ConversionRequest, given: GivenModels) -> Loadable:
        """Accept a file of the user's own if it is what the conversion would have made."""
        path = given_model(given, self.makes(backend), request.batch, self.recipe)
        if self.order is not None and self.unstamped(request.batch):
            require_there(given.shown, path)
            digest, names = file_digest(path), [spec.name for spec in self.order]
            identity = fingerprint("unstamped", digest, names, request.batch)
            return Loadable(path=path, sha256=digest, reused=True, identity=identity)
        digest = file_digest(path) if path.is_file() else ""
        if differences := backend.differences(request, path, digest):
            listed = "\n".join(f"  {difference}" for difference in differences)
            instead = ""
            if isinstance(backend, StampingBackend) and digest and not backend.stamped(path):
                instead = ", or add --accept-unstamped to take it unchecked"
            raise StageError(
                f"--om {path}: not the model of this manifest\n{listed}\n  leave out --om to convert again{instead}"
            )
        return Loadable(path=path, sha256=digest, reused=True, identity=self._identity(backend, request))


def check_om(om: Path | None, backend: Backend | None) -> None:
    """Check that a converted model of the user's own has something to run it.

    Raises:
        UsageError: The backend runs something else, or the results come from files.
    """
    if om is not None and not isinstance(backend, ConvertingBackend):
        raise UsageError(f"--om {om}: only a backend that runs .om files takes one; add --backend ascend")


@dataclass
class LazySession:
    """Loads the model when it is first needed, and lets go of it at the end.

    A run whose predictions are all in the store never loads the model.
    """

    engine: Engine
    batch: int
    _session: Session | None = None

    def __call__(self) -> Session:
        """Return the session, opening it the first time."""
        if self._session is None:
            self._session = self.engine.open(self.batch)
            for text in near_misses(self._session, Session):
                self.engine.warn(f"backend {self.engine.backend.name!r}: the session {text}")
        return self._session

    def close(self) -> tuple[tuple[int, str], ...]:
        """Close the session if it was opened; return the devices it lost on the way, with the reasons."""
        session, self._session = self._session, None
        if session is None:
            return ()
        lost = session.lost if isinstance(session, ParallelSession) else ()
        session.close()
        return lost
