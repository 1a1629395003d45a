"""The published JSON Schema and the loader accept the same manifests."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml
from hypothesis import event, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError, validators
from pydantic import ValidationError as Refusal

from full_manifest import FULL
from places import ROOT
from zoo_runner.errors import ManifestError
from zoo_runner.manifest.checks import PROBLEMS
from zoo_runner.manifest.load import load
from zoo_runner.manifest.schema import Manifest
from zoo_runner.manifest.source import read
from zoo_runner.manifest.tree import plain
from zoo_runner.report.json_schema import json_schema

Data: TypeAlias = Any
Path_: TypeAlias = tuple[str | int, ...]


def _pattern(_validator: object, pattern: str, value: object, _schema: object) -> Iterator[ValidationError]:
    r"""As JSON Schema has it: ``$`` is the very end, where Python's also stands before a last line break."""
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


SCHEMA = json_schema()
VALIDATOR = validators.extend(Draft202012Validator, {"pattern": _pattern})(SCHEMA)  # type: ignore[no-untyped-call] # the stubs leave it out

BY_BATCH = {"accuracy", "throughput"}


@pytest.mark.parametrize(
    "space", [chr(code) for code in range(0x3100) if chr(code).isspace() or code in {0x180E, 0xFEFF}]
)
def test_spaces_in_names_of_tensors(space: str, tmp_path: Path) -> None:
    r"""Engines differ in what ``\s`` is; the schema means what the loader means."""
    data = copy.deepcopy(FULL)
    data["outputs"][0]["name"] = f"a{space}b"
    loaded, _ = outcome(tmp_path / "m.yaml", data)
    assert VALIDATOR.is_valid(as_json(data)) is loaded


def as_json(data: Data) -> Data:
    """What a tool sees that reads the file as JSON: keys are text."""
    return json.loads(json.dumps(data))


def outcome(path: Path, data: Data) -> tuple[bool, set[str]]:
    """Load data from a file; return whether it is accepted, and else the types of the errors."""
    path.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=False))
    try:
        load(path)
    except ManifestError:
        try:
            Manifest.model_validate(plain(read(path).tree))
        except Refusal as refused:
            return False, {_kind(error) for error in refused.errors() if not _echo(error)}
        return False, {PROBLEMS}  # sections that contradict each other
    return True, set()


def _kind(error: Mapping[str, Any]) -> str:
    return "null" if error["input"] is None else str(error["type"])


def _echo(error: Mapping[str, Any]) -> bool:
    """A list called too short only because items of it are wrong."""
    return bool(error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"])


def test_full_example_is_accepted_by_both(tmp_path: Path) -> None:
    assert outcome(tmp_path / "m.yaml", FULL) == (True, set())
    assert list(VALIDATOR.iter_errors(as_json(FULL))) == []
    keys = {field for field in Manifest.model_fields if field not in FULL}
    assert keys == {"models"}  # which stands in place of weights, onnx and atc


def test_an_example_of_several_models_is_accepted_by_both(tmp_path: Path) -> None:
    manifest = yaml.safe_load((ROOT / "tests" / "driven_plugin" / "driven.yaml").read_text())
    assert outcome(tmp_path / "m.yaml", manifest) == (True, set())
    assert list(VALIDATOR.iter_errors(as_json(manifest))) == []


def places(data: Data, path: Path_ = ()) -> Iterator[Path_]:
    yield path
    if isinstance(data, dict):
        for key, value in data.items():
            yield from places(value, (*path, key))
    elif isinstance(data, list):
        for position, value in enumerate(data):
            yield from places(value, (*path, position))


def at(data: Data, path: Path_) -> Data:
    for key in path:
        data = data[key]
    return data


characters = st.characters(codec="utf-8", exclude_characters="\0")
"""What the loader takes as text: a schema has no word for the rest."""
texts = st.text(characters, max_size=8) | st.sampled_from(
    ["", "x", "batch", "http://", "2030-01-31", "2030-02-31", "20300131", "1700000000", "1", "toy\n", "a" * 64, "null"]
)
integers = st.integers(-3, 20) | st.sampled_from([-(2**63) + 1, 2**63 - 1, 100_000, 100_001, 99, 100])
fractions = st.integers(-10, 1000).map(lambda value: value + 0.25)
"""JSON Schema counts 1.0 among the integers, which YAML's reader and the loader do not."""
scalars = st.none() | st.booleans() | integers | fractions | texts
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)


