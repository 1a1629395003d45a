"""Which of the tensors in a checkpoint are the network's."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checkpoints import failure, network, prefixed, weights, without
from zoo_runner.stages.export.checkpoint import load_checkpoint

torch = pytest.importorskip("torch")


LEFT_OUT = "counters of training in the checkpoint, which the network does not have, were left out"


def taken(content: Any, path: Path, module: Any = None) -> tuple[str, ...]:
    """Save, load, hold what was loaded against ``weights``, and return the notes."""
    torch.save(content, path)
    module = module or network()
    notes = load_checkpoint(module, path)
    for key, tensor in module.state_dict().items():
        assert torch.equal(tensor, weights()[key]), key
    return notes


def other() -> dict[str, Any]:
    """Weights that fit and are others."""
    return {key: tensor + 1 for key, tensor in weights().items()}


def under(keys: str) -> str:
    return f"the weights are those under {keys!r} of the checkpoint"


@pytest.mark.parametrize(
    ("content", "notes"),
    [
        pytest.param(weights, (), id="plain"),
        *(
            pytest.param(lambda key=key: {key: weights(), "epoch": 3}, (under(key),), id=key)
            for key in ("state_dict", "model", "net", "ema", "params", "model_state_dict", "weights_of_my_own")
        ),
        pytest.param(lambda: {"ema": {"module": weights()}}, (under("ema.module"),), id="two-keys"),
        *(
            pytest.param(lambda prefix=prefix: prefixed(prefix), (without(prefix),), id=prefix)
            for prefix in ("module.", "model.", "_orig_mod.", "module.module.", "_orig_mod.module.", "net.model.")
        ),
        pytest.param(
            lambda: {"model": prefixed("module."), "optimizer": {"exp_avg": other()}},
            (under("model"), without("module.")),
            id="beside-an-optimiser",
        ),
        pytest.param(
            lambda: {"model": weights(), "ema": {"0.weight": torch.ones(1)}}, (under("model"),), id="one-of-two-fits"
        ),
        pytest.param(
            lambda: {"model": weights(), "ema": weights()},
            (under("model"), "'ema' of the checkpoint has the same values"),
            id="the-same-twice",
        ),
        pytest.param(
            lambda: {"model": weights(), "ema": weights() | {"1.num_batches_tracked": torch.tensor(9)}},
            (under("model"), "'ema' of the checkpoint has the same values"),
            id="the-same-but-for-a-counter",
        ),
        pytest.param(
            lambda: weights() | {"epoch": 3},
            ("what stands beside the weights in the checkpoint was left out: 'epoch' (int)",),
            id="beside-the-names",
        ),
        pytest.param(
            lambda: prefixed("module.") | {"n_averaged": torch.tensor(7)},
            (without("module."), f"{LEFT_OUT}: n_averaged"),
            id="averaged-model",
        ),
        pytest.param(
            lambda: weights() | {"0.total_ops": torch.zeros(1), "total_params": torch.zeros(1, dtype=torch.float64)},
            (f"{LEFT_OUT}: 0.total_ops, total_params",),
            id="profiled",
        ),
    ],
)
def test_the_set_that_fits_is_found_and_reported(
    content: Callable[[], Any], notes: tuple[str, ...], tmp_path: Path
) -> None:
    assert taken(content(), tmp_path / "c.pth") == notes


@pytest.mark.parametrize(
    ("content", "keys", "lookup"),
    [
        pytest.param({"model": weights(), "ema": other()}, "'model' and 'ema'", "['ema']", id="model-and-ema"),
        pytest.param({"ema": other(), "state_dict": weights()}, "'ema' and 'state_dict'", "['state_dict']", id="usual"),
        pytest.param(
            {"a": {"b": weights()}, "teacher": prefixed("module.", other())},
            "'a.b' and 'teacher'",
            "['teacher']",
            id="deep-and-prefixed",
        ),
        pytest.param(
            weights() | {"ema": other(), "epoch": 1}, "the names at its top and 'ema'", "['ema']", id="beside-names"
        ),
        pytest.param(
            {
                "model": weights(),
                "half": {k: (v * 1.001).half() if v.is_floating_point() else v for k, v in weights().items()},
            },
            "'model' and 'half'",
            "['half']",
            id="hardly-different",
        ),
    ],
)
def test_nobody_guesses_which_of_two_is_meant(content: Any, keys: str, lookup: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "c.pth")
    text = failure(tmp_path / "c.pth")
    assert f"holds several sets of tensors that fit the network and differ in their values: {keys}; name" in text
    assert text.endswith(f"torch.save(torch.load('c.pth', map_location='cpu'){lookup}, 'chosen.pth')")


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        pytest.param(prefixed("student."), 'weights: {strip: "student."}\n', id="at the top"),
        pytest.param(
            {"a": {"b": prefixed("module.student.")}},
            'weights: {key: ["a", "b"], strip: "module.student."}\n',
            id="behind a known prefix",
        ),
        pytest.param(
            {"a": prefixed("student."), "b": prefixed("student.", other())},
            'weights: {strip: "student."}, with the key of the set that is meant\n',
            id="two",
        ),
        pytest.param({f"student{key}x": each for key, each in weights().items()}, "", id="no prefix"),
    ],
)
def test_a_prefix_that_is_not_known_is_named(content: Any, hint: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "c.pth")
    text = failure(tmp_path / "c.pth")
    assert "does not match the network" in text
    assert ("  All of them are there with a prefix: " + hint in text) if hint else "All of" not in text


@pytest.mark.parametrize(
    ("beside", "place"),
    [
        pytest.param({"a": {"b": {"c": {"d": other()}}}}, "a.b.c.d", id="deep"),
        pytest.param({"emas": [other()]}, "emas", id="list"),
        pytest.param({"emas": {"list": ({"inside": other()},)}}, "emas.list", id="tuple"),
        pytest.param({"emas": {7: other()}}, "emas.7", id="numbered"),
        pytest.param({3: {"ema": other()}}, "3", id="numbered-at-the-top"),
    ],
)
def test_what_is_not_looked_through_is_named(beside: dict[Any, Any], place: str, tmp_path: Path) -> None:
    note = f"what is under {place} of the checkpoint holds tensors and was not looked through"
    assert taken({"model": weights()} | beside, tmp_path / "c.pth") == (under("model"), note)


def test_what_holds_no_named_tensors_is_not_named(tmp_path: Path) -> None:
    loop: list[Any] = [torch.ones(2), {"epoch": 1}]
    loop.append({"again": loop})
    state = {"state": {0: {"exp_avg": torch.ones(2)}}}
    content = {"model": weights(), "log": loop, "optimizer": state, "optimizer_states": [state], "args": {1: {2: 3}}}
    assert taken(content, tmp_path / "c.pth") == (under("model"),)


def test_a_scheduler_of_averages_is_looked_through(tmp_path: Path) -> None:
    torch.save({"model": weights(), "ema_scheduler": other()}, tmp_path / "c.pth")
    assert "differ in their values: 'model' and 'ema_scheduler'; name" in failure(tmp_path / "c.pth")


def test_one_set_under_many_keys_is_looked_at_once(tmp_path: Path) -> None:
    leaf = weights()
    middle = {f"m{i}": leaf for i in range(2000)}
    content = {f"t{i}": middle for i in range(2000)}  # 4 million ways to one set
    assert taken(content, tmp_path / "c.pth") == (under("t0.m0"),)


def test_a_set_that_is_deep_under_one_key_and_less_under_another_is_looked_through(tmp_path: Path) -> None:
    shared = {"inside": {"last": weights()}}
    assert taken({"a": {"b": shared}, "z": shared}, tmp_path / "c.pth") == (under("z.inside.last"),)


def test_more_sets_than_anybody_saves_are_refused(tmp_path: Path) -> None:
    sets = {f"k{i}": {"x": torch.ones(())} for i in range(1000)}
    torch.save({"model": weights()} | sets, tmp_path / "c.pth")
    assert "holds more than 1,000 sets of tensors, expected a state_dict; save it" in failure(tmp_path / "c.pth")
    del sets["k0"]
    assert taken({"model": weights()} | sets, tmp_path / "c.pth") == (under("model"),)


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param({"head.weight": torch.ones(2)}, id="another-layer"),
        pytest.param({"anchors": torch.ones(1)}, id="a-buffer"),
        pytest.param({"0.total_ops": torch.ones(3)}, id="more-than-a-counter"),
        pytest.param({"0.running_mean": torch.ones(4)}, id="statistics"),
        pytest.param({"ema_model.0.weight": torch.ones(4, 3, 1, 1)}, id="another-prefix"),
    ],
)
def test_what_may_matter_is_not_left_out(extra: dict[str, Any], tmp_path: Path) -> None:
    for content in (weights() | extra, {"model": weights() | extra}, prefixed("module.") | extra):
        torch.save(content, tmp_path / "c.pth")
        assert next(iter(extra)) in failure(tmp_path / "c.pth")


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize(("version", "loads"), [(None, True), (1, True), (2, False)])
def test_files_from_before_batches_were_counted_load_as_in_torch(
    prefix: str, version: int | None, loads: bool, tmp_path: Path
) -> None:
    old = OrderedDict((f"{prefix}{key}", value) for key, value in weights().items() if "num_batches" not in key)
    stripped = OrderedDict((key.removeprefix(prefix), value) for key, value in old.items())
    for content, start in ((old, prefix), (stripped, "")):
        content.__dict__["_metadata"] = {f"{start}1": {} if version is None else {"version": version}}
    torch.save(old, tmp_path / "c.pth")
    missing = "1.num_batches_tracked"
    if not loads:
        with pytest.raises(RuntimeError, match="num_batches_tracked"):
            network().load_state_dict(stripped)
        assert f"1 missing: {missing} int64[]" in failure(tmp_path / "c.pth")
        return
    module, reference = network(), network()
    notes = load_checkpoint(module, tmp_path / "c.pth")
    reference.load_state_dict(stripped)
    assert "the checkpoint lacks num_batches_tracked for 1 layers, which inference does not use" in notes
    for key, tensor in reference.state_dict().items():
        assert torch.equal(tensor, module.state_dict()[key])


def test_only_counters_of_normalisation_layers_may_be_missing(tmp_path: Path) -> None:
    class Own(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("num_batches_tracked", torch.tensor(0))
            self.register_buffer("scale", torch.ones(2))

    torch.save({"scale": torch.ones(2)}, tmp_path / "c.pth")
    assert "1 missing: num_batches_tracked int64[]" in failure(tmp_path / "c.pth", Own())
