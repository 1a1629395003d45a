"""Reference of a pydantic model and everything in it, from its JSON Schema: one section a model."""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel

from reference.markdown import code, heading, inline, slug, table
from zoo_runner.manifest.figures import LINE
from zoo_runner.report.json_schema import with_open_forms

Schema = Mapping[str, Any]

_NAMES: Final = {
    "number": "number",
    "string": "string",
    "integer": "integer",
    "boolean": "boolean",
    "object": "mapping",
}
_BOUNDS: Final = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "minItems": "(at least {})",
}


@dataclass(frozen=True)
class SchemaPage:
    """What is known of one model.

    Attributes:
        model: The outermost model.
        mode: ``validation`` for what is read, ``serialization`` for what is written.
        patterns: Regular expressions in words.
    """

    model: type[BaseModel]
    mode: Literal["validation", "serialization"]
    patterns: Mapping[str, str]

    def sections(self, top: str) -> str:
        """Return all sections, from the outermost model on, which ``top`` names."""
        schema = with_open_forms(self.model.model_json_schema(mode=self.mode))
        definitions: Mapping[str, Schema] = schema.get("$defs", {})
        places: dict[str, list[str]] = {self.model.__name__: [""]}
        known = {self.model.__name__: schema, **definitions}
        order = list(self._visit(self.model.__name__, known, places))
        titles = {name: code(places[name][0]) if len(places[name]) == 1 else _words(name) for name in order}
        shared = Counter(titles.values())
        titles |= {name: _chosen(title, known[name]) for name, title in titles.items() if shared[title] > 1}
        titles[self.model.__name__] = top
        return "\n".join(self._section(name, known, places[name], titles) for name in order)

    def _visit(self, name: str, known: Mapping[str, Schema], places: dict[str, list[str]]) -> Iterator[str]:
        """Name the models in the order of their first appearance, and note where each appears."""
        yield name
        prefix = places[name][0]
        for key, value in known[name].get("properties", {}).items():
            for inner, suffix in _references(value, key):
                first = inner not in places
                places.setdefault(inner, []).append(f"{prefix}.{key}{suffix}" if prefix else f"{key}{suffix}")
                if first:
                    yield from self._visit(inner, known, places)

    def _section(self, name: str, known: Mapping[str, Schema], places: Sequence[str], titles: Mapping[str, str]) -> str:
        schema = known[name]
        paragraphs = [inline(each) for each in self._meanings(schema, name)]
        if len(places) > 1:
            paragraphs.append(f"In {', '.join(map(code, places))}.")
        text = "".join(f"{each}\n\n" for each in paragraphs)
        if "enum" in schema:
            return f"{heading(2, titles[name])}\n{text}{', '.join(code(str(each)) for each in schema['enum'])}\n"
        required = set(schema.get("required", ())) if self.mode == "validation" else set()
        rows = [
            [
                f"**{code(key)}**" if key in required else code(key),
                self._kind(value, titles),
                _default(value) if self.mode == "validation" else "",
                inline(value.get("description") or _first_line(known, value)),
            ]
            for key, value in schema.get("properties", {}).items()
        ]
        return f"{heading(2, titles[name])}\n{text}{table(['key', 'type', 'default', 'meaning'], rows)}"

    def _meanings(self, schema: Schema, name: str) -> Iterator[str]:
        """Yield what the model's docstring says, and what those of the models it builds on say of their keys."""
        yield from filter(None, schema.get("description", "").split("\n\n"))
        model = vars(sys.modules[self.model.__module__]).get(name)
        if isinstance(model, type) and issubclass(model, BaseModel):
            for base in model.__mro__[1 : -len(BaseModel.__mro__)]:
                yield from inspect.cleandoc(base.__doc__ or "").split("\n\n")[1:]

    def _kind(self, schema: Schema, titles: Mapping[str, str]) -> str:
        options = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(self._one_kind({**schema, **each}, titles) for each in options))

    def _one_kind(self, schema: Schema, titles: Mapping[str, str]) -> str:  # noqa: PLR0911 - one return for each form of a schema
        if "$ref" in schema:
            title = titles[schema["$ref"].rpartition("/")[2]]
            return f"[{title}](#{slug(title)})"
        if "const" in schema:
            return code(str(schema["const"]))
        if "enum" in schema:
            return " ".join(code(str(each)) for each in schema["enum"])
        if "prefixItems" in schema:
            return f"[{', '.join(self._kind(each, titles) for each in schema['prefixItems'])}]"
        if schema.get("type") == "array":
            return self._limited(f"list of {self._kind(schema['items'], titles)}", schema)
        inner = schema.get("additionalProperties")
        if isinstance(inner, Mapping):
            return f"{self._kind(inner, titles)} by {_name_of_keys(schema)}"
        if schema.get("pattern") in self.patterns:
            return self.patterns[schema["pattern"]]
        kind: str = schema.get("format") or schema.get("type") or "any"
        return self._limited({"object": "mapping"}.get(kind, kind), schema)

    def _limited(self, name: str, schema: Schema) -> str:
        bounds = ", ".join(text.format(f"{schema[key]:,g}") for key, text in _BOUNDS.items() if key in schema)
        return f"{name} {bounds}".rstrip()


def _references(schema: Schema, key: str) -> Iterator[tuple[str, str]]:
    """Yield the models inside a value, each with what its place adds to the key's name."""
    if "$ref" in schema:
        yield schema["$ref"].rpartition("/")[2], ""
    for option in schema.get("anyOf", []):
        yield from _references(option, key)
    if "items" in schema:
        yield from ((name, f"[]{suffix}") for name, suffix in _references(schema["items"], key))
    if isinstance(schema.get("additionalProperties"), Mapping):
        names = _name_of_keys(schema)
        inner = f".<{key.removesuffix('s') if names == 'name' else names}>"
        yield from ((name, f"{inner}{suffix}") for name, suffix in _references(schema["additionalProperties"], key))


def _first_line(known: Mapping[str, Schema], value: Schema) -> str:
    """Return the first line of what the one model inside a value says of itself."""
    inside = {name for name, _ in _references(value, "")}
    return str(known[inside.pop()].get("description", "")).partition("\n")[0] if len(inside) == 1 else ""


def _name_of_keys(schema: Schema) -> str:
    """Say what a mapping goes by: its keys are names, those of lines, or the numbers that batch sizes are."""
    pattern = schema.get("propertyNames", {}).get("pattern", "")
    return "batch size" if pattern.startswith("^[1-9]") else "metric/protocol" if pattern == LINE else "name"


def _default(schema: Schema) -> str:
    """Return the default as YAML has it; sections, and values that are absent unless given, have none."""
    value = schema.get("default")
    if "$ref" in schema and not isinstance(value, str):
        return ""
    return "" if value in (None, "", [], {}) else code(value if isinstance(value, str) else json.dumps(value))


def _chosen(title: str, schema: Schema) -> str:
    """Add to a title which one of several forms it is of: a key that can be one value only tells."""
    told = [value["const"] for value in schema.get("properties", {}).values() if "const" in value]
    return f"{title}: {told[0]}" if told else title


def _words(name: str) -> str:
    """Write the name of a model that appears in several places as a title."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()
