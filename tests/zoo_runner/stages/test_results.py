from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zoo_runner.errors import ResultError
from zoo_runner.interfaces import Arrays, Sample, TensorSpec
from zoo_runner.stages import results

SPECS = (TensorSpec("loc", "float32", ("batch", 3, 4)), TensorSpec("conf", "float32", ("batch", 3)))
SAMPLES = [Sample(index=index, id=f"img{index}", path=Path()) for index in (1, 2, 3)]


def outputs(index: int) -> Arrays:
    return {
        "conf": np.full(3, index, dtype=np.float32),
        "loc": np.arange(12, dtype=np.float32).reshape(3, 4) + index,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    results.write_results(tmp_path / "results", SAMPLES, map(outputs, (1, 2, 3)), SPECS)
    return tmp_path / "results"


def refusal(folder: Path, samples: list[Sample] = SAMPLES) -> str:
    with pytest.raises(ResultError) as caught:
        list(results.open_results(folder, samples, SAMPLES, SPECS).outputs(samples))
    assert caught.value.exit_code == 3
    return str(caught.value)


def test_what_was_written_is_read_back(folder: Path) -> None:
    read = results.open_results(folder, SAMPLES, SAMPLES, SPECS)
    for sample, arrays in zip(SAMPLES, read.outputs(SAMPLES), strict=True):
        for name, wanted in outputs(sample.index).items():
            np.testing.assert_array_equal(arrays[name], wanted)


def test_files_are_numbered_in_the_manifests_order(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir())[:2] == ["0000001_0.bin", "0000001_1.bin"]
    assert (folder / "0000002_0.bin").stat().st_size == 12 * 4
    assert np.fromfile(folder / "0000002_1.bin", "<f4").tolist() == [2, 2, 2]


def test_devices_have_folders_of_their_own(folder: Path) -> None:
    for device, index in ((0, 1), (1, 2), (1, 3)):
        (folder / f"device{device}").mkdir(exist_ok=True)
        for path in folder.glob(f"{index:07d}_*.bin"):
            path.rename(folder / f"device{device}" / path.name)
    assert len(list(results.open_results(folder, SAMPLES, SAMPLES, SPECS).outputs(SAMPLES))) == 3


def test_the_key_follows_the_content(folder: Path) -> None:
    before = results.open_results(folder, SAMPLES, SAMPLES, SPECS).identity(SAMPLES)
    assert results.open_results(folder, SAMPLES, SAMPLES, SPECS).identity(SAMPLES) == before
    np.zeros(3, "<f4").tofile(folder / "0000002_1.bin")
    assert results.open_results(folder, SAMPLES, SAMPLES, SPECS).identity(SAMPLES) != before


def test_missing_and_extra_files_are_all_named(folder: Path) -> None:
    (folder / "0000002_1.bin").unlink()
    (folder / "0000004_0.bin").write_bytes(b"")
    text = refusal(folder)
    assert "2 problem(s), nothing was scored" in text
    assert "missing: 0000002_1.bin (sample img2)" in text
    assert "extra: 0000004_0.bin" in text
    assert "0 = loc, 1 = conf" in text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        pytest.param(0, "short: 0000003_0.bin has 0 bytes, expected 48 (loc float32[3, 4])", id="empty"),
        pytest.param(24, "short: 0000003_0.bin has 24 bytes, expected 48 (loc float32[3, 4])", id="half"),
        pytest.param(96, "too long: 0000003_0.bin has 96 bytes, expected 48 (loc float32[3, 4])", id="double"),
    ],
)
def test_files_of_the_wrong_size_are_refused(folder: Path, size: int, text: str) -> None:
    (folder / "0000003_0.bin").write_bytes(bytes(size))
    assert text in refusal(folder)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_values_are_refused(folder: Path, value: float) -> None:
    np.array([0, value, 0], "<f4").tofile(folder / "0000002_1.bin")
    text = refusal(folder)
    assert "0000002_1.bin (conf) has 1 of 3 values NaN or infinite; nothing was scored" in text


def test_files_of_samples_beyond_a_limit_are_not_extra(folder: Path) -> None:
    assert len(list(results.open_results(folder, SAMPLES[:1], SAMPLES, SPECS).outputs(SAMPLES[:1]))) == 1


def test_a_file_there_twice_is_refused(folder: Path) -> None:
    (folder / "device1").mkdir()
    (folder / "device1" / "0000001_0.bin").write_bytes((folder / "0000001_0.bin").read_bytes())
    assert "there twice: 0000001_0.bin and device1/0000001_0.bin" in refusal(folder)


def test_many_problems_are_counted(folder: Path) -> None:
    for index in range(10, 30):
        (folder / f"{index:07d}_0.bin").write_bytes(b"")
    text = refusal(folder)
    assert text.count("extra:") == results.NAMED
    assert "… and 10 more" in text


def test_a_folder_one_level_too_high_gets_a_hint(folder: Path) -> None:
    stamped = folder.parent / "out" / "2023_05_01-10_00_00"
    stamped.parent.mkdir()
    folder.rename(stamped)
    assert "'2023_05_01-10_00_00' inside it has some: give that folder" in refusal(stamped.parent)


def test_no_folder_and_no_files(tmp_path: Path) -> None:
    assert "not a folder" in refusal(tmp_path / "nowhere")
    assert "no .bin files in it" in refusal(tmp_path)


def test_inputs_are_named_after_the_position(tmp_path: Path) -> None:
    one = [{"image": np.array([1.5], dtype=np.float32)} for _ in SAMPLES]
    results.write_inputs(tmp_path / "inputs", SAMPLES, one)
    names = sorted(path.name for path in (tmp_path / "inputs").iterdir())
    assert names == ["0000001.bin", "0000002.bin", "0000003.bin"]
    assert np.fromfile(tmp_path / "inputs" / "0000002.bin", "<f4").tolist() == [1.5]


def test_several_inputs_have_a_folder_each(tmp_path: Path) -> None:
    two = [{"a": np.zeros(1), "b": np.ones(1, dtype=np.int32)}]
    results.write_inputs(tmp_path / "inputs", SAMPLES[:1], two)
    assert (tmp_path / "inputs" / "a" / "0000001.bin").stat().st_size == 8
    assert (tmp_path / "inputs" / "b" / "0000001.bin").stat().st_size == 4


def test_a_failure_keeps_the_folder_as_it_was(folder: Path) -> None:
    before = sorted(path.name for path in folder.iterdir())

    def failing() -> Arrays:
        raise ValueError("no output")

    with pytest.raises(ValueError, match="no output"):
        results.write_results(folder, SAMPLES, (failing() for _ in SAMPLES), SPECS)
    assert sorted(path.name for path in folder.iterdir()) == before
    assert [path.name for path in folder.parent.iterdir()] == ["results"]
