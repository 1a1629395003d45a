"""Which functions a manifest may name, and what is refused before anything is imported."""

from __future__ import annotations

import functools
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from zoo_networks.factory import FactoryNetwork, NetworkFactory
from zoo_networks.mobilenet import MobileNetV2
from zoo_runner.errors import ExportError, ManifestError, PrerequisiteError, ZooError
from zoo_runner.plugin.interfaces import TensorSpec
from zoo_runner.stages.export.foreign_imports import importable

OWN = "zoo_networks.mobilenet:mobilenet_v2"
SMALL = {"num_classes": 3, "width_mult": 0.25, "inverted_residual_setting": [[1, 8, 1, 1], [2, 16, 2, 2]]}


def network(factory: str, **arguments: Any) -> FactoryNetwork:
    return FactoryNetwork(NetworkFactory(factory=factory, arguments=arguments))


def test_a_network_of_this_package() -> None:
    made = network(OWN, **SMALL).build()
    assert isinstance(made, MobileNetV2)
    assert not made.training
    assert made(torch.zeros(2, 3, 32, 32)).shape == (2, 3)
    assert network(OWN).modules == ("zoo_networks.mobilenet",)


def test_its_tensors_are_called_as_torchvision_calls_them() -> None:
    names = network(OWN).build().state_dict()
    assert len(names) == 314  # of torchvision's
    for name, shape in {
        "features.0.0.weight": (32, 3, 3, 3),
        "features.1.conv.0.0.weight": (32, 1, 3, 3),
        "features.1.conv.1.weight": (16, 32, 1, 1),
        "features.1.conv.2.running_var": (16,),
        "features.17.conv.2.weight": (320, 960, 1, 1),
        "features.18.0.weight": (1280, 320, 1, 1),
        "classifier.1.weight": (1000, 1280),
    }.items():
        assert names[name].shape == shape


def test_whatever_changes_the_network_changes_its_identity() -> None:
    plain = network(OWN, num_classes=3)
    others = [network(OWN, num_classes=4), network(OWN), network("torchvision.models:mobilenet_v2", num_classes=3)]
    assert len({each.identity for each in (plain, *others, FactoryNetwork(None))}) == 5
    assert plain.identity == network(OWN, num_classes=3).identity
    spec = TensorSpec("image", "float32", ("batch", 3, 8, 8))
    assert FactoryNetwork(None, (spec,)).inputs == (spec,)


@pytest.mark.parametrize(
    "factory",
    ["os", "os:", ":system", "os:_exit", "_a:b", "a._b.c:", "os;x:y", "a:b:c", "a:b._c", "a:b.c.d", ".a:b", "a..b:c"],
)
def test_what_is_no_name_of_a_function_is_refused_when_it_is_read(factory: str) -> None:
    with pytest.raises(ValidationError, match="expected module:function, such as torchvision"):
        NetworkFactory(factory=factory)


@pytest.mark.parametrize(
    ("factory", "arguments", "text"),
    [
        (
            "os:system",
            {"command": "touch made"},
            "expected a function of the manifest's code, of torchvision.models",
        ),
        ("subprocess:run", {"args": ["touch", "made"]}, "found subprocess:run; a manifest may not name other modules"),
        ("builtins:eval", {"source": "1"}, "found builtins:eval"),
        ("zoo_networks.factory:importlib", {}, "found zoo_networks.factory:importlib"),
        ("torchvision.datasets.utils:download_url", {"url": "http://x", "root": "."}, "may not name other modules"),
        ("torchvision.models:resnet18", {"weights": "DEFAULT"}, "network.arguments.weights: expected no argument that"),
        ("torchvision.models.detection:ssd300_vgg16", {"weights_backbone": "DEFAULT"}, "arguments.weights_backbone"),
        ("zoo_networks.mobilenet:Final", {}, "expected a function of zoo_networks.mobilenet, found Final of typing"),
        (OWN, {"classes": 3}, "takes num_classes, width_mult, inverted_residual_setting; got an unexpected keyword"),
    ],
)
def test_a_manifest_calls_nothing_else(
    factory: str, arguments: dict[str, Any], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ManifestError) as caught:
        network(factory, **arguments).build()
    assert text in str(caught.value)
    assert str(caught.value).startswith("plugin.config.network")
    assert list(tmp_path.iterdir()) == []


