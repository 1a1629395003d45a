"""Result files of models with open axes: each is read at the sizes that the model was given for its sample."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from zoo_runner.errors import ResultError
from zoo_runner.output.names import ORIGIN
from zoo_runner.plugin.interfaces import Sample, TensorSpec
from zoo_runner.stages.fetch.sample_keys import SampleKeys
from zoo_runner.stages.predict import result_folder as results
from zoo_runner.stages.predict.disk_space import files_size
from zoo_runner.stages.predict.given_sizes import FIXED, GivenSizes
from zoo_runner.stages.predict.result_file import file_problem, read_output
from zoo_runner.stages.predict.result_origin import (
    ModelOrigin,
    OriginGuard,
    Wanted,
    outputs_of,
    read_origin,
    sample_origins,
    write_origin,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays
    from zoo_runner.plugin.shapes import Sizes

MASK = TensorSpec("mask", "float32", ("batch", "height", "width"))
BOXES = TensorSpec("boxes", "float32", ("batch", "anchors", 4))
SCORES = TensorSpec("scores", "float32", ("batch", "anchors"))
PAIRS = TensorSpec("pairs", "float32", ("batch", "anchors", "anchors"))
MANY = TensorSpec("many", "float32", ("batch", "anchors", "points"))
WIDE, HIGH = {"height": 2, "width": 6}, {"height": 6, "width": 2}
MOST = {"height": 6, "width": 6, "anchors": 5, "points": 3}
SAMPLES = [Sample(index=index, id=f"img{index}", path=Path(__file__)) for index in (1, 2)]


def of_sample(sample: Sample) -> Sizes:
    return WIDE if sample.index == 1 else HIGH


GIVEN = GivenSizes(of=of_sample, most=MOST)


def write(folder: Path, suffix: str, array: NDArray[np.float32], name: str = "0000001_0") -> Path:
    """Write a result as ais_bench does, with the batch axis where the format has a shape."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.{suffix}"
    if suffix == "npy":
        np.save(path, array[None])
    elif suffix == "bin":
        array.tofile(path)
    else:
        rows = array.reshape(-1, array.shape[-1])
        path.write_text("".join("".join(f"{value:f} " for value in row) + "\n" for row in rows), encoding="ascii")
    return path


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(ResultError) as caught:
        act()
    assert "nothing was scored" in str(caught.value)
    return str(caught.value)


def counting(*shape: int) -> NDArray[np.float32]:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@pytest.mark.parametrize("suffix", ["bin", "npy", "txt"])
@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        pytest.param(MASK, (2, 6), id="of the input"),
        pytest.param(BOXES, (3, 4), id="its own"),
        pytest.param(BOXES, (1, 4), id="the least"),
        pytest.param(BOXES, (5, 4), id="the most"),
        pytest.param(SCORES, (4,), id="alone"),
    ],
)
def test_each_format_says_the_size(tmp_path: Path, suffix: str, spec: TensorSpec, shape: tuple[int, ...]) -> None:
    path, wanted = write(tmp_path, suffix, counting(*shape)), counting(*shape)
    here = spec.at(WIDE)
    assert file_problem(path, here, MOST) == ""
    np.testing.assert_array_equal(read_output(path, here, MOST), wanted, strict=True)


