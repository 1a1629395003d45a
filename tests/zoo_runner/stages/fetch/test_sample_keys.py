"""Keys of samples follow all that a prediction may depend on: every file, and what the data set says of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from streams import outputs_of
from zoo_runner.errors import ChangedError, DatasetError, ExitCode
from zoo_runner.plugin.interfaces import BATCH, Sample, TensorSpec
from zoo_runner.stages.fetch.sample_keys import SampleKeys, facts, sample_files
from zoo_runner.stages.predict.clocks import Clocks
from zoo_runner.stages.predict.command_outputs import CommandOutputs
from zoo_runner.stages.predict.result_folder import ResultFolder

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Scene(Sample):
    """A sample with fields of its own."""

    width: int = 500
    scale: float = 1.0
    crop: tuple[float, ...] = (0.0, 1.0)
    label: np.int64 | None = None
    mask: Path | None = None
    boxes: NDArray[np.float32] = field(default_factory=lambda: np.zeros((1, 4), np.float32))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """An image with a second file, a folder of frames and a mask."""
    for name in ("image.bin", "depth.bin", "mask.bin", "frames/a/1.bin", "frames/2.bin", "frames/.hidden"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    files = (tmp_path / "depth.bin", tmp_path / "frames")
    return Scene(index=1, id="one", path=tmp_path / "image.bin", files=files, mask=tmp_path / "mask.bin")


class Same:
    """Makes what no key depends on."""

    identity = "same"

    def __call__(self, sample: Sample) -> dict[str, NDArray[np.float32]]:
        raise NotImplementedError(sample)


def of_the_model(_folder: Path) -> Callable[[Sample], str]:
    preprocess: Any = Same()
    return lambda sample: outputs_of(preprocess, SimpleNamespace()).identity([sample])


def of_the_command(folder: Path) -> Callable[[Sample], str]:
    manifest = SimpleNamespace(infer=SimpleNamespace(batch=1, outfmt="BIN", tool="cli"))
    engine: Any = SimpleNamespace(recipe=SimpleNamespace(manifest=manifest, host_preprocess=Same()), key=str)
    nothing: Any = None

    def key(sample: Sample) -> str:
        made = CommandOutputs(
            engine=engine, backend=nothing, samples=[sample], output=folder, progress=nothing, clocks=Clocks()
        )
        return made.identity([sample])

    return key


def of_files(folder: Path) -> Callable[[Sample], str]:
    result = folder / "0000001_0.bin"
    result.write_bytes(b"1234")
    spec = TensorSpec("y", "float32", (BATCH, 1))
    return lambda sample: ResultFolder(files={1: (result,), 2: (result,)}, specs=(spec,), code="").identity([sample])


@pytest.fixture(params=[of_the_model, of_the_command, of_files])
def key(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sample], str]:
    """The key of a sample, by each way to its outputs."""
    made: Callable[[Sample], str] = request.param(tmp_path_factory.mktemp("results"))
    return made


@pytest.mark.parametrize("name", ["image.bin", "depth.bin", "mask.bin", "frames/a/1.bin", "frames/.hidden"])
def test_the_content_of_every_file_counts(key: Callable[[Sample], str], scene: Scene, name: str) -> None:
    path = scene.path.parent / name
    before = key(scene)
    times = path.stat()
    path.write_text(name.upper())
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert key(scene) != before
    path.write_text(name)
    assert key(scene) == before


def test_a_new_a_renamed_and_a_missing_file_of_a_folder_count(key: Callable[[Sample], str], scene: Scene) -> None:
    frames = scene.path.parent / "frames"
    keys = [key(scene)]
    (frames / "3.bin").write_text("new")
    keys.append(key(scene))
    (frames / "3.bin").rename(frames / "4.bin")
    keys.append(key(scene))
    (frames / "2.bin").unlink()
    keys.append(key(scene))
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"width": 501}, id="annotated size"),
        pytest.param({"scale": 1.5}, id="float"),
        pytest.param({"scale": float("nan")}, id="not a number"),
        pytest.param({"crop": (0.0, 0.5)}, id="tuple"),
        pytest.param({"label": np.int64(3)}, id="NumPy's number"),
        pytest.param({"id": "two"}, id="id"),
        pytest.param({"index": 2}, id="index"),
    ],
)
def test_what_the_data_set_says_counts(key: Callable[[Sample], str], scene: Scene, change: dict[str, Any]) -> None:
    assert key(replace(scene, **change)) != key(scene)
    assert key(replace(scene, **change)) == key(replace(scene, **change))


def test_what_is_scored_does_not_count(key: Callable[[Sample], str], scene: Scene) -> None:
    assert key(replace(scene, boxes=np.ones((2, 4), np.float32))) == key(scene)


def test_a_data_set_may_be_moved(key: Callable[[Sample], str], scene: Scene, tmp_path: Path) -> None:
    before, old = key(scene), scene.path.parent
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("image.bin", "depth.bin", "mask.bin", "frames"):
        (old / name).rename(moved / name)
    files = (moved / "depth.bin", moved / "frames")
    assert key(replace(scene, path=moved / "image.bin", files=files, mask=moved / "mask.bin")) == before


def test_a_link_that_leads_up_ends(scene: Scene) -> None:
    (scene.path.parent / "frames" / "again").symlink_to(scene.path.parent / "frames")
    assert SampleKeys().of([scene]) == SampleKeys().of([scene])


def test_a_pipe_is_not_read(scene: Scene) -> None:
    os.mkfifo(scene.path.parent / "frames" / "pipe")
    ((_, contents),) = SampleKeys().of([scene])
    assert "['pipe', 'not a file']" in str(contents)


def test_fields_that_are_paths_are_files(scene: Scene) -> None:
    folder = scene.path.parent
    assert sample_files(scene) == tuple(folder / name for name in ("image.bin", "depth.bin", "frames", "mask.bin"))
    assert sample_files(Sample(index=1, id="a", path=folder)) == (folder,)
    assert facts(Sample(index=1, id="a", path=folder)) == {"index": 1, "id": "a", "files": [], "finding": None}


@pytest.mark.parametrize("name", ["image.bin", "frames/2.bin"])
def test_a_change_during_the_run_is_refused(scene: Scene, name: str) -> None:
    keys = SampleKeys()
    keys.of([scene])
    keys.check([scene])
    (scene.path.parent / name).write_text("other")
    with pytest.raises(ChangedError, match=rf"{name}: changed while it was in use"):
        keys.check([scene])


def test_a_file_that_appears_during_the_run_is_refused(scene: Scene) -> None:
    keys = SampleKeys()
    keys.of([scene])
    (scene.path.parent / "frames" / "3.bin").write_text("new")
    with pytest.raises(ChangedError, match="frames: files were added or removed while it was in use"):
        keys.check([scene])


def test_a_missing_file_is_named(scene: Scene) -> None:
    scene.path.unlink()
    with pytest.raises(DatasetError, match=r"^sample one: expected its file .*image.bin, found none") as caught:
        SampleKeys().of([scene])
    assert caught.value.exit_code == ExitCode.STAGE_FAILED
    keys = SampleKeys(absent=True)
    assert keys.of([scene])
    keys.check([scene])
