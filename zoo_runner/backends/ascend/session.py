"""A model on one NPU, through ais_bench's Python interface.

Written against the sources of ais_bench 0.0.2 of both generations (:mod:`zoo_runner.backends.ascend.generation`).
Opened in a process of its own (:mod:`zoo_runner.backends.devices.worker`): ``finalize`` ends the runtime for the whole
process.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_runner.backends.ascend.acl_codes import acl_error
from zoo_runner.backends.ascend.copy_times import CopyTimes, interface_differs
from zoo_runner.backends.ascend.generation import Generation, mixture, of_binding, of_session
from zoo_runner.backends.ascend.om_description import check_inputs, check_outputs
from zoo_runner.backends.ascend.sized_session import SizedSession
from zoo_runner.backends.devices.call_sizes import call_sizes, fits, shape_texts
from zoo_runner.errors import InferenceError, PrerequisiteError
from zoo_runner.plugin.interfaces import Timings
from zoo_runner.plugin.tensors import array_texts, mismatch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays, SessionRequest, TensorSpec
    from zoo_runner.plugin.shapes import Sizes

YOUNG_S: Final = 30.0
"""The clock of a session counts milliseconds in 32 bits since it began: after this time in steps of 0.002."""


class AscendSession:
    """A loaded .om.

    Args:
        request: The model, its tensors in the .om's output order, and one device.

    Raises:
        InferenceError: The model cannot be loaded, or its inputs and outputs are not the requested ones.
        PrerequisiteError: ais_bench or aclruntime cannot be imported.
    """

    def __init__(self, request: SessionRequest) -> None:
        try:
            import aclruntime  # noqa: PLC0415 - exists on Ascend hosts only
            from ais_bench.infer.interface import InferSession  # noqa: PLC0415 - likewise
        except ImportError as error:
            raise PrerequisiteError(
                f"expected ais_bench and aclruntime to be importable, found: {error}. Source CANN's set_env.sh; "
                "if they are missing, install both from Ascend's source tree"
            ) from error
        self._generation = of_session(InferSession)
        if (binding := of_binding(aclruntime)) is not self._generation:
            raise PrerequisiteError(mixture(self._generation, binding))
        self._request = request
        self._session: SizedSession | None = None
        self._timer: SizedSession | None = None
        self._timer_began = 0.0
        self._feed_order: list[str] = []
        try:
            self._session = self._load()
            with _told("reading the model's description"):
                self._feed_order = check_inputs(request, list(self._session.tool.get_inputs()))
                check_outputs(request, list(self._session.tool.get_outputs()))
            by_name = {spec.name: spec for spec in request.inputs}
            with _told("setting a gear"):
                self._session.try_gears([by_name[name] for name in self._feed_order])
        except BaseException:
            self.close()
            raise

    def infer(self, inputs: Arrays) -> Arrays:
        """Run one full batch.

        Raises:
            InferenceError: The tool failed, or an output has another shape or dtype, or is not finite.
        """
        # aclruntime is given bare addresses: the list keeps the arrays alive until the call returns.
        feeds, sizes = self._feeds(inputs)
        if self._session is None:
            raise InferenceError("the session was closed; open the model again")
        with _told("inference"):
            results = self._session.infer(feeds, self._feed_order, sizes)
        specs = self._request.outputs
        if len(results) != len(specs):
            found = array_texts({f"output {position}": np.asarray(each) for position, each in enumerate(results)})
            wrong = mismatch("outputs", shape_texts(specs, self._request), found, "convert the model again")
            raise InferenceError(wrong)
        return {spec.name: self._checked(spec, result, sizes) for spec, result in zip(specs, results, strict=True)}

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        """Run one batch ``warmup + loop`` times; return the NPU times of the last ``loop``, and of the copies.

        Raises:
            InferenceError: The tool failed, or did not report ``loop`` times.
        """
        copies = CopyTimes.of_this_process() if loop else None
        feeds, sizes = self._feeds(inputs)
        sized = self._timed(feeds, sizes)
        session = sized.tool
        for _ in range(warmup):
            with _told("warming up"):
                sized.infer(feeds, self._feed_order, sizes)
        if copies is None:
            return Timings(compute_ms=())
        with _told("timing"):
            copies.reset()
            _either(session, "reset_sumaryinfo", "reset_summaryinfo")()
            session.set_loop_count(loop)
            try:
                sized.infer(feeds, self._feed_order, sizes)
            finally:
                session.set_loop_count(1)
            times = tuple(map(self._milliseconds, _either(session, "sumary", "summary")().exec_time_list))
        if len(times) != loop:
            raise InferenceError(f"timing: expected {loop} compute times from ais_bench, found {len(times)}")
        if not all(np.isfinite(each) and each > 0 for each in times):
            raise InferenceError(f"timing: expected positive compute times, found {min(times)} to {max(times)} ms")
        return Timings(compute_ms=times, to_device_ms=copies.to_device(), from_device_ms=copies.from_device())

    def _feeds(self, inputs: Arrays) -> tuple[list[NDArray[Any]], dict[str, int]]:
        """Return the inputs as the tool takes them, in the model's order, and the sizes of their open axes."""
        sizes = call_sizes(self._request, inputs) if self._request.shapes is not None else {}
        return [np.ascontiguousarray(inputs[name]) for name in self._feed_order], sizes

    def _timed(self, feeds: list[NDArray[Any]], sizes: Sizes) -> SizedSession:
        """Return a session to time in: since 2024 a young one, whose clock is fine enough, warmed up once."""
        if self._session is None:
            raise InferenceError("the session was closed; open the model again")
        if self._generation is Generation.FIRST:
            return self._session
        if self._timer is None or time.monotonic() - self._timer_began > YOUNG_S:
            self._free_timer()
            self._timer, self._timer_began = self._load(), time.monotonic()
            with _told("warming up"):
                self._timer.infer(feeds, self._feed_order, sizes)
        return self._timer

    def _free_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            with contextlib.suppress(Exception):  # what was timed in it is there
                timer.tool.free_resource()

    def _load(self) -> SizedSession:
        from ais_bench.infer.interface import InferSession  # noqa: PLC0415 - exists on Ascend hosts only

        with _told("loading the model", hint="an .om runs only on the chip and CANN release it was made for"):
            return SizedSession(
                InferSession(self._request.devices[0], str(self._request.model.absolute())), self._request
            )

    def _milliseconds(self, span: Any) -> float:
        """Return the length of an execution: a number of 2023, a start and an end since 2024."""
        if self._generation is Generation.FIRST:
            return float(span)
        start, end = span
        return float(end) - float(start)

    def close(self) -> None:
        """Unload the model and end the runtime in this process. Calling it again does nothing."""
        self._free_timer()
        session, self._session = self._session, None
        if session is None:
            return
        for name in ("free_resource", "finalize"):  # the first is newer
            with contextlib.suppress(Exception):  # there is nothing to do about a device that is gone already
                getattr(session.tool, name, _nothing)()

    def _checked(self, spec: TensorSpec, result: Any, sizes: dict[str, int]) -> NDArray[Any]:
        request, most = self._request, self._request.shapes.most if self._request.shapes else {}
        array = _with_axes(spec, np.asarray(result), request, sizes)
        if not fits(spec, array.shape, request.batch, sizes, most) or array.dtype != np.dtype(spec.dtype):
            expected, found = shape_texts([spec], request, sizes), array_texts({spec.name: array})
            bounds = [f"{axis} at most {most[axis]}" for axis in spec.axes if axis not in sizes and axis in most]
            remedy = (
                "atc.flags: {output_type: FP32} makes ATC return float32"
                if fits(spec, array.shape, request.batch, sizes, most)
                else "correct outputs in the manifest if the model is the one that is meant, else convert it again"
            )
            raise InferenceError(mismatch("an output", [", ".join([*expected, *bounds])], found, remedy))
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            bad = int(array.size - np.isfinite(array).sum())
            raise InferenceError(
                f"output {spec.name}: expected finite numbers, found {bad} of {array.size} that are not; with half "
                "precision an overflow does that: try another atc.precision_mode"
            )
        return array


