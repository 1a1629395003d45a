from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from zoo_detection.voc.dataset import VocDataset
from zoo_runner.errors import ExitCode, ManifestError, PluginError, PrerequisiteError, UsageError
from zoo_runner.job.options import RunOptions
from zoo_runner.job.recipe import Recipe, resolve
from zoo_runner.manifest.load import load

Install = Callable[..., Path]

MANIFEST = """\
name: toy
plugin:
  name: toy
  config:
    classes: [a, b]
dataset: {name: points, samples: 10}
inputs:
  - {name: x, shape: [batch, 3]}
outputs:
  - {name: y, shape: [batch, 2]}
benchmark: {batch: [1, 8]}
expected:
  accuracy: {metric: accuracy, protocol: top1, value: 90}
"""


@pytest.fixture
def toy(install: Install, plugin_source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Recipe]:
    """Resolves the manifest above, changed, with a plugin that it fits."""
    install("toy", {"toy": "toy_module"}, {"toy_module": plugin_source})
    monkeypatch.chdir(tmp_path)

    def resolve_toy(old: str = "", new: str = "", overrides: tuple[str, ...] = (), **options: Any) -> Recipe:
        assert old in MANIFEST
        Path("m.yaml").write_text(MANIFEST.replace(old, new) if old else MANIFEST)
        return resolve(load(Path("m.yaml"), overrides), RunOptions(output=Path("out"), **options))

    return resolve_toy


def test_manifest_and_plugin_are_joined(toy: Callable[..., Recipe]) -> None:
    recipe = toy()
    assert recipe.package == "toy_module"
    assert recipe.parts.network.inputs == recipe.manifest.input_specs
    assert recipe.parts.network.outputs == recipe.manifest.output_specs


def test_samples_are_called_what_the_data_set_calls_them(toy: Callable[..., Recipe]) -> None:
    recipe = toy()
    assert recipe.noun == "samples"
    named = replace(recipe.parts, dataset=VocDataset(("a",)))
    assert replace(recipe, parts=named).noun == "images"


@pytest.mark.parametrize(
    ("old", "new", "overrides", "message"),
    [
        pytest.param(
            "    classes: [a, b]",
            "    clases: [a, b]",
            (),
            "m.yaml:5: plugin.config.clases: unknown key; did you mean 'classes'?",
            id="unknown key",
        ),
        pytest.param(
            "[a, b]",
            "[a, 2]",
            (),
            "m.yaml:5: plugin.config.classes.1: expected a string, found 2 (integer); quote it",
            id="type of an item",
        ),
        pytest.param(
            "",
            "",
            ("plugin.config.classes=a",),
            "--set plugin.config.classes: expected a list, found 'a' (string)",
            id="--set",
        ),
        pytest.param(
            "[a, b]\n",
            "1\n    topk: 3\n",
            (),
            "m.yaml:5: plugin.config.classes: expected a list, found 1 (integer)\n"
            "m.yaml:6: plugin.config.topk: unknown key; known here: classes",
            id="all at once",
        ),
    ],
)
def test_a_configuration_that_the_plugin_refuses(
    toy: Callable[..., Recipe], old: str, new: str, overrides: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ManifestError) as caught:
        toy(old, new, overrides)
    assert str(caught.value) == message
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param(
            "{name: y,", "{name: yy,", "m.yaml:10: outputs.0: the network has no 'yy'; did you mean 'y'?", id="name"
        ),
        pytest.param(
            "{name: y, shape: [batch, 2]}",
            "{name: y, shape: [batch, 3]}",
            "m.yaml:10: outputs.0: expected y float32[batch, 2], found y float32[batch, 3]",
            id="shape",
        ),
        pytest.param(
            "{name: x,",
            "{name: x, dtype: float16,",
            "m.yaml:8: inputs.0: expected x float32[batch, 3], found x float16[batch, 3]",
            id="dtype",
        ),
        pytest.param("{name: y,", "{name: z,", "m.yaml:9: outputs: missing y", id="missing"),
        pytest.param(
            "  - {name: y, shape: [batch, 2]}",
            "  - {name: y, shape: [batch, 2]}\n  - {name: z, shape: [batch, 2]}",
            "m.yaml:11: outputs.1: the network has no 'z'",
            id="extra",
        ),
    ],
)
def test_tensors_that_are_not_the_networks(toy: Callable[..., Recipe], old: str, new: str, problem: str) -> None:
    with pytest.raises(ManifestError) as caught:
        toy(old, new)
    heading, *problems, remedy = str(caught.value).splitlines()
    assert heading == "the manifest's tensors are not the network's:"
    assert remedy == "  correct the manifest, or plugin.config"
    assert f"  {problem}" in problems


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        pytest.param("metric: accuracy", "metric: acuracy", "acuracy/top1", id="metric"),
        pytest.param("top1", "top5", "accuracy/top5", id="protocol"),
    ],
)
def test_a_metric_that_the_plugin_does_not_measure(toy: Callable[..., Recipe], old: str, new: str, found: str) -> None:
    with pytest.raises(ManifestError) as caught:
        toy(old, new)
    assert str(caught.value) == (
        f"m.yaml:13: expected.accuracy: the plugin measures accuracy/top1, found {found}; did you mean 'accuracy/top1'?"
    )


