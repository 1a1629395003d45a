"""Faults of the device: a made-up accelerator whose outputs or timings are wrong, and stand-ins of the Ascend tools."""

from __future__ import annotations

from typing import Final

from faults.records import EITHER, HARMLESS, REFUSED, Fault, State
from faults.ways import CHIP, device, stand_in

AREA: Final = "device"
FIGURES: Final = "expected.chips={{{chip}: {{throughput: {{{batch}: 1000000}}, tolerance: {{rel: 0.05}}}}}}"


def slow(chip: str = CHIP, batch: int = 8) -> str:
    """Expect a throughput that the device does not reach."""
    return FIGURES.format(chip=chip, batch=batch)


FAULTS: Final = (
    Fault(
        name="stale-buffer",
        area=AREA,
        what="every batch answered with the outputs of the one before",
        act=device(
            """
            memory.setdefault("all", []).append(outputs)
            outputs = memory["all"][max(0, len(memory["all"]) - 2)]
            """
        ),
        quick=True,
    ),
    Fault(
        name="stale-sometimes",
        area=AREA,
        what="every third batch answered with the outputs of the one before",
        act=device(
            """
            memory.setdefault("all", []).append(outputs)
            count = len(memory["all"])
            outputs = memory["all"][count - 2 if count % 3 == 0 else count - 1]
            """
        ),
    ),
    Fault(
        name="constant",
        area=AREA,
        what="the first batch's outputs for ever",
        act=device("""outputs = memory.setdefault("first", outputs)"""),
    ),
    Fault(
        name="copied-in-batch",
        area=AREA,
        what="the first image's outputs for the whole batch",
        act=device("""outputs = {name: value[:1].repeat(len(value), 0) for name, value in outputs.items()}"""),
    ),
    Fault(
        name="rotated-in-batch",
        area=AREA,
        what="each image answered with the outputs of its neighbour in the batch",
        act=device("""outputs = {name: np.roll(value, 1, axis=0) for name, value in outputs.items()}"""),
    ),
    Fault(
        name="all-zero",
        area=AREA,
        what="outputs all zero",
        act=device("""outputs = {name: value * 0 for name, value in outputs.items()}"""),
    ),
    Fault(
        name="scaled",
        area=AREA,
        what="outputs twice as large",
        act=device("""outputs = {name: value * 2 for name, value in outputs.items()}"""),
    ),
    Fault(
        name="confidences-halved",
        area=AREA,
        what="class confidences half as large",
        act=device("""outputs["odm_conf"] *= np.float32(0.5)"""),
    ),
    Fault(
        name="garbage",
        area=AREA,
        what="outputs random",
        act=device(
            """
            draw = np.random.default_rng(1)
            outputs = {name: draw.random(value.shape, "f4") for name, value in outputs.items()}
            """
        ),
    ),
    Fault(
        name="offsets-exchanged",
        area=AREA,
        what="the two offset outputs exchanged, which have the same size",
        act=device("""outputs["arm_loc"], outputs["odm_loc"] = outputs["odm_loc"], outputs["arm_loc"]"""),
        quick=True,
    ),
    Fault(
        name="offsets-transposed",
        area=AREA,
        what="offsets laid out by coordinate instead of by prior",
        act=device("""outputs["odm_loc"] = outputs["odm_loc"].transpose(0, 2, 1).reshape(outputs["odm_loc"].shape)"""),
    ),
    Fault(
        name="half-written",
        area=AREA,
        what="the second half of every output never written",
        act=device(
            """
            for value in outputs.values():
                value[:, value.shape[1] // 2 :] = 0
            """
        ),
    ),
    Fault(
        name="first-map-lost",
        area=AREA,
        what="the finest map's confidences never written",
        act=device("""outputs["odm_conf"][:, :4800] = 0"""),
    ),
    Fault(
        name="not-finite",
        area=AREA,
        what="one value that is not a number",
        act=device("""outputs["odm_loc"][0, 0, 0] = np.nan"""),
        names="finite",
    ),
    Fault(
        name="half-precision-outputs",
        area=AREA,
        what="outputs rounded to half precision",
        act=device("""outputs = {name: value.astype("f2").astype("f4") for name, value in outputs.items()}"""),
        expect=HARMLESS,
        quick=True,
    ),
    Fault(
        name="brain-floats",
        area=AREA,
        what="outputs cut to 8 bits of mantissa",
        act=device(
            """outputs = {name: (value.view("u4") & 0xFFFF0000).view("f4") for name, value in outputs.items()}"""
        ),
        expect=EITHER,
    ),
    Fault(
        name="device-gone",
        area=AREA,
        what="the device fails at the third batch",
        act=device(
            """
            memory["count"] = memory.get("count", 0) + 1
            if memory["count"] == 3:
                raise InferenceError("the device is gone")
            """
        ),
        expect=REFUSED,
        names="the device is gone",
    ),
    Fault(
        name="slow",
        area=AREA,
        what="a throughput far below the figure",
        act=device("pass", expected=(slow(),)),
        shows=False,
        expect=frozenset({State.RED}),
    ),
    Fault(
        name="slow-chip-misspelt",
        area=AREA,
        what="a throughput far below the figure, which stands under a misspelt chip",
        act=device("pass", expected=(slow(chip="310P"),)),
        shows=False,
        quick=True,
        names=CHIP,
    ),
    Fault(
        name="slow-other-batch",
        area=AREA,
        what="a throughput far below the figure, which is for another batch size",
        act=device("pass", "--batch-size", "4", expected=(slow(),)),
        shows=False,
    ),
    Fault(
        name="stand-in-corrupt",
        area=AREA,
        what="an NPU that returns finite garbage",
        act=stand_in("corrupt-output"),
    ),
    Fault(
        name="stand-in-exchanged",
        area=AREA,
        what="an NPU that exchanges outputs 0 and 2",
        act=stand_in("swap-outputs"),
        names="exchanged",
    ),
    Fault(
        name="stand-in-not-finite",
        area=AREA,
        what="an NPU that returns NaN",
        act=stand_in("nan-output"),
        expect=REFUSED,
        names="finite",
    ),
    Fault(
        name="stand-in-short",
        area=AREA,
        what="an NPU whose first output is too short",
        act=stand_in("wrong-size"),
        expect=REFUSED,
        names="6374",
    ),
    Fault(
        name="stand-in-lost",
        area=AREA,
        what="the only NPU lost after two executions",
        act=stand_in("device-lost:0:2"),
        expect=REFUSED,
        names="device 0 is lost",
    ),
    Fault(
        name="stand-in-other-chip",
        area=AREA,
        what="an NPU that is another chip than npu-smi says",
        act=stand_in("wrong-chip"),
        expect=REFUSED,
        names="the chip",
    ),
    Fault(
        name="stand-in-no-model",
        area=AREA,
        what="atc reports success and writes no model",
        act=stand_in("atc-silent", arguments=("--batch-size", "2")),
        expect=REFUSED,
    ),
)
