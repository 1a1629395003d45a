"""Faults in the manifest and on the command line, most of them with a model that must not pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from faults.bench import ALIKE
from faults.data import exchanged, texts
from faults.ran import Ran
from faults.records import REFUSED, STOPPED, Act, Fault
from faults.ways import BAD, setting
from faults.weights import each, pinned, randomised, written

if TYPE_CHECKING:
    from faults.bench import Bench

AREA: Final = "manifest"
PLACES: Final = {
    "pr": ("subsets.pr.expected", "voc07_map/reference@pr"),
    "whole": ("expected.accuracy", "voc07_map/reference"),
}
"""Where the figure stands in the manifest, and the id of its line."""
WAIVER: Final = "waivers=[{{line: {line}, owner: ann, issue: 'https://example.org/1', until: {until}, floor: {floor}}}]"


def placed(bench: Bench, *values: str) -> tuple[str, ...]:
    """Write values as arguments, ``FIGURE`` being where the figure stands."""
    return setting(*(value.replace("FIGURE", PLACES[bench.chosen][0]) for value in values))


def bad_model(*values: str) -> Act:
    """Run a model that must not pass, with other values of the manifest."""
    return lambda bench: bench.run(*BAD, *placed(bench, *values))


def waived(days: int | None, floor: float) -> Act:
    """Waive the figure for so many days, or for ever."""

    def act(bench: Bench) -> Ran:
        last = datetime.now(tz=timezone.utc) + timedelta(days=days or 0)
        until = f"{last:%Y-%m-%d}" if days else "2999-01-01"
        return bench.run(*BAD, *setting(WAIVER.format(line=PLACES[bench.chosen][1], until=until, floor=floor)))

    return act


def chip_without_accuracy(bench: Bench) -> Ran:
    """Expect nothing of the accuracy on this chip; such figures are of the whole data set."""
    good = bench.run_bare(*ALIKE).figure
    ran = bench.run_bare(*ALIKE, *BAD, *setting("expected.chips={cpu: {accuracy: {8: 0}}}"))
    return replace(ran, against=good)


def paired_with_red(bench: Bench) -> Ran:
    """Compare a bad model with a run of itself."""
    baseline = bench.run(*BAD)
    return bench.run(*BAD, *placed(bench, "FIGURE.rule=paired"), "--baseline", baseline.folder)


def paired_on_other_data(bench: Bench) -> Ran:
    """Compare a run on changed annotations with a run of the whole, unchanged set."""
    baseline = bench.run_bare(*ALIKE)
    devkit = bench.data(texts(exchanged("red_disc", "blue_disc")))
    return bench.run("--data", devkit, *placed(bench, "FIGURE.rule=paired"), "--baseline", baseline.folder)


def results_of_another_model(bench: Bench) -> Ran:
    """Score the good model's result files as those of a random one."""
    made = bench.run("--until", "infer", keep=True)
    arguments = pinned(written(bench, each(randomised)))
    truth = bench.run(*arguments).figure
    ran = bench.run(*arguments, "--from", "postprocess", "--results", made.folder / "results")
    return replace(ran, truth=truth)


FAULTS: Final = (
    Fault(
        name="unit-fraction",
        area=AREA,
        what="0.6 as a fraction, where the metric is in percent",
        act=bad_model(
            "expected.accuracy.unit=fraction",
            "expected.accuracy.value=0.6",
            "expected.accuracy.tolerance={abs: 0.01}",
            "expected.accuracy.too_good=null",
            "FIGURE.value=0.6",
            "FIGURE.tolerance={abs: 0.01}",
            "FIGURE.too_good=null",
        ),
        quick=True,
    ),
    Fault(
        name="value-as-fraction",
        area=AREA,
        what="0.926 percent",
        act=bad_model("FIGURE.value=0.926", "FIGURE.tolerance={abs: 0.003}", "FIGURE.too_good=null"),
        expect=REFUSED,
        quick=True,
        names="fraction",
    ),
    Fault(
        name="value-too-low",
        area=AREA,
        what="a figure that is 40 points too low",
        act=lambda bench: bench.run(*BAD, *placed(bench, "FIGURE.value=50", "FIGURE.too_good=null")),
    ),
    Fault(
        name="at-most",
        area=AREA,
        what="the figure must be at most the expected one",
        act=bad_model("FIGURE.direction=at_most", "FIGURE.too_good=null"),
        expect=REFUSED,
        names="worst",
    ),
    Fault(
        name="within-1000",
        area=AREA,
        what="within 1000 points of the figure",
        act=bad_model("FIGURE.direction=within", "FIGURE.tolerance={abs: 1000}", "FIGURE.too_good=null"),
        expect=REFUSED,
        names="worst",
    ),
    Fault(
        name="tolerance-90",
        area=AREA,
        what="a tolerance of 90 points",
        act=bad_model("FIGURE.tolerance={abs: 90}", "FIGURE.too_good=null"),
        expect=REFUSED,
        names="over 5 %",
    ),
    Fault(
        name="tolerance-nine-tenths",
        area=AREA,
        what="a tolerance of nine tenths of the figure",
        act=bad_model("FIGURE.tolerance={rel: 0.9}", "FIGURE.too_good=null"),
        expect=REFUSED,
        names="over 5 %",
    ),
    Fault(
        name="chip-accuracy-0",
        area=AREA,
        what="an accuracy of 0 for this chip",
        act=chip_without_accuracy,
        expect=REFUSED,
        names="worst",
    ),
    Fault(
        name="waiver-2999",
        area=AREA,
        what="a waiver until the year 2999",
        act=waived(None, 50),
        expect=REFUSED,
        names="180 days",
    ),
    Fault(
        name="waiver-floor-0",
        area=AREA,
        what="a waiver down to 0",
        act=waived(30, 0),
        expect=REFUSED,
        names="confirm",
    ),
    Fault(
        name="paired-with-red",
        area=AREA,
        what="rule paired, against a baseline that is itself red",
        act=paired_with_red,
    ),
    Fault(
        name="paired-on-other-data",
        area=AREA,
        what="rule paired on changed annotations, against a baseline of the whole set",
        act=paired_on_other_data,
        stage="data",
    ),
    Fault(
        name="results-of-another-model",
        area=AREA,
        what="result files of another model than the weights",
        act=results_of_another_model,
        stage="weights",
    ),
    Fault(
        name="nothing-expected",
        area=AREA,
        what="no figure expected",
        act=bad_model("FIGURE=null", "expected.accuracy=null"),
        expect=STOPPED,
    ),
)