@pytest.mark.parametrize("shape", [(2, 3), (5, 1), (0, 3)])
def test_npy_says_several_sizes_and_none_found(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = write(tmp_path, "npy", counting(*shape))
    assert file_problem(path, MANY, MOST) == ""
    assert read_output(path, MANY, MOST).shape == shape


@pytest.mark.parametrize(
    ("suffix", "spec", "shape", "told"),
    [
        pytest.param(
            "bin",
            MASK,
            (5, 5),
            "too long: 0000001_0.bin has 100 bytes, expected 48 (mask float32[2, 6])",
            id="of another gear",
        ),
        pytest.param(
            "npy", MASK, (6, 2), "expected mask float32[2, 6], found float32[1, 6, 2]", id="turned, of as many bytes"
        ),
        pytest.param(
            "bin",
            BOXES,
            (13,),
            "uneven: 0000001_0.bin has 52 bytes, expected a multiple of 16 up to 80 (boxes float32[anchors, 4])",
            id="cut within a row",
        ),
        pytest.param(
            "bin",
            BOXES,
            (6, 4),
            "too long: 0000001_0.bin has 96 bytes, expected a multiple of 16 up to 80 (boxes float32[anchors, 4])",
            id="more than most",
        ),
        pytest.param(
            "bin",
            BOXES,
            (0, 4),
            "short: 0000001_0.bin has 0 bytes, expected a multiple of 16 up to 80 (boxes float32[anchors, 4]); where a "
            "model can find nothing, infer with infer.outfmt: NPY",
            id="nothing",
        ),
        pytest.param(
            "txt",
            BOXES,
            (0, 4),
            "short: 0000001_0.txt has 0 bytes, expected a multiple of 4 up to 20 numbers (boxes float32[anchors, 4])",
            id="no text",
        ),
        pytest.param(
            "npy",
            BOXES,
            (6, 4),
            "another tensor: 0000001_0.npy: expected boxes float32[anchors, 4], at most 5 anchors, found "
            "float32[1, 6, 4]",
            id="more than most by its header",
        ),
        pytest.param("npy", BOXES, (3, 5), "found float32[1, 3, 5]", id="another fixed axis"),
        pytest.param("npy", PAIRS, (3, 2), "found float32[1, 3, 2]", id="one name, two sizes"),
        pytest.param(
            "bin",
            MANY,
            (2, 3),
            "unclear: a .bin does not say how large anchors and points are: 0000001_0.bin (many "
            "float32[anchors, points]); infer with infer.outfmt: NPY",
            id="two unknown sizes",
        ),
        pytest.param("txt", MANY, (2, 3), "unclear: a .txt does not say how large anchors", id="two in text"),
        pytest.param("bin", PAIRS, (3, 3), "how large anchors and anchors are", id="one name twice"),
    ],
)
def test_what_cannot_be_the_output(
    tmp_path: Path, suffix: str, spec: TensorSpec, shape: tuple[int, ...], told: str
) -> None:
    assert told in file_problem(write(tmp_path, suffix, counting(*shape)), spec.at(WIDE), MOST)


@pytest.mark.parametrize("count", [3, 21, 24])
def test_numbers_in_text_that_are_no_whole_rows(tmp_path: Path, count: int) -> None:
    path = write(tmp_path, "txt", counting(count))
    told = "expected a multiple of 4 up to 20 numbers (boxes float32[anchors, 4]) and a line end after them"
    assert f"{told}, found {count}" in refused(lambda: read_output(path, BOXES, MOST))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, shape in (("0000001_0", (2, 6)), ("0000002_0", (6, 2))):
        write(tmp_path / "results", "bin", counting(*shape), name)
    return tmp_path / "results"


def read(folder: Path, specs: Sequence[TensorSpec] = (MASK,), given: GivenSizes = GIVEN) -> list[Arrays]:
    return list(results.open_results(folder, SAMPLES, SAMPLES, specs, given=given).outputs(SAMPLES))


def test_each_sample_is_read_at_its_own_sizes(folder: Path) -> None:
    assert [arrays["mask"].shape for arrays in read(folder)] == [(2, 6), (6, 2)]


def test_a_file_of_another_gear_is_refused(folder: Path) -> None:
    write(folder, "bin", counting(6, 6), "0000002_0")
    assert "too long: 0000002_0.bin has 144 bytes, expected 48 (mask float32[6, 2])" in refused(lambda: read(folder))


def test_axes_of_one_name_have_one_size_in_all_outputs(tmp_path: Path) -> None:
    for index, anchors in ((1, 3), (2, 2)):
        write(tmp_path / "r", "bin", counting(3, 4), f"000000{index}_0")
        write(tmp_path / "r", "bin", counting(anchors), f"000000{index}_1")
    assert refused(lambda: read(tmp_path / "r", (BOXES, SCORES))) == (
        f"{tmp_path / 'r'}/0000002_1.bin: expected 3 anchors, as 0000002_0.bin has them, found 2: one of the two was "
        "cut off, or is of another sample; nothing was scored"
    )


def test_the_key_follows_the_sizes_and_that_of_fixed_shapes_is_as_before(folder: Path) -> None:
    def key(specs: Sequence[TensorSpec], given: GivenSizes) -> str:
        return results.open_results(folder, SAMPLES, SAMPLES, specs, given=given).identity(SAMPLES)

    turned = GivenSizes(of=lambda sample: HIGH if sample.index == 1 else WIDE, most=MOST)
    flat = (TensorSpec("mask", "float32", ("batch", 12)),)
    assert len({key((MASK,), GIVEN), key((MASK,), turned), key(flat, FIXED)}) == 3


def test_inferred_results_of_open_axes_say_their_shape(tmp_path: Path) -> None:
    made: list[Arrays] = [
        {"boxes": counting(count, 4), "mask": counting(*size)} for count, size in ((0, (2, 6)), (2, (6, 2)))
    ]
    results.write_results(tmp_path / "results", SAMPLES, made, (BOXES, MASK))
    assert {path.suffix for path in (tmp_path / "results").iterdir()} == {".npy"}
    assert np.load(tmp_path / "results" / "0000002_0.npy").shape == (1, 2, 4)
    found = read(tmp_path / "results", (BOXES, MASK))
    for wanted, arrays in zip(made, found, strict=True):
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, wanted[name], strict=True)


