"""Checks of what a manifest expects against what the plugin's metric says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_runner.errors import ManifestError, did_you_mean
from zoo_runner.job.gate_rules import check_rules
from zoo_runner.manifest.bands import factor
from zoo_runner.manifest.figures import is_line
from zoo_runner.manifest.scales import scale_of
from zoo_runner.manifest.slips import slips
from zoo_runner.manifest.tree import dotted

if TYPE_CHECKING:
    from zoo_runner.manifest.accuracies import ExpectedAccuracy
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.plugin.evidence import Scale
    from zoo_runner.plugin.scoring import Metric


def check_metric(loaded: LoadedManifest, metric: Metric) -> None:
    """Check that the plugin measures all that is expected, so that it can be held against the figures.

    Raises:
        ManifestError: It does not measure one of the metrics, or in another unit; a rule needs resamples that there
            are none of; or a figure looks like a slip of the pen by what the metric says of itself.
    """
    expected = loaded.manifest.expected.accuracies
    if problems := [
        *(text for each in expected for text in _not_measured(loaded, metric, each)),
        *_unknown_references(loaded, metric),
    ]:
        raise ManifestError("\n".join(problems))
    check_rules(loaded, metric)
    _check_figures(loaded, metric, expected)


def _not_measured(loaded: LoadedManifest, metric: Metric, accuracy: ExpectedAccuracy) -> list[str]:
    """Say that the plugin does not measure what is expected; empty if it does."""
    if (accuracy.metric, accuracy.protocol) in metric.measures:
        return []
    known = [f"{name}/{protocol}" for name, protocol in metric.measures]
    keyed = is_line(accuracy.path[-1])
    where = loaded.locate(accuracy.path if keyed else (*accuracy.path, "metric"))
    text = f"the plugin measures {', '.join(known)}, found {accuracy.line}{did_you_mean(accuracy.line, known)}"
    return [f"{where}: {dotted(accuracy.path)}: {text}"]


def _unknown_references(loaded: LoadedManifest, metric: Metric) -> list[str]:
    """Name references of metrics that the plugin does not measure: nothing would ever stand beside them."""
    known = [f"{name}/{protocol}" for name, protocol in metric.measures]
    paths = [
        ("expected", "reference", place, "accuracy", line)
        for place, reference in enumerate(loaded.manifest.expected.reference)
        for line in reference.accuracy
        if line not in known
    ]
    text = f"the plugin measures {', '.join(known)}"
    return [
        f"{loaded.locate(path)}: {dotted(path)}: {text}, found {path[-1]}{did_you_mean(str(path[-1]), known)}"
        for path in paths
    ]


def _check_figures(loaded: LoadedManifest, metric: Metric, expected: tuple[ExpectedAccuracy, ...]) -> None:
    """Hold the figures against what the metric says of itself: unit, direction and range."""
    scales = {each.line: scale_of(metric, each.metric, each.protocol) for each in expected}
    known = {line: scale for line, scale in scales.items() if scale is not None}
    problems = [text for each in expected if each.line in known for text in _other_unit(loaded, each, known[each.line])]
    if not problems and known:
        problems = [
            f"{loaded.locate(path)}: {dotted(path)}: {text}"
            for path, text in slips(loaded.manifest, known, loaded.older)
        ]
    if problems:
        raise ManifestError("\n".join(problems))


def _other_unit(loaded: LoadedManifest, accuracy: ExpectedAccuracy, scale: Scale) -> list[str]:
    """Say that a figure is in a unit that does not convert to the metric's; empty if it does."""
    if factor(accuracy.unit, scale.unit) is not None:
        return []
    path = (*accuracy.path, "unit")
    text = (
        f"expected {scale.unit!r}, in which {accuracy.line} is measured, or a unit that converts to it exactly, found "
        f"{accuracy.unit!r}{did_you_mean(accuracy.unit, [scale.unit])}"
    )
    return [f"{loaded.locate(path)}: {dotted(path)}: {text}"]
