"""Names of the files and folders that zoo-run writes into an output folder."""

from __future__ import annotations

from typing import Final

NAME: Final = "report.json"
"""The report itself. It is written last and retired first: if it is there, its other forms are complete."""
PAGE: Final = "report.html"
JUNIT: Final = "junit.xml"
SUMMARY: Final = "summary.md"
SARIF: Final = "report.sarif"
FILES: Final = (NAME, PAGE, JUNIT, SUMMARY, SARIF)
"""The report in all its forms."""
SBOM: Final = "sbom.cdx.json"
"""The bill of materials of ``--sbom``. It is retired with the report."""
REPLAY: Final = "replay.zip"
"""Left by a run whose accuracy gate is red or inconclusive, for ``zoo-run replay``. It is retired with the report."""
REPLAY_PAGE: Final = "replay.html"
PREDICTIONS: Final = "predictions.npz"
INPUTS: Final = "inputs"
RESULTS: Final = "results"
LOGS: Final = "logs"
INVENTORY: Final = ".zoo-run.json"
"""Lists the files and folders above with their hashes."""
LOCK: Final = ".zoo-run.lock"
"""This file is locked while a run writes to the folder."""
PREVIOUS: Final = {NAME: "previous-report.json", PAGE: "previous-report.html"}
"""New names of the last report's files when another run begins; its other forms are removed."""
EDITED: Final = ".edited"
"""Suffix for a file of the report that somebody edited: zoo-run keeps it under this name."""
SUMS: Final = "SHA256SUMS"
"""Lists the files of a pack with their hashes."""
ORIGIN: Final = "zoo-run.origin.json"
"""File in a result folder that says where the results come from."""
