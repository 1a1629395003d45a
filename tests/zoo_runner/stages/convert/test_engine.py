"""The file that a backend loads: converted once per batch size by a real `atc` process (the stand-in), and named."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import onnx
import pytest
from onnx import TensorProto, helper

from places import TRIAL
from zoo_runner.backends.ascend.backend import AscendBackend
from zoo_runner.backends.ascend.om_stamp import read_stamp
from zoo_runner.backends.onnxruntime import OnnxRuntimeBackend
from zoo_runner.errors import ChangedError, ExitCode, StageError, UsageError
from zoo_runner.job.options import RunOptions
from zoo_runner.job.recipe import Recipe, resolve
from zoo_runner.manifest.load import load
from zoo_runner.plugin import loading as plugins
from zoo_runner.plugin.interfaces import Backend, ParallelSession, SessionRequest
from zoo_runner.plugin.pixels import Normalisation
from zoo_runner.stages.convert.engine import Engine, LazySession, check_om
from zoo_runner.stages.export.model import ModelFile, export_key
from zoo_runner.stages.fetch.given_models import GivenModels
from zoo_runner.store.fingerprints import file_digest
from zoo_runner.store.store import Store
from zoo_runner.testing import stand_in_environment

Engines = Callable[..., Engine]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make this process's environment that of a host with stand-ins."""

    def start(name: str = "host", **options: Any) -> None:
        for variable, value in stand_in_environment(tmp_path / name, **options).items():
            monkeypatch.setenv(variable, value)

    return start


@pytest.fixture
def recipe(trial_site: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Recipe]:
    monkeypatch.syspath_prepend(trial_site)
    return lambda *overrides: resolve(load(TRIAL, overrides), RunOptions(output=Path()))


@pytest.fixture
def model(tmp_path: Path) -> ModelFile:
    """The identity, as the trial's network has it."""
    numbers, scores = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4]) for name in ("numbers", "scores")
    )
    node = helper.make_node("Identity", ["numbers"], ["scores"], name="/Identity")
    graph = helper.make_graph([node], "trial", [numbers], [scores])
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return ModelFile(path=path, sha256=file_digest(path), reused=False, differences={})


@pytest.fixture
def engine(recipe: Callable[..., Recipe], model: ModelFile, tmp_path: Path) -> Engines:
    def make(*overrides: str, backend: Backend | None = None, **changes: Any) -> Engine:
        made = Engine(
            recipe=recipe(*overrides),
            backend=backend or AscendBackend(),
            model=model,
            devices=(0,),
            store=Store(tmp_path / "store"),
            logs=tmp_path / "logs",
        )
        return replace(made, **changes)

    return make


def test_an_om_is_made_once(host: Callable[..., None], engine: Engines) -> None:
    host()
    first, second = engine().loadable(2), engine().loadable(2)
    assert (first.reused, second.reused) == (False, True)
    assert replace(first, reused=True) == second
    assert first.sha256 == file_digest(first.path)
    stamp = read_stamp(first.path)
    assert stamp is not None
    assert (stamp.batch, stamp.chip, stamp.out_nodes) == (2, "Ascend310P3", ("/Identity:0",))
    assert stamp.onnx_sha256 == engine().model.sha256


def test_a_run_hashes_its_model_once(host: Callable[..., None], engine: Engines, tmp_path: Path) -> None:
    host()
    one = engine()
    made, key = one.loadable(2), one.key(2)
    shutil.rmtree(tmp_path / "store")
    assert one.loadable(2) is made
    assert one.key(2) == key


def test_what_gives_another_om_and_another_key(
    host: Callable[..., None], engine: Engines, model: ModelFile, tmp_path: Path
) -> None:
    host()
    other = onnx.load(model.path)
    other.doc_string = "another"
    onnx.save(other, tmp_path / "other.onnx")
    wanted = {
        "as it is": (engine(), 2),
        "batch": (engine(), 3),
        "flag": (engine("atc.precision_mode=force_fp32"), 2),
        "chip": (engine("atc.soc_version=Ascend310P1"), 2),
        "model": (
            engine(model=replace(model, path=tmp_path / "other.onnx", sha256=file_digest(tmp_path / "other.onnx"))),
            2,
        ),
    }
    keys = {name: made.key(batch) for name, (made, batch) in wanted.items()}
    paths = {name: made.loadable(batch).path for name, (made, batch) in wanted.items()}
    host("newer", cann="8.2.RC2")
    keys["CANN"], paths["CANN"] = engine().key(2), engine().loadable(2).path
    assert len(set(keys.values())) == len(set(paths.values())) == len(keys)


def test_what_does_not(host: Callable[..., None], engine: Engines) -> None:
    host()
    key = engine().key(2)
    assert key == engine().key(2)
    assert engine("infer.threads=1", devices=(0, 1)).key(2) == key
    host("moved")
    assert engine().key(2) == key


