"""Exceptions of a plugin's parts: which hook, which sample, which device, and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo_runner.errors import DatasetError, ExitCode, HookError, ZooError
from zoo_runner.plugin.calls import calling
from zoo_runner.plugin.interfaces import DeviceArrays, Sample

SAMPLE = Sample(index=1, id="000012", path=Path("000012.jpg"))
OUTPUTS = {"scores": np.zeros(3, np.float32)}


@pytest.mark.parametrize(
    ("sample", "outputs", "raised", "expected"),
    [
        pytest.param(None, None, ValueError("boom"), "zoo_metric failed: ValueError: boom (", id="of no sample"),
        pytest.param(SAMPLE, None, KeyError("x"), "failed for sample '000012': KeyError: 'x' (", id="one"),
        pytest.param(SAMPLE, OUTPUTS, SystemExit(0), "failed for sample '000012': SystemExit: 0 (", id="exit"),
        pytest.param(
            SAMPLE,
            DeviceArrays(OUTPUTS, 3),
            MemoryError(),
            "zoo_metric failed for sample '000012', outputs of device 3: MemoryError: (",
            id="device",
        ),
        pytest.param(None, None, OSError(28, "No space left on device"), "free some space on that disk", id="system"),
    ],
)
def test_an_exception_says_where_it_comes_from(
    sample: Sample | None, outputs: DeviceArrays | None, raised: BaseException, expected: str
) -> None:
    with pytest.raises(HookError) as caught, calling("zoo_metric", sample, outputs):
        raise raised
    assert expected in str(caught.value).replace(":  (", ": (")
    assert "test_calls.py:" in str(caught.value)
    assert str(caught.value).endswith("; --traceback shows every call")
    assert caught.value.exit_code is ExitCode.STAGE_FAILED
    assert caught.value.__cause__ is raised


def test_the_place_is_the_installed_plugins(tmp_path: Path) -> None:
    """Neither that of the runner, nor that of a library that the plugin calls."""
    folder = tmp_path / "site-packages"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "inner.py").write_text("def inner():\n    raise ValueError('boom')\n")
    (folder / "made.py").write_text("def work():\n\n    inner()\n")
    names: dict[str, Any] = {}
    for path in (folder / "lib" / "inner.py", folder / "made.py"):
        exec(compile(path.read_text(), path, "exec"), names)  # noqa: S102 - two lines from above
    with pytest.raises(HookError) as caught, calling("zoo_dataset"):
        names["work"]()
    assert f"ValueError: boom ({folder / 'made.py'}:3); " in str(caught.value)


def test_a_long_text_is_shortened() -> None:
    with pytest.raises(HookError) as caught, calling("zoo_dataset", Sample(index=1, id="x" * 10**6, path=Path("x"))):
        raise ValueError("y" * 10**6)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("raised", [DatasetError("for users"), KeyboardInterrupt()], ids=["for users", "interrupt"])
def test_what_is_meant_for_users_and_interruptions_pass(raised: BaseException) -> None:
    with pytest.raises(type(raised)) as caught, calling("zoo_dataset"):
        raise raised
    assert caught.value is raised


def test_nothing_raised_is_nothing() -> None:
    with calling("zoo_dataset"):
        pass
    assert issubclass(HookError, ZooError)
