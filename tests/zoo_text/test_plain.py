"""The plain decoding gives the fast one's texts; a fault of the fast one is called by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plain_looks import said_of_predictions
from zoo_runner.plugin.interfaces import TensorSpec
from zoo_text.config import RecogniseConfig
from zoo_text.plugin import zoo_plain, zoo_postprocess
from zoo_text.samples import TextSample

IMAGE = (TensorSpec("image", "uint8", ("batch", 8, 8, 3)),)
RANDOM = np.random.default_rng(4)
ABC = "abcdefgh"


def made(tmp: Path | None = None, **options: Any) -> tuple[Any, Any, list[Any]]:
    """Return the fast decoding, the plain implementations, and outputs of some samples."""
    source = {"type": "characters", "characters": ABC} if tmp is None else {"type": "file", "file": "abc.txt"}
    config = RecogniseConfig.model_validate(
        {
            "reader": {"type": "text_files"},
            "preprocess": [{"op": "resize", "size": 8}],
            "postprocess": {"type": "ctc_greedy", "dictionary": source, **options},
        }
    )
    classes = len(ABC) + 1 + bool(options.get("space"))
    outputs = (TensorSpec("scores", "float32", ("batch", 30, classes)),)
    path = None
    if tmp is not None:
        path = tmp / "abc.txt"
        path.write_bytes("\r\n".join(ABC).encode("utf-8-sig") + b"\r\n")
    sample = TextSample(index=1, id="a", path=Path("a.png"), text="a", dictionary=path)
    given = [({"scores": RANDOM.integers(0, 3, (30, classes)).astype(np.float32)}, sample) for _ in range(5)]
    return zoo_postprocess(config, outputs), zoo_plain(config, IMAGE, outputs), given


@pytest.mark.parametrize("options", [{}, {"blank": "last"}, {"space": True}, {"output": "scores"}])
@pytest.mark.parametrize("in_file", [False, True])
def test_as_the_fast_one(tmp_path: Path, options: dict[str, Any], in_file: bool) -> None:
    fast, plain, given = made(tmp_path if in_file else None, **options)
    assert said_of_predictions(plain, given, [fast(*each) for each in given]) is None
    nothing = {"scores": np.eye(len(ABC) + 1 + bool(options.get("space")), dtype=np.float32)[[0, 0]]}
    assert plain.postprocess(nothing, given[0][1])["text"].tolist() == fast(nothing, given[0][1])["text"].tolist()


def text(points: Any) -> Any:
    return {"text": np.asarray(points, np.int32)}


def test_faults_are_named() -> None:
    fast, plain, given = made()
    right = [fast(*each)["text"] for each in given]
    assert said_of_predictions(plain, given, [text(each[::-1]) for each in right]) == "the text looks read from its end"
    other, _, _ = made(blank="last")
    said = said_of_predictions(plain, given, [other(*each) for each in given])
    assert said == "the blank looks taken for another class"
    nothing = np.full((30, 1), -1, np.float32)  # no sample has the last character: there is none behind it
    padded = [({"scores": np.hstack([each["scores"][:, :-1], nothing])}, sample) for each, sample in given]
    moved = [text(fast(*each)["text"] + 1) for each in padded]
    assert said_of_predictions(plain, padded, moved) == "classes are shifted by one, upwards"
    blank = np.eye(len(ABC) + 1)[[0]].repeat(30, axis=0)  # between all steps: no neighbours are equal then
    apart = [({"scores": np.stack([each["scores"], 9 * blank], 1).reshape(60, -1)}, sample) for each, sample in given]
    assert said_of_predictions(plain, given, [fast(*each) for each in apart]) == "equal neighbours look not merged"


def test_a_dictionary_that_only_the_model_has() -> None:
    _, plain, _ = made()
    source = {"type": "ctc_greedy", "dictionary": {"type": "metadata"}}
    config = RecogniseConfig.model_validate(
        {"reader": {"type": "text_files"}, "preprocess": [{"op": "resize", "size": 8}], "postprocess": source}
    )
    without = zoo_plain(config, IMAGE, (TensorSpec("scores", "float32", ("batch", 30, 9)),))
    assert (without.postprocess, without.preprocess is None) == (None, False)
    assert plain.postprocess is not None
