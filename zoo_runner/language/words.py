"""Single words that the code puts into sentences and tables. Sentences are found where they stand; these are not."""

from __future__ import annotations

from typing import Final

SINGLE_WORDS: Final = (
    *("pass", "fail", "error", "inconclusive", "waived", "stopped", "not gated"),
    *("images", "samples", "texts", "lines", "inferences", "image", "sample", "objects", "predictions"),
    *("line", "measured", "expected", "tolerance", "verdict", "batch", "stage", "seconds", "note", "loops"),
    *("rose", "fell", "went", "none", "nothing", "packages", "package", "setting", "artifact", "environment", "data"),
    *("preprocessing", "inference", "postprocessing", "used", "overdue", "below floor", "not needed"),
    *("not applicable", "unchanged", "failed", "reused", "higher", "lower", "nearer", "batch sizes"),
    *("missed errors", "duplicate errors", "confusion errors", "localisation errors", "background errors"),
    *("{0} images", "{0} samples", "{0} texts", "{0} lines", "{0} objects", "{0} predictions", "{0} classes"),
    *("{0} of {1} images", "{0} of {1} samples", "{0} of {1} texts", "{0} of {1} lines"),
    *("setting {0}: {1} -> {2}", "file {0}: {1} -> {2}", "{0} batch sizes", "file type {0}", "place in batch {0}"),
    *("{0} image", "{0} sample", "{0} text", "{0} line", "{0} batch size"),
    *("images/s", "samples/s", "texts/s", "lines/s", "inferences/s"),
    *("metric {0} s", "{0} resamples {1} s", "comparison {0} s", "diagnosis {0} s"),
    *("missed", "unmeasured", "required", "percent"),
    *("weights", "network", "settings", "annotations"),
    *("string", "integer", "number", "boolean", "plugin", "backend", "one input {0}", "{0} and {1}"),
)
"""Each is a text of the catalogue, and is translated where it stands alone in a place of a sentence."""
