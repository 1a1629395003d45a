from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from zoo_runner.errors import ChangedError, ResultError
from zoo_runner.plugin.interfaces import Arrays, Sample, TensorSpec
from zoo_runner.stages.predict import result_folder as results

SPECS = (TensorSpec("loc", "float32", ("batch", 3, 4)), TensorSpec("conf", "float32", ("batch", 3)))
SAMPLES = [Sample(index=index, id=f"img{index}", path=Path(__file__)) for index in (1, 2, 3)]


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


def test_a_file_replaced_after_it_was_hashed_is_refused(folder: Path) -> None:
    read = results.open_results(folder, SAMPLES, SAMPLES, SPECS)
    read.identity(SAMPLES)
    read.check(SAMPLES)
    np.zeros(3, "<f4").tofile(folder / "0000002_1.bin")
    read.check(SAMPLES[:1])
    with pytest.raises(ChangedError, match=rf"^{folder / '0000002_1.bin'}: changed"):
        read.check(SAMPLES)


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
    assert refusal(tmp_path / "nowhere").endswith(
        f"{tmp_path}/nowhere: not a folder; expected the one with result files <stem>_<i>.bin: give it with "
        "--results FOLDER, or write it with --until infer"
    )
    assert "no <stem>_<i>.bin, .npy or .txt files in it" in refusal(tmp_path)


def test_inputs_are_named_after_the_position(tmp_path: Path) -> None:
    one = [{"image": np.array([1.5], dtype=np.float32)} for _ in SAMPLES]
    results.write_inputs(tmp_path / "inputs", SAMPLES, one)
    names = sorted(path.name for path in (tmp_path / "inputs").iterdir())
    assert names == ["0000001.bin", "0000002.bin", "0000003.bin"]
    assert np.fromfile(tmp_path / "inputs" / "0000002.bin", "<f4").tolist() == [1.5]


def test_several_inputs_have_a_folder_each(tmp_path: Path) -> None:
    two: list[Arrays] = [{"a": np.zeros(1), "b": np.ones(1, dtype=np.int32)}]
    results.write_inputs(tmp_path / "inputs", SAMPLES[:1], two)
    assert (tmp_path / "inputs" / "a" / "0000001.bin").stat().st_size == 8
    assert (tmp_path / "inputs" / "b" / "0000001.bin").stat().st_size == 4


def test_input_names_that_are_no_file_names(tmp_path: Path) -> None:
    two = [{"/a/b": np.zeros(1), "../c": np.ones(1)}]
    results.write_inputs(tmp_path / "inputs", SAMPLES[:1], two)
    assert sorted(path.name for path in (tmp_path / "inputs").iterdir()) == ["%2Fa%2Fb", "..%2Fc"]
    assert (tmp_path / "inputs" / results.input_folder("/a/b") / "0000001.bin").stat().st_size == 8


def rewritten(folder: Path, suffix: str) -> Path:
    """Write the results as ais_bench does in another format."""
    for path in list(folder.glob("*.bin")):
        shape = (1, *SPECS[int(path.stem[-1])].sample_shape())
        array = np.fromfile(path, "<f4").reshape(shape)
        if suffix == "npy":
            np.save(path.with_suffix(".npy"), array)
        else:
            rows = ["".join(f"{value:f} " for value in row) + "\n" for row in array.reshape(-1, shape[-1])]
            path.with_suffix(".txt").write_text("".join(rows))
        path.unlink()
    return folder


@pytest.mark.parametrize("suffix", ["npy", "txt"])
def test_other_formats(folder: Path, suffix: str) -> None:
    (rewritten(folder, suffix) / "notes.txt").write_text("made by hand")
    (folder / "notes.txt").unlink() if suffix == "txt" else None
    read = results.open_results(folder, SAMPLES, SAMPLES, SPECS)
    for sample, arrays in zip(SAMPLES, read.outputs(SAMPLES), strict=True):
        for name, wanted in outputs(sample.index).items():
            np.testing.assert_array_equal(arrays[name], wanted)
            assert arrays[name].dtype == np.float32


