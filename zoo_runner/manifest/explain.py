"""What a validation found, in words: place, expected, found, what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.errors import did_you_mean
from zoo_runner.manifest.checks import PROBLEMS
from zoo_runner.manifest.outline import annotation_at, fields
from zoo_runner.manifest.schema import PATTERNS
from zoo_runner.manifest.tree import KeyPath, Origin, dotted
from zoo_runner.manifest.wording import found

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

_KEY: Final = "[key]"
_LIST: Final = "a list"
_MAPPING: Final = "a mapping"
_UNKNOWN_KEY: Final = frozenset({"extra_forbidden", "invalid_key", "unexpected_keyword_argument"})
_TAG: Final = frozenset({"union_tag_invalid", "union_tag_not_found"})
"""Of a section whose keys depend on one of them, such as ``type``: that one is wrong or missing."""
_EXPECTED: Final = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "none_required": "null",
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "iterable_type": _LIST,
    "dict_type": _MAPPING,
    "mapping_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "dataclass_type": _MAPPING,
    "literal_error": "{0}",
    "enum": "{0}",
    "greater_than": "more than {0}",
    "greater_than_equal": "at least {0}",
    "less_than": "less than {0}",
    "less_than_equal": "at most {0}",
    "too_short": "at least {0} in the list",
    "too_long": "at most {0} in the list",
    "string_too_short": "at least {0} characters",
    "string_too_long": "at most {0} characters",
}
_LIMITS: Final = ("expected", "gt", "ge", "lt", "le", "min_length", "max_length")
"""What pydantic calls that which is put in."""


def explain(
    error: ValidationError,
    data: Any,
    model: type[BaseModel],
    locate: Callable[[KeyPath], Origin],
    prefix: KeyPath = (),
) -> list[str]:
    """Turn a failed validation into one line for each place that is wrong.

    Args:
        error: What pydantic raised.
        data: What was validated.
        model: What it was validated against.
        locate: Where a key path, prefix included, was written.
        prefix: Key path of ``data`` in the manifest.

    Returns:
        ``file:line: key.path: expected X, found Y (type)``, by file and line.
    """
    places: dict[tuple[KeyPath, bool], list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        if _echo(detail):
            continue
        on_key = detail["loc"][-1:] == (_KEY,)
        places.setdefault((_path(detail, data), on_key), []).append(detail)
    problems: list[tuple[Origin, KeyPath, str]] = []
    for (path, on_key), details in places.items():
        value = path[-1] if on_key else details[0]["input"]
        for sub_path, text in _problems(details, path, value, model, on_key=on_key):
            full = (*prefix, *path, *sub_path)
            origin = locate(full)
            about_key = on_key or details[0]["type"] in _UNKNOWN_KEY
            problems.append((origin.of_key() if about_key else origin, full, text))
    return located_lines(problems)


def located_lines(problems: Iterable[tuple[Origin, KeyPath, str]]) -> list[str]:
    """Return one line for each problem, by file and line.

    Args:
        problems: Where each was written, its key path, and what is wrong.
    """
    ordered = sorted(problems, key=lambda problem: (problem[0].source, problem[0].line))
    return [located(origin, path, text) for origin, path, text in ordered]


def located(origin: Origin, path: KeyPath, text: str) -> str:
    """Put the place before a message, and its key path unless the place already says it."""
    where = f"{origin}: "
    text += f" (taken over on line {origin.taken})" if origin.line and origin.taken not in {0, origin.line} else ""
    return where + (text if not path or where.endswith(f" {dotted(path)}: ") else f"{dotted(path)}: {text}")


def _at(data: Any, path: KeyPath) -> Any:
    for key in path:
        data = data[key]
    return data


def _step(data: Any, key: str | int) -> KeyPath:
    """Return the key that leads on from ``data``, if there is one; what passed through JSON has only string keys."""
    if isinstance(data, Mapping):
        number = int(key) if isinstance(key, str) and re.fullmatch("-?[0-9]{1,18}", key) else key
        return next(((candidate,) for candidate in (key, number) if candidate in data), ())
    return (key,) if _is_list(data) and isinstance(key, int) and key < len(data) else ()


def _echo(detail: ErrorDetails) -> bool:
    """Recognise a list called too short only because items of it are wrong, which is reported anyway."""
    value = detail["input"]
    return detail["type"] == "too_short" and _is_list(value) and len(value) >= detail["ctx"]["min_length"]


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _path(detail: ErrorDetails, data: Any) -> KeyPath:
    """Take from pydantic's location what leads to a value, and leave out the union members it names."""
    path: KeyPath = ()
    paths = [path]
    for key in detail["loc"]:
        step = _step(_at(data, path), key)
        if step:
            path = (*path, *step)
            paths.append(path)
    if detail["type"] == "missing":
        return (*path, detail["loc"][-1])
    # A mapping may have a key called like a union member: then what was refused tells which is meant.
    refused = _json(detail["input"])
    return next((each for each in reversed(paths) if _json(_at(data, each)) == refused), path)


