"""An accelerator that runs `.toy` files: ONNX behind a line that says what its compiler made them of."""

import hashlib
import json
import os
import shlex

from toy_backend import ReferenceBackend, ReferenceSession

from zoo_runner.errors import InferenceError
from zoo_runner.plugin.conversion import Artifact
from zoo_runner.plugin.hookspecs import hookimpl


def read(path):
    header, _, graph = path.read_bytes().partition(b"\n")
    return json.loads(header), graph


class ToyAccelerator(ReferenceBackend):
    name = "toy-accelerator"
    makes = Artifact(name="toy", file="model.toy", tool="toyc")

    def chip(self):
        return "T1"

    def conversion_parts(self, request):
        level = os.environ.get("TOYC_LEVEL", "1")
        return {"model": request.sha256, "batch": request.batch, "compiler": "toyc 1.0", "level": level}

    def repeats(self, request):
        return "everywhere"

    def convert(self, request, folder, log):
        header = json.dumps(self.conversion_parts(request)).encode()
        (folder / self.makes.file).write_bytes(header + b"\n" + request.model.read_bytes())

    def differences(self, request, path, sha256):
        try:
            found, graph = read(path)
        except (OSError, ValueError) as error:
            return [f"{path}: not a .toy file ({error})"]
        found["model"] = hashlib.sha256(graph).hexdigest()
        parts = self.conversion_parts(request).items()
        return [f"{name}: expected {part}, found {found.get(name)}" for name, part in parts if part != found.get(name)]

    def conversion_commands(self, request, target, nodes):
        yield shlex.join(["toyc", f"--batch={request.batch}", str(request.model), "-o", str(target)])

    def open(self, request):
        header, graph = read(request.model)
        if header["batch"] != request.batch:
            raise InferenceError(f"{request.model}: expected batch {request.batch}, found {header['batch']}")
        return ReferenceSession(graph, request)


@hookimpl
def zoo_backend():
    return ToyAccelerator()
