"""An .om with open axes on the stand-ins: each call at its own sizes, and every wrong gear refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geared_graphs import IMAGE, IMAGE_OUTPUTS, TEXT, TEXT_OUTPUTS, computed, image_graph, images, text, text_graph
from this_host import enter, forget_tools
from zoo_runner.backends.ascend.backend import AscendBackend
from zoo_runner.backends.ascend.convert import ConvertRequest, convert
from zoo_runner.backends.ascend.om_stamp import stamp_path
from zoo_runner.backends.ascend.session import AscendSession
from zoo_runner.backends.ascend.sized_session import SizedSession
from zoo_runner.errors import InferenceError
from zoo_runner.manifest.atc import AtcOptions
from zoo_runner.plugin.interfaces import Arrays, SessionRequest, TensorSpec
from zoo_runner.plugin.shapes import Shapes
from zoo_runner.store.fingerprints import file_digest
from zoo_runner.testing import stand_in_environment

pytestmark = pytest.mark.slow  # starts a process for each device

GEARS = Shapes(
    opened="image_size",
    gears=({"height": 8, "width": 16}, {"width": 8, "height": 16}, {"height": 4, "width": 4}),
    most={"height": 16, "width": 16},
)
LENGTHS = Shapes(opened="dims", gears=({"length": 6}, {"length": 1}), most={"length": 6, "hits": 6})
BOUNDS = Shapes(opened="range", bounds={"length": (1, 9)}, most={"length": 9, "hits": 9})
ONE = Shapes(opened="range", bounds={"length": (3, 3)}, most={"length": 3, "hits": 3})
BATCHES = Shapes(opened="batch", gears=({"batch": 1}, {"batch": 4}))
FIXED = IMAGE.at({"height": 8, "width": 16})
FIXED_OUTPUTS = tuple(spec.at({"height": 8, "width": 16}) for spec in IMAGE_OUTPUTS)


@dataclass(frozen=True)
class Host:
    folder: Path

    def graph(self, inputs: Sequence[TensorSpec]) -> Path:
        path = self.folder / "graph.onnx"
        if inputs == TEXT:
            return text_graph(path)
        return image_graph(path, *(8, 16) if inputs == (FIXED,) else ())

    def om(
        self, shapes: Shapes | None, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], batch: int = 1
    ) -> Path:
        graph = self.graph(inputs)
        request = ConvertRequest(
            options=AtcOptions(),
            onnx=graph,
            onnx_sha256=file_digest(graph),
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            batch=batch,
            chip="310P3",
            base=self.folder,
            shapes=shapes,
        )
        return convert(request, self.folder / "model.om", log=self.folder / "atc.log", timeout_s=120).om


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Host]]:
    """Make this process one on a host with stand-ins."""

    def on(*faults: str, devices: int = 1, generation: int = 2023) -> Host:
        environment = stand_in_environment(tmp_path / "host", devices=devices, faults=faults, generation=generation)
        enter(environment, monkeypatch)
        return Host(folder=tmp_path)

    yield on
    forget_tools()


def asked(
    om: Path,
    shapes: Shapes | None,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    batch: int = 1,
    devices: tuple[int, ...] = (0,),
) -> SessionRequest:
    return SessionRequest(
        model=om, inputs=tuple(inputs), outputs=tuple(outputs), batch=batch, devices=devices, shapes=shapes
    )


def require_same(found: Iterator[Arrays], graph: Path, given: Sequence[Arrays]) -> None:
    """Check that outputs are those of the graph by itself, bit for bit."""
    for outputs, inputs in zip(found, given, strict=True):
        wanted = computed(graph, inputs)
        assert {name: array.shape for name, array in outputs.items()} == {n: a.shape for n, a in wanted.items()}
        for name, array in outputs.items():
            np.testing.assert_array_equal(array, wanted[name])


@pytest.mark.parametrize("generation", [2023, 2024])
def test_gears_of_as_many_bytes_on_two_devices(start: Callable[..., Host], generation: int) -> None:
    host = start(devices=2, generation=generation)
    om = host.om(GEARS, (IMAGE,), IMAGE_OUTPUTS, batch=2)
    given = [images(2, *size) for size in [(8, 16), (16, 8), (16, 8), (4, 4), (8, 16), (16, 8), (4, 4)]]
    with closing(AscendBackend().open(asked(om, GEARS, (IMAGE,), IMAGE_OUTPUTS, 2, (0, 1)))) as session:
        require_same(session.infer_many(iter(given)), host.folder / "graph.onnx", given)
        assert session.lost == ()
        for inputs in given[:3]:
            times = session.time(inputs, warmup=1, loop=2)
            assert len(times.compute_ms) == 2
        with pytest.raises(
            InferenceError, match=r"expected a gear \(height 8 x width 16; .*\), found height 16 x width"
        ):
            session.infer(images(2, 16, 16))


@pytest.mark.parametrize("generation", [2023, 2024])
@pytest.mark.parametrize(
    ("shapes", "faults", "lengths"),
    [
        pytest.param(LENGTHS, (), [(6, 6), (1, 1), (6, 0), (1, 0), (6, 1)], id="dims"),
        pytest.param(BOUNDS, (), [(3, 2), (9, 9), (1, 1), (1, 0), (9, 1)], id="range"),
        pytest.param(BOUNDS, ("flat-outputs",), [(3, 2), (9, 9), (1, 1), (1, 0)], id="range-without-axes"),
    ],
)
def test_two_inputs_that_share_an_axis_and_an_output_with_its_own(
    start: Callable[..., Host], shapes: Shapes, faults: tuple[str, ...], lengths: list[tuple[int, int]], generation: int
) -> None:
    host = start(*faults, generation=generation)
    om = host.om(shapes, TEXT, TEXT_OUTPUTS)
    given = [text(*each) for each in lengths]
    with closing(AscendBackend().open(asked(om, shapes, TEXT, TEXT_OUTPUTS))) as session:
        require_same(session.infer_many(iter(given)), host.folder / "graph.onnx", given)
        assert len(session.time(given[1], warmup=0, loop=1).compute_ms) == 1


def test_bounds_that_leave_one_size_make_a_model_of_fixed_sizes(start: Callable[..., Host]) -> None:
    host = start()
    inputs = (TEXT[0], TEXT[1])
    outputs = (TEXT_OUTPUTS[0],)
    om = host.om(ONE, inputs, outputs)
    assert stamp_path(om).read_text().count("length 3 to 3") == 1
    with closing(AscendBackend().open(asked(om, ONE, inputs, outputs))) as session:
        given = text(3, 2)
        np.testing.assert_array_equal(session.infer(given)["scores"], [[0, 2, 3]])


def test_a_number_of_ascendcl_is_explained(start: Callable[..., Host], monkeypatch: pytest.MonkeyPatch) -> None:
    host = start()
    inputs, outputs = (TEXT[0], TEXT[1]), (TEXT_OUTPUTS[0],)
    with closing(AscendSession(asked(host.om(ONE, inputs, outputs), ONE, inputs, outputs))) as session:
        from ais_bench.infer.interface import InferSession  # noqa: PLC0415 - a stand-in, on the path of this test only

        def fail(*_: object, **__: object) -> None:
            raise RuntimeError("execute model failed, modelId is 1, errorCode is 207001")

        monkeypatch.setattr(InferSession, "infer", fail)
        with pytest.raises(
            InferenceError,
            match=r"^inference: RuntimeError: execute model failed, .*, errorCode is 207001; AscendCL's 207001: the "
            r"device has too little memory; use a smaller infer\.batch",
        ):
            session.infer(text(3, 2))


def test_one_om_for_all_batch_sizes(start: Callable[..., Host]) -> None:
    host = start()
    om = host.om(BATCHES, (FIXED,), FIXED_OUTPUTS, batch=4)
    for batch in (1, 4):
        given = [images(batch, 8, 16)] * 2
        with closing(AscendBackend().open(asked(om, BATCHES, (FIXED,), FIXED_OUTPUTS, batch))) as session:
            require_same(session.infer_many(iter(given)), host.folder / "graph.onnx", given)
            assert len(session.time(given[0], warmup=0, loop=2).compute_ms) == 2


def test_more_hits_than_memory_is_reserved_for(start: Callable[..., Host]) -> None:
    host = start()
    few = Shapes(opened="dims", gears=LENGTHS.gears, most={"length": 6, "hits": 5})
    om = host.om(few, TEXT, TEXT_OUTPUTS)
    with (
        closing(AscendBackend().open(asked(om, few, TEXT, TEXT_OUTPUTS))) as session,
        pytest.raises(InferenceError, match=r"expected found int64\[1, hits, 2\], hits at most 5, found .*\[1, 6, 2\]"),
    ):
        session.infer(text(6, 6))


NOT_THESE = "the .om was made for other sizes, another batch size or network: convert again"
OTHER_GEARS = Shapes(
    opened="image_size",
    gears=({"height": 8, "width": 16}, {"height": 32, "width": 4}),
    most={"height": 32, "width": 16},
)


@pytest.mark.parametrize(
    ("made", "wanted", "text_"),
    [
        pytest.param(
            (GEARS, (IMAGE,), IMAGE_OUTPUTS, 1),
            (OTHER_GEARS, (IMAGE,), IMAGE_OUTPUTS, 1),
            r"the .om does not take height 32 x width 4; the manifest has the gears height 8 x width 16; height 32 x "
            r"width 4: convert it again \(ais_bench: \[-1\]\[ACL: general failure\]\)",
            id="a gear of as many bytes that the model lacks",
        ),
        pytest.param(
            (GEARS, (IMAGE,), IMAGE_OUTPUTS, 1),
            (Shapes(opened="dims", gears=GEARS.gears, most=GEARS.most), (IMAGE,), IMAGE_OUTPUTS, 1),
            "the .om does not take height 8 x width 16; the manifest has the gears",
            id="gears of another kind",
        ),
        pytest.param(
            (BATCHES, (FIXED,), FIXED_OUTPUTS, 4),
            (None, (FIXED,), FIXED_OUTPUTS, 4),
            r"expected image float32\[4, 3, 8, 16\] of 6144 bytes, found image float32\[-1, 3, 8, 16\] of 6144 bytes; "
            "the .om was made for another batch size or network",
            id="batch gears, of which the greatest has as many bytes as the fixed size",
        ),
        pytest.param(
            (None, (FIXED,), FIXED_OUTPUTS, 4),
            (BATCHES, (FIXED,), FIXED_OUTPUTS, 4),
            rf"expected image float32\[-1, 3, 8, 16\] of 6144 bytes, found .*\[4, 3, 8, 16\] of 6144 .*; {NOT_THESE}",
            id="a fixed batch size",
        ),
        pytest.param(
            (BATCHES, (FIXED,), FIXED_OUTPUTS, 4),
            (
                Shapes(opened="batch", gears=({"batch": 2}, {"batch": 4})),
                (FIXED,),
                FIXED_OUTPUTS,
                2,
            ),
            "the .om does not take batch 2; the manifest has the gears batch 2; batch 4",
            id="a batch size that the model lacks",
        ),
        pytest.param(
            (None, (FIXED,), FIXED_OUTPUTS, 1),
            (GEARS, (IMAGE,), IMAGE_OUTPUTS, 1),
            rf"expected image float32\[1, 3, -1, -1\] of 1536 bytes, found .*\[1, 3, 8, 16\] of 1536 .*; {NOT_THESE}",
            id="fixed sizes that are a gear's",
        ),
        pytest.param(
            (GEARS, (IMAGE,), IMAGE_OUTPUTS, 1),
            (None, (FIXED,), FIXED_OUTPUTS, 1),
            r"expected image float32\[1, 3, 8, 16\] of 1536 bytes, found .*\[1, 3, -1, -1\] of 1536 bytes",
            id="gears, of which one is the fixed size",
        ),
        pytest.param(
            (LENGTHS, TEXT, TEXT_OUTPUTS, 1),
            (BOUNDS, TEXT, TEXT_OUTPUTS, 1),
            "",
            id="gears where bounds are wanted",
        ),
        pytest.param(
            (BOUNDS, TEXT, TEXT_OUTPUTS, 1),
            (LENGTHS, TEXT, TEXT_OUTPUTS, 1),
            rf"expected ids int64\[1, -1\] of 48 bytes, .*, found ids int64\[1, -1\] of 0 bytes, .*; {NOT_THESE}",
            id="bounds where gears are wanted",
        ),
        pytest.param(
            (LENGTHS, TEXT, TEXT_OUTPUTS[::-1], 1),
            (LENGTHS, TEXT, TEXT_OUTPUTS, 1),
            r"output 0 of the model: expected scores float32\[1, length\], found .*\[1, -1, 2\]",
            id="outputs in another order",
        ),
    ],
)
def test_another_model_is_refused(
    start: Callable[..., Host], made: tuple[Any, ...], wanted: tuple[Any, ...], text_: str
) -> None:
    om = start().om(*made)
    stamp_path(om).unlink()  # as with --accept-unstamped: nothing but the model itself says what it is
    if text_:
        with pytest.raises(InferenceError, match=text_):
            AscendBackend().open(asked(om, *wanted))
        return
    with closing(AscendBackend().open(asked(om, *wanted))) as session, pytest.raises(InferenceError, match="not take"):
        session.infer(text(6, 1))


class Recorder:
    """Takes the place of ``InferSession``: notes what it is told."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def __getattr__(self, name: str) -> Callable[..., list[Any]]:
        def call(*arguments: Any, **_named: Any) -> list[Any]:
            self.calls.append((name, *arguments) if name.startswith("set_") else name)
            if name == "set_dynamic_hw" and arguments == (4, 4):
                raise RuntimeError(" \n")
            return []

        return call


