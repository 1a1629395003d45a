from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from refinedet_plugin.config import RefineDetConfig
from zoo_detection.voc.classes import VOC_CLASSES


def test_the_preset_is_the_twenty_voc_classes_in_alphabetical_order() -> None:
    config = RefineDetConfig.model_validate({"classes": "voc"})
    assert config.classes == VOC_CLASSES
    assert len(VOC_CLASSES) == 20
    assert sorted(VOC_CLASSES) == list(VOC_CLASSES)
    assert config.num_classes == 21


def test_defaults_are_the_published_model() -> None:
    assert RefineDetConfig().model_dump() == {
        "input_size": 320,
        "classes": VOC_CLASSES,
        "width": 1.0,
        "mean": (104.0, 117.0, 123.0),
        "confidence_threshold": 0.01,
        "objectness_threshold": 0.01,
        "nms_threshold": 0.45,
        "nms_top_k": 1000,
        "image_set": "test",
        "year": "VOC2007",
    }


@pytest.mark.parametrize(
    ("size", "maps", "count"),
    [
        pytest.param(320, (40, 20, 10, 5), 6375, id="320"),
        pytest.param(512, (64, 32, 16, 8), 16320, id="512"),
    ],
)
def test_maps_and_priors_follow_the_input_size(size: int, maps: tuple[int, ...], count: int) -> None:
    config = RefineDetConfig.model_validate({"input_size": size})
    assert config.feature_maps == maps
    assert config.num_priors == count


@pytest.mark.parametrize(
    ("width", "published", "channels"),
    [
        pytest.param(1.0, 64, 64, id="full"),
        pytest.param(0.125, 1024, 128, id="eighth"),
        pytest.param(0.125, 64, 8, id="eighth-of-the-narrowest"),
        pytest.param(0.01, 64, 8, id="never-below-8"),
        pytest.param(0.3, 256, 77, id="rounded-to-nearest"),
    ],
)
def test_channels(width: float, published: int, channels: int) -> None:
    found = RefineDetConfig(width=width).channels(published)
    assert found == channels
    assert isinstance(found, int)


def test_classes_may_be_listed_and_survive_json() -> None:
    config = RefineDetConfig.model_validate({"classes": ["disc", " box "]})
    assert config.classes == ("disc", "box")
    assert config.num_classes == 3
    assert RefineDetConfig.model_validate(json.loads(config.model_dump_json())) == config


def test_it_is_frozen_and_hashable() -> None:
    config = RefineDetConfig()
    with pytest.raises(ValidationError, match="frozen"):
        config.width = 0.5
    assert hash(config) == hash(RefineDetConfig())


@pytest.mark.parametrize(
    ("given", "text"),
    [
        pytest.param({"input_size": 300}, "320 or 512", id="size"),
        pytest.param({"classes": "coco"}, "expected the preset voc.*found 'coco'.*list", id="preset"),
        pytest.param({"classes": []}, "at least 1 item", id="no-class"),
        pytest.param({"classes": ["a", " "]}, "at least 1 character", id="blank-class"),
        pytest.param({"classes": ["a", "b", "a"]}, "unique.*found repeated: a; remove", id="twice"),
        pytest.param({"classes": ["a", " a"]}, "found repeated: a", id="twice-after-stripping"),
        pytest.param({"classes": [1]}, "valid string", id="class-number"),
        pytest.param({"classes": 3}, "valid tuple", id="no-list"),
        pytest.param({"width": 0}, "greater than 0", id="no-width"),
        pytest.param({"width": 1.5}, "less than or equal to 1", id="too-wide"),
        pytest.param({"width": float("nan")}, "finite|greater", id="nan-width"),
        pytest.param({"mean": [1, 2]}, "Field required|length 3|at least 3", id="short-mean"),
        pytest.param({"mean": [1, 2, float("inf")]}, "finite", id="infinite-mean"),
        pytest.param({"confidence_threshold": -0.1}, "greater than or equal to 0", id="confidence"),
        pytest.param({"nms_threshold": 1}, "less than 1", id="nms"),
        pytest.param({"nms_top_k": 0}, "greater than 0", id="top-k"),
        pytest.param({"image_set": ""}, "at least 1 character|match pattern", id="image-set"),
        pytest.param({"image_set": "../test"}, "match pattern", id="path-in-image-set"),
        pytest.param({"year": "a/b"}, "match pattern", id="path-in-year"),
        pytest.param({"size": 320}, "Extra inputs", id="unknown-key"),
    ],
)
def test_mistakes_are_named(given: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        RefineDetConfig.model_validate(given)
