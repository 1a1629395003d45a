"""The table of docs/precision.md: the sample, its activations scaled, in the precision modes and with the remedies.

    python tools/precision/run.py                       # all rows, about a minute a row on an idle machine
    python tools/precision/run.py --exponents 9 --samples 60

What is printed beside the table is how far it is from figures that were measured before with another program.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from precision.scaled import BACK, write_scaled
from zoo_runner.job.options import RunOptions, Stage
from zoo_runner.manifest.load import load
from zoo_runner.precision.ascend import Overflow
from zoo_runner.precision.dtypes import dtypes_of
from zoo_runner.precision.emulation import outcome
from zoo_runner.precision.findings import findings_of
from zoo_runner.precision.inspection import SCANNED, prepared, spread
from zoo_runner.precision.modes import ALLOW, FORCE_FP16
from zoo_runner.precision.probe import require_emulation
from zoo_runner.precision.report import draft_text
from zoo_runner.precision.rounding import Variant, rounded_graph
from zoo_runner.precision.scan import scan
from zoo_runner.precision.side_files import Wishes, read_wishes
from zoo_runner.store.store import Store, default_root
from zoo_runner.terminal.console import Detail
from zoo_runner.terminal.progress import Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx

    from zoo_runner.job.job import Job
    from zoo_runner.plugin.interfaces import Sample
    from zoo_runner.precision.graph import FloatGraph

EXPONENTS: Final = (0, 7, 9, 11)
SHIFT: Final = 6
"""The exponent of ``onnx.safe_l2_norm``."""
KEEP: Final = "keep_dtype.txt"
LINE: Final = "voc07_map/reference"
COLUMNS: Final = {
    "fp32": "fp32",
    "inf": "force_fp16, Inf/NaN (910B)",
    "sat": "force_fp16, saturating (310P)",
    "allow": "allow_fp32_to_fp16",
    "keep": "force_fp16 with the drafted keep_dtype",
    "safe": f"force_fp16 with safe_l2_norm: {SHIFT}",
}
EARLIER: Final[Mapping[int, Mapping[str, float]]] = {
    0: {"fp32": 92.5957, "inf": 92.60, "sat": 92.60, "allow": 92.56},
    7: {"inf": 90.68, "sat": 92.28, "allow": 92.56, "keep": 92.60, "safe": 92.60},
    9: {"inf": 76.25, "sat": 26.78, "allow": 92.557, "keep": 92.59, "safe": 92.599},
    11: {"inf": 74.07, "sat": 23.69, "allow": 92.56, "keep": 92.60, "safe": 92.60},
}
"""What an earlier program measured."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """One of the networks, ready to be scored."""

    job: Job
    samples: Sequence[Sample]
    graph: FloatGraph

    def score(self, model: onnx.ModelProto, label: str) -> float:
        """Return what a graph of it scores in percent; NaN where it cannot be scored."""
        found = outcome(self.job.recipe, model, self.samples, self.job.journal.progress, label)
        return found.values[LINE].value if LINE in found.values else float("nan")

    def emulated(self, mode: str, overflow: Overflow, wishes: Wishes, label: str) -> float:
        """Return what a mode scores, with each operator alone."""
        dtypes = dtypes_of(self.graph, mode, wishes, "")
        return self.score(rounded_graph(self.graph, dtypes, Variant(overflow=overflow)), label)


def network(manifest: Path, samples: int | None, *overrides: str) -> Network:
    """Export a manifest's network."""
    options = RunOptions(output=manifest.parent / "out", backend="onnxruntime", last=Stage.INFER)
    loaded = load(manifest, overrides)
    job, found, graph = prepared(loaded, options, Store(default_root()), Terminal(Detail.NORMAL))
    return Network(job=job, samples=spread(found, samples or len(found)), graph=graph)


def row(folder: Path, exponent: int, back: str, samples: int | None) -> dict[str, tuple[float, ...]]:
    """Return the figures of one exponent, by column: of both rules of overflow where there are two."""
    plain = network(write_scaled(folder, exponent, back=back), samples)
    figures: dict[str, tuple[float, ...]] = {
        "fp32": (plain.score(plain.graph.model, f"2^{exponent} fp32"),),
        "inf": (plain.emulated(FORCE_FP16, Overflow.INF, Wishes(), f"2^{exponent} Inf"),),
        "sat": (plain.emulated(FORCE_FP16, Overflow.SATURATING, Wishes(), f"2^{exponent} saturating"),),
        "allow": (plain.emulated(ALLOW, Overflow.INF, Wishes(), f"2^{exponent} allow"),),
    }
    recipe = plain.job.recipe
    looked_at = spread(plain.samples, SCANNED)
    draft = findings_of(plain.graph, scan(recipe, plain.graph, looked_at, plain.job.journal.progress)).draft
    (folder / KEEP).write_text(draft_text(draft), encoding="utf-8")
    kept = load(folder / f"scaled{exponent}.yaml", (f"atc.flags.keep_dtype={folder / KEEP}",))
    wishes = read_wishes(kept, plain.graph, "", recipe.manifest.infer.batch)
    safe = network(write_scaled(folder, exponent, back=back, onnx=f"safe_l2_norm: {SHIFT}"), samples)
    for name, of, asked in (("keep", plain, wishes), ("safe", safe, Wishes())):
        figures[name] = tuple(of.emulated(FORCE_FP16, rule, asked, f"2^{exponent} {name}") for rule in Overflow)
    return figures


def line(exponent: int, figures: Mapping[str, tuple[float, ...]]) -> str:
    """Return a row of the table, in Markdown."""
    cells = [" / ".join(dict.fromkeys(f"{value:.2f}" for value in figures[name])) for name in COLUMNS]
    return f"| 2^{exponent} | {' | '.join(cells)} |"


def differences(exponent: int, figures: Mapping[str, tuple[float, ...]]) -> list[str]:
    """Say how far a row is from what was measured before."""
    earlier = EARLIER.get(exponent, {})
    return [
        f"2^{exponent}, {COLUMNS[name]}: {value:.2f}, before {earlier[name]:.2f} ({value - earlier[name]:+.2f})"
        for name, values in figures.items()
        for value in dict.fromkeys(values)
        if name in earlier
    ]


def main() -> None:
    """Make the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exponents", type=int, nargs="+", default=EXPONENTS)
    parser.add_argument("--samples", type=int, help="images, evenly over the data set; by default all")
    parser.add_argument("--back", choices=sorted(BACK), default="conv5_1", help="the layer that takes the factor back")
    given = parser.parse_args()
    require_emulation()
    print(f"| activations times | {' | '.join(COLUMNS.values())} |", "|---" * (len(COLUMNS) + 1) + "|", sep="\n")
    notes = []
    with tempfile.TemporaryDirectory() as folder:
        for exponent in given.exponents:
            figures = row(Path(folder), exponent, given.back, given.samples)
            print(line(exponent, figures), flush=True)
            notes += differences(exponent, figures)
    if given.samples is None and given.back == "conv5_1":
        print("", "Against figures that were measured before:", *notes, sep="\n")


if __name__ == "__main__":
    main()
