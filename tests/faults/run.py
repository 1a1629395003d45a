"""Try the faults and print how many of each class were tried: ``python tests/faults/run.py [--long] [--json FILE]``.

The short form is a part of the test suite. The long one kills 300 runs and more, fails every call that changes a
file with every error, and takes each protection out to see that its test notices.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Run the tests and add up what they counted; the exit code is pytest's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--long", action="store_true", help="try all (most of an hour of one core), not some of every class"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the counts into a file too")
    parser.add_argument("rest", nargs="*", help="for pytest, after --: such as -k power or -n 2")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder) / "counts"
        counts.touch()
        start = time.monotonic()
        variables = {**os.environ, "ZOO_FAULT_COUNTS": str(counts), "ZOO_FAULTS": "long" if options.long else "short"}
        command = [sys.executable, "-m", "pytest", "-q", str(ROOT / "tests" / "faults"), *options.rest]
        done = subprocess.run(command, cwd=ROOT, env=variables, check=False)
        seconds, used = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        found = collections.Counter[str]()
        for line in counts.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found[row["class"]] += row["tries"]
    sys.stdout.writelines(f"{tries:7,}  {name}\n" for name, tries in sorted(found.items()))
    cpu = round(used.ru_utime + used.ru_stime)
    sys.stdout.write(f"{seconds:.0f} s, in which {cpu} s of processor time were used\n")
    if options.json:
        result = {"long": options.long, "seconds": round(seconds), "processor_seconds": cpu}
        result |= {"exit_code": done.returncode, "tries": dict(found)}
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