def test_what_lies_on_the_import_path_is_not_the_manifests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with ``python -m zoo_runner``, which puts the current folder there."""
    (tmp_path / "planted.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ManifestError, match="found planted:build; a manifest may not name other modules"):
        network("planted:build").build()


@pytest.mark.parametrize(
    ("factory", "kind", "text"),
    [
        ("net.model:build", None, ""),
        ("net.model:Net.wide", None, ""),
        ("net.model:Net.wider", ExportError, "expected a function 'Net.wider' in net.model, found none"),
        ("net.model:bild", ExportError, "expected a function 'bild' in net.model, found none; did you mean 'build'?"),
        ("net.none:build", ExportError, "expected a module net.none, found none"),
        ("net.model:number", ExportError, "expected a torch.nn.Module of net.model:number, found <class 'int'>"),
        ("net.model:torch.load", ExportError, "expected a function 'torch.load' in net.model, found none"),
        ("net.model:system", ManifestError, "expected a function of net, found system of posix"),
        ("other:build", ManifestError, "may not name other modules: bring the code along with the key code"),
    ],
)
def test_the_manifests_own_code(factory: str, kind: type[ZooError] | None, text: str, tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "model.py").write_text(
        "import torch\nfrom os import system\n"
        "def build(width=2):\n    return torch.nn.Linear(width, 1)\ndef number():\n    return 3\n"
        "class Net(torch.nn.Linear):\n    @classmethod\n    def wide(cls, width):\n        return cls(width, 9)\n"
    )
    with importable(tmp_path):
        if kind is None:
            assert isinstance(network(factory, width=4).build(), torch.nn.Linear)
        else:
            with pytest.raises(kind) as caught:
                network(factory).build()
            assert text in str(caught.value)
    with pytest.raises(ManifestError, match="may not name other modules"):
        network("net.model:build").build()  # it was the code's only while that was there


def test_torchvision_where_it_is_installed_and_where_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(PrerequisiteError, match="small needs torchvision, and it cannot be imported"):
        network("torchvision.models:small").build()
    monkeypatch.delitem(sys.modules, "torchvision")
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')"
    )
    monkeypatch.syspath_prepend(tmp_path)  # of a build for CUDA, beside torch for CPUs
    with pytest.raises(PrerequisiteError, match=r"nms does not exist\); install the release and the build"):
        network("torchvision.models:small").build()
    package, models = types.ModuleType("torchvision"), types.ModuleType("torchvision.models")

    def small(width: int, *, weights_backbone: str | None = "DEFAULT") -> torch.nn.Module:
        assert weights_backbone is None, "it would be downloaded"
        return torch.nn.Linear(width, 1)

    small.__module__ = "torchvision.models.small"

    def get_model(name: str, **config: object) -> torch.nn.Module:
        raise AssertionError(f"it would hand on weights_backbone=DEFAULT to {name} beside {config}")

    def wide(*, weights: str | None = "DEFAULT", **more: int) -> torch.nn.Module:
        assert weights is None, "it would be downloaded"
        return torch.nn.Linear(more["width"], 1)

    get_model.__module__ = wide.__module__ = "torchvision.models.small"
    vars(package)["models"] = models
    vars(models).update(small=small, partial=functools.partial, get_model=get_model, wide=wide)
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    assert isinstance(network("torchvision.models:small", width=2).build(), torch.nn.Linear)
    nothing = network("torchvision.models:small", width=2, weights_backbone=None)
    assert isinstance(nothing.build(), torch.nn.Linear)
    assert isinstance(network("torchvision.models:wide", width=2).build(), torch.nn.Linear)
    for arguments, own in (
        ({"name": "small", "width": 2}, "small"),
        ({"name": "a b"}, "mobilenet_v2"),
        ({}, "mobilenet_v2"),
        ({"name": "small", "config": {"weights_backbone": "DEFAULT"}}, "small"),
    ):
        with pytest.raises(ManifestError) as caught:
            network("torchvision.models:get_model", **arguments).build()
        assert str(caught.value).endswith(f"the model's own function, such as torchvision.models:{own}"), arguments
    with pytest.raises(ManifestError, match=r"expected a function of torchvision\.models, found partial of functools"):
        network("torchvision.models:partial").build()


def test_a_checkpoint_without_a_function_says_what_to_write() -> None:
    with pytest.raises(ManifestError, match="'module:function'}, or give the model as ONNX"):
        FactoryNetwork(None).build()
