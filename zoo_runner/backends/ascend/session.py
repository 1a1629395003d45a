"""A model on one NPU, through ais_bench's Python interface.

Written against the sources of ais_bench 0.0.2 of both generations (:mod:`zoo_runner.backends.ascend.generation`).
Opened in a process of its own (:mod:`zoo_runner.backends.devices.worker`): ``finalize`` ends the runtime for the whole
process.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_runner.backends.ascend.copy_times import CopyTimes, interface_differs
from zoo_runner.backends.ascend.generation import Generation, mixture, of_binding, of_session
from zoo_runner.backends.ascend.om_stamp import read_stamp
from zoo_runner.backends.devices.shared_arrays import spec_bytes
from zoo_runner.errors import InferenceError, PrerequisiteError
from zoo_runner.plugin.interfaces import Timings
from zoo_runner.plugin.tensors import array_texts, batch_texts, mismatch, tensor_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays, SessionRequest, TensorSpec

# ACL's data types by number (aclruntime's dtype enumeration has the same names).
_DTYPES = {
    0: "float32",
    1: "float16",
    2: "int8",
    3: "int32",
    4: "uint8",
    6: "int16",
    7: "uint16",
    8: "uint32",
    9: "int64",
    10: "uint64",
    11: "float64",
    12: "bool",
}


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
        self._session: Any = None
        self._timer: Any = None
        self._timer_began = 0.0
        self._feed_order: list[str] = []
        try:
            self._session = self._load()
            with _told("reading the model's description"):
                self._check_inputs(list(self._session.get_inputs()))
                self._check_outputs(list(self._session.get_outputs()))
        except BaseException:
            self.close()
            raise

    def infer(self, inputs: Arrays) -> Arrays:
        """Run one full batch.

        Raises:
            InferenceError: The tool failed, or an output has another shape or dtype, or is not finite.
        """
        # aclruntime is given bare addresses: the list keeps the arrays alive until the call returns.
        feeds = [np.ascontiguousarray(inputs[name]) for name in self._feed_order]
        with _told("inference"):
            results = self._session.infer(feeds)
        specs = self._request.outputs
        if len(results) != len(specs):
            found = array_texts({f"output {position}": np.asarray(each) for position, each in enumerate(results)})
            wrong = mismatch("outputs", batch_texts(specs, self._request.batch), found, "convert the model again")
            raise InferenceError(wrong)
        return {spec.name: self._checked(spec, result) for spec, result in zip(specs, results, strict=True)}

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        """Run one batch ``warmup + loop`` times; return the NPU times of the last ``loop``, and of the copies.

        Raises:
            InferenceError: The tool failed, or did not report ``loop`` times.
        """
        copies = CopyTimes.of_this_process() if loop else None
        feeds = [np.ascontiguousarray(inputs[name]) for name in self._feed_order]
        session = self._timed(feeds)
        for _ in range(warmup):
            with _told("warming up"):
                session.infer(feeds)
        if copies is None:
            return Timings(compute_ms=())
        with _told("timing"):
            copies.reset()
            _either(session, "reset_sumaryinfo", "reset_summaryinfo")()
            session.set_loop_count(loop)
            try:
                session.infer(feeds)
            finally:
                session.set_loop_count(1)
            times = tuple(map(self._milliseconds, _either(session, "sumary", "summary")().exec_time_list))
        if len(times) != loop:
            raise InferenceError(f"timing: expected {loop} compute times from ais_bench, found {len(times)}")
        if not all(np.isfinite(each) and each > 0 for each in times):
            raise InferenceError(f"timing: expected positive compute times, found {min(times)} to {max(times)} ms")
        return Timings(compute_ms=times, to_device_ms=copies.to_device(), from_device_ms=copies.from_device())

    def _timed(self, feeds: list[Any]) -> Any:
        """Return a session to time in: since 2024 a young one, whose clock is fine enough, warmed up once."""
        if self._generation is Generation.FIRST:
            return self._session
        if self._timer is None or time.monotonic() - self._timer_began > YOUNG_S:
            self._free_timer()
            self._timer, self._timer_began = self._load(), time.monotonic()
            with _told("warming up"):
                self._timer.infer(feeds)
        return self._timer

    def _free_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            with contextlib.suppress(Exception):  # what was timed in it is there
                timer.free_resource()

    def _load(self) -> Any:
        from ais_bench.infer.interface import InferSession  # noqa: PLC0415 - exists on Ascend hosts only

        with _told("loading the model", hint="an .om runs only on the chip and CANN release it was made for"):
            return InferSession(self._request.devices[0], str(self._request.model.absolute()))

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
                getattr(session, name, _nothing)()

    def _check_inputs(self, found: Sequence[Any]) -> None:
        batch = self._request.batch
        texts = batch_texts(self._request.inputs, batch)
        wanted = [
            f"{text} of {spec_bytes(spec, batch)} bytes" for text, spec in zip(texts, self._request.inputs, strict=True)
        ]
        described = [f"{_text(each)} of {each.realsize} bytes" for each in found]
        # The shape is not compared: what must agree is the bytes, and layouts are written in several ways.
        keys = {(spec.name, spec.dtype, spec_bytes(spec, batch)) for spec in self._request.inputs}
        if keys != {(each.name, _dtype(each), int(each.realsize)) for each in found}:
            remedy = "the .om was made for another batch size or network: convert again"
            raise InferenceError(mismatch("the model's inputs", wanted, described, remedy))
        self._feed_order = [each.name for each in found]

    def _check_outputs(self, found: Sequence[Any]) -> None:
        batch, specs = self._request.batch, self._request.outputs
        if len(found) != len(specs):
            expected, remedy = batch_texts(specs, batch), "check atc.out_nodes, and convert again"
            raise InferenceError(mismatch("the model's outputs", expected, [_text(each) for each in found], remedy))
        names = [str(each.name) for each in found]
        if len(set(names)) < len(names):
            raise InferenceError(
                f"expected outputs with different names, found {', '.join(names)}: ais_bench fetches outputs by name "
                "and would return one of them twice; check atc.out_nodes"
            )
        for position, (spec, each) in enumerate(zip(specs, found, strict=True)):
            if tuple(each.shape) != spec.sized(batch):
                where = f"output {position} of the model"
                remedy = "the outputs' order or the batch size is another one: check both, and convert again"
                raise InferenceError(mismatch(where, batch_texts([spec], batch), [_text(each)], remedy))
        self._check_order(names)

    def _check_order(self, names: Sequence[str]) -> None:
        """Hold the order against the stamp: equal shapes would let a swap pass, and ruin the accuracy."""
        stamp = read_stamp(self._request.model)
        if stamp is None:
            return
        wanted = tuple(spec.name for spec in self._request.outputs)
        if stamp.outputs != wanted:
            raise InferenceError(mismatch("order of the .om's outputs", wanted, stamp.outputs, "convert again"))
        for position, name in enumerate(names):
            # ATC calls an output node:index, in newer releases node:index:graph_output.
            places = [
                other
                for other, (node, logical) in enumerate(zip(stamp.out_nodes, stamp.outputs, strict=False))
                if name == node or name.startswith(f"{node}:") or name.endswith(f":{logical}")
            ]
            if places and position not in places:
                expected = [f"{stamp.out_nodes[position]} ({stamp.outputs[position]})"]
                remedy = "the outputs are in another order than the stamp says: convert again"
                raise InferenceError(mismatch(f"output {position} of the model", expected, [name], remedy))

    def _checked(self, spec: TensorSpec, result: Any) -> NDArray[Any]:
        array = np.asarray(result)
        shape = spec.sized(self._request.batch)
        if array.shape != shape or array.dtype != np.dtype(spec.dtype):
            remedy = (
                "atc.flags: {output_type: FP32} makes ATC return float32"
                if array.shape == shape
                else "correct outputs in the manifest if the model is the one that is meant, else convert it again"
            )
            expected, found = batch_texts([spec], self._request.batch), array_texts({spec.name: array})
            raise InferenceError(mismatch("an output", expected, found, remedy))
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            bad = int(array.size - np.isfinite(array).sum())
            raise InferenceError(
                f"output {spec.name}: expected finite numbers, found {bad} of {array.size} that are not; with half "
                "precision an overflow does that: try another atc.precision_mode"
            )
        return array


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
        raise InferenceError(f"{text}; {hint}" if hint else text) from error


def _either(session: Any, *names: str) -> Any:
    """Return the first method the tool's release has."""
    return next(getattr(session, name) for name in names if hasattr(session, name))


def _dtype(description: Any) -> str:
    value = description.datatype
    name = getattr(value, "name", None)
    if isinstance(name, str):
        return {"double": "float64"}.get(name, name)
    return _DTYPES.get(int(value), f"data type {value}")


def _text(description: Any) -> str:
    return tensor_text(description.name, _dtype(description), description.shape)


def _nothing() -> None:
    """Stand for a method that a release lacks."""
