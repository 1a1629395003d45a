from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chosen_kernels import Decided
from refinedet_plugin import candidates
from refinedet_plugin.config import RefineDetConfig
from refinedet_plugin.postprocess import RefineDetPostprocess
from refinedet_plugin.priors import priors
from voc_scenes import sample_of
from zoo_detection import nms_compiled
from zoo_runner.errors import ResultError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays

    Floats = NDArray[np.float32]
    Outputs = dict[str, Floats]

F = np.float32
TWO = RefineDetConfig(classes=("cat", "dog"))
ROWS = TWO.num_priors
SAMPLE = sample_of()
WIDTH, HEIGHT = SAMPLE.width, SAMPLE.height


def corners(loc: Floats, centre_form: Floats) -> Floats:
    """The reference's decode of all rows, a column at a time; high = low + side."""
    columns = []
    for axis in (0, 1):
        side = centre_form[:, axis + 2] * np.exp(loc[:, axis + 2] * F(0.2))
        low = centre_form[:, axis] + loc[:, axis] * F(0.1) * centre_form[:, axis + 2] - side / F(2)
        columns.append((low, low + side))
    return np.stack([columns[0][0], columns[1][0], columns[0][1], columns[1][1]], axis=1)


def literal(outputs: Outputs, config: RefineDetConfig) -> dict[str, NDArray[Any]]:
    """The fact sheet's five steps, one after the other, on all rows and with one kept box at a time."""
    confidences = outputs["odm_conf"].copy()
    confidences[outputs["arm_conf"][:, 1] <= F(config.objectness_threshold)] = 0
    with np.errstate(all="ignore"):
        anchors = corners(outputs["arm_loc"], priors(config.input_size))
        centres = (anchors[:, 2:] + anchors[:, :2]) / F(2)
        decoded = corners(outputs["odm_loc"], np.hstack((centres, anchors[:, 2:] - anchors[:, :2])))
        boxes, scores, labels = [], [], []
        for label in range(len(config.classes)):
            column = confidences[:, label + 1]
            passing = np.flatnonzero(column > F(config.confidence_threshold))
            ascending = passing[np.argsort(column[passing], kind="stable")]
            for row in literal_nms(decoded, ascending[-config.nms_top_k :], F(config.nms_threshold)):
                boxes.append(decoded[row] * np.array((WIDTH, HEIGHT, WIDTH, HEIGHT), F))
                scores.append(column[row])
                labels.append(label)
    return {
        "boxes": np.array(boxes, F).reshape(-1, 4),
        "scores": np.array(scores, F),
        "labels": np.array(labels, np.int16),
    }


def literal_nms(boxes: Floats, waiting: NDArray[np.intp], threshold: F) -> list[int]:
    kept = []
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    while len(waiting):
        best, waiting = waiting[-1], waiting[:-1]
        kept.append(int(best))
        high = np.minimum(boxes[waiting, 2:], boxes[best, 2:])
        low = np.maximum(boxes[waiting, :2], boxes[best, :2])
        shared = np.prod(np.maximum(high - low, F(0)), axis=1)
        waiting = waiting[shared / ((areas[waiting] - shared) + areas[best]) <= threshold]
    return kept


def detect(outputs: Outputs, config: RefineDetConfig = TWO) -> dict[str, NDArray[Any]]:
    """Runs the code under test and checks it against the literal steps, to the last bit."""
    for array in outputs.values():
        array.flags.writeable = False
    expected = literal(outputs, config)
    for way in (numpy_alone, compiled_loops):
        with way():
            found = RefineDetPostprocess(config)(outputs, SAMPLE)
        check(found, expected)
    return dict(found)


FUNCTIONS = ((candidates, "LARGEST"), (candidates, "PICK"), (nms_compiled, "SCAN"))


@contextmanager
def numpy_alone() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module, name in FUNCTIONS:
            patch.setattr(module, name, Decided())
        yield


@contextmanager
def compiled_loops() -> Iterator[None]:
    """Where numba is not installed, this is numpy again."""
    for module, name in FUNCTIONS:
        getattr(module, name).wait()
    yield


def check(found: Arrays, expected: Arrays) -> None:
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].flags.c_contiguous
        nan = np.isnan(array)
        assert np.array_equal(np.isnan(found[name]), nan)
        assert found[name][~nan].tobytes() == array[~nan].tobytes()


def nothing(config: RefineDetConfig = TWO) -> Outputs:
    """Outputs in which every prior stays where it is, may be an object, and is background."""
    rows = config.num_priors
    confidences = np.zeros((rows, config.num_classes), F)
    confidences[:, 0] = 1
    return {
        "odm_loc": np.zeros((rows, 4), F),
        "odm_conf": confidences,
        "arm_loc": np.zeros((rows, 4), F),
        "arm_conf": np.full((rows, 2), 0.5, F),
    }


