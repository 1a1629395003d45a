from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from places import MODELS
from zoo_runner.errors import DatasetError, PluginError
from zoo_runner.plugin import loading as plugins
from zoo_runner.plugin.records import ModelParts

Install = Callable[..., Path]

BUILT_IN = ("ascend", "onnxruntime", *MODELS)
HOOKS = (
    "(hooks: zoo_config(), zoo_network(config, inputs, outputs), zoo_dataset(config, inputs, outputs), "
    "zoo_preprocess(config, inputs, outputs), zoo_postprocess(config, inputs, outputs), "
    "zoo_metric(config, inputs, outputs), zoo_networks(config), zoo_driver(config), zoo_backend(), zoo_packages(), "
    "zoo_plain(config, inputs, outputs), zoo_task(), zoo_draft(material))"
)
BACKEND = """\
from zoo_runner.plugin.hookspecs import hookimpl


class Backend:
    name = "abacus"

    def prerequisites(self): return ()
    def chip(self): return "wood"
    def version(self): return "1"
    def open(self, request): ...


@hookimpl
def zoo_backend():
    return Backend()
"""


def changed(source: str, old: str, new: str) -> str:
    assert source.count(old) == 1
    return source.replace(old, new)


def parts_of(plugin: plugins.Plugin) -> ModelParts:
    model = plugin.config_model()
    assert model is not None
    return plugin.parts(model())


def test_a_complete_plugin_gives_its_parts(install: Install, plugin_source: str) -> None:
    install("good", {"good": "good_plugin"}, {"good_plugin": plugin_source})
    plugin = plugins.load("good")
    assert (plugin.name, plugin.package) == ("good", "good_plugin")
    model = plugin.config_model()
    assert model is not None
    assert model.__name__ == "Config"
    parts = plugin.parts(model())
    assert parts.metric.measures == (("accuracy", "top1"),)
    assert [spec.name for spec in (*parts.network.inputs, *parts.network.outputs)] == ["x", "y"]


def test_an_object_can_be_the_plugin(install: Install, plugin_source: str) -> None:
    source = plugin_source + "\n\nclass Hooks:\n    zoo_metric = staticmethod(zoo_metric)\n\n\nhooks = Hooks()\n"
    install("good", {"good": "good_plugin:hooks"}, {"good_plugin": source})
    plugin = plugins.load("good")
    assert plugin.implements("zoo_metric")
    assert not plugin.implements("zoo_network")


def test_the_configuration_is_optional(install: Install, plugin_source: str) -> None:
    source = changed(plugin_source, "@hookimpl\ndef zoo_config():\n    return Config\n", "")
    install("good", {"good": "good_plugin"}, {"good_plugin": source})
    assert plugins.load("good").config_model() is None


def test_a_backend(install: Install) -> None:
    install("abacus", {"abacus": "abacus_backend"}, {"abacus_backend": BACKEND})
    assert plugins.load("abacus").backend().chip() == "wood"


@pytest.mark.parametrize(
    ("kind", "name", "text"),
    [
        pytest.param("model", "refindet", "; did you mean 'refinedet'?", id="misspelt"),
        pytest.param("model", "onnxruntim", "; install the package that registers it", id="near a backend"),
        pytest.param("model", "mask-rcnn", "; install the package that registers it", id="nothing near"),
        pytest.param("model", "", "; install the package that registers it", id="empty"),
        pytest.param("backend", "onnx-runtime", "; did you mean 'onnxruntime'?", id="nearly"),
        pytest.param("backend", "onnx", "; did you mean 'onnxruntime'?", id="the start of a backend"),
        pytest.param("backend", "refindet", "; install the package that registers it", id="near a plugin"),
    ],
)
def test_an_unknown_name(kind: Literal["model", "backend"], name: str, text: str) -> None:
    with pytest.raises(PluginError) as caught:
        plugins.load(name, kind=kind)
    noun, registered = {"model": ("plugin", ", ".join(MODELS)), "backend": ("backend", "ascend, onnxruntime")}[kind]
    assert str(caught.value) == f"no {noun} is registered as {name!r}{text} (registered: {registered})"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("target", "source", "reason"),
    [
        pytest.param("no_such", "", "ModuleNotFoundError: No module named 'no_such'", id="no module"),
        pytest.param("bad:hooks", "", "AttributeError: module 'bad' has no attribute 'hooks'", id="no attribute"),
        pytest.param("bad", "import no_such", "ModuleNotFoundError: No module named 'no_such'", id="needs a module"),
        pytest.param("bad", "def", "SyntaxError: invalid syntax (bad.py, line 1)", id="syntax"),
        pytest.param("bad", "1 / 0", "ZeroDivisionError: division by zero", id="raises"),
        pytest.param("bad", "raise SystemExit(0)", "SystemExit: 0", id="exits"),
    ],
)
def test_what_cannot_be_imported(install: Install, target: str, source: str, reason: str) -> None:
    install("bad-dist", {"bad": target}, {"bad": source})
    with pytest.raises(PluginError) as caught:
        plugins.load("bad")
    module = target.partition(":")[0]
    assert str(caught.value) == (
        f"plugin 'bad' (bad-dist 1.0 -> {target}) cannot be imported: {reason} "
        f"(`python -c 'import {module}'` shows where)"
    )


