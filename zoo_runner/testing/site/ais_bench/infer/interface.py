"""The Python interface of ``ais_bench``; names and spelling are the tool's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import aclruntime
import numpy as np

from zoo_runner.testing.machine import GENERATIONS, Machine

_NUMBERS: Final = (
    *(np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32),
    *(np.float16, np.float32, np.float64),
)
_HEIGHT, _WIDTH = 2, 3
"""Where they are in NCHW, the only layout that the mode ``dymhw`` knows."""


class Session:
    """A model on one device.

    Args:
        device_id: Number of the device.
        model_path: The .om file, as ``str``.
        acl_json_path: Settings for profiling and dumps; the stand-in ignores them.
        debug: Print debug lines.
        loop: Executions per call.

    Raises:
        RuntimeError: The device cannot be opened or the model not be loaded.
    """

    def __init__(
        self,
        device_id: int,
        model_path: str,
        acl_json_path: str | None = None,
        debug: bool = False,
        loop: int = 1,
    ) -> None:
        self.device_id = device_id
        self.model_path = model_path
        self.loop = loop
        options = aclruntime.session_options(loop=loop, log_level=1 if debug else 2, acl_json_path=acl_json_path or "")
        self.session = aclruntime.InferenceSession(model_path, device_id, options)
        self.outputs_names = [meta.name for meta in self.session.get_outputs()]

    def get_inputs(self) -> list[Any]:
        """Describe the inputs: ``.name .datatype .format .shape .realsize .size``."""
        self.intensors_desc = list(self.session.get_inputs())
        return self.intensors_desc

    def get_outputs(self) -> list[Any]:
        """Describe the outputs, in the .om's order."""
        self.outtensors_desc = list(self.session.get_outputs())
        return self.outtensors_desc

    def set_loop_count(self, loop: int) -> None:
        """Set the number of executions per call."""
        self.session.options().loop = loop

    def set_staticbatch(self) -> None:
        """Choose the static shape."""
        self.session.set_staticbatch()

    def set_dynamic_batchsize(self, dymBatch: int) -> None:  # noqa: N803 - the tool's name
        """Set the batch of a model with dynamic batch sizes."""
        self.session.set_dynamic_batchsize(dymBatch)

    def set_dynamic_hw(self, w: int, h: int) -> None:
        """Set the image size of a model with dynamic image sizes."""
        self.session.set_dynamic_hw(w, h)

    def set_dynamic_dims(self, dym_dims: str) -> None:
        """Set the sizes of a model with dynamic dimensions."""
        self.session.set_dynamic_dims(dym_dims)

    def set_dynamic_shape(self, dym_shape: str) -> None:
        """Set the shape of a model with dynamic shapes."""
        self.session.set_dynamic_shape(dym_shape)

    def set_custom_outsize(self, custom_sizes: Sequence[int]) -> None:
        """Set the bytes to allocate for the outputs."""
        self.session.set_custom_outsize(custom_sizes)

    def create_tensor_from_arrays_to_device(self, arrays: Any) -> Any:
        """Copy an array to the device."""
        tensor = aclruntime.Tensor(arrays)
        tensor.to_device(self.device_id)
        return tensor

    def convert_tensors_to_host(self, tensors: Sequence[Any]) -> None:
        """Copy tensors to the host, in place."""
        for tensor in tensors:
            tensor.to_host()

    def convert_tensors_to_arrays(self, tensors: Sequence[Any]) -> list[Any]:
        """Return host tensors as arrays."""
        return [np.array(tensor) for tensor in tensors]

    def run(self, feeds: Sequence[Any], out_array: bool = False) -> list[Any]:
        """Execute; arrays are handed over by address and must be C-contiguous."""
        inputs = feeds
        if len(feeds) > 0 and isinstance(feeds[0], np.ndarray):
            inputs = [aclruntime.BaseTensor(feed.__array_interface__["data"][0], feed.nbytes) for feed in feeds]
        outputs: list[Any] = self.session.run(self.outputs_names, inputs)
        if not out_array:
            return outputs
        self.convert_tensors_to_host(outputs)
        return self.convert_tensors_to_arrays(outputs)

    def infer(self, feeds: Sequence[Any], mode: str = "static", custom_sizes: Any = 100000) -> list[Any]:
        """Run one batch and return the outputs in the .om's order.

        Args:
            feeds: One array per input, in the model's order; exactly ``numpy.ndarray``, no subclass.
            mode: What sizes are taken from the arrays, for a model that was made for that.
            custom_sizes: Bytes of the outputs of models with ranges: of each, or one number for all.

        Raises:
            RuntimeError: A feed has another type, another number of bytes, the mode does not fit the model, or the
                device failed.
        """
        inputs = [_accepted(feed) for feed in feeds]
        self._prepare(mode, [tuple(feed.shape) for feed in inputs], custom_sizes)
        return self.run(inputs, out_array=True)

    def _prepare(self, mode: str, shapes: Sequence[tuple[int, ...]], custom_sizes: Any) -> None:
        """Set the sizes that a mode takes from the arrays; of 2023, all modes but two do nothing."""
        if mode == "dymdims":
            self.session.set_dynamic_dims(self._text(shapes))
        elif mode == "dymshape":
            self.session.set_dynamic_shape(self._text(shapes))
            if isinstance(custom_sizes, int):
                custom_sizes = [custom_sizes] * len(self.get_outputs())
            elif not isinstance(custom_sizes, list):
                msg = f"custom_sizes:{custom_sizes} type:{type(custom_sizes)} invalid"
                raise RuntimeError(msg)
            self.session.set_custom_outsize(custom_sizes)

    def _text(self, shapes: Sequence[tuple[int, ...]]) -> str:
        described = zip(self.get_inputs(), shapes, strict=False)
        return ";".join(f"{desc.name}:{','.join(map(str, shape))}" for desc, shape in described)

    def finalize(self) -> None:
        """Unload the model and end AscendCL in this process."""
        self.session.finalize()