def softmax(logits: NDArray[np.float64]) -> Floats:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True), F)


def random_outputs(config: RefineDetConfig, seed: int, background: float, spread: float = 0.5) -> Outputs:
    """Outputs of a network that knows nothing; the larger ``background``, the fewer candidates."""
    rng = np.random.default_rng(seed)
    rows = config.num_priors
    logits = rng.normal(0, 1.5, (rows, config.num_classes))
    logits[:, 0] += background
    return {
        "odm_loc": rng.normal(0, spread, (rows, 4)).astype(F),
        "odm_conf": np.round(softmax(logits), 3),  # with ties
        "arm_loc": rng.normal(0, spread, (rows, 4)).astype(F),
        "arm_conf": softmax(rng.normal(0, 3, (rows, 2))),
    }


@pytest.mark.parametrize(
    ("config", "background"),
    [
        pytest.param(RefineDetConfig(), 8.5, id="VOC classes, few candidates"),
        pytest.param(RefineDetConfig(), 6.5, id="VOC classes, many candidates"),
        pytest.param(RefineDetConfig(input_size=512, classes=("cat", "dog")), 6.0, id="512"),
        pytest.param(TWO, 0.0, id="nearly all above the threshold"),
        pytest.param(RefineDetConfig(classes=("a", "b"), nms_top_k=7, nms_threshold=0.3), 4.0, id="top 7"),
        pytest.param(RefineDetConfig(classes=("a",), nms_threshold=0.0), 5.0, id="no overlap at all"),
        pytest.param(
            RefineDetConfig(classes=("a",), confidence_threshold=0.0, objectness_threshold=0.0), 5.0, id="zeros"
        ),
    ],
)
@pytest.mark.parametrize("spread", [0.5, 30.0], ids=["usual offsets", "wild offsets"])
def test_random_outputs(config: RefineDetConfig, background: float, spread: float) -> None:
    found = detect(random_outputs(config, 1, background, spread), config)
    assert len(found["scores"]) > 0
    assert (np.diff(found["labels"]) >= 0).all()
    same_class = np.diff(found["labels"]) == 0
    assert (np.diff(found["scores"])[same_class] <= 0).all()


def test_nothing_found() -> None:
    found = detect(nothing())
    assert {name: array.shape for name, array in found.items()} == {
        "boxes": (0, 4),
        "scores": (0,),
        "labels": (0,),
    }


def test_one_detection_in_pixels_of_the_original_image() -> None:
    outputs = nothing()
    outputs["odm_conf"][6300] = (0.1, 0.2, 0.7)
    found = detect(outputs)
    assert found["labels"].tolist() == [0, 1]
    assert found["scores"].tolist() == [F(0.2), F(0.7)]
    cx, cy, w, h = priors(320)[6300].tolist()
    box = ((cx - w / 2) * WIDTH, (cy - h / 2) * HEIGHT, (cx + w / 2) * WIDTH, (cy + h / 2) * HEIGHT)
    np.testing.assert_allclose(found["boxes"], [box, box], atol=1e-4)
    assert found["boxes"].min() < 0, "boxes are not clipped to the image"


@pytest.mark.parametrize(
    ("objectness", "confidence", "count"),
    [
        pytest.param(F(0.01), F(0.5), 0, id="objectness at the threshold"),
        pytest.param(np.nextafter(F(0.01), F(1)), F(0.5), 1, id="objectness above"),
        pytest.param(F(0.5), F(0.01), 0, id="confidence at the threshold"),
        pytest.param(F(0.5), np.nextafter(F(0.01), F(1)), 1, id="confidence above"),
    ],
)
def test_thresholds_are_strict_and_float32(objectness: F, confidence: F, count: int) -> None:
    outputs = nothing()
    outputs["arm_conf"][77, 1] = objectness
    outputs["odm_conf"][77, 1] = confidence
    assert len(detect(outputs)["scores"]) == count


