"""The stages of a run, and what the user asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Literal, TypeAlias

from zoo_runner.errors import UsageError
from zoo_runner.output.names import INPUTS, PREDICTIONS, REPLAY, RESULTS, SBOM
from zoo_runner.plugin.interfaces import WAYS, Way

PACKED = ".zip"
"""How the names of packs end that are one file."""


class Stage(str, Enum):
    """The stages, in the order they run."""

    FETCH = "fetch"
    EXPORT = "export"
    CONVERT = "convert"
    PREPROCESS = "preprocess"
    INFER = "infer"
    POSTPROCESS = "postprocess"
    EVALUATE = "evaluate"
    BENCHMARK = "benchmark"
    GATE = "gate"

    @property
    def position(self) -> int:
        """Its place in the order, from 0."""
        return list(Stage).index(self)


Explain: TypeAlias = Literal["auto", "always", "never"]
"""Whether a search for the stage at fault follows the verdict; ``auto`` where it takes no longer than half a minute."""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What the command line asked for, already parsed.

    Attributes:
        output: Folder for the report and other results.
        backend: Backend name, or ``auto``.
        weights: Path or URL that replaces the manifest's.
        data: Folder of the data set, instead of fetching it.
        batch_size: Replaces ``infer.batch`` and ``benchmark.batch``.
        devices: Device numbers.
        limit: Only the first samples; the verdict is then inconclusive.
        first: Stages before it are not run; what they would have made must already be there.
        last: Stages after it are not run; nothing is gated unless it is the gate.
        results: Folder of result files to score, with ``first`` at the postprocessing; by default what an
            earlier run with ``--until infer`` wrote to ``output``.
        by_position: The numbers in the result files' names are positions in the data set, counted from 0 or 1.
        require_hash: Refuse files that the manifest gives no hash for.
        refetch: Download again what was downloaded before.
        downloads: Folder of files that were downloaded before, which are taken instead of any from the network.
        soc: Chip to convert for, instead of the one found.
        om: Converted model to use instead of converting, or a pack of them; their stamps must fit.
        accept_unstamped: Use ``om`` also where nothing says what it was made of.
        om_outputs: Names of the outputs in the order in which an .om without a stamp returns them.
        subset: Name of the manifest's subset to score instead of the whole data set.
        baseline: Output folder or ``report.json`` of the run to compare with.
        accuracy_only: Judge a run on an accelerator though no throughput figure applies to it.
        other_weights: Judge weights that are not the manifest's.
        trust_unwatched: Judge a timing though nobody could see whether the device was quiet.
        trust_code: Run code that the manifest brings along.
        no_cache: Make everything again that the store has, except downloads that the manifest's hash confirms.
        verify_cache: Make a part of what would be reused again, and compare.
        seed: Which part; ``None`` draws one.
        traceback: Print the calls that led to an error.
        command: The words of the command line, for the report.
        language: Of ``report.html`` and ``summary.md``: ``en`` or ``zh``.
        sbom: Write ``sbom.cdx.json``.
        keep_inputs: Keep in the history all that the verdict depends on, also what takes a while to find out.
        replay: ``never`` leaves no replay file, ``no-data`` one without the samples' files and inputs.
        explain: Whether to look for the stage that lost the accuracy, after the verdict.
    """

    output: Path
    backend: str = "auto"
    weights: str | None = None
    data: Path | None = None
    batch_size: int | None = None
    devices: tuple[int, ...] = (0,)
    limit: int | None = None
    first: Stage = Stage.FETCH
    last: Stage = Stage.GATE
    results: Path | None = None
    by_position: bool = False
    require_hash: bool = False
    refetch: bool = False
    downloads: Path | None = None
    soc: str | None = None
    om: Path | None = None
    accept_unstamped: bool = False
    om_outputs: tuple[str, ...] = ()
    subset: str | None = None
    baseline: Path | None = None
    accuracy_only: bool = False
    other_weights: bool = False
    trust_unwatched: bool = False
    trust_code: bool = False
    no_cache: bool = False
    verify_cache: bool = False
    seed: int | None = None
    traceback: bool = False
    command: tuple[str, ...] = ()
    language: str = "en"
    sbom: bool = False
    keep_inputs: bool = False
    replay: str = "auto"
    explain: Explain = "auto"

    def runs(self, stage: Stage) -> bool:
        """Say whether the stage is between ``first`` and ``last``."""
        return self.first.position <= stage.position <= self.last.position

    @property
    def scores_files(self) -> bool:
        """Whether the model's outputs come from result files instead of a backend."""
        return self.first is Stage.POSTPROCESS

    @property
    def one_om(self) -> bool:
        """Whether ``om`` is one model, of one batch size, and no pack."""
        return self.om is not None and self.om.suffix.lower() != PACKED and not self.om.is_dir()

    @property
    def ways(self) -> tuple[Way, ...]:
        """What the backend is needed for.

        A backend that is looked for (``auto``) only to convert must be able to infer too, unless the chip is named.
        """
        if self.om is not None:
            return ("infer",)
        only = self.last is Stage.CONVERT and (self.soc is not None or self.backend != "auto")
        return ("convert",) if only else WAYS

    @property
    def leaves(self) -> tuple[str, ...]:
        """Names of what is written to ``output`` beside the report; the manifest may ask for more."""
        more = (SBOM,) if self.sbom else ()
        if self.last in {Stage.PREPROCESS, Stage.INFER}:
            return (INPUTS if self.last is Stage.PREPROCESS else RESULTS, *more)
        if not self.needs_data or self.last.position < Stage.POSTPROCESS.position:
            return more
        return (PREDICTIONS, *more, *((REPLAY,) if self.leaves_replay else ()))

    @property
    def leaves_replay(self) -> bool:
        """Whether a red or open accuracy gate leaves a replay file; with ``limit`` every gate is inconclusive."""
        return self.replay != "never" and self.limit is None and self.runs(Stage.EVALUATE) and self.last is Stage.GATE

    @property
    def results_folder(self) -> Path:
        """Where result files are read from or written to."""
        return self.results or self.output / RESULTS

    @property
    def needs_model(self) -> bool:
        """Whether the run loads the model; scoring result files and writing inputs do not."""
        return not self.scores_files and self.last not in {Stage.FETCH, Stage.PREPROCESS}

    @property
    def needs_weights(self) -> bool:
        """Whether the run needs the checkpoint."""
        return self.needs_model or self.last is Stage.FETCH

    @property
    def needs_data(self) -> bool:
        """Whether the run reads the data set."""
        between = self.last.position >= Stage.PREPROCESS.position and self.first is not Stage.BENCHMARK
        return between or self.last is Stage.FETCH

    def check(self) -> None:
        """Refuse combinations that contradict themselves.

        Raises:
            UsageError: Always with what to write instead.
        """
        if self.first.position > self.last.position:
            msg = f"--from {self.first.value} comes after --until {self.last.value}; swap or drop one"
            raise UsageError(msg)
        if self.results is not None and not self.scores_files:
            msg = "--results DIR is scored from the postprocessing on: add --from postprocess"
            raise UsageError(msg)
        if self.by_position and not self.scores_files:
            msg = "--by-position says how the files of --results are named: add --from postprocess, or drop it"
            raise UsageError(msg)
        if self.refetch and not self.runs(Stage.FETCH):
            msg = f"--refetch fetches again, and --from {self.first.value} starts behind that; drop one"
            raise UsageError(msg)
        if self.first is Stage.GATE:
            msg = "--from gate has nothing to gate: start at evaluate or before"
            raise UsageError(msg)
        if self.accept_unstamped and self.om is None:
            msg = "--accept-unstamped is about a model that --om names: add --om FILE, or drop it"
            raise UsageError(msg)
        if self.om_outputs and not self.accept_unstamped:
            msg = "--om-outputs is about an .om without a stamp: add --accept-unstamped, or drop it"
            raise UsageError(msg)
        self._check_cache()
        if self.subset is not None and (not self.needs_data or self.last is Stage.FETCH):
            span = f"--from {self.first.value}" if self.first is Stage.BENCHMARK else f"--until {self.last.value}"
            msg = f"--subset {self.subset} picks samples, and {span} works on none; drop one"
            raise UsageError(msg)
        if self.baseline is not None and not self.runs(Stage.EVALUATE) and not self.runs(Stage.BENCHMARK):
            msg = f"--baseline compares figures, and --until {self.last.value} makes none; drop one"
            raise UsageError(msg)

    def _check_cache(self) -> None:
        later = self.first is not Stage.FETCH and not self.scores_files
        if self.no_cache and later:
            msg = (
                f"--no-cache reuses nothing of the store, and --from {self.first.value} needs what an earlier run left "
                "there; drop one"
            )
            raise UsageError(msg)
        if self.no_cache and self.verify_cache:
            msg = "--no-cache reuses nothing of the store, so that --verify-cache has nothing to compare; drop one"
            raise UsageError(msg)
        if self.verify_cache and later:
            msg = f"--verify-cache makes things again, and --from {self.first.value} only takes what is there; drop one"
            raise UsageError(msg)
        if self.seed is not None and not self.verify_cache:
            msg = f"--seed {self.seed} is of a draw that --verify-cache makes: add it, or drop --seed"
            raise UsageError(msg)