def test_each_of_several_metrics_must_be_measured(toy: Callable[..., Recipe]) -> None:
    several = "{accuracy/top1: {value: 90}, accuracy/top5: {value: 95}, acuracy/top1: {value: 90}}"
    with pytest.raises(ManifestError) as caught:
        toy("{metric: accuracy, protocol: top1, value: 90}", several)
    assert str(caught.value).splitlines() == [
        f"m.yaml:13: expected.accuracy.{line}: the plugin measures accuracy/top1, found {line}; did you mean "
        "'accuracy/top1'?"
        for line in ("accuracy/top5", "acuracy/top1")
    ]


def test_expecting_nothing_is_allowed(toy: Callable[..., Recipe]) -> None:
    assert toy(overrides=("expected=null",)).manifest.expected.accuracy is None


SUBSETS = ("subsets={pr: {every: 2, expected: {value: 80}}, nightly: {every: 3}}",)


def test_a_subset_is_picked_by_name(toy: Callable[..., Recipe]) -> None:
    recipe = toy(overrides=SUBSETS, subset="nightly")
    assert recipe.subset == recipe.manifest.subsets["nightly"]
    assert toy(overrides=SUBSETS).subset is None


@pytest.mark.parametrize(
    ("overrides", "name", "message"),
    [
        pytest.param(
            SUBSETS,
            "nightli",
            "--subset nightli: expected a subset of the manifest toy, which has: pr, nightly; did you mean 'nightly'?",
            id="near",
        ),
        pytest.param(
            SUBSETS, "x", "--subset x: expected a subset of the manifest toy, which has: pr, nightly", id="far"
        ),
        pytest.param((), "pr", "--subset pr: expected a subset of the manifest toy, which has: none", id="none"),
        pytest.param(
            SUBSETS, "", "--subset : expected a subset of the manifest toy, which has: pr, nightly", id="no name"
        ),
    ],
)
def test_a_subset_that_is_not_there(
    toy: Callable[..., Recipe], overrides: tuple[str, ...], name: str, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        toy(overrides=overrides, subset=name)
    assert str(caught.value) == message


RESAMPLED = "    resampled = True\n    def build(self): ..."


@pytest.mark.parametrize("rule", ["interval", "paired"])
def test_a_rule_that_needs_resamples(
    toy: Callable[..., Recipe], rule: str, plugin_source: str, install: Install
) -> None:
    lines = f"value: 90, rule: {rule}}}\nsubsets:\n  pr: {{every: 2, expected: {{value: 80, rule: interval}}}}"
    with pytest.raises(ManifestError) as caught:
        toy("value: 90}", lines)
    needs = (
        "needs a metric that can be resampled, and that of plugin 'toy' does not say that it can "
        "(see ResampledMetric in zoo_runner.plugin.evidence); use point"
    )
    assert str(caught.value).splitlines() == [
        f"m.yaml:13: expected.accuracy.rule: {rule} {needs}",
        f"m.yaml:15: subsets.pr.expected.rule: interval {needs}",
    ]
    source = plugin_source.replace("    def build(self): ...", RESAMPLED)
    install("other", {"other": "other_module"}, {"other_module": source})
    assert toy("value: 90}", lines, ("plugin.name=other",)).manifest.expected.accuracy


def test_an_unknown_plugin_is_named_before_its_configuration_is_read(toy: Callable[..., Recipe]) -> None:
    with pytest.raises(PluginError, match="no plugin is registered as 'toi'; did you mean 'toy'"):
        toy("  name: toy", "  name: toi")


def test_batch_size_replaces_both_batch_sizes(toy: Callable[..., Recipe]) -> None:
    recipe, plain = toy(batch_size=4), toy()
    assert (recipe.manifest.infer.batch, recipe.manifest.benchmark.batch) == (4, (4,))
    assert (plain.manifest.infer.batch, plain.manifest.benchmark.batch) == (1, (1, 8))
    assert recipe.loaded.digest == plain.loaded.digest  # of the same recipe, run in another way


def test_a_bill_of_materials_needs_what_writes_it(toy: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo_runner.job.recipe.find_spec", lambda _name: None)
    with pytest.raises(PrerequisiteError) as caught:
        toy(sbom=True)
    assert str(caught.value) == (
        "--sbom needs cyclonedx-python-lib, which is not installed: pip install 'zoo-runner[sbom]'"
    )


def test_options_that_contradict_each_other_are_refused_first(toy: Callable[..., Recipe]) -> None:
    with pytest.raises(UsageError, match="--seed"):
        toy("  name: toy", "  name: toi", seed=1)


PIXELS = """\
    normalisation = Normalisation(
        mean=(1.0, 2.0, 3.0), scale=(1.0, 1.0, 1.0), swap_red_blue=True, height=4, width={width}
    )

    def pixels(self, sample): ...
    def build(self): ...
"""


@pytest.fixture
def image_recipe(
    install: Install, plugin_source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Recipe]:
    """Resolves a manifest with ``aipp: auto`` and an image of 4 x 5 pixels as input, with a plugin for it."""
    monkeypatch.chdir(tmp_path)
    text = MANIFEST.replace("x, shape: [batch, 3]", "x, shape: [batch, 3, 4, 5]") + "atc: {aipp: auto}\n"
    Path("m.yaml").write_text(text)

    def resolve_image(part: str) -> Recipe:
        source = plugin_source.replace('("batch", 3)', '("batch", 3, 4, 5)').replace("    def build(self): ...\n", part)
        source = f"from zoo_runner.plugin.pixels import Normalisation\n{source}"
        install("toy", {"toy": "toy_module"}, {"toy_module": source})
        return resolve(load(Path("m.yaml")), RunOptions(output=Path("out")))

    return resolve_image


def test_a_plugin_that_says_how_pixels_are_normalised_can_leave_it_to_the_model(
    image_recipe: Callable[..., Recipe],
) -> None:
    recipe = image_recipe(PIXELS.format(width=5))
    assert recipe.pixels is recipe.parts.preprocess


@pytest.mark.parametrize(
    ("part", "kind", "message"),
    [
        pytest.param(
            "    def build(self): ...\n",
            ManifestError,
            "m.yaml:14: atc.aipp: the preprocessing of plugin 'toy' does not say how to normalise pixels: it has no "
            "normalisation and pixels",
            id="the plugin does not say",
        ),
        pytest.param(
            PIXELS.format(width=6),
            PluginError,
            "m.yaml:14: atc.aipp: plugin 'toy' declares a normalisation for [3, 4, 6], expected [3, 4, 5] as input 'x'",
            id="of another size",
        ),
        pytest.param(
            PIXELS.format(width=5).replace("3.0)", "600.0)"),
            PluginError,
            "mean: expected 0 to 510, found 600.0",
            id="more than AIPP can do",
        ),
    ],
)
def test_pixels_that_cannot_be_left_to_the_model(
    image_recipe: Callable[..., Recipe], part: str, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as caught:
        image_recipe(part)
    assert message in str(caught.value)
