"""Writes the list of licences of what a release needs, from its bill of materials.

    python tools/release/licences.py dist/zoo_runner-X.Y.Z.cdx.json

``nox -s build`` makes the bill and the list.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

UNKNOWN: Final = "not declared"
"""Stands for the licence of what declares none: somebody has to look."""


def listing(bill: Mapping[str, Any]) -> str:
    """Return a table in Markdown: each component with its version and licences.

    Args:
        bill: A bill of materials in CycloneDX's JSON form.
    """
    rows = sorted(
        (str(each["name"]), str(each.get("version", "")), " / ".join(dict.fromkeys(_licences(each))) or UNKNOWN)
        for each in bill.get("components", ())
    )
    lines = [f"| {name} | {version} | {licence.replace('|', chr(92) + '|')} |\n" for name, version, licence in rows]
    return "".join(("| component | version | licence |\n", "|---|---|---|\n", *lines))


def _licences(component: Mapping[str, Any]) -> Iterator[str]:
    """Yield the licences of a component: the identifier or expression of SPDX where there is one, else the name."""
    for each in component.get("licenses", ()):
        licence = each.get("license", {})
        found = each.get("expression") or licence.get("id") or licence.get("name")
        if found:
            yield " ".join(str(found).rpartition(" :: ")[2].split())  # of a classifier its last part


def main() -> None:
    """Write the list beside the bill, with the ending ``.licences.md``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bill", type=Path, help="bill of materials in CycloneDX's JSON form")
    bill: Path = parser.parse_args().bill
    target = bill.with_name(bill.name.removesuffix(".cdx.json") + ".licences.md")
    text = listing(json.loads(bill.read_bytes()))
    target.write_text(text, encoding="utf-8")
    print(f"{target}: {text.count(chr(10)) - 2} components, of {text.count(f'| {UNKNOWN} |')} no licence is declared")


if __name__ == "__main__":
    main()
