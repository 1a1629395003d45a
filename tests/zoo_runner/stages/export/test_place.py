"""``weights.key`` and ``weights.strip``: exactly what they name is loaded, and nothing is searched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from checkpoints import network, prefixed, weights, without
from zoo_runner.errors import ExportError
from zoo_runner.stages.export.checkpoint import load_checkpoint
from zoo_runner.stages.export.place import Place

torch = pytest.importorskip("torch")


def other() -> dict[str, Any]:
    return {name: tensor + 1 for name, tensor in weights().items()}


def saved(content: Any, tmp_path: Path) -> Path:
    torch.save(content, tmp_path / "c.pth")
    return tmp_path / "c.pth"


def under(key: str) -> str:
    return f"the weights are those under {key!r} of the checkpoint"


@pytest.mark.parametrize(
    ("content", "place", "notes"),
    [
        pytest.param({"ema": other(), "model": weights()}, Place(key="model"), (under("model"),), id="one-of-two"),
        pytest.param(
            {"a": {"b": {"c": {"d": weights()}}}}, Place(key="a.b.c.d"), (under("a.b.c.d"),), id="deeper-than-searched"
        ),
        pytest.param({"v1.0": {"net": weights()}}, Place(key="v1.0.net"), (under("v1.0.net"),), id="point-in-a-name"),
        pytest.param({"v1.0": {"net": weights()}}, Place(key=("v1.0", "net")), (under("v1.0.net"),), id="names"),
        pytest.param({"nets": [other(), weights()]}, Place(key="nets.1"), (under("nets.1"),), id="place-in-a-list"),
        pytest.param({7: weights()}, Place(key="7"), (under("7"),), id="number"),
        pytest.param({"optimizer": weights()}, Place(key="optimizer"), (under("optimizer"),), id="not-searched-at-all"),
        pytest.param(
            {**weights(), "ema": other()},
            Place(key=()),
            ("what stands beside the weights in the checkpoint was left out: 'ema' (dict)",),
            id="top",
        ),
        pytest.param(prefixed("student."), Place(strip="student."), (without("student."),), id="prefix"),
        pytest.param(
            {"m": prefixed("a.b."), "n": other()},
            Place(key="m", strip="a.b."),
            (under("m"), without("a.b.")),
            id="key-and-prefix",
        ),
        pytest.param(
            {**prefixed("module."), "n_averaged": torch.tensor(3)},
            Place(strip="module."),
            (
                without("module."),
                "counters of training in the checkpoint, which the network does not have, were left out: n_averaged",
            ),
            id="counter-beside-the-prefix",
        ),
    ],
)
def test_what_is_named_is_loaded(content: Any, place: Place, notes: tuple[str, ...], tmp_path: Path) -> None:
    module = network()
    assert load_checkpoint(module, saved(content, tmp_path), place=place) == notes
    assert all(torch.equal(tensor, weights()[name]) for name, tensor in module.state_dict().items())


@pytest.mark.parametrize(
    ("content", "place", "texts"),
    [
        pytest.param(
            {"model": weights(), "epoch": 3},
            Place(key="modelx"),
            (
                "weights.key: expected 'modelx' in checkpoint ",
                "found a dict with 'model' (dict), 'epoch' (int); did ",
            ),
            id="misspelt",
        ),
        pytest.param(
            {"model": {"state": weights()}},
            Place(key="model.stat"),
            ("weights.key: expected 'stat' under 'model' in checkpoint ", "; did you mean 'state'?"),
            id="misspelt-below",
        ),
        pytest.param(
            weights(),
            Place(key="0.weight"),
            ("expected names and tensors under '0.weight' of checkpoint ", ", found a Tensor"),
            id="a-tensor",
        ),
        pytest.param(
            {"model": {"epoch": 3}}, Place(key="model"), (", found none: it holds 'epoch' (int)",), id="no-tensors"
        ),
        pytest.param([weights()], Place(key="model"), (", found a list with '0' (dict)",), id="list"),
        pytest.param(3, Place(key="model"), (", found a int",), id="number"),
        pytest.param(
            {"a": {"b": weights()}, "a.b": other()},
            Place(key="a.b"),
            (
                "weights.key: expected one place in checkpoint ",
                'found several, as names have points in them: ["a.b"] and ["a", "b"]; write the list that is meant, as',
                'as in weights: {key: ["a.b"]}',
            ),
            id="two-ways",
        ),
        pytest.param(
            {"ema": weights(), "model": {"a": torch.ones(1)}},
            Place(key="model"),
            ("the file has 1 under 'model':\n  6 missing",),
            id="another-one-would-fit",
        ),
        pytest.param(
            {"model": prefixed("module.")},
            Place(key="model"),
            (' They fit as weights.strip: "module.".',),
            id="prefix-that-would-be-searched",
        ),
        pytest.param(
            prefixed("module."),
            Place(strip="student."),
            (
                "weights.strip: expected all 6 names of tensors in checkpoint ",
                "to begin with 'student.', found 6 that do not: module.0.weight, ",
                "; all of them begin with 'module.'",
            ),
            id="prefix-of-none",
        ),
        pytest.param(
            {**prefixed("module."), "loss.weight": torch.ones(1)},
            Place(strip="module."),
            ("to begin with 'module.', found 1 that do not: loss.weight",),
            id="prefix-of-some",
        ),
    ],
)
def test_what_is_not_there_is_refused(content: Any, place: Place, texts: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(ExportError) as caught:
        load_checkpoint(network(), saved(content, tmp_path), place=place)
    for text in texts:
        assert text in str(caught.value)


def test_a_way_that_leads_in_a_circle_ends(tmp_path: Path) -> None:
    content: dict[str, Any] = {}
    content |= {"a": content, "a.a": content}
    with pytest.raises(ExportError, match=r"weights\.key: expected 'b' under 'a"):
        load_checkpoint(network(), saved(content, tmp_path), place=Place(key=".".join(["a"] * 60 + ["b"])))


def test_sets_that_differ_are_told_how_to_be_named(tmp_path: Path) -> None:
    with pytest.raises(
        ExportError, match=r'name the one that is meant in the manifest, as in\n  weights: {key: "ema"}'
    ):
        load_checkpoint(network(), saved({"model": weights(), "ema": other()}, tmp_path))
    with pytest.raises(ExportError, match=r'as in\n  weights: {key: \["v1\.0"\]}'):
        load_checkpoint(network(), saved({"model": weights(), "v1.0": other()}, tmp_path))
