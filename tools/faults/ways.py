"""The ways in which most faults are made, so that a table has one line or two for each."""

from __future__ import annotations

import sys
import textwrap
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from faults.bench import Bench, Edit
from faults.ran import Ran
from faults.records import Act

BAD: Final = ("--set", "plugin.config.nms_threshold=0.9")
"""A model that must not pass: it finds most objects several times."""
BACKEND: Final = "seeded_backend.py"
OWN_EXPORT: Final = ("--set", "onnx.url=null", "--set", "onnx.sha256=null", "--set", "onnx.size=null")
"""The run exports the network by itself."""
CONFIG: Final = "refinedet_plugin/config.py"
NETWORK: Final = "refinedet_plugin/network.py"
POSTPROCESS: Final = "refinedet_plugin/postprocess.py"
PREPROCESS: Final = "refinedet_plugin/preprocess.py"
"""Files of the plugin that faults change."""
CHIP: Final = "310P3"
"""What the made-up device calls itself."""
DEVICE: Final = {
    "seeded_backend-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: seeded_backend\nVersion: 1.0\n",
    "seeded_backend-1.0.dist-info/entry_points.txt": "[zoo_runner]\nseeded = seeded_backend\n",
}
SESSION: Final = '''\
"""A made-up accelerator: ONNX Runtime, and something wrong with what comes back."""
import time
import numpy as np
from zoo_runner.backends.onnxruntime import OnnxRuntimeBackend, OnnxRuntimeSession
from zoo_runner.errors import InferenceError
from zoo_runner.plugin.hookspecs import hookimpl

SLOWER = {slower}

def spoil(outputs, memory):
{body}
    return outputs

class Session(OnnxRuntimeSession):
    memory = {{}}

    def infer(self, inputs):
        outputs = {{name: value.copy() for name, value in super().infer(inputs).items()}}
        return spoil(outputs, self.memory)

    def time(self, inputs, *, warmup, loop):
        timings = super().time(inputs, warmup=warmup, loop=loop)
        return type(timings)(compute_ms=tuple(each * SLOWER for each in timings.compute_ms))

class Backend(OnnxRuntimeBackend):
    name = "seeded"

    def chip(self):
        return "{chip}"

    def version(self):
        return "seeded {version}"

    def open(self, request):
        import onnxruntime
        return Session(onnxruntime, request)

@hookimpl
def zoo_backend():
    return Backend()
'''


def added(file: str, code: str) -> Edit:
    """Code at the end of a module of the plugin, which gives its names another meaning."""
    return Edit(file, added=textwrap.dedent(code).strip("\n"))


def code(*edits: Edit) -> Act:
    """Edit the plugin and run."""

    def act(bench: Bench) -> Ran:
        with bench.edited(*edits):
            return bench.run()

    return act


def exported(*edits: Edit) -> Act:
    """Edit the network and run; the run exports it by itself, as the published graph is not of that code."""

    def act(bench: Bench) -> Ran:
        with bench.edited(*edits):
            return bench.run(*OWN_EXPORT)

    return act


def given(*arguments: str) -> Act:
    """Run with more arguments."""
    return lambda bench: bench.run(*arguments)


def settings(*values: str) -> Act:
    """Run with other values of the manifest."""
    return given(*setting(*values))


def setting(*values: str) -> tuple[str, ...]:
    """Write values of the manifest as arguments."""
    return tuple(word for value in values for word in ("--set", value))


def data(change: Callable[[Path], None], *arguments: str) -> Act:
    """Run on a data set that was changed."""
    return lambda bench: bench.run("--data", bench.data(change), *arguments)


def device(body: str, *arguments: str, slower: int = 1, expected: tuple[str, ...] = ()) -> Act:
    """Run on a made-up accelerator whose outputs go through ``body``, which sees ``outputs`` and ``memory``."""
    text = SESSION.format(
        body=textwrap.indent(textwrap.dedent(body).strip("\n"), "    "),
        slower=slower,
        chip=CHIP,
        version=zlib.crc32(body.encode()),
    )

    def act(bench: Bench) -> Ran:
        with bench.files({**DEVICE, BACKEND: text}):
            return bench.run("--backend", "seeded", *setting(*expected), *arguments)

    return act


def stand_in(*words: str, arguments: tuple[str, ...] = ()) -> Act:
    """Run on stand-ins of the Ascend tools, with faults that they know."""
    by = (sys.executable, "-m", "zoo_runner.testing", *(word for fault in words for word in ("--fault", fault)), "--")
    return lambda bench: bench.run("--backend", "ascend", *arguments, by=by)
