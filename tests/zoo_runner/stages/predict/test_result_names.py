"""Which sample a result file is of: only where its name, and those of all others, allow one reading."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from zoo_runner.errors import ResultError
from zoo_runner.plugin.interfaces import Sample, TensorSpec
from zoo_runner.stages.predict import result_folder as results
from zoo_runner.stages.predict.result_names import Naming, could_be_positions, naming_of, own_naming

SPECS = (TensorSpec("loc", "float32", ("batch", 2)), TensorSpec("conf", "float32", ("batch", 2)))


def dataset(*ids: str) -> list[Sample]:
    return [Sample(index=index, id=name, path=Path(__file__)) for index, name in enumerate(ids, start=1)]


def files(*stems: str, outputs: tuple[int, ...] = (0, 1)) -> list[str]:
    return [f"{stem}_{output}.bin" for stem in stems for output in outputs]


VOC = dataset("000001", "000003", "000004")
"""Ids with a gap: their numbers are no positions."""
WORDS = dataset("cat", "dog_1", "2008_000003")
IN_ORDER = dataset("1", "2", "3")
SHUFFLED = dataset("000002", "000003", "000001")
DOTS = dataset("a.1.jpg", "b.1.jpg", "c")
CLASHING = dataset("a.1", "a.2", "b")
OWN = ("0000001", "0000002", "0000003")
OTHER_POSITIONS = "files named by position, as --by-position says"


@pytest.mark.parametrize(
    ("samples", "stems", "by_position", "read", "unusual"),
    [
        pytest.param(VOC, OWN, False, OWN, "", id="as zoo-run writes them"),
        pytest.param(VOC, OWN, True, OWN, "", id="as zoo-run writes them, said"),
        pytest.param(WORDS, OWN, False, OWN, "", id="beside ids of words"),
        pytest.param(SHUFFLED, OWN, False, OWN, "", id="beside numbers of another length"),
        pytest.param(VOC, ("000001", "000003", "000004"), False, ("000001", "000003", "000004"), "id", id="ids"),
        pytest.param(WORDS, ("cat", "dog_1", "2008_000003"), False, ("cat", "dog_1", "2008_000003"), "id", id="words"),
        pytest.param(DOTS, ("a", "b", "c"), False, ("a", "b", "c"), "id", id="up to the first dot"),
        pytest.param(IN_ORDER, ("1", "2", "3"), False, ("1", "2", "3"), "id", id="ids that are positions too"),
        pytest.param(SHUFFLED, ("000001", "000002", "000003"), True, ("000001", "000002", "000003"), "", id="said"),
        pytest.param(VOC, ("1", "2", "3"), True, ("1", "2", "3"), "", id="from 1"),
        pytest.param(VOC, ("0", "1", "2"), True, ("0", "1", "2"), "", id="from 0"),
        pytest.param(VOC, ("00", "01", "02"), True, ("00", "01", "02"), "", id="from 0 with zeros"),
        pytest.param(VOC, ("0000000", "0000001", "0000002"), True, ("0000000", "0000001", "0000002"), "", id="0, own"),
    ],
)
def test_readings(
    samples: list[Sample], stems: tuple[str, ...], by_position: bool, read: tuple[str, ...], unusual: str
) -> None:
    found = naming_of(files(*stems), samples, samples, 2, by_position=by_position)
    assert found.proven
    assert [found.names(sample, 2, "bin") for sample in samples] == [files(stem) for stem in read]
    said = "files named by sample id" if unusual else "" if stems == OWN else OTHER_POSITIONS
    assert found.unusual == said


@pytest.mark.parametrize(
    ("samples", "stems", "by_position"),
    [
        pytest.param(VOC, (), False, id="no files"),
        pytest.param(VOC, (), True, id="no files, said"),
        pytest.param(VOC, ("1", "2", "3"), False, id="numbers that nobody said are positions"),
        pytest.param(VOC, ("0000000", "0000001", "0000002"), False, id="positions from 0"),
        pytest.param(VOC, ("000001", "000003"), False, id="an id is missing"),
        pytest.param(VOC, ("000001", "000003", "000004", "000005"), False, id="an id too many"),
        pytest.param(VOC, ("000001", "000003", "000004"), True, id="ids are no positions"),
        pytest.param(VOC, ("1", "2"), True, id="a position is missing"),
        pytest.param(VOC, ("1", "2", "3", "4"), True, id="a position too many"),
        pytest.param(VOC, ("0", "1", "2", "3"), True, id="from 0 and one too many"),
        pytest.param(VOC, ("1", "01", "2", "3"), True, id="a position twice"),
        pytest.param(VOC, ("1", "2", "x"), True, id="a word"),
        pytest.param(VOC, ("1", "2", "٣"), True, id="a digit of another script"),
        pytest.param(WORDS, ("Cat", "dog_1", "2008_000003"), False, id="another case"),
        pytest.param(CLASHING, ("a", "b"), False, id="ids that agree up to the dot"),
        pytest.param(WORDS, ("9" * 30, "1", "2"), True, id="a huge number"),
    ],
)
def test_what_no_reading_explains_is_not_proven(
    samples: list[Sample], stems: tuple[str, ...], by_position: bool
) -> None:
    assert not naming_of(files(*stems), samples, samples, 2, by_position=by_position).proven


def test_numbers_with_two_meanings_are_refused() -> None:
    """The list of images was shuffled: file 000001 is of the third image, or of the first."""
    with pytest.raises(ResultError) as caught:
        naming_of(files("000001", "000002", "000003"), SHUFFLED, SHUFFLED, 2, by_position=False)
    assert str(caught.value) == (
        "expected names that say which sample a result is of, found numbers with two meanings: sample '000002', the "
        "1. of the data set, may be 000002_* by id, or 000001_* by position; nothing was scored: add --by-position if "
        "they are positions, else name the files by position yourself, as 0000001_0 for that sample"
    )


def test_ids_in_zoo_runs_own_form_in_another_order_are_refused() -> None:
    samples = dataset("0000002", "0000001")
    with pytest.raises(ResultError, match="found numbers with two meanings: sample '0000002'"):
        naming_of(files("0000001", "0000002"), samples, samples, 2, by_position=False)


def test_positions_of_a_part_that_may_begin_with_0_or_1_are_refused() -> None:
    samples = dataset(*map(str, range(100, 110)))
    middle, stems = samples[3:5], ("3", "4", "5")
    with pytest.raises(ResultError) as caught:
        naming_of(files(*stems), middle, samples, 2, by_position=True)
    assert str(caught.value) == (
        "expected positions whose count begins with 0 or with 1, found some that may begin with either: sample '103', "
        "the 4. of the data set, may be 4_* counted from 1, or 3_* counted from 0; nothing was scored: give the files "
        "of the whole data set"
    )
    everything = files(*map(str, range(10)))
    assert naming_of(everything, middle, samples, 2, by_position=True).stems[4] == "3"


def test_a_part_of_the_data_set_needs_only_its_own_files() -> None:
    for stems, by_position in ((("000001",), False), (("0000001",), False), (("1",), True)):
        found = naming_of(files(*stems), VOC[:1], VOC, 2, by_position=by_position)
        assert (found.proven, found.names(VOC[0], 1, "npy")) == (True, [f"{stems[0]}_0.npy"])


@pytest.mark.parametrize(
    ("numbers", "count", "first"),
    [
        ((0, 1), 2, 0),
        ((1, 2), 2, 1),
        ((0,), 1, 0),
        ((1,), 1, 1),
        ((1,), 2, 0),
        ((2, 3), 2, 0),
        ((0, 1, 2), 2, 0),
        ((), 2, 0),
    ],
)
def test_outputs_are_counted_from_1_only_where_all_are(numbers: tuple[int, ...], count: int, first: int) -> None:
    found = naming_of(files(*OWN, outputs=numbers), VOC, VOC, count, by_position=False)
    assert found.first == first
    assert ("outputs counted from 1" in found.unusual) is bool(first)


def test_zoo_runs_own_names() -> None:
    naming = own_naming(VOC)
    assert (naming.names(VOC[1], 2, "bin"), naming.unusual, naming.proven) == (files("0000002"), "", True)
    assert Naming(stems={}).names(VOC[1], 1, "bin") == ["0000002_0.bin"]


def test_what_could_be_positions() -> None:
    assert could_be_positions(files("1", "2", "3"), VOC, VOC)
    assert not could_be_positions(files("1", "2"), VOC, VOC)
    assert not could_be_positions(files("a"), VOC, VOC)


def write(folder: Path, names: list[str]) -> Path:
    """Write files that hold the number their name has in the list."""
    folder.mkdir()
    for number, name in enumerate(names):
        np.full(2, number, "<f4").tofile(folder / name)
    return folder


def read(folder: Path, samples: list[Sample], *, by_position: bool = False) -> list[list[float]]:
    opened = results.open_results(folder, samples, samples, SPECS, naming=partial(naming_of, by_position=by_position))
    return [[float(arrays[spec.name][0]) for spec in SPECS] for arrays in opened.outputs(samples)]


def test_each_sample_gets_its_own_files(tmp_path: Path) -> None:
    ids = write(tmp_path / "ids", files("000004", "000001", "000003", outputs=(1, 2)))
    assert read(ids, VOC) == [[2, 3], [4, 5], [0, 1]]
    zero = write(tmp_path / "zero", files("2", "0", "1"))
    assert read(zero, VOC, by_position=True) == [[2, 3], [4, 5], [0, 1]]


@pytest.mark.parametrize(
    ("names", "by_position", "texts"),
    [
        pytest.param(
            files("1", "2", "3"),
            False,
            (
                "missing: 0000001_0.bin (sample 000001)",
                "found 1_0.bin, 1_1.bin, 2_0.bin, …; expected 0000001_0.bin by position, or 000001_0.bin by id, for",
                "if these numbers are positions in the data set, counted from 0 or 1, add --by-position",
            ),
            id="numbers",
        ),
        pytest.param(
            files("000001", "000003"),
            False,
            ("missing: 000004_0.bin (sample 000004)", "missing: 000004_1.bin"),
            id="an id is missing",
        ),
        pytest.param(
            files("000001", "000003", "000004", "000009"), False, ("extra: 000009_0.bin",), id="an id too many"
        ),
        pytest.param(
            [*files("000001", "000003"), "000004_0.bin"], False, ("missing: 000004_1.bin",), id="an output is missing"
        ),
        pytest.param(
            [*files("000001", outputs=(1, 2)), *files("000003", "000004")],
            False,
            ("extra: 000001_2.bin", "missing: 000001_0.bin"),
            id="counted from 0 and from 1",
        ),
        pytest.param(files("1", "2"), True, ("extra: 1_0.bin", "missing: 0000001_0.bin"), id="a position is missing"),
        pytest.param([*files(*OWN), "notes_x.bin"], False, ("extra: notes_x.bin",), id="a file that is no result"),
    ],
)
def test_what_does_not_fit_is_named(
    tmp_path: Path, names: list[str], by_position: bool, texts: tuple[str, ...]
) -> None:
    folder = write(tmp_path / "results", names)
    with pytest.raises(ResultError) as caught:
        read(folder, VOC, by_position=by_position)
    assert str(caught.value).startswith(f"--results {folder}: ")
    assert [text for text in texts if text not in str(caught.value)] == []
    assert "nothing was scored" in str(caught.value)
    assert caught.value.exit_code == 3


def test_many_of_one_kind_do_not_hide_the_other(tmp_path: Path) -> None:
    folder = write(tmp_path / "results", files(*map(str, range(1000, 1030))))
    with pytest.raises(ResultError) as caught:
        read(folder, VOC)
    assert (str(caught.value).count("  extra: "), str(caught.value).count("  missing: ")) == (5, 5)
    assert "\n  … and 56 more\n" in str(caught.value)


def test_two_meanings_are_told_with_the_folder(tmp_path: Path) -> None:
    folder = write(tmp_path / "results", files("000001", "000002", "000003"))
    with pytest.raises(ResultError, match=rf"^--results {folder}: expected names that say which sample"):
        read(folder, SHUFFLED)
    assert read(folder, SHUFFLED, by_position=True) == [[0, 1], [2, 3], [4, 5]]
