from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from zoo_runner.store.store import Store

INTERRUPTED = """
import sys, threading, time
from contextlib import nullcontext
from pathlib import Path
import numpy as np
from zoo_runner.store.store import Store
from zoo_runner.plugin.interfaces import BATCH, Sample, TensorSpec
from zoo_runner.stages.predict.clocks import Clocks
from zoo_runner.stages.predict import pipeline as stream
from zoo_runner.stages.predict.inference import ModelOutputs

class Part:
    identity = ""
    def __call__(self, sample, _=None):
        return {"x": np.zeros(1, np.float32)}

class Postprocess(Part):
    def __call__(self, outputs, sample):
        return {"x": outputs["x"]}

class Device:
    def infer(self, inputs):
        if list(store.root.glob("predictions/[!.]*")):
            print("a chunk is kept", flush=True)
            time.sleep(0.3)
        return inputs

class Progress:
    def track(self, *_):
        return nullcontext(lambda amount: None)

store = Store(Path(sys.argv[1]))
clocks = Clocks()
source = ModelOutputs(preprocess=Part(), inputs=(TensorSpec("x", "float32", (BATCH, 1)),), session=Device, batch=4,
                      key="", workers=4, clocks=clocks)
samples = [Sample(index=index, id=str(index), path=Path(__file__)) for index in range(1, 100_000)]
try:
    stream.predict(samples, source, Postprocess(), chunk=4, store=store,
                   listeners=stream.Listeners(progress=Progress(), clocks=clocks))
except KeyboardInterrupt:
    print("threads:", threading.active_count(), flush=True)
    raise SystemExit(130)
"""


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_all_threads(tmp_path: Path) -> None:
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED)
    command = [sys.executable, str(script), str(tmp_path / "s")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "a chunk is kept\n"
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "")
    assert stdout.endswith("threads: 1\n")
    store = Store(tmp_path / "s")
    kept = [path.name for path in (tmp_path / "s" / "predictions").glob("[!.]*")]
    assert kept
    assert all(store.lookup("predictions", key) for key in kept)
    assert list((tmp_path / "s").glob("predictions/.*.new")) == []
