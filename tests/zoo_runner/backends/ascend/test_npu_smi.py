"""Asking `npu-smi`: the tool answers, fails, hangs, or is not there."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo_runner.backends.ascend.npu_smi import query
from zoo_runner.backends.ascend.npu_table import parse
from zoo_runner.errors import PrerequisiteError

TABLE = """\
| npu-smi 23.0.0                   Version: 23.0.0                    |
| NPU   Name   | Health | Power(W) Temp(C)  Hugepages-Usage(page)     |
| Chip  Device | Bus-Id | AICore(%) Memory-Usage(MB)                  |
| 0     310P3  | OK     | NA 40  0 / 0                                |
| 0     0      | NA     | 0  1839 / 21525                             |
"""


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a shell script in the place of npu-smi."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")

    def write(script: str) -> None:
        path = tmp_path / "npu-smi"
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return write


def test_query_reads_the_tool(tool: Callable[[str], None]) -> None:
    tool(f'[ "$*" = info ] || exit 9\ncat <<EOF\n{TABLE}EOF')
    assert query() == parse(TABLE)
    assert query().card(0) == query().cards[0]
    assert query().card(7) is None


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo 'DrvMngGetConsoleLogLevel failed. (ret=4)' >&2; exit 1", "found exit code 1 and:\n  DrvMngGetConsole"),
        ("sleep 30", "to answer, found: .* timed out after 0.5 seconds"),
        ("echo hello", "with at least one chip, found:\n  hello\n"),
    ],
    ids=["fails", "hangs", "says-something-else"],
)
def test_query_refuses(tool: Callable[[str], None], script: str, told: str) -> None:
    tool(f"exec {script}" if script.startswith("sleep") else script)
    with pytest.raises(PrerequisiteError, match=told):
        query(timeout_s=0.5 if "sleep" in script else 30.0)


def test_query_without_the_tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        PrerequisiteError, match=r"^expected npu-smi on PATH, found none\. It comes with the NPU driver"
    ):
        query()