@pytest.mark.parametrize(
    ("shaped", "names"),
    [
        pytest.param(False, ["height-2_width-6/0000001.bin", "height-6_width-2/0000002.bin"], id="by sizes"),
        pytest.param(True, ["0000001.npy", "0000002.npy"], id="that say their shape"),
    ],
)
@pytest.mark.parametrize("several", [False, True])
def test_where_inputs_are_written(tmp_path: Path, shaped: bool, names: list[str], several: bool) -> None:
    arrays: list[Arrays] = [
        {"image": counting(*of_sample(sample).values()), **({"more": counting(1)} if several else {})}
        for sample in SAMPLES
    ]
    results.write_inputs(tmp_path / "in", SAMPLES, arrays, sizes=of_sample, shaped=shaped)
    found = sorted(str(path.relative_to(tmp_path / "in")) for path in (tmp_path / "in").rglob("*.*"))
    assert found == [f"{folder}{name}" for folder in (("image/", "more/") if several else ("",)) for name in names]
    if shaped:
        first = np.load(tmp_path / "in" / found[0])
        assert (first.shape, first.dtype.str, first.flags.c_contiguous) == ((1, 2, 6), "<f4", True)


def sealed(folder: Path, given: GivenSizes) -> Path:
    model = ModelOrigin(
        manifest="m",
        weights="a" * 64,
        model="b" * 64,
        network="n",
        preprocess="p",
        backend="ascend",
        version="8.0",
        chip="310P3",
        batch=1,
        outputs=outputs_of((MASK,)),
    )
    origins = sample_origins(SampleKeys(), SAMPLES, given.of)
    write_origin(folder, model, origins, results.result_files(folder))
    return folder / ORIGIN


def score(folder: Path, specs: tuple[TensorSpec, ...], given: GivenSizes) -> None:
    origin = read_origin(folder)
    assert origin is not None
    guard = OriginGuard(folder, origin)
    guard.check(Wanted(weights="a" * 64, network="n", preprocess="p", outputs=specs), SAMPLES)
    results.open_results(folder, SAMPLES, SAMPLES, specs, guard=guard, given=given)


def test_the_sidecar_says_the_axes_and_the_sizes(folder: Path) -> None:
    content = json.loads(sealed(folder, GIVEN).read_text(encoding="utf-8"))
    assert content["model"]["outputs"][0]["shape"] == ["height", "width"]
    assert [sample["sizes"] for sample in content["samples"]] == [WIDE, HIGH]
    score(folder, (MASK,), GIVEN)


def test_results_of_other_sizes_are_refused_though_as_long(folder: Path) -> None:
    sealed(folder, GIVEN)
    turned = GivenSizes(of=lambda _sample: HIGH, most=MOST)
    assert "sample 'img1': expected height 6, width 2, found height 2, width 6" in refused(
        lambda: score(folder, (MASK,), turned)
    )


def test_results_of_fixed_shapes_and_of_open_ones_are_not_each_others(folder: Path) -> None:
    fixed = (TensorSpec("mask", "float32", ("batch", 2, 6)),)
    sealed(folder, FIXED)
    assert "sizes" not in (folder / ORIGIN).read_text(encoding="utf-8")
    assert "sample 'img1': expected height 2, width 6, found fixed sizes" in refused(
        lambda: score(folder, (MASK,), GIVEN)
    )
    sealed(folder, GIVEN)
    assert "outputs: expected mask float32[2, 6], found mask float32[height, width]" in refused(
        lambda: score(folder, fixed, FIXED)
    )


def test_a_sidecar_of_an_earlier_release_is_read(folder: Path) -> None:
    path = sealed(folder, FIXED)
    content = json.loads(path.read_text(encoding="utf-8"))
    content["model"]["outputs"] = [{"name": "mask", "dtype": "float32", "shape": [12]}]
    path.write_text(json.dumps(content), encoding="utf-8")
    score(folder, (TensorSpec("mask", "float32", ("batch", 12)),), FIXED)


def test_room_is_asked_for_by_the_greatest_sizes() -> None:
    assert files_size((MASK, BOXES), 10, most=MOST) == 10 * (6 * 6 + 5 * 4) * 4
