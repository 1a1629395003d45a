"""Greedy decoding: what is taken together, what is left out, and which mistakes are named."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo_runner.errors import ManifestError, ResultError
from zoo_runner.plugin.interfaces import Arrays, TensorSpec
from zoo_runner.plugin.model_texts import ToldPostprocess
from zoo_text.ctc import CtcConfig, CtcGreedy
from zoo_text.metric import decoded
from zoo_text.samples import TextSample

ABC = {"type": "characters", "characters": "abc"}
MODEL = {"type": "metadata"}
LINE = TextSample(index=1, id="a", path=Path("a.png"), text="a")


def spec(*shape: int | str, name: str = "scores") -> TensorSpec:
    return TensorSpec(name, "float32", ("batch", *shape))


def config(**settings: Any) -> CtcConfig:
    return CtcConfig.model_validate({"type": "ctc_greedy", "dictionary": ABC, **settings})


def steps(classes: Sequence[int], count: int = 4) -> Arrays:
    """Return scores in which these classes are the best ones, in turn."""
    return {"scores": np.eye(count, dtype=np.float32)[list(classes)].reshape(-1, count)}


@pytest.mark.parametrize(
    ("classes", "blank", "text"),
    [
        ([0, 1, 1, 0, 2, 3], "first", "abc"),
        ([1, 1, 1], "first", "a"),
        ([1, 0, 1], "first", "aa"),
        ([0, 0], "first", ""),
        ([], "first", ""),
        ([0, 1, 1, 3, 1, 2, 3], "last", "abbc"),
        ([3, 3], "last", ""),
    ],
)
def test_texts(classes: list[int], blank: str, text: str) -> None:
    found = CtcGreedy(config(blank=blank), (spec("steps", 4),))(steps(classes), LINE)
    assert (decoded(found["text"], LINE), str(found["text"].dtype)) == (text, "int32")


def test_the_first_of_equal_classes_counts_and_a_space_is_the_last_character() -> None:
    greedy = CtcGreedy(config(space=True), (spec("steps", 5), spec(2, name="other"))[:1])
    assert decoded(greedy(steps([1, 4, 2], 5), LINE)["text"], LINE) == "a b"
    assert decoded(greedy({"scores": np.full((2, 5), 0.2, np.float32)}, LINE)["text"], LINE) == ""


def test_the_dictionary_of_the_model() -> None:
    untold = CtcGreedy(config(dictionary=MODEL), (spec("steps", 4),))
    assert isinstance(untold, ToldPostprocess)
    with pytest.raises(
        ManifestError, match="expected a model that is given as ONNX, whose metadata have the dictionary"
    ):
        untold(steps([1]), LINE)
    one, other = untold.told({"character": "x\ny\nz"}), untold.told({"character": "y\nx\nz"})
    assert [decoded(each(steps([1, 2]), LINE)["text"], LINE) for each in (one, other)] == ["xy", "yx"]
    assert len({untold.identity, one.identity, other.identity}) == 3
    with pytest.raises(
        ManifestError, match=r"one for the blank, 3 \(without a space behind the dictionary\), found 4 in"
    ):
        untold.told({"character": "x\ny"})


def test_the_dictionary_of_the_data_set(tmp_path: Path) -> None:
    path = tmp_path / "d.txt"
    path.write_text("x\ny\n")
    greedy = CtcGreedy(config(dictionary={"type": "file", "file": "d.txt"}, space=True), (spec("steps", 4),))
    line = TextSample(index=1, id="a", path=path, text="a", dictionary=path)
    assert decoded(greedy(steps([1, 3, 2]), line)["text"], line) == "x y"
    with pytest.raises(
        ManifestError, match=r"5 \(with a space behind the dictionary\), found 4|expected one class for"
    ):
        greedy(steps([1], 5), line)


def test_all_of_the_configuration_is_in_the_identity() -> None:
    kinds = [config(), config(blank="last"), config(space=True), config(output="scores"), config(dictionary=MODEL)]
    found = [CtcGreedy(each, (spec("steps", "classes"),)).identity for each in kinds]
    assert len(set(found)) == len(kinds)
    assert json.loads(found[0])["output"] == "scores"


@pytest.mark.parametrize(
    ("outputs", "settings", "text"),
    [
        ((), {}, r"postprocess.output: expected one output of \[batch, steps, classes\], found none; name"),
        ((spec(4),), {}, r"found scores float32\[batch, 4\]"),
        ((spec(9, 4), spec(9, 4, name="b")), {}, r"expected one output of .* found scores .*, b "),
        ((spec(9, 4),), {"output": "b"}, "expected an output 'b' of"),
        ((spec(9, 5),), {}, r"dictionary: expected one class for each character and one for the blank, 4 \(without"),
        ((spec(9, 4),), {"space": True}, r"5 \(with a space behind the dictionary\), found 4 in the output scores"),
    ],
)
def test_what_does_not_fit(outputs: tuple[TensorSpec, ...], settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ManifestError, match=text):
        CtcGreedy(config(**settings), outputs)


def test_no_number_is_no_text() -> None:
    scores = steps([1, 2])["scores"].copy()
    scores[1, 0] = np.nan
    with pytest.raises(ResultError, match="sample 'a': expected numbers in scores, found NaN"):
        CtcGreedy(config(), (spec("steps", 4),))({"scores": scores}, LINE)