@pytest.mark.parametrize(
    ("old", "new", "texts"),
    [
        pytest.param(
            "def zoo_network(config)",
            "def zoo_netwrk(config)",
            ["unknown hook 'zoo_netwrk'", "; did you mean 'zoo_network'", HOOKS],
            id="misspelt",
        ),
        pytest.param(
            "def zoo_metric(config)",
            "def zoo_metric(config, device)",
            ["for hook 'zoo_metric'", "{'device'} are declared in the hookimpl but can not be found", HOOKS],
            id="unknown argument",
        ),
        pytest.param(
            "@hookimpl\ndef zoo_metric",
            "def zoo_metric",
            ["zoo_metric is not marked with zoo_runner.plugin.hookspecs.hookimpl and would never be called"],
            id="not marked",
        ),
        pytest.param(
            "@hookimpl\ndef zoo_metric",
            "def zoo_metrics",
            ["zoo_metrics is not marked with", "would never be called; did you mean 'zoo_metric'"],
            id="misspelt and not marked",
        ),
    ],
)
def test_hooks_that_do_not_follow_the_specification(
    install: Install, plugin_source: str, old: str, new: str, texts: list[str]
) -> None:
    install("bad-dist", {"bad": "bad_plugin"}, {"bad_plugin": changed(plugin_source, old, new)})
    with pytest.raises(PluginError) as caught:
        plugins.load("bad")
    message = str(caught.value)
    assert message.startswith("plugin 'bad' (bad-dist 1.0 -> bad_plugin)")
    assert [text for text in texts if text not in message] == []
    assert "\n" not in message


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        pytest.param(
            "zoo_metric(config):\n    return Part()",
            "zoo_metric(config):\n    Part()",
            "zoo_metric(config) returned None, expected an object like zoo_runner.plugin.scoring.Metric",
            id="forgot to return",
        ),
        pytest.param(
            "zoo_dataset():\n    return Part()",
            "zoo_dataset():\n    return Part",
            "zoo_dataset(config) returned the class Part itself, expected an object like "
            "zoo_runner.plugin.interfaces.Dataset: call it",
            id="class",
        ),
        pytest.param(
            "    def build(self): ...\n",
            "",
            "zoo_network(config) returned Part, which lacks build; expected an object like "
            "zoo_runner.plugin.interfaces.Network",
            id="lacks a method",
        ),
        pytest.param(
            "    def __call__(self, *arguments): ...\n",
            "",
            "zoo_preprocess(config) returned Part, which lacks __call__; expected an object like "
            "zoo_runner.plugin.interfaces.Preprocess",
            id="cannot be called",
        ),
        pytest.param(
            "zoo_postprocess(config):\n",
            "zoo_postprocess(config):\n    config.top_k\n",
            "zoo_postprocess(config) failed: AttributeError: 'Config' object has no attribute 'top_k'",
            id="raises",
        ),
        pytest.param(
            "@hookimpl\ndef zoo_metric(config):\n    return Part()\n",
            "",
            "does not implement zoo_metric(config): add what is missing, marked with "
            "zoo_runner.plugin.hookspecs.hookimpl",
            id="not implemented",
        ),
    ],
)
def test_hooks_that_give_something_else(install: Install, plugin_source: str, old: str, new: str, text: str) -> None:
    site = install("bad-dist", {"bad": "bad_plugin"}, {"bad_plugin": changed(plugin_source, old, new)})
    plugin = plugins.load("bad")
    with pytest.raises(PluginError) as caught:
        parts_of(plugin)
    message = str(caught.value)
    assert message.startswith("plugin 'bad'")
    assert text in message
    if "failed" in text:  # where it did: the line after the function's
        line = (site / "bad_plugin.py").read_text().splitlines().index("    config.top_k") + 1
        assert message.endswith(f"bad_plugin.py:{line})")


def test_a_plugins_own_error_is_passed_on(install: Install, plugin_source: str) -> None:
    own = "zoo_dataset():\n    from zoo_runner.errors import DatasetError\n    raise DatasetError('no images')\n"
    source = changed(plugin_source, "zoo_dataset():\n", own)
    install("good", {"good": "good_plugin"}, {"good_plugin": source})
    with pytest.raises(DatasetError, match=r"^no images$"):
        plugins.load("good").parts(None)