class InferSession2023(Session):
    """The interface of 2023."""

    def reset_sumaryinfo(self) -> None:
        """Forget the execution times."""
        self.session.reset_sumaryinfo()

    def sumary(self) -> Any:
        """Return the measurements; ``.exec_time_list`` holds milliseconds."""
        return self.session.sumary()


class InferSession2024(Session):
    """The interface since 2024."""

    def reset_summaryinfo(self) -> None:
        """Forget the execution times."""
        self.session.reset_sumaryinfo()

    def summary(self) -> Any:
        """Return the measurements; ``.exec_time_list`` holds the start and end of each, in milliseconds."""
        return self.session.sumary()

    def free_resource(self) -> None:
        """Unload the model."""
        self.session.free_resource()

    def _prepare(self, mode: str, shapes: Sequence[tuple[int, ...]], custom_sizes: Any) -> None:
        """Set what a mode takes from the arrays; ``static`` takes back what was set."""
        if mode == "static":
            self.set_staticbatch()
            return
        if mode not in {"dymbatch", "dymhw", "dymdims", "dymshape"}:
            msg = f'wrong infer_mode:{mode}, only support "static","dymbatch","dymhw","dymdims","dymshape"'
            raise RuntimeError(msg)
        if len(shapes) != len(self.get_inputs()):
            msg = "inputs and intensors nums not matched!"
            raise RuntimeError(msg)
        if mode == "dymbatch":
            self.set_dynamic_batchsize(self._open_size(shapes))
        elif mode == "dymhw":
            self.set_dynamic_hw(*self._height_and_width(shapes))
        else:
            super()._prepare(mode, shapes, custom_sizes)

    def _open_size(self, shapes: Sequence[tuple[int, ...]]) -> int:
        for desc, shape in zip(self.get_inputs(), shapes, strict=True):
            for size, here in zip(desc.shape, shape, strict=True):
                if size < 0:
                    return here
                if size != here:
                    msg = "inputs and intensors dim not matched!"
                    raise RuntimeError(msg)
        msg = "not a dymbatch model!"
        raise RuntimeError(msg)

    def _height_and_width(self, shapes: Sequence[tuple[int, ...]]) -> tuple[int, int]:
        for desc, shape in zip(self.get_inputs(), shapes, strict=True):
            if len(shape) > _WIDTH and desc.shape[_HEIGHT] < 0 and desc.shape[_WIDTH] < 0:
                return shape[_HEIGHT], shape[_WIDTH]
        msg = "not a dymhw model!"
        raise RuntimeError(msg)


def _accepted(feed: Any) -> Any:
    """Return what the tool takes as it is, and refuse what it refuses."""
    if type(feed) is np.ndarray or type(feed) is aclruntime.Tensor:
        return feed
    if type(feed) in _NUMBERS:
        return np.array(feed)
    if hasattr(feed, "numpy") and hasattr(feed, "is_contiguous"):
        return np.ascontiguousarray(feed.numpy())
    msg = f"type:{type(feed)} invalid"
    raise RuntimeError(msg)


class MemorySummary2023:
    """Transfer times of this process in milliseconds, as of 2023."""

    @staticmethod
    def get_H2D_time_list() -> list[float]:  # noqa: N802 - the tool's name
        """Return the times from host to device."""
        return list(aclruntime.MemorySummary().H2D_time_list)

    @staticmethod
    def get_D2H_time_list() -> list[float]:  # noqa: N802 - the tool's name
        """Return the times from device to host."""
        return list(aclruntime.MemorySummary().D2H_time_list)

    @staticmethod
    def reset() -> None:
        """Forget all times."""
        aclruntime.MemorySummary().reset()


class MemorySummary2024:
    """The same since 2024."""

    get_h2d_time_list = MemorySummary2023.get_H2D_time_list
    get_d2h_time_list = MemorySummary2023.get_D2H_time_list
    reset = MemorySummary2023.reset


class _Renamed:
    """What a release without either would have."""

    reset = MemorySummary2023.reset


MACHINE: Final = Machine.from_environment()
IS_NEWER: Final = MACHINE.generation != GENERATIONS[0]
InferSession: Any = InferSession2024 if IS_NEWER else InferSession2023
MemorySummary: Any = MemorySummary2024 if IS_NEWER else MemorySummary2023
if "renamed-times" in MACHINE.faults:
    MemorySummary = _Renamed
