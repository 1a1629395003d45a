# ruff: noqa: E501 - complaints stand beside what causes them
"""Objects that nearly have an optional protocol: a table made of the protocols themselves."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import pytest

import zoo_runner.plugin
from zoo_runner.manifest.load import load, load_plugin_config
from zoo_runner.plugin import evidence, interfaces, near_misses, scoring
from zoo_runner.plugin import loading as plugins
from zoo_runner.plugin.near_misses import BESIDE, PARTS, look, optional_protocols, parts_of

Install = Callable[..., Path]

VALUES = {"bool": True, "str": "words", "tuple": ()}


def value(returns: str) -> Any:
    """Something that may stand for an attribute of a type."""
    return next((each for kind, each in VALUES.items() if returns.startswith(kind)), SimpleNamespace())


def method(*_: object) -> None:
    """Stands for a method."""


ROWS = [
    pytest.param(optional, part, id=f"{optional.protocol.__name__} of {part.__name__}")
    for part in PARTS
    for optional in near_misses.optional_of(part)
]


def is_asked_for(each: object) -> bool:
    """Whether objects can be held against a protocol."""
    if not isinstance(each, type) or Protocol not in each.__bases__:
        return False
    try:
        return isinstance(None, each) in {True, False}
    except TypeError:
        return False


def names(protocol: type) -> list[str]:
    return [name for step in protocol.__mro__ for name in vars(step) if not name.startswith("_")]


def made(part: type, optional: near_misses.Optional, **changes: Any) -> type:
    """A class with the part and the optional protocol, some members changed; ``None`` leaves one out."""
    bases = [base for base in optional.protocol.__mro__[1:] if Protocol in base.__bases__]
    inherited = {name: method for base in (*bases, part) for name in names(base)}
    own = {name: method if kind else value(optional.returns[name]) for name, kind in optional.members.items()}
    members = {**inherited, "__call__": method, **own, **changes}
    return type("Made", (), {name: each for name, each in members.items() if each is not None})


def told(cls: type, part: type, optional: near_misses.Optional) -> list[str]:
    """What is said of the object, and of its class, about one protocol."""
    found = near_misses.near_misses(cls(), part)
    assert found == near_misses.near_misses(cls, part)
    return [text for text in found if f"{optional} " in f"{text} ".replace(";", " ").replace(",", " ")]


def test_every_optional_protocol_is_known() -> None:
    modules = [
        importlib.import_module(f"zoo_runner.plugin.{each.name}")
        for each in pkgutil.iter_modules(zoo_runner.plugin.__path__)
    ]
    found = {each for module in modules for each in vars(module).values() if is_asked_for(each)}
    assert found == set(optional_protocols())
    assert [each for each in found if not parts_of(each)] == []
    assert set(BESIDE) <= found
    assert {row.values[0].protocol for row in ROWS} == found  # type: ignore[union-attr] # rows have one


@pytest.mark.parametrize(("optional", "part"), ROWS)
def test_what_has_all_members_or_none_is_silent(optional: near_misses.Optional, part: type) -> None:
    whole = made(part, optional)
    assert isinstance(whole(), optional.protocol)
    assert told(whole, part, optional) == []
    assert told(made(part, optional, **dict.fromkeys(optional.members)), part, optional) == []


@pytest.mark.parametrize(("optional", "part"), ROWS)
def test_a_member_that_is_missing_is_named(optional: near_misses.Optional, part: type) -> None:
    for name in optional.members if len(optional.members) > 1 else ():
        (text,) = told(made(part, optional, **{name: None}), part, optional)
        rest = " and ".join(each for each in optional.members if each != name)
        assert text == (
            f"has {rest}, and lacks {name}: nobody takes it for a {optional}; add what is missing, or rename the other"
        )


@pytest.mark.parametrize(("optional", "part"), ROWS)
def test_a_misspelt_member_is_named(optional: near_misses.Optional, part: type) -> None:
    for name, is_method in optional.members.items():
        right = method if is_method else value(optional.returns[name])
        for misspelt in {f"{name}s", name[:-1] + name[-1] * 2, *([name[:3] + name[4:]] if len(name) > 6 else [])}:
            cls = made(part, optional, **{name: None, misspelt: right})
            (text,) = told(cls, part, optional)
            expected = (
                f" (is {misspelt} meant for {name}?): "
                if len(optional.members) > 1
                else f"has {misspelt}, which looks like {name} of "
            )
            assert expected in text
            assert isinstance(cls(), optional.protocol) is False


@pytest.mark.parametrize(("optional", "part"), ROWS)
def test_a_method_where_a_property_belongs_is_named(optional: near_misses.Optional, part: type) -> None:
    for name in (name for name, is_method in optional.members.items() if not is_method):
        assert f"has {name} as a method, expected an attribute or a property of {optional}; add @property" in (
            told(made(part, optional, **{name: method}), part, optional)
        )
        for right in (property(lambda _: 1), cached_property(lambda _: 1)):
            assert told(made(part, optional, **{name: right}), part, optional) == []


@dataclass
class Settings:
    """What parts of plugins often keep beside their methods."""

    scale: float = 0.5
    size: tuple[int, int] = (3, 4)
    module: object = None
    nouns: int = 2
    pixels: int = 320
    classes: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    curve: None = None
    _resampled: bool = False

    def warn(self) -> None: ...
    def state(self) -> None: ...
    def sample(self) -> None: ...
    def fit(self) -> None: ...


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_other_names_are_not_near(part: type) -> None:
    assert near_misses.near_misses(Settings(), part) == ()
    assert near_misses.near_misses(SimpleNamespace(), part) == ()


def test_what_other_names_are_said_of() -> None:
    metric = type("Mean", (), {"resample": True, "scale": ()})
    assert near_misses.near_misses(metric(), scoring.Metric) == (
        "has scale, which looks like scales of ScaledMetric (zoo_runner.plugin.evidence), and nobody asks for it; rename it",
        "has resample, which looks like resampled of ResampledMetric (zoo_runner.plugin.evidence), and nobody asks for it; rename it",
    )
    score = type("Score", (), {"illustrates": method, "diagnose": method, "error_kinds": (), "diagnosis_basis": ""})
    assert near_misses.near_misses(score(), scoring.Scored) == (
        "has error_kinds and diagnosis_basis and diagnose, and lacks illustrate (is illustrates meant for illustrate?): nobody takes it for a DiagnosedScore (zoo_runner.plugin.evidence); add what is missing, or rename the other",
    )


def test_an_object_that_finds_its_members_when_asked() -> None:
    class Found:
        def __getattr__(self, name: str) -> object:
            if name in {"check", "check_identity"}:
                return ""
            raise AttributeError(name)

    assert near_misses.near_misses(Found(), interfaces.Preprocess) == ()


def test_parts_that_come_along_are_silent() -> None:
    plugin = plugins.load("refinedet")
    loaded = load(Path(__file__).parents[3] / "manifests" / "refinedet320-sample.yaml")
    model = plugin.config_model()
    assert model is not None
    assert plugin.parts(load_plugin_config(loaded, model)).notes == ()
    assert [plugins.load(name).notes() for name in ("refinedet", "ascend", "onnxruntime")] == [(), (), ()]


CHECK = "class Part:\n    def check(self, sample): ...\n    illustrates = None\n"
HALF = (
    "has check, and lacks check_identity: nobody takes it for a CheckedPreprocess (zoo_runner.plugin.interfaces); add what is "
    "missing, or rename the other"
)


@pytest.mark.parametrize(
    ("old", "new", "notes"),
    [
        pytest.param(
            "class Part:\n",
            CHECK,
            (f"plugin 'bad': zoo_preprocess(config) returned Part, which {HALF}",),
            id="by an object",
        ),
        pytest.param("class Part:\n", f"{CHECK}    check_identity = ''\n", (), id="nothing is wrong"),
        pytest.param(
            "def zoo_metric(config):",
            "def zoo_metric(config=None, outputs=()):",
            tuple(
                f"plugin 'bad': zoo_metric(config): {name} has a default value, so it is never given; remove it"
                for name in ("config", "outputs")
            ),
            id="arguments that are never given",
        ),
        pytest.param(
            'class Config(BaseModel, extra="forbid"):',
            "class Inputs:\n    def __call__(self, sample): ...\n    def check(self, sample): ...\n\n"
            "class Set(Inputs):\n    def __init__(self): self.check_identity = ''\n\n"
            "class Outputs:\n    def __call__(self, outputs, sample): ...\n    def check(self, sample): ...\n\n"
            "class Config(BaseModel):\n    needed: int\n",
            (f"plugin 'bad': class Inputs {HALF}",),
            id="by a class, where no object can be made without a manifest",
        ),
    ],
)
def test_what_is_told_without_a_manifest(
    install: Install, plugin_source: str, old: str, new: str, notes: tuple[str, ...]
) -> None:
    assert plugin_source.count(old) == 1
    install("bad-dist", {"bad": "bad_plugin"}, {"bad_plugin": plugin_source.replace(old, new)})
    assert plugins.load("bad").notes() == notes


BACKEND = "from zoo_runner.plugin.hookspecs import hookimpl\n\n\n@hookimpl\ndef zoo_backend():\n    {}\n"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param("raise RuntimeError('no device')", "zoo_backend() failed: RuntimeError: no device", id="fails"),
        pytest.param("return None", "zoo_backend() returned None, expected an object like", id="nothing"),
    ],
)
def test_a_backend_that_cannot_be_made_is_a_note(install: Install, body: str, text: str) -> None:
    install("abacus-dist", {"abacus": "abacus_backend"}, {"abacus_backend": BACKEND.format(body)})
    (note,) = plugins.load("abacus").notes()
    assert note.startswith(f"plugin 'abacus': {text}")


def test_classes_of_other_packages_are_not_looked_at() -> None:
    space = {"one": evidence.ScaledMetric, "two": SimpleNamespace, "three": 3}
    assert look(space, "own") == ()