def test_a_size_is_set_when_it_changes_and_never_taken_for_another_of_as_many_bytes() -> None:
    recorder = Recorder()
    session = SizedSession(recorder, asked(Path("m.om"), GEARS, (IMAGE,), IMAGE_OUTPUTS))
    for height, width in [(8, 16), (8, 16), (16, 8), (8, 16)]:
        session.infer([images(1, height, width)["image"]], ["image"], {"width": width, "height": height})
    with pytest.raises(InferenceError, match=r"does not take height 4 x width 4; .*\(ais_bench: no text\)"):
        session.infer([images(1, 4, 4)["image"]], ["image"], {"height": 4, "width": 4})
    session.infer([images(1, 8, 16)["image"]], ["image"], {"height": 8, "width": 16})
    hw = "set_dynamic_hw"
    assert recorder.calls == [
        *((hw, 8, 16), "run", "run", (hw, 16, 8), "run", (hw, 8, 16), "run"),
        *((hw, 4, 4), (hw, 8, 16), "run"),
    ]


@pytest.mark.parametrize(
    ("shapes", "batch", "calls"),
    [
        pytest.param(None, 1, ["infer"], id="fixed"),
        pytest.param(ONE, 1, ["infer"], id="bounds that leave one size"),
        pytest.param(BATCHES, 4, [("set_dynamic_batchsize", 4), "run"], id="batch"),
        pytest.param(
            LENGTHS, 1, [("set_dynamic_dims", "mask:1,3;ids:1,3"), ("set_custom_outsize", [64, 128]), "run"], id="dims"
        ),
        pytest.param(
            BOUNDS, 1, [("set_dynamic_shape", "mask:1,3;ids:1,3"), ("set_custom_outsize", [96, 192]), "run"], id="range"
        ),
    ],
)
def test_what_is_set(shapes: Shapes | None, batch: int, calls: list[Any]) -> None:
    recorder, array = Recorder(), np.zeros((1, 3), np.int64)
    session = SizedSession(recorder, asked(Path("m.om"), shapes, TEXT, TEXT_OUTPUTS, batch))
    session.infer([array, array], ["mask", "ids"], {"length": 3})
    assert recorder.calls == calls
