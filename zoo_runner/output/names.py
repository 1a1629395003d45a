"""Names of what runs leave in an output folder."""

from __future__ import annotations

from typing import Final

NAME: Final = "report.json"
"""The report itself. It is written last and retired first: where it is, the others are as well."""
PAGE: Final = "report.html"
JUNIT: Final = "junit.xml"
SUMMARY: Final = "summary.md"
SARIF: Final = "report.sarif"
FILES: Final = (NAME, PAGE, JUNIT, SUMMARY, SARIF)
"""The report in all its forms."""
SBOM: Final = "sbom.cdx.json"
"""What the run was made of, where that was asked for; it goes with the report."""
PREDICTIONS: Final = "predictions.npz"
INPUTS: Final = "inputs"
RESULTS: Final = "results"
LOGS: Final = "logs"
INVENTORY: Final = ".zoo-run.json"
"""Lists the files above with their hashes."""
LOCK: Final = ".zoo-run.lock"
"""Is locked while a run writes to the folder."""
PREVIOUS: Final = {NAME: "previous-report.json", PAGE: "previous-report.html"}
"""What becomes of the last report when another run begins; its other forms are removed."""
EDITED: Final = ".edited"
"""Ending of the name under which a report's form is kept that somebody changed after it was written."""
SUMS: Final = "SHA256SUMS"
"""List of the files of a pack with their hashes."""
ORIGIN: Final = "zoo-run.origin.json"
"""File in a result folder that says where the results come from."""
