"""A plugin's normalisation, held against a manifest that wants it compiled into the model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo_runner.errors import ManifestError, PluginError
from zoo_runner.job.options import RunOptions
from zoo_runner.job.recipe import Recipe, resolve
from zoo_runner.manifest.load import load
from zoo_runner.plugin.pixels import PixelPreprocess

MANIFEST = """\
name: toy
plugin: {name: toy}
dataset: {name: points, samples: 10}
inputs:
  - {name: x, shape: [batch, 3, 2, 4]}
outputs:
  - {name: y, shape: [batch, 2]}
atc:
  aipp: auto
"""
DECLARED = """\
    normalisation = Normalisation(mean=(1, 2, 3), scale=(1, 1, 1), swap_red_blue=True, height=2, width=4)
"""
PIXELS = """\
    def pixels(self, sample): ...
"""


@pytest.fixture
def toy(
    install: Callable[..., Path], plugin_source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Recipe]:
    """Resolves the manifest above with a plugin whose parts have these lines more."""
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(MANIFEST)

    def resolve_toy(lines: str, *overrides: str) -> Recipe:
        source = plugin_source.replace('("batch", 3)', '("batch", 3, 2, 4)')
        source = source.replace('    identity = ""\n', f'    identity = ""\n{lines}')
        source = f"from zoo_runner.plugin.pixels import Normalisation\n{source}"
        install("toy", {"toy": "toy_module"}, {"toy_module": source})
        return resolve(load(Path("m.yaml"), overrides), RunOptions(output=Path("out")))

    return resolve_toy


def test_a_plugin_that_declares_its_normalisation(toy: Callable[..., Recipe]) -> None:
    recipe = toy(DECLARED + PIXELS)
    assert isinstance(recipe.pixels, PixelPreprocess)
    assert recipe.pixels is recipe.parts.preprocess


def test_it_is_not_used_unless_asked_for(toy: Callable[..., Recipe]) -> None:
    recipe = toy(DECLARED + PIXELS, "atc=null")
    assert isinstance(recipe.parts.preprocess, PixelPreprocess)
    assert recipe.pixels is None


@pytest.mark.parametrize(
    ("lines", "lacks"),
    [
        pytest.param("", "normalisation and pixels", id="both"),
        pytest.param(DECLARED, "pixels", id="pixels"),
        pytest.param(PIXELS, "normalisation", id="normalisation"),
    ],
)
def test_a_plugin_that_does_not(toy: Callable[..., Recipe], lines: str, lacks: str) -> None:
    assert toy(lines, "atc.aipp=null").pixels is None
    with pytest.raises(ManifestError) as caught:
        resolve(load(Path("m.yaml")), RunOptions(output=Path("out")))
    assert str(caught.value) == (
        "m.yaml:9: atc.aipp: the preprocessing of plugin 'toy' does not say how to normalise pixels: it has no "
        f"{lacks} (see PixelPreprocess in zoo_runner.plugin.pixels); remove atc.aipp"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param(
            "height=2",
            "height=4",
            "m.yaml:9: atc.aipp: plugin 'toy' declares a normalisation for [3, 4, 4], expected [3, 2, 4] as input "
            "'x' has; correct the plugin",
            id="size",
        ),
        pytest.param(
            "mean=(1, 2, 3)",
            "mean=(1, -2, 3)",
            "the plugin's normalisation cannot be written as AIPP: mean: expected 0 to 510, found -2; remove "
            "atc.aipp, or normalise on the host what AIPP cannot",
            id="mean",
        ),
    ],
)
def test_a_declaration_that_does_not_fit(toy: Callable[..., Recipe], old: str, new: str, message: str) -> None:
    with pytest.raises(PluginError) as caught:
        toy(DECLARED.replace(old, new) + PIXELS)
    assert str(caught.value) == message
