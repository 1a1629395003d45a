from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo_runner.errors import FetchError
from zoo_runner.golden.bundle import GoldenBundle, GoldenSample, Provenance
from zoo_runner.golden.file import ABOUT, FORMAT, read_bundle, write_bundle

WEIGHTS = "ab" * 32


def bundle(**given: Any) -> GoldenBundle:
    sample = GoldenSample(
        id="a/1",
        files=("0f" * 32,),
        annotations="00" * 16,
        hashes={"image": "12" * 32},
        inputs={"image": np.arange(6, dtype=np.uint8).reshape(2, 3)},
        outputs={"scores": np.array([0.5, 0.25], np.float16)},
        prediction={"label": np.array([1])},
    )
    provenance = Provenance(
        manifest="m",
        plugin="p",
        weights=WEIGHTS,
        network="n",
        preprocess="pre",
        postprocess="post",
        backend="onnxruntime",
        chip="cpu",
        versions={"numpy": "2"},
        recorded="2026-01-01T00:00:00+00:00",
    )
    usual: dict[str, Any] = {"provenance": provenance, "limits": {"scores": 0.1}, "samples": (sample,)}
    return GoldenBundle(**{**usual, "annotations": "00" * 32, "support": {"cat": 3}, **given})


def test_it_reads_what_it_writes(tmp_path: Path) -> None:
    write_bundle(tmp_path / "g.npz", bundle())
    found = read_bundle(tmp_path / "g.npz")
    assert (found.provenance, found.limits, found.support) == (bundle().provenance, {"scores": 0.1}, {"cat": 3})
    (one,), (other,) = found.samples, bundle().samples
    assert (one.id, one.files, one.annotations, one.hashes) == (
        other.id,
        other.files,
        other.annotations,
        other.hashes,
    )
    for kind in ("inputs", "outputs", "prediction"):
        for name, array in getattr(other, kind).items():
            read = getattr(one, kind)[name]
            assert (read.dtype, read.tolist()) == (array.dtype, array.tolist())


def test_the_same_bundle_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_bundle(tmp_path / name, bundle())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def about(folder: Path, **changes: Any) -> Path:
    """A bundle whose text says something else."""
    write_bundle(folder / "good.npz", bundle())
    with np.load(folder / "good.npz") as file:
        held = {name: file[name] for name in file.files}
    text = {**json.loads(bytes(held[ABOUT])), **changes}
    held[ABOUT] = np.frombuffer(json.dumps(text).encode(), np.uint8)
    with (folder / "changed.npz").open("wb") as file_object:
        np.savez_compressed(file_object, **held)
    return folder / "changed.npz"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param(
            {"format": FORMAT + 1}, f"expected a golden bundle of format {FORMAT}, found {FORMAT + 1}", id="newer"
        ),
        pytest.param({"samples": []}, "samples", id="no samples"),
        pytest.param({"limits": {"scores": -1}}, "limits.scores", id="a limit below 0"),
        pytest.param({"limits": {"scores": float("nan")}}, "limits.scores", id="no limit"),
        pytest.param({"extra": 1}, "extra", id="an unknown key"),
        pytest.param({"annotations": "x"}, "annotations", id="no digest"),
    ],
)
def test_what_is_no_bundle_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(FetchError, match="expected a golden bundle") as raised:
        read_bundle(about(tmp_path, **changes))
    assert said in str(raised.value)


@pytest.mark.parametrize("kind", ["text", "empty", "cut off", "no arrays", "objects", "bomb"])
def test_damaged_and_hostile_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    path = tmp_path / "g.npz"
    write_bundle(path, bundle())
    if kind == "text":
        path.write_text("golden")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "cut off":
        path.write_bytes(path.read_bytes()[:-40])
    elif kind == "no arrays":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("about.npy", b"\x93NUMPY")
    elif kind == "objects":
        held = {**dict(np.load(path)), "0/prediction/label": np.array([{}], dtype=object)}
        np.savez(path, **held)
    else:
        monkeypatch.setenv("ZOO_RUNNER_GOLDEN_LIMIT", "1000")
    with pytest.raises(FetchError, match="expected a golden bundle, as zoo-run golden record writes it"):
        read_bundle(path)
