"""What an inspection found, as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zoo_runner.errors import shortened
from zoo_runner.precision.ascend import LARGEST, overflow_rules
from zoo_runner.precision.dtypes import dtypes_of
from zoo_runner.precision.modes import CUBE, EMULATED, FORCE_FP32, KEEP

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zoo_runner.precision.findings import Findings, LargeTensor
    from zoo_runner.precision.inspection import Inspection
    from zoo_runner.precision.words import Answer, Band

SHOWN: Final = 20
"""Operators that come near the greatest number, and constants, that are listed; the rest are counted."""
NAMES: Final = {CUBE: f"{CUBE} = {FORCE_FP32}"}
"""Modes that have two names."""
MEANING: Final = (
    "No figure here is a card's: kernels' insides, fusions and the AI CPU are not emulated. "
    '"no break seen" is no pass; only a run on the card can pass'
)


def lines(found: Inspection) -> Iterator[str]:
    """Yield what was found: the range scan, what the manifest's files ask for, and the modes."""
    seen = f"{found.ranges.samples} {found.noun}"
    yield f"{found.name}: largest magnitudes over {seen}, in fp32; fp16 ends at {LARGEST:g}"
    yield from (f"note: {note}" for note in found.graph.notes)
    yield from _ranges(found)
    yield from _lost(found.findings)
    yield from _draft(found.findings)
    yield from (f"warning: {note}" for note in found.wishes.notes)
    if found.wishes.kept or found.wishes.custom:
        count = len(found.wishes.kept), len(found.wishes.custom)
        yield f"the manifest's files: keep_dtype keeps {count[0]} operators, customize_dtypes sets {count[1]}"
    if found.wishes.mixlist:
        yield f"the manifest's files: modify_mixlist: {'; '.join(found.wishes.mixlist)} (mixed modes only)"
    yield f"the manifest asks for {found.asked.written} ({found.asked.where})"
    if found.wishes.kept and found.asked.mode == KEEP:
        yield f"warning: ATC ignores keep_dtype in the mode {found.asked.written}"
    if found.answers:
        yield from _answers(found)
    elif found.findings.overflowing:
        yield "what that costs: add --emulate"


def _ranges(found: Inspection) -> Iterator[str]:
    over = found.findings.overflowing
    near = [each for each in found.findings.large if not each.overflows]
    yield f"overflow in fp16: {len(over)} operators{':' if over else ''}"
    halves = _in_half(found)
    yield from (_large(each, halves) for each in over)
    yield f"within 8 times of overflow: {len(near)} operators{':' if near else ''}"
    yield from (_large(each, halves) for each in near[:SHOWN])
    if len(near) > SHOWN:
        yield f"  and {len(near) - SHOWN} more"


def _in_half(found: Inspection) -> frozenset[str]:
    """Return the operators whose output is fp16 in the manifest's own mode, where that is known."""
    if found.asked.mode not in EMULATED:
        return frozenset()
    halves = dtypes_of(found.graph, found.asked.mode, found.wishes, found.chip).halves
    return frozenset(name for name, half in halves.items() if any(half.outputs))


def _large(each: LargeTensor, halves: frozenset[str]) -> str:
    half = "; fp16 in the manifest's mode" if each.node in halves else ""
    readers = f", read by {', '.join(each.readers)}" if each.readers else ", an output"
    kind = f" ({each.operator}, Ascend: {each.ascend_type})" if each.operator else f" {each.tensor}"
    return f"  {each.largest:>12.6g}  {each.node}{kind}{readers}{half}"


def _lost(findings: Findings) -> Iterator[str]:
    yield f"constants that become 0 or Inf in fp16: {len(findings.constants)}{':' if findings.constants else ''}"
    for each in findings.constants[:SHOWN]:
        yield f"  {each.value:>12.6g}  {each.tensor} becomes {each.becomes}, read by {', '.join(each.readers)}"
    if len(findings.constants) > SHOWN:
        yield f"  and {len(findings.constants) - SHOWN} more"
    if findings.partial:
        lost = sum(findings.partial.values())
        yield f"  of {len(findings.partial)} other constants {lost} numbers in all become 0, as small weights may"
    yield f"denominators that can be 0 in fp16: {len(findings.divisors)}{':' if findings.divisors else ''}"
    for divisor in findings.divisors:
        readers = ", ".join(divisor.readers)
        yield f"  {divisor.least:>12.6g}  {divisor.node} (the least seen), divides in {readers}: {divisor.why}"


def _draft(findings: Findings) -> Iterator[str]:
    if not findings.draft:
        yield "draft of keep_dtype: nothing to keep"
        return
    yield f"draft of keep_dtype: {len(findings.draft)} operators, with those that read what is too large:"
    yield from (f"  {name}" for name in findings.draft)
    if findings.matrix:
        yield (
            f"warning: {', '.join(findings.matrix)}: matrix operators exist in fp16 only on 310, 310P and 910; there "
            "keep_dtype cannot keep them"
        )


def _answers(found: Inspection) -> Iterator[str]:
    rules = " and ".join(rule.value for rule in overflow_rules(found.chip))
    chip = f"on {found.chip}" if found.chip else "as the chip is not known (--soc),"
    yield f"emulated on ONNX Runtime over {found.emulated} {found.noun}; overflow {chip} {rules}"
    for each in found.answers:
        own = " (what the manifest asks for)" if each.mode == found.asked.mode else ""
        yield f"{NAMES.get(each.mode, each.mode)}{own}: {each.word}"
        yield from _answer(each)
    yield MEANING


def _answer(answer: Answer) -> Iterator[str]:
    yield from (f"  {_band(each)}" for each in answer.bands)
    for band in answer.bands:
        yield from (f"    breaks: {name}" for name in band.broken)
    yield from (f"  {shortened(text, 1000)}" for text in answer.why)


def _band(band: Band) -> str:
    limit = band.limit
    return (
        f"{limit.line}: {band.least:.4f} to {band.greatest:.4f} {limit.unit}; fp32 on the same samples "
        f"{limit.reference:.4f}, the manifest's tolerance {limit.margin:g}"
    )


def draft_text(draft: Sequence[str]) -> str:
    """Return the content of a ``keep_dtype`` file."""
    return "".join(f"{name}\n" for name in draft)
