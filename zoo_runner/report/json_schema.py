"""The JSON Schemas of manifests and of ``report.json``, for editors and other tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from pydantic.json_schema import GenerateJsonSchema

from zoo_runner.manifest.schema import PATTERNS, Manifest, PluginRef
from zoo_runner.manifest.source import EXTENDS
from zoo_runner.report.model import SCHEMA_VERSION, Report

if TYPE_CHECKING:
    from pydantic import BaseModel

_DEFS: Final = "#/$defs/"
_EXTENDING: Final = "Extending"
_CONFIG: Final = "Config-"
_SPACE: Final = r"\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""What the loader's ``\\s`` stands for (Unicode's White_Space), for engines that mean something else by it."""
_NO_NUMBERS: Final = ("NaN", "Infinity", "-Infinity")


def json_schema(configs: Mapping[str, type[BaseModel]] = MappingProxyType({})) -> dict[str, Any]:
    """Make the schema of manifest files (JSON Schema 2020-12).

    A file that extends another may leave out any key and remove any by ``null``; a file that
    does not has all that the models require. What :mod:`~zoo_runner.manifest.checks` looks at is left to loading.

    Args:
        configs: What ``plugin.config`` is checked against, by the name of the plugin.
    """
    full = with_open_forms(Manifest.model_json_schema(mode="validation"))
    definitions: dict[str, Any] = full.pop("$defs")
    definitions["Manifest"] = full
    for name, model in configs.items():
        config = model.model_json_schema(mode="validation", ref_template=f"{_DEFS}{_CONFIG}{name}-{{model}}")
        definitions |= {f"{_CONFIG}{name}-{inner}": each for inner, each in config.pop("$defs", {}).items()}
        definitions[f"{_CONFIG}{name}"] = config
    extending = {f"{_EXTENDING}{name}": _optional(schema) for name, schema in definitions.items()}
    extending[f"{_EXTENDING}Manifest"]["properties"][EXTENDS] = {
        "type": "string",
        "minLength": 1,
        "description": "manifest to start from, relative to this file",
    }
    plugin = PluginRef.__name__
    for section, prefix in ((definitions[plugin], _DEFS), (extending[f"{_EXTENDING}{plugin}"], f"{_DEFS}{_EXTENDING}")):
        if configs:
            section["allOf"] = [_configured(name, prefix) for name in configs]
    schema: dict[str, Any] = {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": "urn:zoo-runner:schema:manifest",
        "title": "Model-zoo manifest",
        "type": "object",
        "if": {"required": [EXTENDS]},
        "then": {"$ref": f"{_DEFS}{_EXTENDING}Manifest"},
        "else": {"$ref": f"{_DEFS}Manifest"},
        "$defs": definitions | extending,
    }
    rewritten: dict[str, Any] = _rewritten(schema, _portable)
    return rewritten


def with_open_forms(schema: dict[str, Any]) -> dict[str, Any]:
    """Copy a schema with the forms of a section, which exclude each other anyway, beside null: ``anyOf`` only."""
    opened: dict[str, Any] = _rewritten(schema, _open)
    return opened


def _configured(name: str, prefix: str) -> dict[str, Any]:
    """Say what the configuration of a plugin is like, where that plugin is named."""
    named = {"properties": {"name": {"const": name}}, "required": ["name"]}
    return {"if": named, "then": {"properties": {"config": {"$ref": f"{prefix}{_CONFIG}{name}"}}}}


def report_schema() -> dict[str, Any]:
    """Make the schema of ``report.json`` as this release writes it (JSON Schema 2020-12)."""
    schema = _rewritten(Report.model_json_schema(mode="serialization"), _as_written)
    schema["properties"]["schema_version"]["const"] = SCHEMA_VERSION
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": f"urn:zoo-runner:schema:report:{SCHEMA_VERSION}",
        **schema,
        "title": "Report of a model-zoo run",
    }


def _rewritten(schema: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """Copy a schema with every part of it changed, the innermost first."""
    if isinstance(schema, list):
        return [_rewritten(each, change) for each in schema]
    if isinstance(schema, dict):
        return change({key: _rewritten(each, change) for key, each in schema.items()})
    return schema


def _open(part: dict[str, Any]) -> dict[str, Any]:
    if "oneOf" in part and "anyOf" not in part:
        part = {("anyOf" if key == "oneOf" else key): value for key, value in part.items()}
    if "anyOf" in part:
        nested = [option["anyOf"] if set(option) == {"anyOf"} else [option] for option in part["anyOf"]]
        part = part | {"anyOf": [option for each in nested for option in each]}
    return part


def _portable(part: dict[str, Any]) -> dict[str, Any]:
    """Let a pattern mean the same to all engines, and tell editors that ask for it how to put it in words."""
    pattern = part.get("pattern")
    if not isinstance(pattern, str):  # a key of that name is possible
        return part
    words = {"patternErrorMessage": f"expected {PATTERNS[pattern]}"} if pattern in PATTERNS else {}
    return part | {"pattern": pattern.replace(r"\s", _SPACE)} | words


def _as_written(part: dict[str, Any]) -> dict[str, Any]:
    """Every key is written, also one with a default; and what is not a number is written as a word."""
    if part.get("type") == "object" and "properties" in part:
        return part | {"required": list(part["properties"])}
    if part.get("type") == "number":
        number = {"anyOf": [{"type": "number"}, {"enum": list(_NO_NUMBERS)}]}
        return {key: value for key, value in part.items() if key != "type"} | number
    return part


def _optional(schema: dict[str, Any]) -> dict[str, Any]:
    """Copy a section's schema with no key required and every key removable."""
    loose = {key: value for key, value in schema.items() if key != "required"}
    if "properties" not in schema:  # the names of an enumeration
        return loose
    loose["properties"] = {name: _removable(value) for name, value in schema["properties"].items()}
    return loose


def _removable(schema: dict[str, Any]) -> dict[str, Any]:
    """Allow null; the description stays on top, where editors look for it."""
    schema = _extending(schema)
    if {"type": "null"} in schema.get("anyOf", []):
        return schema
    said = {key: schema.pop(key) for key in ("description",) if key in schema}
    return {"anyOf": [schema, {"type": "null"}], **said}


def _extending(schema: dict[str, Any]) -> dict[str, Any]:
    """Point to sections that extend. Lists are replaced whole, so what is in them stays as it is."""
    changed = dict(schema)
    if "$ref" in schema:
        changed["$ref"] = schema["$ref"].replace(_DEFS, f"{_DEFS}{_EXTENDING}")
    if "anyOf" in schema:
        changed["anyOf"] = [_extending(option) for option in schema["anyOf"]]
    if isinstance(schema.get("additionalProperties"), dict):
        changed["additionalProperties"] = _removable(schema["additionalProperties"])
    return changed
