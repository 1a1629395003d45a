from __future__ import annotations

import json
from enum import Enum
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict

from zoo_runner.report.changes import Interval
from zoo_runner.report.json_schema import json_schema, report_schema
from zoo_runner.report.model import ManifestRecord, MetricRecord, Report, Verdict

VALIDATOR = Draft202012Validator(json_schema())


class Color(str, Enum):
    RED = "red"


class Inner(BaseModel):
    color: Color = Color.RED


class Config(BaseModel):
    """Of a plugin."""

    model_config = ConfigDict(extra="forbid")

    size: int
    inner: Inner = Inner()


CONFIGURED = Draft202012Validator(json_schema({"toy": Config}))


def complaints(text: str) -> list[str]:
    data = json.loads(json.dumps(yaml.safe_load(text)))
    return sorted(error.message for error in VALIDATOR.iter_errors(data))


def test_is_itself_valid() -> None:
    Draft202012Validator.check_schema(json_schema())
    Draft202012Validator.check_schema(CONFIGURED.schema)
    assert json_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert (json_schema()["$id"], json_schema()["title"]) == ("urn:zoo-runner:schema:manifest", "Model-zoo manifest")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("{name: toy, config: {size: 1}}", [], id="fits"),
        pytest.param("{name: toy}", [], id="none"),
        pytest.param("{name: other, config: {a: b}}", [], id="another plugin"),
        pytest.param("{name: toy, config: {inner: {}}}", ["'size' is a required property"], id="a key is missing"),
        pytest.param("{name: toy, config: {size: x}}", ["'x' is not of type 'integer'"], id="another type"),
        pytest.param(
            "{name: toy, config: {size: 1, inner: {color: blue}}}", ["'blue' is not one of ['red']"], id="further in"
        ),
    ],
)
def test_the_configuration_is_that_of_the_plugin_that_is_named(minimal: str, text: str, expected: list[str]) -> None:
    data = yaml.safe_load(minimal.replace("{name: toy}", text))
    assert data["plugin"] == yaml.safe_load(text)
    assert [error.message for error in CONFIGURED.iter_errors(data)] == expected


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        pytest.param("{name: toy, config: {inner: {}}}", True, id="the other file may have the size"),
        pytest.param("{name: toy, config: {size: null}}", True, id="removed"),
        pytest.param("{config: {a: b}}", True, id="nobody knows of which plugin"),
        pytest.param("{name: toy, config: {size: x}}", False, id="another type"),
        pytest.param("{name: toy, config: {sise: 1}}", False, id="unknown key"),
    ],
)
def test_the_configuration_in_a_file_that_extends_another(text: str, *, fits: bool) -> None:
    assert CONFIGURED.is_valid(yaml.safe_load(f"extends: base.yaml\nplugin: {text}")) is fits


def test_every_section_is_closed() -> None:
    sections: dict[str, Any] = json_schema()["$defs"]
    assert "Manifest" in sections
    assert "ExtendingManifest" in sections
    assert [name for name, section in sections.items() if section["additionalProperties"] is not False] == []


def test_editors_have_something_to_say_of_every_key() -> None:
    definitions: dict[str, Any] = json_schema()["$defs"]

    def section(schema: dict[str, Any]) -> str:
        inner = [schema, *schema.get("anyOf", [])]
        return next((each["$ref"].rpartition("/")[2] for each in inner if "$ref" in each), "")

    silent = [
        f"{name}.{key}"
        for name, each in definitions.items()
        for key, schema in each["properties"].items()
        if not schema.get("description") and not definitions.get(section(schema), {}).get("description")
    ]
    assert silent == []


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
        pytest.param("uncertainty: {resamples: 0}", [], id="no resamples"),
        pytest.param(
            "subsets: {PR: {every: 2}}", ["'PR' does not match '^[a-z0-9][a-z0-9._-]*$'"], id="name of a subset"
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
        pytest.param("subsets: {pr: {every: 5}, old: null}", True, id="and entries"),
        pytest.param("datset: {}", False, id="unknown section"),
        pytest.param("dataset: {sampels: 5}", False, id="unknown key"),
        pytest.param("infer: {batch: x}", False, id="type"),
        pytest.param("inputs: [{name: x}]", False, id="lists are whole, and so is what is in them"),
        pytest.param("waivers: [{line: x}]", False, id="waivers too"),
    ],
)
def test_extending_manifest(addition: str, *, valid: bool) -> None:
    text = f"extends: base.yaml\n{addition if addition != '{}' else ''}\n"
    assert (complaints(text) == []) is valid


def test_patterns_are_put_in_words_for_editors() -> None:
    sha256 = next(
        each for each in json_schema()["$defs"]["Weights"]["properties"]["sha256"]["anyOf"] if "pattern" in each
    )
    assert sha256["patternErrorMessage"] == "expected 64 lower-case hex digits (SHA-256)"


def written(value: float) -> Any:
    metric = MetricRecord(
        name="m",
        protocol="p",
        value=value,
        unit="percent",
        expected=value,
        interval=Interval(low=value, high=value, level=0.95, method="bootstrap", resamples=10, seed=0),
        samples=1,
        dataset_samples=1,
        per_class={"a": value},
        per_class_interval={"a": (value, value)},
    )
    manifest = ManifestRecord(name="m", path="m.yaml", files=("m.yaml",), digest="0" * 64)
    report = Report(verdict=Verdict.FAIL, exit_code=1, manifest=manifest, metrics=(metric,))
    return json.loads(report.model_dump_json())


def test_schema_of_reports_is_itself_valid() -> None:
    schema = report_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert (schema["$id"], schema["title"]) == ("urn:zoo-runner:schema:report:1", "Report of a model-zoo run")


@pytest.mark.parametrize("value", [79.58, 80, float("nan"), float("inf"), float("-inf")])
def test_reports_with_any_figure(value: float) -> None:
    assert list(Draft202012Validator(report_schema()).iter_errors(written(value))) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"schema_version": 2}, "1 was expected", id="another version"),
        pytest.param({"verdict": "perhaps"}, "'perhaps' is not one of ['pass', 'fail', ", id="unknown verdict"),
        pytest.param({"extra": 1}, "Additional properties are not allowed ('extra' was unexpected)", id="unknown key"),
        pytest.param({"warnings": None}, "None is not of type 'array'", id="null"),
        pytest.param({"seconds": "long"}, "'long' is not valid under any of the given schemas", id="word"),
    ],
)
def test_other_reports(change: dict[str, Any], message: str) -> None:
    (fault,) = Draft202012Validator(report_schema()).iter_errors(written(1.0) | change)
    assert fault.message.startswith(message)


def test_readers_can_rely_on_every_key() -> None:
    report = written(1.0)
    del report["warnings"], report["metrics"][0]["per_class"]
    faults = [fault.message for fault in Draft202012Validator(report_schema()).iter_errors(report)]
    assert sorted(faults) == ["'per_class' is a required property", "'warnings' is a required property"]
