"""What a folder of results says of where it comes from, and what is refused by it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from zoo_runner.errors import ResultError
from zoo_runner.manifest.load import load
from zoo_runner.output.names import ORIGIN
from zoo_runner.plugin.interfaces import Sample, TensorSpec
from zoo_runner.stages.fetch.sample_keys import SampleKeys
from zoo_runner.stages.predict import result_folder as results
from zoo_runner.stages.predict.result_origin import (
    ModelOrigin,
    OriginGuard,
    ResultOrigin,
    Wanted,
    conversion_of,
    described,
    outputs_of,
    read_origin,
    sample_origins,
    write_origin,
)

SPECS = (TensorSpec("conf", "float32", ("batch", 3)),)
WANTED = Wanted(weights="a" * 64, network="n", preprocess="p", outputs=SPECS)
MODEL = ModelOrigin(
    manifest="m",
    weights="a" * 64,
    model="b" * 64,
    network="n",
    preprocess="p",
    backend="ascend",
    version="ascend 8.0",
    chip="310P3",
    batch=16,
    outputs=outputs_of(SPECS),
)


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    paths = [tmp_path / f"img{index}.jpg" for index in (1, 2, 3)]
    for path in paths:
        path.write_text(path.name)
    return [Sample(index=index, id=path.stem, path=path) for index, path in enumerate(paths, start=1)]


@pytest.fixture
def folder(tmp_path: Path, samples: list[Sample]) -> Path:
    def seal(folder: Path) -> None:
        write_origin(folder, MODEL, sample_origins(SampleKeys(), samples), results.result_files(folder))

    outputs = [{"conf": np.full(3, sample.index, np.float32)} for sample in samples]
    results.write_results(tmp_path / "results", samples, outputs, SPECS, seal)
    return tmp_path / "results"


def score(folder: Path, samples: list[Sample], wanted: Wanted = WANTED) -> str:
    """Read all results as a run does; return what they are refused for."""
    try:
        origin = read_origin(folder)
        guard = OriginGuard(folder, origin) if origin else None
        if guard:
            guard.check(wanted, samples)
        source = results.open_results(folder, samples, samples, SPECS, guard=guard)
        source.identity(samples)
        list(source.outputs(samples))
    except ResultError as error:
        return str(error)
    return ""


def test_what_was_written_is_scored(folder: Path, samples: list[Sample]) -> None:
    assert score(folder, samples) == ""
    origin = read_origin(folder)
    assert origin is not None
    assert described(origin) == "inferred by ascend 8.0 on 310P3, batch 16, from manifest m"


def test_without_images_it_is_scored_too(folder: Path, samples: list[Sample]) -> None:
    samples[1].path.unlink()
    assert score(folder, samples) == ""


def test_a_folder_made_by_hand_has_no_origin(folder: Path, samples: list[Sample]) -> None:
    (folder / ORIGIN).unlink()
    assert read_origin(folder) is None
    assert score(folder, samples) == ""


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        pytest.param(
            replace(WANTED, weights="c" * 64), f"weights: expected sha256 {'c' * 64}, found {'a' * 64}", id="w"
        ),
        pytest.param(replace(WANTED, weights=None), "", id="weights that are not known here"),
        pytest.param(replace(WANTED, network="512"), "network: expected 512, found n", id="network"),
        pytest.param(
            replace(WANTED, preprocess="mean 0"), "preprocessing: expected mean 0, found p", id="preprocessing"
        ),
        pytest.param(
            replace(WANTED, outputs=(TensorSpec("loc", "float32", ("batch", 3)),)),
            "outputs: expected loc float32[3], found conf float32[3]",
            id="outputs",
        ),
    ],
)
def test_another_model_is_never_scored(folder: Path, samples: list[Sample], wanted: Wanted, says: str) -> None:
    found = score(folder, samples, wanted)
    assert says in found
    assert bool(says) is bool(found)


EXPORTED = {"onnx.opset": "11", "atc.aipp": "null"}
CONVERTED = {**EXPORTED, "atc.framework": "5", "atc.precision_mode": "force_fp32", "atc.flags.x": "1"}


@pytest.mark.parametrize(
    ("made", "wanted", "says"),
    [
        pytest.param({}, CONVERTED, "", id="of an earlier release"),
        pytest.param(CONVERTED, CONVERTED, "", id="the same"),
        pytest.param(CONVERTED, {**CONVERTED, "atc.of_tomorrow": "false"}, "", id="of a later release"),
        pytest.param(
            CONVERTED,
            {**CONVERTED, "atc.precision_mode": "force_fp16"},
            "atc.precision_mode: expected force_fp16, found force_fp32",
            id="precision",
        ),
        pytest.param(CONVERTED, {**CONVERTED, "atc.flags.y": "2"}, "atc.flags.y: expected 2, found null", id="flag"),
        pytest.param(
            CONVERTED,
            {**CONVERTED, "atc.unchecked_flags.y": "2"},
            "atc.unchecked_flags.y: expected 2, found null",
            id="unchecked flag",
        ),
        pytest.param(
            CONVERTED,
            {key: text for key, text in CONVERTED.items() if key != "atc.flags.x"},
            "atc.flags.x: expected null, found 1",
            id="no flag",
        ),
        pytest.param(EXPORTED, CONVERTED, "", id="nothing was converted"),
        pytest.param(EXPORTED, {**CONVERTED, "onnx.opset": "17"}, "onnx.opset: expected 17, found 11", id="export"),
        pytest.param(EXPORTED, {**CONVERTED, "atc.aipp": "auto"}, "atc.aipp: expected auto, found null", id="AIPP"),
    ],
)
def test_a_model_made_otherwise_is_another_one(
    tmp_path: Path, samples: list[Sample], made: dict[str, str], wanted: dict[str, str], says: str
) -> None:
    model = MODEL.model_copy(update={"conversion": made})
    origin = ResultOrigin(model=model, samples=sample_origins(SampleKeys(), samples), files={})
    guard = OriginGuard(tmp_path, origin)
    if not says:
        guard.check(replace(WANTED, conversion=wanted), samples)
        return
    with pytest.raises(ResultError) as caught:
        guard.check(replace(WANTED, conversion=wanted), samples)
    assert says in str(caught.value)


def test_what_is_made_without_atc_does_not_depend_on_its_settings(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(
        "name: m\nplugin: {name: p}\ndataset: {name: d, samples: 3}\ninputs: [{name: x, shape: [batch, 3]}]\n"
        "outputs: [{name: conf, shape: [batch, 3]}]\natc: {precision_mode: force_fp16, log: debug}\n"
    )
    manifest = load(path).manifest
    assert not {"atc.precision_mode", "atc.framework"} & conversion_of(manifest, ()).keys()
    made = conversion_of(manifest)
    assert (made["atc.precision_mode"], "atc.log" in made) == ("force_fp16", False)
    assert {"onnx.opset", "atc.aipp"} <= conversion_of(manifest, ()).keys() < made.keys()


def reordered(samples: list[Sample]) -> list[Sample]:
    return [replace(each, id=other.id) for each, other in zip(samples, samples[::-1], strict=True)]


def longer(samples: list[Sample]) -> list[Sample]:
    return [*samples, replace(samples[0], index=4, id="img4")]


def edited(samples: list[Sample]) -> list[Sample]:
    samples[2].path.write_text("another image")
    return samples


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(reordered, "sample 1: expected 'img3', found 'img1'", id="in another order"),
        pytest.param(longer, "missing: 0000004_0.bin (sample img4)", id="more of them"),
        pytest.param(edited, "sample 'img3': its files are others than those that were inferred", id="another image"),
    ],
)
def test_other_data_are_never_scored(
    folder: Path, samples: list[Sample], change: Callable[[list[Sample]], list[Sample]], says: str
) -> None:
    assert says in score(folder, change(samples))


def test_an_edited_result_is_never_scored(folder: Path, samples: list[Sample]) -> None:
    path = folder / "0000002_0.bin"
    np.full(3, 9, np.float32).tofile(path)
    text = score(folder, samples)
    assert text.startswith(f"{path}: changed since the results were written\n  expected sha256 ")
    assert f"remove {ORIGIN} to score results of unknown origin" in text


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut off"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'{"schema_version": 1}', id="without its parts"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b"[" * 100_000, id="deep"),
    ],
)
def test_a_damaged_sidecar_is_named(folder: Path, samples: list[Sample], content: bytes) -> None:
    (folder / ORIGIN).write_bytes(content)
    assert score(folder, samples).startswith(
        f"{folder / ORIGIN}: expected what zoo-run wrote beside the results, found"
    )


def test_a_sidecar_that_is_no_file_is_not_read(folder: Path, samples: list[Sample]) -> None:
    (folder / ORIGIN).unlink()
    os.mkfifo(folder / ORIGIN)
    assert "no file of at most" in score(folder, samples)


def test_what_a_later_release_adds_is_left_out(folder: Path, samples: list[Sample]) -> None:
    text = (folder / ORIGIN).read_text()
    (folder / ORIGIN).write_text(text.replace('"schema_version": 1', '"schema_version": 1, "later": {}'))
    assert score(folder, samples) == ""
