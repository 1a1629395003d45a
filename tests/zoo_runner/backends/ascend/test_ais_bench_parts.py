"""Results of a call for each gear, brought together as if one call had made them."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo_runner.backends.ascend.ais_bench_command import AisBenchCall
from zoo_runner.backends.ascend.ais_bench_parts import gather
from zoo_runner.backends.ascend.generation import Generation
from zoo_runner.errors import InferenceError


def call(
    output: Path, dirname: str, samples: str, *, devices: tuple[int, ...] = (0,), late: bool = False
) -> AisBenchCall:
    """Leave what a call leaves for samples, which its devices take in turns."""
    made = AisBenchCall(
        model=Path("m.om"),
        batch=1,
        devices=devices,
        output=output,
        dirname=dirname,
        generation=Generation.SECOND if late else Generation.FIRST,
    )
    folders = [made.folder] if len(devices) == 1 else [made.folder / name for name in made.device_names]
    for folder in folders:
        folder.mkdir(parents=True)
    for place, sample in enumerate(samples):
        (folders[place % len(folders)] / f"000000{sample}_0.bin").write_text(dirname)
    for summary in made.summaries:
        summary.write_text("{}")
    return made


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_one_call_keeps_its_folder(tmp_path: Path) -> None:
    gather([call(tmp_path, "results", "12")], tmp_path / "results")
    assert names(tmp_path) == ["results/0000001_0.bin", "results/0000002_0.bin", "results/results_summary.json"]


def test_one_call_on_several_devices_keeps_its_folders(tmp_path: Path) -> None:
    gather([call(tmp_path, "results", "12", devices=(0, 1))], tmp_path / "results")
    assert names(tmp_path / "results") == [
        "device0/0000001_0.bin",
        "device0_summary.json",
        "device1/0000002_0.bin",
        "device1_summary.json",
    ]


def test_calls_on_one_device(tmp_path: Path) -> None:
    calls = [call(tmp_path, "results_length-8", "13"), call(tmp_path, "results_length-16", "2")]
    assert gather(calls, tmp_path / "results") == tmp_path / "results"
    assert names(tmp_path / "results") == [
        "0000001_0.bin",
        "0000002_0.bin",
        "0000003_0.bin",
        "results_length-16_summary.json",
        "results_length-8_summary.json",
    ]


@pytest.mark.parametrize(("late", "rank"), [(False, ""), (True, "_0")])
def test_a_call_whose_samples_keep_one_of_several_devices_busy(tmp_path: Path, late: bool, rank: str) -> None:
    second = "_1" if late else ""
    calls = [
        call(tmp_path, "results_a-8", "13", devices=(4, 5), late=late),
        call(tmp_path, "results_a-16", "2", devices=(4,), late=late),
    ]
    gather(calls, tmp_path / "results")
    assert names(tmp_path / "results") == [
        f"device4{rank}/0000001_0.bin",
        f"device4{rank}/0000002_0.bin",
        f"device5{second}/0000003_0.bin",
        "results_a-16_summary.json",
        f"results_a-8_device4{rank}_summary.json",
        f"results_a-8_device5{second}_summary.json",
    ]


def test_a_sample_in_two_gears_is_refused(tmp_path: Path) -> None:
    calls = [call(tmp_path, "results_a-8", "12"), call(tmp_path, "results_a-16", "2")]
    with pytest.raises(InferenceError) as caught:
        gather(calls, tmp_path / "results")
    assert str(caught.value) == (
        "ais_bench's results: expected each sample in the inputs of one gear, found 0000002_0.bin twice; the results "
        "were not used"
    )
