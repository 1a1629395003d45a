"""What the schema has at a key path: for hints, and for keys given on the command line."""

from __future__ import annotations

import types
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from zoo_runner.manifest.tree import KeyPath

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


def annotation_at(model: type[BaseModel], path: KeyPath, tags: Collection[str | int] = ()) -> Any:
    """Return the type of the value at ``path``, or ``Any`` where the schema does not say.

    Args:
        model: Of the outermost section.
        path: The keys that lead to the value.
        tags: Where a key such as ``type`` says which form a section has: the forms that are meant.
    """
    here: Any = model
    for key in path:
        here = _that_takes(_meant(_bare(here), tags), key)
        if _is_model(here):
            field = fields(here).get(str(key))
            here = field.annotation if field else Any
        elif get_origin(here) is Literal:
            here = Any
        else:
            arguments = get_args(here)
            here = arguments[1 if _is_mapping(here) else 0] if arguments else Any
    return _main(_meant(_bare(here), tags))


def fields(annotation: Any) -> Mapping[str, FieldInfo]:
    """Return the fields of a section by the key that sets them; empty if it is not a section."""
    if not _is_model(annotation):
        return {}
    return {field.alias or name: field for name, field in annotation.model_fields.items()}


def has_integer_keys(annotation: Any) -> bool:
    """Say whether a mapping's keys are integers."""
    arguments = get_args(annotation)
    return _is_mapping(annotation) and _bare(arguments[0]) is int


def _that_takes(annotation: Any, key: str | int) -> Any:
    """Return the form of a section that has a key, where there are several forms; an open choice says nothing."""
    options = _options(annotation)
    if not options:
        return annotation
    named = [option for option in options if _is_model(option) and str(key) in fields(option)]
    mappings = [option for option in options if _is_mapping(option)]
    fitting = [option for option in mappings if has_integer_keys(option) is str(key).isdecimal()]
    return next(iter((*named, *fitting, *mappings)), Any)


def _meant(annotation: Any, tags: Collection[str | int]) -> Any:
    """Return the form of a section that one of the tags names, where there are several forms."""
    named = (option for option in _options(annotation) if _is_model(option) and tags)
    return next((option for option in named if any(tag in tags for tag in _literals(option))), annotation)


def _literals(model: type[BaseModel]) -> list[Any]:
    """Return what keys of a section must be that can be one value only."""
    found = [
        get_args(field.annotation) for field in model.model_fields.values() if get_origin(field.annotation) is Literal
    ]
    return [values[0] for values in found if len(values) == 1]


def _main(annotation: Any) -> Any:
    """Return the form of a section that has keys of its own, or integers as keys, where there are several forms."""
    options = _options(annotation)
    own = [option for option in options if _is_model(option) or has_integer_keys(option)]
    return next(iter(own), Any) if options else annotation


def _options(annotation: Any) -> list[Any]:
    """Return the forms of a section; empty where there is only one."""
    union = get_origin(annotation) is Union or get_origin(annotation) is types.UnionType
    return [_bare(option) for option in get_args(annotation) if option is not type(None)] if union else []


def _is_mapping(annotation: Any) -> bool:
    origin = get_origin(annotation)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _bare(annotation: Any) -> Any:
    """Strip ``Annotated`` and ``None``."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _bare(get_args(annotation)[0])
    if origin is Union or origin is types.UnionType:
        options = [option for option in get_args(annotation) if option is not type(None)]
        return _bare(options[0]) if len(options) == 1 else annotation
    return annotation