def test_a_frozen_store_finds_and_does_not_convert(host: Callable[..., None], engine: Engines, tmp_path: Path) -> None:
    host()
    made = engine().loadable(2)
    frozen = Store(tmp_path / "store").frozen("--from infer")
    assert engine(store=frozen).loadable(2).path == made.path
    with pytest.raises(StageError, match=r"--from infer: expected what an earlier run made \(om\), found none"):
        engine(store=frozen).loadable(3)


@pytest.mark.parametrize("fault", ["atc-code:E40021", "atc-silent", "atc-crash"])
def test_a_failure_leaves_no_om(host: Callable[..., None], engine: Engines, tmp_path: Path, fault: str) -> None:
    host("broken", faults=(fault,))
    with pytest.raises(StageError, match=r"atc_bs2\.log"):
        engine().loadable(2)
    assert list((tmp_path / "store").rglob("*.om")) == []
    assert (tmp_path / "logs" / "atc_bs2.log").is_file()
    host("repaired")
    assert engine().loadable(2).reused is False


def test_onnxruntime_gets_the_model_as_it_is(engine: Engines, model: ModelFile, tmp_path: Path) -> None:
    plain = engine(backend=plugins.load("onnxruntime").backend())
    for batch in (1, 8):
        assert plain.loadable(batch).path == model.path
        assert plain.loadable(batch).identity == model.sha256
    assert plain.converts is False
    assert plain.key(1) == plain.key(8)
    assert not (tmp_path / "store").exists()


def test_an_om_of_the_users_own(host: Callable[..., None], engine: Engines, tmp_path: Path) -> None:
    host()
    one = engine()
    made, key = one.loadable(2), one.key(2)
    mine = shutil.copytree(made.path.parent, tmp_path / "mine") / made.path.name
    shutil.rmtree(tmp_path / "store")
    given = engine(given=GivenModels(shown=mine, path=mine))
    assert given.loadable(2) == replace(made, path=mine, reused=True)
    assert given.key(2) == key
    assert engine().key(2) != key  # it is converted again, and ATC does not give the same bytes twice
    with pytest.raises(StageError, match=r"(?s)not the model of this manifest\n  batch size: expected 3, found 2"):
        given.loadable(3)


@pytest.fixture
def for_all_batches(engine: Engines) -> Engines:
    """Make engines of a recipe whose batch axis is open."""

    def make(*sizes: int, **changes: Any) -> Engine:
        made = engine(**changes)
        loaded = made.recipe.loaded
        atc = loaded.manifest.atc.model_copy(update={"dynamic_batch_size": sizes})
        manifest = loaded.manifest.model_copy(update={"atc": atc})
        return replace(made, recipe=replace(made.recipe, loaded=replace(loaded, manifest=manifest)))

    return make


def test_one_om_serves_all_batch_sizes(
    host: Callable[..., None], engine: Engines, for_all_batches: Engines, tmp_path: Path
) -> None:
    host()
    one = for_all_batches(4, 2)
    made = one.loadable(2)
    assert one.loadable(4) is made
    assert one.loadable(2).path == for_all_batches(4, 2).loadable(4).path
    assert one.key(2) == one.key(4)
    assert (tmp_path / "logs" / "atc.log").is_file()
    stamp = read_stamp(made.path)
    assert stamp is not None
    assert (stamp.batch, stamp.sizes) == (4, ("batch 4", "batch 2"))
    requests = [one.session_request(batch) for batch in (2, 4)]
    assert [(request.batch, request.model) for request in requests] == [(2, made.path), (4, made.path)]
    assert all(request.shapes is not None and len(request.shapes.gears) == 2 for request in requests)
    others = (for_all_batches(4, 1), for_all_batches(2, 4), engine())
    assert len({made.path, *(other.loadable(2).path for other in others)}) == 4


def test_an_om_for_other_gears_is_refused_by_name(
    host: Callable[..., None], engine: Engines, for_all_batches: Engines, tmp_path: Path
) -> None:
    host()
    geared = shutil.copytree(for_all_batches(4, 2).loadable(2).path.parent, tmp_path / "geared") / "model.om"
    fixed = shutil.copytree(engine().loadable(4).path.parent, tmp_path / "fixed") / "model.om"

    def told(make: Engines, om: Path, *sizes: int) -> str:
        with pytest.raises(StageError) as caught:
            make(*sizes, given=GivenModels(shown=om, path=om)).loadable(4)
        return str(caught.value)

    assert for_all_batches(4, 2, given=GivenModels(shown=geared, path=geared)).loadable(2).path == geared
    assert engine(given=GivenModels(shown=fixed, path=fixed)).loadable(4).path == fixed
    sizes = "\n  sizes of open axes: expected "
    assert f"{sizes}batch 4; batch 1, found batch 4; batch 2\n" in told(for_all_batches, geared, 4, 1)
    assert f"{sizes}batch 4; batch 2, found none (sizes are fixed)\n" in told(for_all_batches, fixed, 4, 2)
    assert f"{sizes}none (sizes are fixed), found batch 4; batch 2\n" in told(engine, geared)


