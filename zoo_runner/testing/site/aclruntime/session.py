"""A model loaded on a device."""

from __future__ import annotations

import atexit
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_runner.testing.devices import hold, lost, release
from zoo_runner.testing.machine import GENERATIONS, Machine
from zoo_runner.testing.om_file import RANGES, OmError, OmModel, OmTensor, read_om

from .injection import after_execution, before_execution, reported_time, reported_times
from .log import ERROR, FAILURE, INFO, INVALID_DEVICE, INVALID_PARAM, failure, log, write
from .records import dtype, session_options, sumary, tensor_desc
from .sizes import Sizes, tensor_bytes
from .tensors import BaseTensor, Tensor

if TYPE_CHECKING:
    import onnxruntime
    from numpy.typing import NDArray

_LOOP_LINE: Final = "\rloop inference exec: ({}/{})"


class Runtime:
    """AscendCL in this process: started by the first session, ended for good by the first ``finalize``."""

    def __init__(self) -> None:
        self.machine = Machine.from_environment()
        self.devices: set[int] = set()
        self.executions: dict[int, int] = {}
        self.started = False
        self.finalized = False

    def open(self, device: int) -> None:
        """Open a device.

        Raises:
            RuntimeError: The host has no such device, it is lost, or the runtime was finalized.
        """
        if self.finalized:
            write("E19999: Inner Error!\n        AscendCL was finalized in this process (stand-in)\n")
            log(ERROR, f"acl open device {device} failed")
            raise failure(FAILURE)
        if not self.started:
            log(INFO, "acl init success")
            self.started = True
        if device in self.devices:
            return
        if not 0 <= device < self.machine.devices or lost(self.machine.folder, device):
            write(f"EL0003: The argument is invalid.\n        Failed to open device,deviceId={device}.\n")
            log(ERROR, f"acl open device {device} failed")
            write(f"SetDevice failed. ret={INVALID_DEVICE}\n")
            raise failure(INVALID_DEVICE)
        hold(self.machine.folder, device)
        atexit.register(release, self.machine.folder, device)
        self.devices.add(device)
        log(INFO, f"open device {device} success")

    def finalize(self) -> None:
        """Give back all devices; nothing runs in this process after that."""
        for device in sorted(self.devices):
            release(self.machine.folder, device)
            log(INFO, "end to destroy context")
            log(INFO, f"end to reset device is {device}")
        self.devices.clear()
        self.finalized = True
        log(INFO, "end to finalize acl")


_runtimes: list[Runtime] = []


def runtime() -> Runtime:
    """Return the process's one runtime."""
    if not _runtimes:
        _runtimes.append(Runtime())
    return _runtimes[0]


