"""Devices' processes must not outlive the process that started them, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from places import ROOT

pytestmark = pytest.mark.slow  # starts processes and kills them


@pytest.mark.parametrize("fault", ["", "hang"], ids=["idle", "in-a-call"])
def test_no_process_survives_its_parent(tmp_path: Path, fault: str) -> None:
    notes = tmp_path / "notes"
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent(f"""
        import os, signal, sys, threading, time
        from pathlib import Path
        import numpy as np
        sys.path.insert(0, {str(ROOT / "tests" / "support")!r})
        from pool_sessions import Opener
        from zoo_runner.backends.devices.pool import DevicePool
        from zoo_runner.plugin.interfaces import SessionRequest, TensorSpec
        if __name__ == "__main__":
            spec = TensorSpec("image", "int32", ("batch", 3, 5))
            request = SessionRequest(model=Path("m"), inputs=(spec,), outputs=(spec,), batch=2, devices=(0, 1))
            pool = DevicePool(Opener({{0: ({fault!r}, 0)}}, Path({str(notes)!r})), request)
            inputs = {{"image": np.zeros((2, 3, 5), np.int32)}}
            threading.Thread(target=pool.infer, args=(inputs,), daemon=True).start()
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGKILL)
        """),
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    pids = {int(line.split()[1]) for line in notes.read_text().splitlines()}
    assert len(pids) == 2
    deadline = time.monotonic() + 20
    while not all(gone(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert all(gone(pid) for pid in pids)


def gone(pid: int) -> bool:
    """Say whether a process has ended; one that nobody has waited for yet has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"