@st.composite
def broken(draw: st.DrawFn, whole: Data) -> Data:
    """A manifest with a few things changed, most of them to something wrong."""
    data = copy.deepcopy(whole)
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        inside = list(places(data))[1:]
        if not inside:
            break
        path = draw(st.sampled_from(inside))
        parent, key = at(data, path[:-1]), path[-1]
        change = draw(st.sampled_from(["delete", "replace", "scalar", "rename", "add", "retype", "copy"]))
        if change == "delete":
            del parent[key]
        elif change == "replace":
            parent[key] = draw(anything)
        elif change == "scalar":
            parent[key] = draw(scalars)
        elif change == "retype":
            parent[key] = {"a": parent[key]} if draw(st.booleans()) else [parent[key]]
        elif change == "copy":
            parent[key] = copy.deepcopy(at(data, draw(st.sampled_from(inside))))
        elif isinstance(parent, dict):
            name = draw(integers if _by_batch(path[:-1]) else texts | st.sampled_from(["batch", "value", "url", "abs"]))
            parent[name] = parent.pop(key) if change == "rename" else draw(anything)
        else:
            parent.append(draw(anything))
    return readable(data)


def _by_batch(path: Path_) -> bool:
    if path[:2] == ("expected", "reference"):
        return path[3:] == ("throughput",)
    return len(path) in {4, 5} and path[:2] == ("expected", "chips") and path[3] in BY_BATCH


def readable(data: Data, path: Path_ = ()) -> Data:
    """Make keys numbers where they are batch sizes and text elsewhere: JSON does not say; and of 18 digits at most.

    YAML's reader refuses integers of more than 64 bits, here as anywhere in a manifest.
    """
    if isinstance(data, list):
        return [readable(each, (*path, position)) for position, each in enumerate(data)]
    if not isinstance(data, dict):
        return data
    by_batch = _by_batch(path)
    keys = {
        key: int(str(key)[:18]) if by_batch and re.fullmatch("0|-?[1-9][0-9]*", str(key)) else str(key) for key in data
    }
    return {keys[key]: readable(each, (*path, keys[key])) for key, each in data.items()}


def agree(
    accepted: bool, kinds: set[str], faults: list[Any], data: Data, excused: frozenset[str] = frozenset()
) -> None:
    """Hold the two against each other.

    What only the loader finds must be one of the checks of ``manifest/checks.py`` and its like, which have an
    error type of their own.
    """
    event("accepted" if accepted else "refused by both" if faults else "refused by checks")
    if accepted or kinds - excused - {PROBLEMS}:
        assert (faults == []) is accepted, (kinds, faults, data)
    if faults:
        assert not accepted, (faults, data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("manifests")


@settings(max_examples=100)
@given(data=broken(FULL))
def test_it_agrees_with_the_loader_on_broken_manifests(folder: Path, data: Data) -> None:
    accepted, kinds = outcome(folder / "m.yaml", data)
    agree(accepted, kinds, list(VALIDATOR.iter_errors(as_json(data))), data)


def section(draw: st.DrawFn) -> Data:
    """Some of the full manifest, for a file that extends it."""
    names = draw(st.lists(st.sampled_from(list(FULL)), min_size=1, max_size=3, unique=True))
    return {name: FULL[name] for name in names}


@st.composite
def children(draw: st.DrawFn) -> Data:
    return draw(broken(section(draw)))


@settings(max_examples=80)
@given(data=children())
def test_it_agrees_with_the_loader_on_manifests_that_extend(folder: Path, data: Data) -> None:
    """The schema does not see the base: what then is missing, or null with nothing there to remove."""
    base = folder / "base.yaml"
    if not base.exists():
        base.write_text(yaml.safe_dump(FULL))
    accepted, kinds = outcome(folder / "child.yaml", {"extends": "base.yaml", **data})
    faults = list(VALIDATOR.iter_errors(as_json({"extends": "base.yaml", **data})))
    agree(accepted, kinds, faults, data, frozenset({"missing", "null"}))


def from_schema(schema: Mapping[str, Any], path: Path_ = ()) -> st.SearchStrategy[Data]:
    """Values that follow a schema made of the keywords that ours has; other keywords fail."""
    if "$ref" in schema:
        return st.deferred(lambda: from_schema(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], path))
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        shared = {key: value for key, value in schema.items() if key != "anyOf"}
        return st.one_of([from_schema({**shared, **option}, path) for option in schema["anyOf"]])
    return BY_TYPE[schema["type"]](schema, path) if "type" in schema else scalars


