"""Tries what a gate must not let pass: faults, one after the other, against the bundled sample.

    python tools/faults/run.py            # the part that CI runs: some of every area
    python tools/faults/run.py --all      # all of them
    python tools/faults/run.py --stages   # and which stage each run named, right or wrong

Prints a row for each fault. The exit code is 0 if each came to what it must come to, 1 if a fault whose effect is
beyond the tolerance was green (or another verdict came than the table says), and 3 if a fault could not be made.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from faults import stages
from faults.bench import LABELS, Bench
from faults.records import AREAS, State
from faults.table import FAULTS
from faults.trial import Good, good_run, tried

if TYPE_CHECKING:
    from faults.records import Fault, Row

CLEAN, WRONG, NOT_MADE = 0, 1, 3
HEAD: Final = ("area", "fault", "figure", "change", "verdict", "exit", "stage named", "s")
WIDTHS: Final = (13, 27, 7, 8, 29, 4, 11, 5)
NUMBERS: Final = frozenset({2, 3, 5, 7})
"""Columns that are set to the right."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the faults that were asked for; see the module for the exit code."""
    options = parse(arguments)
    faults = chosen(options)
    if options.list:
        for fault in faults:
            print(f"{fault.area:<{WIDTHS[0]}}  {fault.name:<{WIDTHS[1]}}  {fault.what}")
        return CLEAN
    with workplace(options) as bench:
        bench.prepare()
        if options.stages:
            bench.record_golden()
        good = good_run(bench)
        print(
            f"without a fault: {good.figure:.4f}; from -{good.room:.4f} to +{good.rise:.4f} is within the tolerance\n"
        )
        print(line(HEAD))
        print(line(["-" * width for width in WIDTHS]))
        rows = [shown(tried(fault, bench, good)) for fault in faults]
        same = good_run(bench) == good
    report(rows, good)
    if options.stages:
        print("", *stages.table(rows), sep="\n")
    if not same:
        print("NOT AS IT MUST BE: the sample without a fault has another figure than before", file=sys.stderr)
    if options.json:
        options.json.write_text(json.dumps(document(rows, good, options.set), indent=1) + "\n", encoding="utf-8")
    return exit_code(rows) or (CLEAN if same else NOT_MADE)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="all faults, not only the part for CI")
    parser.add_argument("--area", action="append", choices=AREAS, help="all faults of this area; repeatable")
    parser.add_argument("--only", action="append", metavar="FAULT", help="only this fault; repeatable")
    parser.add_argument(
        "--set", choices=LABELS, default="pr", help="samples to score (default: %(default)s, 60 images)"
    )
    parser.add_argument("--stages", action="store_true", help="say of each fault whether the right stage was named")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="keep the store there for the next time")
    parser.add_argument("--list", action="store_true", help="list the faults and try none")
    options = parser.parse_args(arguments)
    unknown = set(options.only or ()) - {fault.name for fault in FAULTS}
    if unknown:
        parser.error(f"unknown faults: {', '.join(sorted(unknown))}; --list --all shows all")
    return options


def chosen(options: argparse.Namespace) -> list[Fault]:
    """Pick the faults that were asked for, in the table's order."""
    if options.only:
        return [fault for fault in FAULTS if fault.name in options.only]
    if options.area:
        return [fault for fault in FAULTS if fault.area in options.area]
    return [fault for fault in FAULTS if options.all or options.list or fault.quick]


@contextmanager
def workplace(options: argparse.Namespace) -> Iterator[Bench]:
    """Provide a folder to work in."""
    if options.work:
        options.work.mkdir(parents=True, exist_ok=True)
        yield Bench(options.work.resolve(), options.set)
        return
    with tempfile.TemporaryDirectory(prefix="zoo-faults-", ignore_cleanup_errors=True) as folder:
        yield Bench(Path(folder).resolve(), options.set)


def line(cells: Sequence[str]) -> str:
    """Set cells in columns."""
    placed = enumerate(zip(cells, WIDTHS, strict=True))
    return "  ".join(
        f"{cell:>{width}}" if at in NUMBERS else f"{cell:<{width}}" for at, (cell, width) in placed
    ).rstrip()


def shown(row: Row) -> Row:
    """Print a row as soon as it is there."""
    figures = ["" if each is None else f"{each:{form}}" for each, form in ((row.figure, ".2f"), (row.change, "+.2f"))]
    code = "" if row.code < 0 else str(row.code)
    print(line([row.fault.area, row.fault.name, *figures, row.state.value, code, row.stage, f"{row.seconds:.1f}"]))
    if row.problem:
        print(f"    {row.fault.what}: {row.problem}\n    {row.why}")
    sys.stdout.flush()
    return row


def report(rows: Sequence[Row], good: Good) -> None:
    """Print how many came to what."""
    counts = Counter(row.state for row in rows)
    listed = ", ".join(f"{counts[state]} {state.value}" for state in State if counts[state])
    print(f"\n{len(rows)} faults, tolerance {good.tolerance:g}: {listed}")
    for row in rows:
        if row.problem:
            print(f"NOT AS IT MUST BE: {row.fault.area}/{row.fault.name}: {row.problem}", file=sys.stderr)


def exit_code(rows: Sequence[Row]) -> int:
    """Return what the rows come to; a false green outweighs a fault that was not made."""
    problems = [row for row in rows if row.problem]
    if any(not unmade(row) for row in problems):
        return WRONG
    return NOT_MADE if problems else CLEAN


def unmade(row: Row) -> bool:
    """Say whether a row shows a fault of the table: one that cannot be made, or has no effect where one is due."""
    return row.state is State.NOT_APPLIED or (row.state is State.GREEN and State.RED in row.fault.expect)


def document(rows: Sequence[Row], good: Good, samples: str) -> dict[str, Any]:
    """Return the rows for other programs."""
    return {
        "set": samples,
        "figure": good.figure,
        "tolerance": good.tolerance,
        "rows": [
            {
                "area": row.fault.area,
                "fault": row.fault.name,
                "what": row.fault.what,
                "figure": row.figure,
                "change": row.change,
                "verdict": row.state.value,
                "exit": row.code,
                "why": row.why,
                "stage_named": row.stage or None,
                "expected": sorted(state.value for state in row.fault.expect),
                "problem": row.problem,
                "seconds": round(row.seconds, 2),
            }
            for row in rows
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
