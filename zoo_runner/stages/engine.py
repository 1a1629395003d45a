"""A model together with what runs it; converted per batch size where the backend needs that."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import StageError, UsageError
from zoo_runner.fingerprints import file_digest, fingerprint, source_fingerprint
from zoo_runner.interfaces import ParallelSession, SessionRequest
from zoo_runner.om_stamp import Stamp, check_stamp
from zoo_runner.process import seconds_from
from zoo_runner.stages.aipp import atc_options
from zoo_runner.stages.convert import ConvertRequest, convert, expected_stamp
from zoo_runner.stages.pixels import host_inputs

if TYPE_CHECKING:
    from zoo_runner.artifacts import Store
    from zoo_runner.interfaces import Backend, Normalisation, Session
    from zoo_runner.recipe import Recipe
    from zoo_runner.stages.model import ModelFile

OM = "model.om"
ONNX = "model.onnx"
ATC_TIMEOUT: Final = "ZOO_RUNNER_ATC_TIMEOUT"
"""Variable with the seconds after which ATC is stopped."""
ATC_TIMEOUT_S: Final = 3600.0
"""Without the variable: ATC takes minutes, and one that hangs must not hold a CI machine for ever."""


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
    """A model and what runs it. Files are made, and hashed, once for each batch size.

    Attributes:
        recipe: The run's recipe.
        backend: Loads the model.
        model: The exported model.
        devices: Device numbers.
        store: Keeps converted models.
        logs: Folder for the converter's logs.
        om: A converted model to use instead of converting.
    """

    recipe: Recipe
    backend: Backend
    model: ModelFile
    devices: tuple[int, ...]
    store: Store
    logs: Path
    om: Path | None = None
    _loadables: dict[int, Loadable] = field(default_factory=dict, init=False, repr=False, compare=False)
    _keys: dict[int, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def converts(self) -> bool:
        """Whether the backend runs something else than ONNX."""
        return self.backend.model_format == "om"

    def loadable(self, batch: int) -> Loadable:
        """Return the file to load for a batch size, converting the model if this was not done before.

        Raises:
            PrerequisiteError: The converter is missing.
            StageError: It failed; its log is named. Or the given .om was made of something else.
        """
        if batch not in self._loadables:
            self._loadables[batch] = self._made(batch)
        return self._loadables[batch]

    def key(self, batch: int) -> str:
        """Name the outputs at a batch size by the model, what runs it and the code around it."""
        if batch not in self._keys:
            self._keys[batch] = fingerprint(
                self.loadable(batch).identity,
                self.backend.name,
                self.backend.version(),
                source_fingerprint(self.recipe.package),
                source_fingerprint("zoo_runner"),
            )
        return self._keys[batch]

    def open(self, batch: int) -> Session:
        """Load the model for a batch size."""
        manifest = self.recipe.manifest
        return self.backend.open(
            SessionRequest(
                model=self.loadable(batch).path,
                inputs=host_inputs(manifest),
                outputs=manifest.output_specs,
                batch=batch,
                devices=self.devices,
                threads=manifest.infer.threads,
            )
        )

    def _made(self, batch: int) -> Loadable:
        if not self.converts:
            pixels = self.recipe.pixels
            return self._folded(pixels.normalisation) if pixels else _as_it_is(self.model)
        request = self._conversion(batch)
        stamp = expected_stamp(request)
        identity = fingerprint(asdict(stamp))
        if self.om is not None:
            return _given(self.om, stamp, identity)
        log = self.logs / f"atc_bs{batch}.log"
        built = self.store.build("om", identity, lambda folder: _convert(request, folder, log))
        om = built.path / OM
        return Loadable(path=om, sha256=file_digest(om), reused=built.reused, identity=identity)

    def _conversion(self, batch: int) -> ConvertRequest:
        manifest = self.recipe.manifest
        return ConvertRequest(
            options=atc_options(self.recipe, self.store),
            onnx=self.model.path,
            onnx_sha256=self.model.sha256,
            inputs=manifest.input_specs,
            outputs=manifest.output_specs,
            batch=batch,
            chip=self.backend.chip(),
            base=self.recipe.loaded.origin(("atc",)).folder.absolute(),
        )

    def _folded(self, normalisation: Normalisation) -> Loadable:
        """Return the exported graph with the normalisation at its head."""
        (image,) = self.recipe.manifest.input_specs
        identity = fingerprint(self.model.sha256, asdict(normalisation), source_fingerprint("zoo_runner"))

        def make(folder: Path) -> None:
            from zoo_runner.stages.fold import fold_normalisation  # noqa: PLC0415 - loads onnx

            fold_normalisation(self.model.path, folder / ONNX, image.name, normalisation)

        built = self.store.build("folded", identity, make)
        path = built.path / ONNX
        return Loadable(path=path, sha256=file_digest(path), reused=built.reused, identity=identity)


def check_om(om: Path | None, backend: Backend | None) -> None:
    """Check that an .om of the user's own has something to run it.

    Raises:
        UsageError: The backend runs something else, or the results come from files.
    """
    if om is not None and (backend is None or backend.model_format != "om"):
        raise UsageError(f"--om {om}: only a backend that runs .om files takes one; add --backend ascend")


def atc_timeout() -> float:
    """Return the seconds after which ATC is stopped.

    Raises:
        UsageError: :data:`ATC_TIMEOUT` is set, and not a positive number.
    """
    return seconds_from(ATC_TIMEOUT) or ATC_TIMEOUT_S


def _as_it_is(model: ModelFile) -> Loadable:
    return Loadable(path=model.path, sha256=model.sha256, reused=model.reused, identity=model.sha256)


def _given(om: Path, expected: Stamp, identity: str) -> Loadable:
    """Accept an .om of the user's own if it is what a conversion would have made."""
    if differences := check_stamp(om, expected):
        listed = "\n".join(f"  {difference}" for difference in differences)
        raise StageError(f"--om {om}: not the model of this manifest\n{listed}\n  leave out --om to convert again")
    return Loadable(path=om, sha256=file_digest(om), reused=True, identity=identity)


def _convert(request: ConvertRequest, folder: Path, log: Path) -> None:
    convert(request, folder / OM, log=log, timeout_s=atc_timeout())


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
        return self._session

    def close(self) -> tuple[tuple[int, str], ...]:
        """Close the session if it was opened; return the devices it lost on the way, with the reasons."""
        session, self._session = self._session, None
        if session is None:
            return ()
        lost = session.lost if isinstance(session, ParallelSession) else ()
        session.close()
        return lost
