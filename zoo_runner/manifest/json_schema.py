"""The manifest's JSON Schema, for editors and other tools."""

from __future__ import annotations

from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema

from zoo_runner.manifest.schema import Manifest
from zoo_runner.manifest.source import EXTENDS

_DEFS: Final = "#/$defs/"
_EXTENDING: Final = "Extending"


def json_schema() -> dict[str, Any]:
    """Make the schema of manifest files (JSON Schema 2020-12).

    A file that extends another may leave out any key and remove any by ``null``; a file that
    does not has all that the models require. What crosses sections is left to loading.
    """
    full = Manifest.model_json_schema(mode="validation")
    definitions: dict[str, Any] = full.pop("$defs")
    definitions["Manifest"] = full
    extending = {f"{_EXTENDING}{name}": _optional(schema) for name, schema in definitions.items()}
    extending[f"{_EXTENDING}Manifest"]["properties"][EXTENDS] = {
        "type": "string",
        "minLength": 1,
        "description": "manifest to start from, relative to this file",
    }
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "Model-zoo manifest",
        "type": "object",
        "if": {"required": [EXTENDS]},
        "then": {"$ref": f"{_DEFS}{_EXTENDING}Manifest"},
        "else": {"$ref": f"{_DEFS}Manifest"},
        "$defs": definitions | extending,
    }


def _optional(schema: dict[str, Any]) -> dict[str, Any]:
    """Copy a section's schema with no key required and every key removable."""
    loose = {key: value for key, value in schema.items() if key != "required"}
    loose["properties"] = {name: _removable(value) for name, value in schema["properties"].items()}
    return loose


def _removable(schema: dict[str, Any]) -> dict[str, Any]:
    schema = _extending(schema)
    options = schema.get("anyOf", [])
    return schema if {"type": "null"} in options else {"anyOf": [schema, {"type": "null"}]}


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
