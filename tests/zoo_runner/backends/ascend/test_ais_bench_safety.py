"""What ais_bench of 2024 would refuse is said in advance, with what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zoo_runner.backends.ascend.ais_bench_command import AisBenchCall
from zoo_runner.backends.ascend.ais_bench_errors import diagnose, error_lines
from zoo_runner.backends.ascend.ais_bench_safety import check_safety
from zoo_runner.backends.ascend.generation import Generation, Installed, mixture
from zoo_runner.errors import InferenceError


@pytest.mark.parametrize(
    ("mode", "folder", "text"),
    [
        (0o664, "out", "found mode 664: ais_bench of 2024 refuses it; run `chmod 644 "),
        (0o646, "out", "found mode 646: "),
        (0o644, "my out", "expected a path without spaces, found "),
        (0o644, "out", ""),
        (0o600, "out", ""),
    ],
)
def test_a_model_and_an_output(tmp_path: Path, mode: int, folder: str, text: str) -> None:
    model = tmp_path / "m.om"
    model.touch()
    model.chmod(mode)
    said = ""
    try:
        check_safety(model, tmp_path / folder)
    except InferenceError as error:
        said = str(error)
    assert text in said
    assert bool(text) == bool(said)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_model_of_somebody_else(tmp_path: Path) -> None:
    model = tmp_path / "m.om"
    model.touch(mode=0o644)
    os.chown(model, 1234, 1234)
    with pytest.raises(InferenceError, match=r"found one of user 1234: .* give a copy of your own with --om$"):
        check_safety(model, tmp_path)


@pytest.mark.parametrize(
    ("generation", "devices", "divides", "folders"),
    [
        (Generation.FIRST, (2, 0), False, ("device2", "device0")),
        (Generation.SECOND, (2, 0), True, ("device2_0", "device0_1")),
        (Generation.SECOND, (2,), False, ("device2_0",)),
    ],
)
def test_parts_are_asked_for_where_each_device_would_else_run_all(
    generation: Generation, devices: tuple[int, ...], folders: tuple[str, ...], *, divides: bool
) -> None:
    call = AisBenchCall(
        model=Path("m.om"),
        batch=1,
        devices=devices,
        output=Path("out"),
        dirname="r",
        inputs=(Path("in"),),
        generation=generation,
    )
    assert ("--divide_input" in call.arguments) is divides
    assert call.device_names == folders


def test_an_error_may_follow_progress_on_its_line() -> None:
    text = "[INFO] begin\n\rInference array Processing: 3/9[ERROR] acl execute failed:1\n[INFO] [WARN] end\n"
    assert error_lines(text) == ["[ERROR] acl execute failed:1"]
    assert diagnose(text, 1).advice.meaning == "the device failed while it ran the model"


@pytest.mark.parametrize(
    ("found", "mixed"),
    [
        (Installed(problem="no"), ""),
        (Installed(ais_bench=Generation.SECOND, aclruntime=Generation.SECOND), ""),
        (
            Installed(ais_bench=Generation.FIRST, aclruntime=Generation.SECOND),
            mixture(Generation.FIRST, Generation.SECOND),
        ),
    ],
)
def test_what_does_not_belong_together(found: Installed, mixed: str) -> None:
    assert found.mixed == mixed