def test_a_session_is_opened_when_needed_and_once(
    host: Callable[..., None], engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    host()
    for folder in os.environ["PYTHONPATH"].split(os.pathsep):  # a device's process has this one's import path
        monkeypatch.syspath_prepend(folder)
    unused = LazySession(engine(), 2)
    assert unused.close() == ()
    assert not engine().store.root.exists()
    used = LazySession(engine(), 2)
    try:
        assert used() is used()
    finally:
        assert used.close() == ()
    assert used.close() == ()


class Swapping:
    """A backend in front of which a file is replaced just before it is loaded."""

    opened: ClassVar[list[Any]] = []

    def open(self, request: SessionRequest) -> Any:
        old = request.model.read_bytes()
        request.model.write_bytes(old + b"\x32\x01x")  # another, valid model: it has a doc_string
        session = SimpleNamespace(close=self.opened.clear)
        self.opened.append(session)
        return session


class SwappingAscend(Swapping, AscendBackend):
    __module__ = AscendBackend.__module__  # the runner's own code converts, so that what it kept is found


class SwappingOnnxRuntime(Swapping, OnnxRuntimeBackend): ...


def test_a_model_replaced_before_it_is_loaded_is_refused(engine: Engines, model: ModelFile) -> None:
    backend = SwappingOnnxRuntime()
    with pytest.raises(ChangedError, match=rf"^{model.path}: changed .*\n  expected sha256 {model.sha256}"):
        engine(backend=backend).open(2)
    assert backend.opened == []


def test_an_om_replaced_before_it_is_loaded_is_refused(
    host: Callable[..., None], engine: Engines, tmp_path: Path
) -> None:
    host()
    one = engine()
    made, key = one.loadable(2), one.key(2)
    own = shutil.copytree(made.path.parent, tmp_path / "mine") / made.path.name
    for om, given in (
        (made.path, engine(backend=SwappingAscend())),
        (own, engine(given=GivenModels(shown=own, path=own), backend=SwappingAscend())),
    ):
        assert given.key(2) == key
        with pytest.raises(ChangedError, match=rf"^{om}: changed .*\n  expected sha256 {made.sha256}"):
            given.open(2)


def test_a_model_replaced_after_it_was_loaded_is_refused_too(engine: Engines, model: ModelFile) -> None:
    opened = engine(backend=plugins.load("onnxruntime").backend())
    opened.open(2).close()
    opened.check(2)
    model.path.write_bytes(model.path.read_bytes() + b"\x32\x01x")
    with pytest.raises(ChangedError, match=r"model\.onnx: changed"):
        opened.check(2)


def test_a_graph_replaced_while_it_is_folded_leaves_nothing(engine: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    def fold(path: Path, destination: Path, *_: object) -> None:
        destination.write_bytes(path.read_bytes())
        path.write_bytes(path.read_bytes() + b"\x32\x01x")

    monkeypatch.setattr("zoo_runner.aipp.fold.fold_normalisation", fold)
    folding = engine(backend=plugins.load("onnxruntime").backend())
    normalisation = Normalisation(mean=(0.0,), scale=(1.0,), swap_red_blue=False, height=1, width=1)
    monkeypatch.setattr(Recipe, "pixels", SimpleNamespace(normalisation=normalisation))
    with pytest.raises(ChangedError, match=r"model\.onnx: changed"):
        folding.loadable(2)
    assert not list(folding.store.root.rglob("content"))


def test_who_takes_an_om() -> None:
    own, onnxruntime = Path("mine.om"), plugins.load("onnxruntime").backend()
    check_om(None, None)
    check_om(None, onnxruntime)
    check_om(own, AscendBackend())
    for backend in (None, onnxruntime):
        with pytest.raises(UsageError, match=r"^--om mine\.om: .*; add --backend ascend$") as error:
            check_om(own, backend)
        assert error.value.exit_code == ExitCode.USAGE


def test_other_tensors_give_other_keys_where_a_hook_takes_them(engine: Engines) -> None:
    """Else predictions of a postprocessing that reads the outputs' order would be taken for those of another order."""
    plain = engine(backend=OnnxRuntimeBackend())
    keys = [(plain.key(2), export_key(plain.recipe, "weights"))]
    for told in ("one", "other"):
        recipe = replace(plain.recipe, parts=replace(plain.recipe.parts, told=told))
        keys.append((engine(recipe=recipe, backend=plain.backend).key(2), export_key(recipe, "weights")))
    assert plain.recipe.parts.told == ""
    assert [len(set(each)) for each in zip(*keys, strict=True)] == [3, 3]


def test_a_session_that_is_nearly_parallel_is_named_once(engine: Engines) -> None:
    class Backend(OnnxRuntimeBackend):
        def open(self, request: SessionRequest) -> Any:
            del request
            return SimpleNamespace(infer=None, time=None, close=lambda: None, infer_many=lambda _: None)

    told: list[str] = []
    session = LazySession(engine(backend=Backend(), warn=told.append), 2)
    assert session() is session()
    assert session.close() == ()
    lacks = f"has infer_many, and lacks lost: nobody takes it for a ParallelSession ({ParallelSession.__module__})"
    assert told == [f"backend 'onnxruntime': the session {lacks}; add what is missing, or rename the other"]