def test_equal_scores_keep_the_higher_prior() -> None:
    """All of 6375 priors tie: the last 1000 enter NMS, the last of them first."""
    outputs = nothing()
    outputs["odm_conf"][:] = F(1 / 3)
    found = detect(outputs)
    cx, cy, w, h = priors(320)[-1].tolist()
    box = ((cx - w / 2) * WIDTH, (cy - h / 2) * HEIGHT, (cx + w / 2) * WIDTH, (cy + h / 2) * HEIGHT)
    np.testing.assert_allclose(found["boxes"][0], box, atol=1e-4)
    assert np.bincount(found["labels"]).tolist() == [len(found["labels"]) // 2] * 2


def test_arm_moves_the_anchor_of_odm() -> None:
    outputs = nothing()
    outputs["odm_conf"][5000, 1] = 0.9
    outputs["arm_loc"][5000] = (3.0, -2.0, 1.0, -1.0)
    outputs["odm_loc"][5000] = (-1.0, 4.0, 0.5, 2.0)
    cx, cy, w, h = priors(320)[5000].astype(float)
    cx, cy, w, h = cx + 0.3 * w, cy - 0.2 * h, w * np.exp(0.2), h * np.exp(-0.2)
    cx, cy, w, h = cx - 0.1 * w, cy + 0.4 * h, w * np.exp(0.1), h * np.exp(0.4)
    box = ((cx - w / 2) * WIDTH, (cy - h / 2) * HEIGHT, (cx + w / 2) * WIDTH, (cy + h / 2) * HEIGHT)
    np.testing.assert_allclose(detect(outputs)["boxes"], [box], rtol=1e-4)


def test_a_side_that_overflows_gives_a_nan_box_that_is_kept_only_as_the_best() -> None:
    outputs = nothing()
    outputs["odm_conf"][[10, 2000, 6000], 1] = (0.9, 0.8, 0.7)
    outputs["odm_conf"][[20, 3000], 2] = (0.9, 0.8)
    outputs["odm_loc"][2000, 2] = 500.0
    outputs["odm_loc"][20, 3] = 500.0
    found = detect(outputs)
    assert found["scores"].tolist() == [F(0.9), F(0.7), F(0.9)], "the second dog goes: its IoU is NaN"
    assert np.isnan(found["boxes"]).tolist() == [[False] * 4, [False] * 4, [False, False, False, True]]
    assert found["boxes"][2, 1] == -np.inf


def test_boxes_without_area_remove_each_other() -> None:
    """exp(-1000 * 0.2) is 0 in float32: two points, anywhere, overlap by 0/0."""
    outputs = nothing()
    outputs["odm_conf"][[100, 5000], 1] = (0.9, 0.8)
    outputs["odm_loc"][[100, 5000], 2:] = -1000.0
    found = detect(outputs)
    assert found["scores"].tolist() == [F(0.9)]
    assert (found["boxes"][:, 2:] == found["boxes"][:, :2]).all()


OFFSET = st.sampled_from([0.0, -0.0, 0.3, -1.0, 5.0, -40.0, 440.0, 445.0, -600.0, 3.4e38, -3.4e38, 1e-40])
CONFIDENCE = st.sampled_from([0.0, float(F(0.01)), 0.0101, 0.3, 0.5, 0.98])
EDIT = st.tuples(
    st.sampled_from([0, 1, 2, 3, 120, 4799, 4800, 6000, 6299, 6300, 6301, 6374]) | st.integers(0, ROWS - 1),
    st.tuples(CONFIDENCE, CONFIDENCE),
    st.sampled_from([0.0, float(F(0.01)), 0.011, 1.0]),
    st.tuples(OFFSET, OFFSET, OFFSET, OFFSET),
    st.tuples(OFFSET, OFFSET, OFFSET, OFFSET),
)


@given(st.lists(EDIT, max_size=12))
def test_any_outputs(edits: list[tuple[int, Any, float, Any, Any]]) -> None:
    outputs = nothing()
    for row, confidences, objectness, arm_loc, odm_loc in edits:
        outputs["odm_conf"][row, 1:] = confidences
        outputs["arm_conf"][row, 1] = objectness
        outputs["arm_loc"][row] = arm_loc
        outputs["odm_loc"][row] = odm_loc
    boxes = detect(outputs)["boxes"]
    whole = boxes[~np.isnan(boxes).any(axis=1)]
    assert (whole[:, 2:] >= whole[:, :2]).all(), "no offset can turn a box inside out"


def test_agrees_with_pytorch() -> None:
    """PyTorch's exp differs in the last bit, so the boxes agree closely and everything else exactly."""
    torch = pytest.importorskip("torch")
    torch.exp(torch.zeros(1))  # the first call of a process is now and then right to 1e-4 only, if threads share it
    config = RefineDetConfig()
    outputs = random_outputs(config, 11, 7.0)
    arm_loc, odm_loc, conf = (torch.from_numpy(outputs[n].copy()) for n in ("arm_loc", "odm_loc", "odm_conf"))
    conf[torch.from_numpy(outputs["arm_conf"].copy())[:, 1] <= 0.01] = 0

    def decode(loc: Any, anchors: Any) -> Any:
        sides = anchors[:, 2:] * torch.exp(loc[:, 2:] * 0.2)
        low = anchors[:, :2] + loc[:, :2] * 0.1 * anchors[:, 2:] - sides / 2
        return torch.cat((low, sides + low), 1)

    anchors = decode(arm_loc, torch.from_numpy(priors(320).copy()))
    anchors = torch.cat(((anchors[:, 2:] + anchors[:, :2]) / 2, anchors[:, 2:] - anchors[:, :2]), 1)
    boxes = decode(odm_loc, anchors)
    rows: list[NDArray[Any]] = []
    for label in range(20):
        passing = conf[:, label + 1].gt(0.01).nonzero()[:, 0]
        order = passing[torch.sort(conf[passing, label + 1], stable=True).indices][-1000:]
        rows += [
            np.array([label, conf[row, label + 1], *boxes[row]], F)
            for row in literal_nms(boxes.numpy(), order.numpy(), F(0.45))
        ]
    expected = np.array(rows)
    found = RefineDetPostprocess(config)(outputs, SAMPLE)
    assert found["labels"].tolist() == expected[:, 0].tolist()
    assert found["scores"].tobytes() == expected[:, 1].tobytes()
    np.testing.assert_allclose(found["boxes"] / (WIDTH, HEIGHT, WIDTH, HEIGHT), expected[:, 2:], atol=1e-6)


def test_threads_get_the_same_result() -> None:
    config = RefineDetConfig()
    postprocess = RefineDetPostprocess(config)
    images = [random_outputs(config, seed, 8.5) for seed in range(6)]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda outputs: postprocess(outputs, SAMPLE), images))
    for outputs, prediction in zip(images, found, strict=True):
        assert prediction["boxes"].tobytes() == literal(outputs, config)["boxes"].tobytes()


