"""Of a run that ends because outputs repeat nothing is kept: the next one must find it too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from streams import Quiet
from zoo_runner.errors import EqualOutputsError, InferenceError
from zoo_runner.plugin.interfaces import Arrays, Sample, TensorSpec
from zoo_runner.stages.predict import pipeline as stream
from zoo_runner.stages.predict import result_folder as results
from zoo_runner.stages.predict.clocks import Clocks
from zoo_runner.stages.predict.output_checks import CheckedOutputs
from zoo_runner.stages.predict.output_rules import OutputRule
from zoo_runner.stages.predict.repetitions import Repetitions
from zoo_runner.stages.predict.result_folder import ResultFolder
from zoo_runner.store.store import Store

CHUNK = 4
SAMPLES = [Sample(index=index, id=f"img{index}", path=Path("none")) for index in range(1, 13)]
RULE = OutputRule(spec=TensorSpec("loc", "float32", ("batch", 10)), kind="offsets")


class Inputs:
    identity = "index"

    def __call__(self, sample: Sample) -> Arrays:
        return {"x": np.array([sample.index])}


class Keeping:
    identity = "keeping"

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        return dict(outputs)


@dataclass
class Model:
    """Gives sample ``wrong`` the outputs of another one."""

    wrong: int
    of: int
    fails: bool = False

    def identity(self, samples: Sequence[Sample]) -> str:
        return f"model {[sample.index for sample in samples]}"

    def check(self, samples: Sequence[Sample]) -> None:
        pass

    def outputs(self, samples: Iterable[Sample]) -> Iterator[Arrays]:
        for sample in samples:
            if self.fails and sample.index == self.wrong:
                raise InferenceError("lost")
            yield array(self.of if sample.index == self.wrong else sample.index)


def array(index: int) -> Arrays:
    return {"loc": np.arange(10, dtype=np.float32) + index / 7}


def watching() -> Repetitions:
    return Repetitions(rules=(RULE,), preprocess=Inputs(), doubt=list[str]().append)


def predicted(source: stream.OutputSource, samples: Sequence[Sample], store: Store) -> int:
    """Return how many samples were inferred now."""
    listeners = stream.Listeners(progress=Quiet(), clocks=Clocks())
    return stream.predict(samples, source, Keeping(), chunk=CHUNK, store=store, listeners=listeners)[1]


def kept(store: Store) -> int:
    return len(list((store.root / "predictions").glob("[!.]*")))


@pytest.mark.parametrize(("wrong", "of"), [(9, 2), (5, 4), (12, 11)], ids=["later", "the chunk before", "the last two"])
def test_of_the_model(tmp_path: Path, wrong: int, of: int) -> None:
    store, model = Store(tmp_path), Model(wrong, of)
    for _ in range(2):
        with pytest.raises(EqualOutputsError, match=f"sample 'img{wrong}': output loc of sample 'img{of}' again"):
            predicted(CheckedOutputs(source=model, rules=(RULE,), watchers=(watching(),)), SAMPLES, store)
        assert kept(store) == 0


def test_what_an_earlier_run_kept_stays(tmp_path: Path) -> None:
    store = Store(tmp_path)
    sources = [
        CheckedOutputs(source=Model(*pair), rules=(RULE,), watchers=(watching(),)) for pair in ((0, 0), (12, 11))
    ]
    assert predicted(sources[0], SAMPLES[:4], store) == 4
    with pytest.raises(EqualOutputsError):
        predicted(sources[1], SAMPLES, store)
    assert kept(store) == 1


def test_after_another_error_what_was_done_stays(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(InferenceError, match="lost"):
        predicted(Model(9, 0, fails=True), SAMPLES, store)
    assert kept(store) == 2


def opened(folder: Path, samples: Sequence[Sample]) -> ResultFolder:
    return replace(results.open_results(folder, samples, SAMPLES, [RULE.spec]), look=watching().files)


def test_of_result_files_whatever_was_kept_before(tmp_path: Path) -> None:
    """The first four are scored alone and kept; a file among the others is a copy of one of theirs."""
    folder, store = tmp_path / "results", Store(tmp_path / "store")
    every = [array(2 if sample.index == 9 else sample.index) for sample in SAMPLES]
    results.write_results(folder, SAMPLES, every, [RULE.spec])
    assert predicted(opened(folder, SAMPLES[:4]), SAMPLES[:4], store) == 4
    for _ in range(2):
        with pytest.raises(EqualOutputsError, match="sample 'img9': output loc of sample 'img2' again"):
            predicted(opened(folder, SAMPLES), SAMPLES, store)


def test_files_of_several_devices_name_the_device(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    every = [array(1 if sample.index == 2 else sample.index) for sample in SAMPLES]
    results.write_results(folder, SAMPLES, every, [RULE.spec])
    for sample in SAMPLES:
        (folder / f"device{sample.index % 3}").mkdir(exist_ok=True)
        (folder / f"{sample.index:07d}_0.bin").rename(
            folder / f"device{sample.index % 3}" / f"{sample.index:07d}_0.bin"
        )
    with pytest.raises(EqualOutputsError, match="outputs of sample 'img2' from device 2: output loc of sample 'img1'"):
        predicted(opened(folder, SAMPLES), SAMPLES, Store(tmp_path / "store"))
