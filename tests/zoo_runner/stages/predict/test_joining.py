from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prediction_runs import Doubling, predict
from streams import outputs_of
from zoo_runner.errors import InferenceError, PluginError
from zoo_runner.job.part_samples import Joined, PartInputs, PartSample
from zoo_runner.plugin.interfaces import Arrays, Sample
from zoo_runner.stages.predict import inference
from zoo_runner.stages.predict.clocks import Clocks
from zoo_runner.stages.predict.inference import parts_apart
from zoo_runner.stages.predict.joining import JoinedOutputs
from zoo_runner.stages.predict.result_names import stem
from zoo_runner.store.store import Store


class Cut:
    """Sample k has k mod 3 + 1 parts: its number, and the part's."""

    identity = "cut"

    def __call__(self, sample: Sample) -> Arrays:
        raise NotImplementedError

    def parts(self, sample: Sample) -> int:
        return sample.index % 3 + 1

    def make_part(self, sample: Sample, number: int) -> Arrays:
        return {"x": np.array([float(sample.path.read_text()) + 100 * number], np.float32)}


class List:
    """Lists what comes, in its order."""

    identity = "list"

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        raise NotImplementedError

    def start(self, sample: Sample, parts: int) -> Listed:
        return Listed()


class Listed:
    def __init__(self) -> None:
        self.found: list[float] = []

    def add(self, outputs: Arrays) -> None:
        self.found.append(float(outputs["y"][0]))

    def finish(self) -> Arrays:
        return {"y": np.array(self.found)}


class Dying(Doubling):
    """Fails at a call."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def infer(self, inputs: Arrays) -> Arrays:
        if len(self.batches) == self.at:
            raise InferenceError("gone")
        return super().infer(inputs)


PARTS = PartInputs(Cut())


def joined(source: Any) -> JoinedOutputs:
    return JoinedOutputs(source=source, inputs=PARTS, postprocess=List(), clocks=Clocks())


def of_model(model: Any) -> JoinedOutputs:
    return joined(replace(outputs_of(PARTS, model, batch=3), parts=True))


def lists(predictions: Sequence[Arrays]) -> list[list[float]]:
    return [each["y"].tolist() for each in predictions]


def test_a_run_that_goes_on_gives_the_model_the_same_batches(
    samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "chunk_size", lambda _batch: 4)  # what the runs below keep at a time
    whole, store = Doubling(), Store(tmp_path / "killed")
    expected, _, _ = predict(samples, of_model(whole), Store(tmp_path / "whole"), Joined(List()))
    assert lists(expected) == [
        [2 * (1.5 * index + 100 * part) for part in range(index % 3 + 1)] for index in range(1, 12)
    ]
    dying, again = Dying(at=4), Doubling()
    with pytest.raises(InferenceError, match="gone"):
        predict(samples, of_model(dying), store, Joined(List()))
    found, fresh, _ = predict(samples, of_model(again), store, Joined(List()))
    assert (lists(found), fresh) == (lists(expected), 7)
    assert again.batches == whole.batches[3:]


class Wrong:
    """A source that has one part less, or one more."""

    def __init__(self, more: int) -> None:
        self.more = more

    def identity(self, samples: Sequence[Sample]) -> str:
        return str(self.more)

    def check(self, samples: Sequence[Sample]) -> None: ...

    def outputs(self, samples: Iterable[Sample]) -> Iterator[Arrays]:
        made = [{"y": np.zeros(1)} for _ in samples]
        yield from made[: self.more] if self.more < 0 else [*made, *made[: self.more]]


@pytest.mark.parametrize(
    ("more", "text"),
    [
        pytest.param(-1, "outputs of 's11 part 2': expected as many as there are parts, found none", id="lost"),
        pytest.param(1, "outputs of parts: expected none after the last part, found more; report this", id="more"),
    ],
)
def test_parts_are_counted(samples: list[Sample], more: int, text: str) -> None:
    with pytest.raises(InferenceError) as caught:
        list(joined(Wrong(more)).outputs(samples))
    assert str(caught.value) == text


def test_what_is_known_of_a_sample_is_in_the_key(samples: list[Sample]) -> None:
    one, other = (joined(Wrong(0)).identity([each]) for each in (samples[0], replace(samples[0], id="other")))
    assert one != other


def test_batches_do_not_reach_beyond_a_chunk(samples: list[Sample], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "chunk_size", lambda _batch: 2)
    groups = [[stem(part) for _, part in group] for group in parts_apart(enumerate(PARTS.of(samples[:3])), 4)]
    assert groups == [
        ["0000001-00000", "0000001-00001", "0000002-00000", "0000002-00001"],
        ["0000002-00002"],
        ["0000003-00000"],
    ]
    assert list(parts_apart(enumerate(()), 4)) == []


def test_parts_have_an_index_of_their_own(samples: list[Sample]) -> None:
    parts = list(PARTS.of(samples))
    assert len({part.index for part in parts}) == len(parts)
    assert [part.index for part in parts] == sorted(part.index for part in parts)
    assert all(isinstance(part, PartSample) and part.last == (part.number == part.count - 1) for part in parts)


def test_a_join_without_a_prediction_is_the_plugins_fault(
    samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Listed, "finish", lambda _: None)
    with pytest.raises(PluginError, match=r"^finish\(\) of 's1' returned NoneType, expected arrays by name$"):
        list(joined(Wrong(0)).outputs(samples))
