"""``plugin.config`` is checked by the plugin's own model, with the words and lines of the manifest's checks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from zoo_runner.errors import ManifestError
from zoo_runner.manifest.load import load, load_plugin_config

Write = Callable[..., Path]


class Colours(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    names: list[str] = ["red"]
    pair: tuple[float, float] = (0, 1)
    size: Annotated[int, Field(le=512)] = 1
    by_level: dict[int, float] = {}
    mode: Literal["fast", "exact"] = "fast"

    @field_validator("names")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        if "pink" in value:
            raise ValueError("expected a primary colour, found 'pink'")
        return value

    @model_validator(mode="after")
    def _matching(self) -> Colours:
        if self.size == 7:
            raise AssertionError("size 7 has no colours")
        return self


EXACT = "did you mean 'exact'?"


class Loose(BaseModel):
    size: int = 1


def with_config(write: Write, minimal: str, config: str) -> Any:
    return load(write(minimal.replace("{name: toy}", f"\n  name: toy\n  config: {config}")))


@pytest.mark.parametrize(
    ("config", "values"),
    [
        pytest.param("{}", {}, id="empty"),
        pytest.param("{names: [red, blue], pair: [1, 2.5]}", {"names": ["red", "blue"], "pair": (1, 2.5)}, id="lists"),
        pytest.param("{by_level: {1: 0.5}}", {"by_level": {1: 0.5}}, id="integer keys"),
    ],
)
def test_plugin_config(write: Write, minimal: str, config: str, values: dict[str, Any]) -> None:
    assert load_plugin_config(with_config(write, minimal, config), Colours) == Colours(**values)


def test_a_lax_plugin_stays_lax(write: Write, minimal: str) -> None:
    assert load_plugin_config(with_config(write, minimal, "{size: '3', other: 1}"), Loose).size == 3


@pytest.mark.parametrize(
    ("config", "complaints"),
    [
        pytest.param(
            "\n    nams: [x]\n    size: 600\n    mode: exat",
            [
                "m.yaml:5: plugin.config.nams: unknown key; did you mean 'names'?",
                "m.yaml:6: plugin.config.size: expected at most 512, found 600 (integer)",
                f"m.yaml:7: plugin.config.mode: expected 'fast' or 'exact', found 'exat' (string); {EXACT}",
            ],
            id="several",
        ),
        pytest.param(
            "{names: [red, 5]}",
            ["m.yaml:4: plugin.config.names.1: expected a string, found 5 (integer); quote it"],
            id="item",
        ),
        pytest.param("{pair: [1]}", ["m.yaml:4: plugin.config.pair.1: required, but not given"], id="short tuple"),
        pytest.param(
            "{names: [pink]}",
            ["m.yaml:4: plugin.config.names: expected a primary colour, found 'pink'"],
            id="the plugin's own check",
        ),
        pytest.param("{size: 7}", ["m.yaml:4: plugin.config: size 7 has no colours"], id="check of the whole"),
        pytest.param(
            "{by_level: {1: x}}",
            ["m.yaml:4: plugin.config.by_level.1: expected a number, found 'x' (string)"],
            id="under an integer key",
        ),
    ],
)
def test_plugin_config_refused(write: Write, minimal: str, config: str, complaints: list[str]) -> None:
    loaded = with_config(write, minimal, config)
    with pytest.raises(ManifestError) as caught:
        load_plugin_config(loaded, Colours)
    assert str(caught.value).split("\n") == complaints
