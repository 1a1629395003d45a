"""A session of ais_bench that is told the sizes of each call.

The sizes are set, and then the model is run: of ais_bench's own modes, 2023 knows two only, and takes the others for
fixed shapes. aclruntime compares an input's bytes, and never its shape. What was set stays until something else is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo_runner.backends.ascend.open_models import height_and_width, is_open, reserved_bytes, shapes_text
from zoo_runner.backends.devices.call_sizes import gear_list, sizes_text
from zoo_runner.errors import InferenceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import SessionRequest, TensorSpec
    from zoo_runner.plugin.shapes import Shapes, Sizes


class SizedSession:
    """A loaded .om.

    Attributes:
        tool: The ``InferSession``.
    """

    def __init__(self, tool: Any, request: SessionRequest) -> None:
        self.tool = tool
        self._request = request
        self._told: Sizes | None = None

    def infer(self, feeds: Sequence[NDArray[Any]], names: Sequence[str], sizes: Sizes) -> list[Any]:
        """Run one batch.

        Args:
            feeds: C-contiguous arrays in the model's order.
            names: What the model calls them.
            sizes: Those of the open axes, which the arrays have.

        Raises:
            InferenceError: The model does not take these sizes.
        """
        if not is_open(self._request.shapes):
            return list(self.tool.infer(feeds))
        if self._told != sizes:
            self.tell(sizes, [feed.shape for feed in feeds], names)
        return list(self.tool.run(feeds, out_array=True))

    def tell(self, sizes: Sizes, shapes: Sequence[tuple[int, ...]], names: Sequence[str]) -> None:
        """Set the sizes of the calls to come.

        Raises:
            InferenceError: The model does not take them.
        """
        taken = self._request.shapes
        if taken is None:
            return
        self._told = None
        try:
            self._set(taken, sizes, shapes, names)
        except RuntimeError as error:
            raise InferenceError(self._refusal(taken, sizes, str(error).strip())) from error
        self._told = dict(sizes)

    def try_gears(self, inputs: Sequence[TensorSpec]) -> None:
        """Set every gear once, so that one which the model lacks shows before hours of work.

        Args:
            inputs: In the model's order.

        Raises:
            InferenceError: The model lacks one.
        """
        taken = self._request.shapes
        if taken is None or taken.opened == "range":
            return
        names, batch = [spec.name for spec in inputs], self._request.batch
        for sizes in ({},) if taken.opened == "batch" else taken.gears:
            self.tell(sizes, [spec.at(sizes).sized(batch) for spec in inputs], names)

    def _set(self, taken: Shapes, sizes: Sizes, shapes: Sequence[tuple[int, ...]], names: Sequence[str]) -> None:
        text, request = shapes_text(zip(names, shapes, strict=True)), self._request
        if taken.opened == "batch":
            self.tool.set_dynamic_batchsize(request.batch)
        elif taken.opened == "image_size":
            height, width = height_and_width(request.inputs, sizes)
            self.tool.set_dynamic_hw(height, width)  # the tool calls the first one w, and takes it for the height
        elif taken.opened == "dims":
            self.tool.set_dynamic_dims(text)
        else:
            self.tool.set_dynamic_shape(text)
        if reserved := reserved_bytes(taken, request.inputs, request.outputs, request.batch):
            self.tool.set_custom_outsize(list(reserved))

    def _refusal(self, taken: Shapes, sizes: Sizes, said: str) -> str:
        asked = f"batch {self._request.batch}" if taken.opened == "batch" else sizes_text(sizes)
        wanted = f"; the manifest has the gears {gear_list(taken)}" if taken.gears else ""
        return f"the .om does not take {asked}{wanted}: convert it again (ais_bench: {said or 'no text'})"