def _strings(schema: Mapping[str, Any], _path: Path_) -> st.SearchStrategy[Data]:
    if schema.get("format") == "date":
        return st.dates().map(lambda day: day.isoformat())
    if "pattern" in schema:
        pattern = re.sub(r"\$$", r"\\Z", schema["pattern"])
        return st.from_regex(pattern, alphabet=characters)
    return texts.filter(lambda text: len(text) >= schema.get("minLength", 0))


def _integers(schema: Mapping[str, Any], _path: Path_) -> st.SearchStrategy[Data]:
    low = schema.get("minimum", schema.get("exclusiveMinimum", -2) + 1)
    return st.integers(low, min(schema.get("maximum", 2**63 - 1), low + 600))


def _numbers(schema: Mapping[str, Any], _path: Path_) -> st.SearchStrategy[Data]:
    low, high = (schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("exclusiveMaximum"))
    return st.floats(
        low,
        high,
        allow_nan=False,
        allow_infinity=False,
        exclude_min="exclusiveMinimum" in schema,
        exclude_max="exclusiveMaximum" in schema,
    )


def _arrays(schema: Mapping[str, Any], path: Path_) -> st.SearchStrategy[Data]:
    least = schema.get("minItems", 0)
    return st.lists(
        from_schema(schema["items"], (*path, 0)), min_size=least, max_size=schema.get("maxItems", least + 2)
    )


def _objects(schema: Mapping[str, Any], path: Path_) -> st.SearchStrategy[Data]:
    if "properties" in schema:
        known = {name: from_schema(value, (*path, name)) for name, value in schema["properties"].items()}
        required = {name: known.pop(name) for name in schema.get("required", ())}
        return st.fixed_dictionaries(required, optional=known)
    inner = schema["additionalProperties"]
    keys = from_schema({"type": "string", **schema.get("propertyNames", {})})
    values = anything if inner is True else from_schema(inner, (*path, ""))
    return st.dictionaries(keys, values, min_size=schema.get("minProperties", 0), max_size=2)


def _booleans(_schema: Mapping[str, Any], _path: Path_) -> st.SearchStrategy[Data]:
    return st.booleans()


def _nulls(_schema: Mapping[str, Any], _path: Path_) -> st.SearchStrategy[Data]:
    return st.none()


BY_TYPE: Mapping[str, Callable[[Mapping[str, Any], Path_], st.SearchStrategy[Data]]] = {
    "string": _strings,
    "integer": _integers,
    "number": _numbers,
    "array": _arrays,
    "object": _objects,
    "boolean": _booleans,
    "null": _nulls,
}


@settings(max_examples=50)
@given(data=from_schema({"$ref": "#/$defs/Manifest"}).map(readable))
def test_the_loader_refuses_nothing_that_follows_the_schema_but_for_its_checks(folder: Path, data: Data) -> None:
    assert list(VALIDATOR.iter_errors(as_json(data))) == []
    _, kinds = outcome(folder / "m.yaml", data)
    assert kinds <= {PROBLEMS}


@pytest.mark.parametrize(
    ("section", "value", "kind"),
    [
        pytest.param("infer", {"batch": 4.0}, "int_type", id="JSON counts 4.0 among the integers"),
        pytest.param("expected", {"chips": {"310P3": {"throughput": {"4": 9}}}}, "int_type", id="JSON's keys are text"),
        pytest.param(
            "expected", {"chips": {310: {}}}, "string_type", id="and so a chip's name in digits is text to it"
        ),
    ],
)
def test_what_json_schema_cannot_tell_apart(tmp_path: Path, section: str, value: Data, kind: str) -> None:
    minimal = {key: FULL[key] for key in ("name", "plugin", "dataset", "inputs", "outputs")}
    data = {**minimal, section: value}
    assert VALIDATOR.is_valid(as_json(data))
    assert outcome(tmp_path / "m.yaml", data) == (False, {kind})