class InferenceSession:
    """A model loaded on a device."""

    def __init__(self, model_path: str, device_id: int, options: session_options) -> None:
        if type(model_path) is not str or type(device_id) is not int:
            msg = (
                "__init__(): incompatible constructor arguments. The following argument types are supported:\n"
                "    1. aclruntime.InferenceSession(arg0: str, arg1: int, arg2: aclruntime.session_options)\n"
                f"Invoked with: {model_path!r}, {device_id!r}, {options!r}"
            )
            raise TypeError(msg)
        log.level = options.log_level
        self._runtime = runtime()
        self._runtime.open(device_id)
        self._device = device_id
        self._options = options
        self._began = time.perf_counter()
        self._times: list[tuple[float, float]] = []
        self._model = self._load(model_path)
        self._sizes = Sizes(self._model)
        self._session: onnxruntime.InferenceSession | None = _computation(self._model, self._runtime.machine)
        log(INFO, f"load model {model_path} success")
        log(INFO, "create model description success")

    def _load(self, path: str) -> OmModel:
        expected = self._runtime.machine.soc_version
        try:
            model = read_om(Path(path))
            if model.soc_version != expected:
                msg = f"the model is for soc_version[{model.soc_version}], device {self._device} is {expected}"
                raise OmError(msg)  # noqa: TRY301 - ends as any other unloadable file does
        except (OSError, OmError) as error:
            write(f"E19999: Inner Error!\n        {error} (stand-in)\n")
            log(ERROR, f"load model from file failed, model file is {path}")
            raise failure(INVALID_PARAM) from None
        return model

    def get_inputs(self) -> list[tensor_desc]:
        """Describe the inputs; ``realsize`` is that of the sizes that were set last."""
        sizes = zip(self._sizes.real, self._sizes.greatest, strict=True)
        return [_described(tensor, *each) for tensor, each in zip(self._model.inputs, sizes, strict=True)]

    def get_outputs(self) -> list[tensor_desc]:
        """Describe the outputs, in the order of ``out_nodes``."""
        sizes = [tensor_bytes(tensor) for tensor in self._model.outputs]
        return [_described(tensor, size, size) for tensor, size in zip(self._model.outputs, sizes, strict=True)]

    def options(self) -> session_options:
        """Return the options themselves; changes to them take effect."""
        return self._options

    def sumary(self) -> sumary:
        """Return the execution times since the last reset."""
        machine = self._runtime.machine
        spans = reported_times(machine, self._times)
        if machine.binding == GENERATIONS[0]:
            return sumary([float(np.float32(end - start)) for start, end in spans])
        return sumary([(float(np.float32(start)), float(np.float32(end))) for start, end in spans])

    def reset_sumaryinfo(self) -> int:
        """Forget the execution times."""
        self._times.clear()
        return 0

    def run(
        self, output_names: Sequence[str], feeds: Sequence[BaseTensor | Tensor] | Mapping[str, Tensor]
    ) -> list[Tensor]:
        """Execute the model ``options().loop`` times.

        Raises:
            RuntimeError: An input's bytes are not as many as the model takes, an output is unknown, or the
                device failed.
        """
        if isinstance(feeds, Mapping):
            feeds = [feeds[tensor.name] for tensor in self._model.inputs if tensor.name in feeds]
        arrays = self._inputs(feeds)
        results: list[NDArray[Any]] = []
        loop = self._options.loop
        for i in range(loop):
            results = self._execute(arrays)
            if loop > 1:
                write(_LOOP_LINE.format(i + 1, loop))
        if loop > 1:
            write("\n")
        if len(set(output_names)) < len(output_names):
            log(ERROR, "outnames has the same name twice")
            raise failure(FAILURE)
        positions = {tensor.name: i for i, tensor in enumerate(self._model.outputs)}
        if unknown := [name for name in output_names if name not in positions]:
            log(ERROR, f"outnames {unknown[0]} not valid")
            raise failure(FAILURE)
        return [Tensor.on_device(results[positions[name]], self._device) for name in output_names]

    def _inputs(self, feeds: Sequence[BaseTensor | Tensor]) -> dict[str, NDArray[Any]]:
        contents = [feed.to_device_bytes() for feed in feeds]
        for i, (content, tensor) in enumerate(zip(contents, self._model.inputs, strict=False)):
            needed = self._sizes.real[i]
            if len(content) != needed:
                log(
                    ERROR,
                    f"Check i:{i} name:{tensor.name} in size:{len(content)} needsize:{needed} not match",
                )
                log(ERROR, "Check InVector failed ret:-1")
                raise failure(FAILURE)
        if len(contents) != len(self._model.inputs):
            write(f"[WARN] intensors in:{len(contents)} need:{len(self._model.inputs)} not match\n")
            raise failure(FAILURE)
        return self._sizes.inputs(contents)

    def _execute(self, arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        state = self._runtime
        if self._session is None or state.finalized:
            log(ERROR, "Execute Infer failed ret:-1")
            raise failure(FAILURE)
        done = state.executions.get(self._device, 0)
        before_execution(state.machine, self._device, done)
        start = time.perf_counter()
        results = self._session.run([tensor.tensor for tensor in self._model.outputs], dict(arrays))
        self._sizes.check_outputs(results)
        milliseconds = reported_time(state.machine, (time.perf_counter() - start) * 1000)
        state.executions[self._device] = done + 1
        age = (start - self._began) * 1000
        self._times.append((age, age + milliseconds))
        return after_execution(state.machine, results, self._device, done, ranges=self._model.opened == RANGES)

    def free_resource(self) -> int:
        """Unload the model; other sessions of the process go on."""
        self._session = None
        return 0

    def set_staticbatch(self) -> int:
        """Choose static shapes."""
        self._sizes.set_static()
        return 0

    def set_custom_outsize(self, sizes: Sequence[int]) -> int:
        """Set the bytes to allocate for the outputs."""
        self._sizes.set_outsize(sizes)
        return 0

    def set_dynamic_batchsize(self, batch: int) -> int:
        """Choose a gear of a model with dynamic batch sizes."""
        self._sizes.set_batch(batch)
        return 0

    def set_dynamic_hw(self, width: int, height: int) -> int:
        """Choose a gear of a model with dynamic image sizes; the names are the binding's, and the wrong way round."""
        self._sizes.set_image_size(width, height)
        return 0

    def set_dynamic_dims(self, dims: str) -> int:
        """Choose a gear of a model with dynamic dimensions."""
        self._sizes.set_dims(dims)
        return 0

    def set_dynamic_shape(self, shape: str) -> int:
        """Choose the shapes of a model with ranges."""
        self._sizes.set_shape(shape)
        return 0

    def finalize(self) -> int:
        """Unload the model and end AscendCL in this process: no session can run or be opened after that."""
        if self._runtime.finalized:
            log(ERROR, "TensorContext::SetContext failed. ret=-1")
            return FAILURE
        log(INFO, "unload model success, model Id is 1")
        self._session = None
        self._runtime.finalize()
        return 0


def _computation(model: OmModel, machine: Machine) -> onnxruntime.InferenceSession:
    import onnxruntime  # noqa: PLC0415 - slow to import, and not needed to refuse a model

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = machine.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.onnx, options, providers=["CPUExecutionProvider"])


def _described(tensor: OmTensor, real: int, size: int) -> tensor_desc:
    return tensor_desc(tensor.name, dtype.of(tensor.dtype), tensor.format, list(tensor.shape), real, size)