def test_npy_without_batch_axis(folder: Path) -> None:
    np.save(rewritten(folder, "npy") / "0000001_1.npy", np.full(3, 1, dtype=np.float32))
    assert len(list(results.open_results(folder, SAMPLES, SAMPLES, SPECS).outputs(SAMPLES))) == 3


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros((1, 4), "f4"), "another tensor: 0000002_1.npy: expected conf float32[3], found float32[1, 4]"),
        (np.zeros((3, 1), "f4"), "another tensor: 0000002_1.npy: expected conf float32[3], found float32[3, 1]"),
        (np.zeros(3, "f8"), "another tensor: 0000002_1.npy: expected conf float32[3], found float64[3]"),
        (np.array([0, np.nan, 0], "f4"), "0000002_1.npy (conf) has 1 of 3 values NaN or infinite"),
        (np.array([None, 1, 2]), "unreadable: 0000002_1.npy is not a whole .npy file"),
        (b"", "unreadable: 0000002_1.npy is not a whole .npy file"),
        (b"\x93NUMPY\x01\x00", "unreadable: 0000002_1.npy is not a whole .npy file"),
        (b"PK\x03\x04 cut off", "unreadable: 0000002_1.npy is not a whole .npy file"),
        (b"PK\x05\x06" + bytes(18), "unreadable: 0000002_1.npy is not a whole .npy file"),
    ],
    ids=["long", "axes", "dtype", "nan", "objects", "empty", "cut off", "a broken .npz", "an .npz"],
)
def test_npy_files_of_something_else(folder: Path, array: np.ndarray | bytes, text: str) -> None:
    path = rewritten(folder, "npy") / "0000002_1.npy"
    if isinstance(array, bytes):
        path.write_bytes(array)
    else:
        np.save(path, array, allow_pickle=True)
    assert text in refusal(folder)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "short: 0000002_1.txt has 0 bytes, expected 3 numbers (conf float32[3])"),
        ("1.0 2.0 \n", "expected 3 numbers (conf float32[3]) and a line end after them, found 2;"),
        ("1.0 2.0 3.0 4.0 \n", "found 4;"),
        ("1.0 2.0 3.", "found 3 without a line end: the file was cut off;"),
        ("1.0 two 3.0 \n", "expected numbers of type float32, found could not convert string to float: 'two'"),
        ("1.0 nan 3.0 \n", "0000002_1.txt (conf) has 1 of 3 values NaN or infinite"),
        ("1.0 1e99 3.0 \n", "0000002_1.txt (conf) has 1 of 3 values NaN or infinite"),
    ],
    ids=["empty", "short", "long", "cut off", "word", "nan", "too large"],
)
def test_text_of_something_else(folder: Path, content: str, text: str) -> None:
    (rewritten(folder, "txt") / "0000002_1.txt").write_text(content)
    assert text in refusal(folder)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("1 -2 127 \n", None),
        ("1 -2 128 \n", "expected numbers of type int8, found -2 to 128"),
        ("1 2.5 3 \n", "expected numbers of type int8, found invalid literal"),
    ],
)
def test_text_of_whole_numbers(tmp_path: Path, content: str, text: str | None) -> None:
    (tmp_path / "0000001_0.txt").write_text(content)
    specs = (TensorSpec("label", "int8", ("batch", 3)),)
    read = results.open_results(tmp_path, SAMPLES[:1], SAMPLES[:1], specs)
    if text is None:
        ((label,),) = ([arrays["label"]] for arrays in read.outputs(SAMPLES[:1]))
        assert (str(label.dtype), label.tolist()) == ("int8", [1, -2, 127])
        return
    with pytest.raises(ResultError, match=text):
        list(read.outputs(SAMPLES[:1]))


def test_two_formats_in_one_folder(folder: Path) -> None:
    np.save(folder / "0000001_0.npy", np.zeros((3, 4), "f4"))
    assert "two formats: .bin and .npy; keep the files of one run" in refusal(folder)


def test_results_of_inputs_that_agree_up_to_a_dot(folder: Path) -> None:
    (folder / "0000002_0.bin").unlink()
    assert "names results after the input's name up to its first dot" in refusal(folder)


def test_a_failure_keeps_the_folder_as_it_was(folder: Path) -> None:
    before = sorted(path.name for path in folder.iterdir())

    def failing() -> Arrays:
        raise ValueError("no output")

    with pytest.raises(ValueError, match="no output"):
        results.write_results(folder, SAMPLES, (failing() for _ in SAMPLES), SPECS)
    assert sorted(path.name for path in folder.iterdir()) == before
    assert {path.name for path in folder.parent.iterdir()} == {"results", ".zoo-run.json"}


@pytest.mark.parametrize("suffix", ["bin", "npy", "txt"])
@pytest.mark.parametrize(
    ("put", "found"),
    [
        (os.mkfifo, "expected a regular file, found a pipe (fifo)"),
        (lambda path: path.symlink_to("/dev/zero"), "expected a regular file, found a character device"),
        (lambda path: path.symlink_to(path), "expected a regular file, found symbolic links that lead in a circle"),
    ],
)
def test_special_files_are_refused_at_once(
    suffix: str, put: Callable[[Path], None], found: str, tmp_path: Path
) -> None:
    put(tmp_path / f"0000001_0.{suffix}")
    with pytest.raises(ResultError) as caught:
        results.open_results(tmp_path, SAMPLES[:1], SAMPLES, SPECS)
    assert f"  unreadable: 0000001_0.{suffix}: {found}" in str(caught.value)


def test_text_of_more_characters_than_numbers_take_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "0000001_0.txt").write_text(" " * 4801)
    with pytest.raises(ResultError) as caught:
        results.open_results(tmp_path, SAMPLES[:1], SAMPLES, SPECS)
    assert "too long: 0000001_0.txt has 4801 bytes, more than 12 numbers take (loc float32[3, 4])" in str(caught.value)
