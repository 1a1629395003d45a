"""Hooks that take the manifest's tensors, and what is kept of their results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo_runner.job.given_graph import GivenGraph
from zoo_runner.plugin import loading as plugins
from zoo_runner.plugin.interfaces import TensorSpec

Install = Callable[..., Path]

X, Y = TensorSpec("x", "float32", ("batch", 4)), TensorSpec("y", "float32", ("batch", 3))
OTHER = TensorSpec("y", "float32", ("batch", 7))
TOLD = repr(((X,), (Y,)))
KEEPING = """

class Told(Part):
    def __init__(self, *given): self.given = given

"""


@pytest.mark.parametrize(
    ("hook", "arguments", "given", "told"),
    [
        pytest.param("metric", "config", "type(config).__name__", "", id="what plugins took until now"),
        pytest.param("metric", "", "", "", id="nothing"),
        pytest.param("dataset", "inputs", "inputs", "", id="scores and samples are not kept"),
        pytest.param("metric", "outputs, config", "outputs", "", id="in any order"),
        pytest.param("postprocess", "outputs", "outputs", TOLD, id="postprocessing"),
        pytest.param("preprocess", "config, inputs, outputs", "inputs, outputs", TOLD, id="preprocessing"),
    ],
)
def test_a_hook_gets_what_it_names(
    install: Install, plugin_source: str, hook: str, arguments: str, given: str, told: str
) -> None:
    known = "" if hook == "dataset" else "config"
    old = f"def zoo_{hook}({known}):\n    return Part()"
    assert plugin_source.count(old) == 1
    source = plugin_source.replace(old, f"def zoo_{hook}({arguments}):\n    return Told({given})")
    install(
        "good", {"good": "good_plugin"}, {"good_plugin": source.replace("\n\n@hookimpl", f"{KEEPING}\n@hookimpl", 1)}
    )
    plugin = plugins.load("good")
    model = plugin.config_model()
    assert model is not None
    parts = plugin.parts(model(), GivenGraph((X,), (Y,)))
    expected = {
        "type(config).__name__": ("Config",),
        "inputs": ((X,),),
        "outputs": ((Y,),),
        "inputs, outputs": ((X,), (Y,)),
    }
    assert getattr(parts, hook).given == expected.get(given, ())
    assert parts.told == told
    other = plugin.parts(model(), GivenGraph((X,), (OTHER,)))
    assert (other.told == parts.told) is not bool(told)


def test_without_a_manifest_they_get_the_networks(install: Install, plugin_source: str) -> None:
    source = plugin_source.replace(
        "def zoo_network(config):", "def zoo_network(config, inputs):\n    assert inputs == ()"
    )
    source = source.replace(
        "def zoo_metric(config):\n    return Part()",
        "def zoo_metric(inputs, outputs):\n    return Told(inputs, outputs)",
    )
    install(
        "good", {"good": "good_plugin"}, {"good_plugin": source.replace("\n\n@hookimpl", f"{KEEPING}\n@hookimpl", 1)}
    )
    plugin = plugins.load("good")
    model = plugin.config_model()
    assert model is not None
    parts = plugin.parts(model())
    assert parts.metric.given == (parts.network.inputs, parts.network.outputs)  # type: ignore[attr-defined] # Told's
