"""A backend that runs models with ONNX's own, slow and plain, reference implementation."""

import time

import numpy as np

from zoo_runner.plugin.hookspecs import hookimpl
from zoo_runner.plugin.interfaces import Prerequisite, Timings


class ReferenceSession:
    def __init__(self, model, request):
        from onnx.reference import ReferenceEvaluator

        self.model = ReferenceEvaluator(model)
        self.names = [spec.name for spec in request.outputs]

    def infer(self, inputs):
        return dict(zip(self.names, self.model.run(self.names, dict(inputs)), strict=True))

    def time(self, inputs, *, warmup, loop):
        seconds = []
        for _ in range(warmup + loop):
            start = time.perf_counter()
            self.infer(inputs)
            seconds.append(time.perf_counter() - start)
        return Timings(compute_ms=tuple(1000 * each for each in seconds[warmup:]))

    def close(self):
        pass


class ReferenceBackend:
    name = "onnx-reference"

    def prerequisites(self):
        return (Prerequisite(name="numpy", ok=True, found=np.__version__),)

    def chip(self):
        return "cpu"

    def version(self):
        import onnx

        return f"onnx {onnx.__version__}"

    def open(self, request):
        return ReferenceSession(str(request.model), request)


@hookimpl
def zoo_backend():
    return ReferenceBackend()
