from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from zoo_runner.manifest.json_schema import json_schema

VALIDATOR = Draft202012Validator(json_schema())


def complaints(text: str) -> list[str]:
    data = json.loads(json.dumps(yaml.safe_load(text)))
    return sorted(error.message for error in VALIDATOR.iter_errors(data))


def test_is_itself_valid() -> None:
    Draft202012Validator.check_schema(json_schema())
    assert json_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_section_is_closed() -> None:
    sections: dict[str, Any] = json_schema()["$defs"]
    assert "Manifest" in sections
    assert "ExtendingManifest" in sections
    assert [name for name, section in sections.items() if section["additionalProperties"] is not False] == []


@pytest.mark.parametrize(
    ("addition", "expected"),
    [
        pytest.param("", [], id="minimal"),
        pytest.param("infer: {batch: 2}", [], id="more"),
        pytest.param(
            "wieghts: {}",
            ["Additional properties are not allowed ('wieghts' was unexpected)"],
            id="unknown key",
        ),
        pytest.param("infer: {batch: x}", ["'x' is not of type 'integer'"], id="type"),
        pytest.param("infer: null", ["None is not of type 'object'"], id="null"),
        pytest.param("expected: {chips: {310P3: {throughput: {16: 1}}}}", [], id="batch size as key"),
        pytest.param(
            "expected: {chips: {310P3: {throughput: {x: 1}}}}",
            ["'x' does not match '^[1-9][0-9]*$'"],
            id="another key",
        ),
    ],
)
def test_complete_manifest(minimal: str, addition: str, expected: list[str]) -> None:
    assert complaints(f"{minimal}{addition}\n") == expected


def test_required_keys() -> None:
    assert complaints("name: toy") == [
        f"'{key}' is a required property" for key in ("dataset", "inputs", "outputs", "plugin")
    ]


@pytest.mark.parametrize(
    ("addition", "valid"),
    [
        pytest.param("{}", True, id="nothing is required"),
        pytest.param("dataset: {samples: 5}", True, id="nor in a section"),
        pytest.param("expected: null", True, id="sections can be removed"),
        pytest.param("expected: {accuracy: null, chips: {310P3: null}}", True, id="so can what is in them"),
        pytest.param("weights: {url: null}", True, id="and values"),
        pytest.param("datset: {}", False, id="unknown section"),
        pytest.param("dataset: {sampels: 5}", False, id="unknown key"),
        pytest.param("infer: {batch: x}", False, id="type"),
        pytest.param("inputs: [{name: x}]", False, id="lists are whole, and so is what is in them"),
    ],
)
def test_extending_manifest(addition: str, *, valid: bool) -> None:
    text = f"extends: base.yaml\n{addition if addition != '{}' else ''}\n"
    assert (complaints(text) == []) is valid