def _with_axes(
    spec: TensorSpec, array: NDArray[Any], request: SessionRequest, sizes: Mapping[str, int]
) -> NDArray[Any]:
    """Give an output its axes where the runtime knows none but says how many numbers it has.

    aclruntime does that within bounds, if no shape is known. One axis of the output's own follows from the number.
    """
    shapes = request.shapes
    if not spec.shape and array.shape == (1,):  # of a scalar, some say an axis of one number
        return array.reshape(())
    if shapes is None or shapes.opened != "range" or array.ndim != 1 or len(spec.shape) == 1:
        return array
    own = [axis for axis in spec.axes if axis not in sizes]
    known = math.prod(spec.at({**dict.fromkeys(own, 1), **sizes}).sized(request.batch))
    if len(own) > 1 or array.size % known or (not own and array.size != known):
        return array
    return array.reshape(spec.at({**dict.fromkeys(own, array.size // known), **sizes}).sized(request.batch))


@contextlib.contextmanager
def _told(what: str, hint: str = "") -> Iterator[None]:
    """Turn whatever the tool raises into an error that says at what."""
    try:
        yield
    except InferenceError:
        raise
    except (AttributeError, NameError, TypeError) as error:  # a call that this release does not have
        raise PrerequisiteError(interface_differs(what, f"{type(error).__name__}: {error}")) from error
    except Exception as error:
        text = f"{what}: {type(error).__name__}: {str(error).strip() or 'no text'}"
        if found := acl_error(text):
            number, meant = found
            hint = f"AscendCL's {number}: {meant.meaning}; {meant.remedy}"
        raise InferenceError(f"{text}; {hint}" if hint else text) from error


def _either(session: Any, *names: str) -> Any:
    """Return the first method the tool's release has."""
    return next(getattr(session, name) for name in names if hasattr(session, name))


def _nothing() -> None:
    """Stand for a method that a release lacks."""