@pytest.mark.parametrize("returned", ["'classes'", "dict", "Config()"])
def test_a_configuration_that_is_no_model(install: Install, plugin_source: str, returned: str) -> None:
    source = changed(plugin_source, "return Config\n", f"return {returned}\n")
    install("bad-dist", {"bad": "bad_plugin"}, {"bad_plugin": source})
    with pytest.raises(PluginError, match=r"zoo_config\(\) returned .*, expected a subclass of pydantic\.BaseModel$"):
        plugins.load("bad").config_model()


def test_a_backend_is_no_model_plugin_and_the_other_way_round() -> None:
    with pytest.raises(PluginError, match=r"^'onnxruntime' is a backend, not a model plugin; `zoo-run plugins`"):
        plugins.load("onnxruntime").parts(None)
    with pytest.raises(PluginError, match=r"^'refinedet' is a model plugin, not a backend; `zoo-run backends`"):
        plugins.load("refinedet").backend()


def test_a_plugin_without_hooks(install: Install) -> None:
    install("empty", {"empty": "empty_plugin"}, {"empty_plugin": ""})
    plugin = plugins.load("empty")
    with pytest.raises(PluginError, match=r"does not implement zoo_dataset\(config\), "):
        plugin.config_model()
    with pytest.raises(PluginError, match=r"does not implement zoo_backend\(\): add what is missing"):
        plugin.backend()


def test_a_backend_with_another_name(install: Install) -> None:
    install("abacus", {"counter": "abacus_backend"}, {"abacus_backend": BACKEND})
    with pytest.raises(PluginError, match=r"^the backend registered as 'counter' calls itself 'abacus'"):
        plugins.load("counter").backend()


def test_two_distributions_claim_one_name(install: Install, plugin_source: str) -> None:
    install("first", {"good": "first_plugin"}, {"first_plugin": plugin_source})
    install("second", {"good": "second_plugin"}, {"second_plugin": plugin_source}, version="2.0")
    text = (
        "plugin name 'good' is registered more than once: first 1.0 -> first_plugin, second 2.0 -> second_plugin; "
        "uninstall all but one"
    )
    with pytest.raises(PluginError) as caught:
        plugins.load("good")
    assert str(caught.value) == text
    assert {"first_plugin", "second_plugin"}.isdisjoint(sys.modules)
    rows = [entry for entry in plugins.listing() if entry.name == "good"]
    assert [(entry.kind, entry.problem) for entry in rows] == [("broken", text)] * 2


def test_the_same_registered_twice_is_no_conflict(install: Install, plugin_source: str) -> None:
    install("first", {"good": "good_plugin"}, {"good_plugin": plugin_source})
    install("second", {"good": "good_plugin"}, {})
    assert plugins.load("good").implements("zoo_metric")
    assert [entry.name for entry in plugins.listing()] == sorted([*BUILT_IN, "good"])


def test_only_the_named_plugin_is_imported(install: Install, plugin_source: str) -> None:
    install("good", {"good": "good_plugin"}, {"good_plugin": plugin_source})
    install("bad-dist", {"bad": "bad_plugin"}, {"bad_plugin": "raise RuntimeError('imported')"})
    install("idle-dist", {"idle": "idle_plugin"}, {"idle_plugin": plugin_source})
    assert plugins.names() == tuple(sorted([*BUILT_IN, "bad", "good", "idle"]))
    plugins.load("good").parts(None)
    assert "good_plugin" in sys.modules
    assert {"bad_plugin", "idle_plugin"}.isdisjoint(sys.modules)


def test_listing(install: Install, plugin_source: str) -> None:
    install("good", {"good": "good_plugin"}, {"good_plugin": plugin_source})
    install("bad-dist", {"bad": "bad_plugin"}, {"bad_plugin": "1 / 0"})
    install("abacus", {"abacus": "abacus_backend"}, {"abacus_backend": BACKEND}, version="3.1")
    listed = {entry.name: entry for entry in plugins.listing()}
    assert list(listed) == sorted(listed)
    kinds = {name: (entry.kind, entry.distribution, entry.target) for name, entry in listed.items()}
    assert kinds["good"] == ("model", "good 1.0", "good_plugin")
    assert kinds["abacus"] == ("backend", "abacus 3.1", "abacus_backend")
    assert kinds["bad"] == ("broken", "bad-dist 1.0", "bad_plugin")
    assert "ZeroDivisionError: division by zero" in listed["bad"].problem
    assert {name: listed[name].kind for name in BUILT_IN} == {
        "ascend": "backend",
        "onnxruntime": "backend",
        **dict.fromkeys(MODELS, "model"),
    }