def _json(value: Any) -> str:
    return json.dumps(value, default=str)


def _problems(
    details: list[ErrorDetails], path: KeyPath, value: Any, model: type[BaseModel], *, on_key: bool
) -> list[tuple[KeyPath, str]]:
    first = details[0]
    if first["type"] == PROBLEMS:
        problems: list[tuple[KeyPath, str]] = first["ctx"][PROBLEMS]
        return problems
    if first["type"] in _TAG:
        return [_tag_problem(first, value)]
    if first["type"] == "missing":
        field = fields(annotation_at(model, path[:-1], first["loc"])).get(str(path[-1]))
        meaning = f" ({field.description})" if field and field.description else ""
        return [((), f"required, but not given{meaning}")]
    if first["type"] in _UNKNOWN_KEY:
        known = fields(annotation_at(model, path[:-1], first["loc"]))
        hint = did_you_mean(str(path[-1]), known) or f"; known here: {', '.join(known)}"
        return [((), f"unknown key{hint}")]
    if first["type"] in {"value_error", "assertion_error"}:
        return [((), str(first.get("ctx", {}).get("error") or first["msg"]))]
    expected = list(dict.fromkeys(_expected(detail) for detail in details))
    hint = _hint(details, value) or _shortcut(path, value, model)
    return [((), f"expected {' or '.join(expected)}{' as key' if on_key else ''}, found {found(value)}{hint}")]


def _tag_problem(detail: ErrorDetails, value: Any) -> tuple[KeyPath, str]:
    """Say which kinds of a section there are."""
    key = str(detail["ctx"]["discriminator"]).strip("'")
    tags = _tags(detail["ctx"].get("expected_tags", ""))
    if detail["type"] == "union_tag_not_found":
        return (), f"expected a key {key!r} that says what this is, found {', '.join(map(str, value)) or 'no key'}"
    hint = did_you_mean(str(value[key]), tags)
    *others, last = map(repr, tags)
    kinds = f"{', '.join(others)} or {last}" if others else last
    return (key,), f"expected {kinds}, found {found(value[key])}{hint}"


def _tags(text: str) -> list[str]:
    return re.findall("'([^']*)'", text)


def _expected(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    if detail["type"] == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        return PATTERNS.get(pattern, f"text matching {pattern}")
    if detail["type"] in _EXPECTED:
        limits = (context[name] for name in _LIMITS if name in context)
        return _EXPECTED[detail["type"]].format(*(f"{each:g}" if isinstance(each, float) else each for each in limits))
    text = detail["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    return text[:1].lower() + text[1:]


def _hint(details: list[ErrorDetails], value: Any) -> str:
    kinds = {detail["type"] for detail in details}
    number = isinstance(value, int | float) and (isinstance(value, bool) or "int_type" not in kinds)
    if "string_type" in kinds and number:
        return "; quote it"
    if value is None:
        return "; give a value or remove the key"
    if not isinstance(value, str):
        return ""
    if kinds & {"int_type", "float_type"} and re.fullmatch(r"[-+]?[0-9.]+", value):
        return "; write it without quotes"
    if "float_type" in kinds and re.fullmatch(r"[-+]?[0-9]+[eE][-+]?[0-9]+", value):
        return "; YAML reads it as a number only with a point and a sign, as in 1.0e-3"
    options = [option for detail in details for option in _options(detail)]
    return did_you_mean(value, options)


def _shortcut(path: KeyPath, value: Any, model: type[BaseModel]) -> str:
    """Say how a number is written where a mapping says what kind of number it is, as a tolerance does."""
    share = re.fullmatch(r"([0-9]*\.?[0-9]+) ?%", value) if isinstance(value, str) else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    known = fields(annotation_at(model, path)) if is_number or share else {}
    if is_number and "value" in known:
        return f"; write {{value: {value}}}"
    if "abs" not in known:
        return ""
    if share:
        part = Decimal(share[1]) / 100
        return f"; write {{abs: {share[1]}}} for percentage points, or {{rel: {part:f}}} for a part of the figure"
    return f"; write {{abs: {str(value).lstrip('-')}}}"


def _options(detail: ErrorDetails) -> list[str]:
    return _tags(str(detail.get("ctx", {}).get("expected", "")))