def changed(**arrays: NDArray[Any] | None) -> dict[str, NDArray[Any]]:
    outputs: dict[str, NDArray[Any] | None] = {**nothing(), **arrays}
    return {name: array for name, array in outputs.items() if array is not None}


@pytest.mark.parametrize(
    ("outputs", "text"),
    [
        pytest.param(
            changed(arm_conf=None),
            "output 'arm_conf' of sample '000001': expected arm_conf float32[6375, 2], found odm_loc float32[6375, 4], "
            "odm_conf float32[6375, 3], arm_loc float32[6375, 4]; check the model, and the names and the order",
            id="missing",
        ),
        pytest.param(
            changed(odm_conf=nothing()["arm_conf"]),
            "output 'odm_conf' of sample '000001': expected odm_conf float32[6375, 3], found odm_conf "
            "float32[6375, 2]; check the model, and the names and the order of its outputs",
            id="swapped",
        ),
        pytest.param(changed(arm_loc=np.zeros((1, ROWS, 4), F)), "found arm_loc float32[1, 6375, 4]", id="batch axis"),
        pytest.param(
            changed(odm_loc=np.zeros((ROWS, 4))),
            "output 'odm_loc' of sample '000001': expected odm_loc float32[6375, 4], found odm_loc float64[",
            id="dtype",
        ),
        pytest.param(
            changed(odm_conf=np.where(np.arange(ROWS * 3).reshape(ROWS, 3) % ROWS == 1, F(np.nan), F(0))),
            "output 'odm_conf' of sample '000001': expected finite numbers, found 3 of 19125 that are NaN or "
            "infinite; check the model's precision mode",
            id="NaN, of background too",
        ),
        pytest.param(
            changed(arm_loc=np.full((ROWS, 4), -np.inf, F)), "found 25500 of 25500 that are NaN", id="infinite"
        ),
    ],
)
@pytest.mark.parametrize("way", [numpy_alone, compiled_loops])
def test_refuses_what_cannot_be_scored(
    way: Callable[[], AbstractContextManager[None]], outputs: dict[str, NDArray[Any]], text: str
) -> None:
    with way(), pytest.raises(ResultError) as caught:
        RefineDetPostprocess(TWO)(outputs, SAMPLE)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"mean": (1, 2, 3), "width": 0.5}, True),
        ({"classes": ("bird", "bus")}, True),
        ({"classes": ("cat", "dog", "bird")}, False),
        ({"input_size": 512}, False),
        ({"confidence_threshold": 0.02}, False),
        ({"objectness_threshold": 0.02}, False),
        ({"nms_threshold": 0.5}, False),
        ({"nms_top_k": 500}, False),
    ],
    ids=lambda value: ",".join(value) or "nothing" if isinstance(value, dict) else "",
)
def test_identity(change: dict[str, Any], same: bool) -> None:
    identity = RefineDetPostprocess(TWO).identity
    assert json.loads(identity)["nms_top_k"] == 1000
    config = RefineDetConfig(**{"classes": ("cat", "dog"), **change})
    assert (RefineDetPostprocess(config).identity == identity) is same
