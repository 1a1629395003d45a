"""Tolerances from repeated runs: wide enough for what varies from run to run, and no wider."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any, Final

import yaml

from zoo_runner.causes import Cause
from zoo_runner.errors import ExitCode, ManifestError, ZooError
from zoo_runner.history.conditions import conditions
from zoo_runner.history.trends import decimals
from zoo_runner.manifest.bands import Band, decimal
from zoo_runner.manifest.direction import Direction
from zoo_runner.manifest.lines import throughput_line
from zoo_runner.manifest.load import load
from zoo_runner.report.model import Verdict

if TYPE_CHECKING:
    from zoo_runner.history.ledger import Entry, EntryLine
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.manifest.tree import KeyPath

CONFIDENCE: Final = 0.99
"""That the next run is within the tolerance; gated on one side, 1 run in 200 misses a figure by chance."""
FEWEST: Final = 3
"""Of two runs the spread is known so badly that the tolerance would be 78 times it."""
_JUDGED: Final = (Verdict.PASS, Verdict.FAIL, Verdict.WAIVED)
_DIGITS: Final = 2
"""Significant digits of a tolerance."""


class ProposalError(ZooError):
    """The runs there are do not allow a proposal."""

    exit_code = ExitCode.INCONCLUSIVE
    cause = Cause.TOO_FEW_RUNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What repeats say of one line.

    Attributes:
        line: The line's id.
        unit: The unit of all that follows.
        expected: What the runs were held against.
        runs: How many measured it.
        mean: Of what they measured.
        spread: Standard deviation of what they measured.
        value: Proposed expectation: the mean, rounded.
        tolerance: Proposed distance from it.
    """

    line: str
    unit: str
    expected: float
    runs: int
    mean: float
    spread: float
    value: float
    tolerance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Figures for one chip and backend, from runs of one manifest.

    Attributes:
        loaded: The manifest.
        runs: What they rest on, newest first.
        figures: One for each line that is gated.
        left_out: Lines that are gated, with why nothing is proposed for them.
        expected: What replaces values of the manifest's section ``expected``.
    """

    loaded: LoadedManifest
    runs: tuple[Entry, ...]
    figures: tuple[Figure, ...]
    left_out: tuple[str, ...]
    expected: Mapping[str, Any]


def propose(entries: Sequence[Entry], loaded: LoadedManifest, count: int) -> Proposal:
    """Propose expectations from the last repeats.

    Repeats are runs with a verdict, of the whole data set, with the same manifest (by its digest), backend, chip
    and weights as the newest of them. Half the width of the two-sided prediction interval for one more run is
    the tolerance: ``t * s * sqrt(1 + 1/n)`` around the mean, for ``n`` values that vary normally with standard
    deviation ``s``, where ``t`` is Student's quantile for ``n - 1`` degrees of freedom (Berthouex and Brown,
    *Statistics for Environmental Engineers*, 2nd edition 2002, chapter 21). It is never less than half of the last
    digit that is printed. A figure that a run took from an earlier one, because predictions were kept, is no value of
    its own: of all those without one that was measured anew, one counts.

    Args:
        entries: Runs of this name, newest first.
        loaded: The manifest as it is now.
        count: How many repeats to use, where there are as many.

    Raises:
        ProposalError: There are fewer than three repeats; they have nothing in common that is gated; or what they
            say contradicts the rest of the manifest.
    """
    runs = _repeats(entries, loaded)[:count]
    if len(runs) < FEWEST:
        raise ProposalError(_too_few(entries, runs, loaded, count))
    figures, left_out = [], []
    for line in runs[0].lines:
        if line.expected is None:
            continue
        values = _values(runs, line)
        if len(values) < FEWEST:
            left_out.append(_measured_too_seldom(runs, line, len(values)))
        elif _too_wide(figure := _figure(line, line.expected, values), loaded):
            left_out.append(_scattered(figure))
        else:
            figures.append(figure)
    if not figures and left_out:
        raise ProposalError(f"{loaded.path}: the last {len(runs)} runs allow no figure:\n" + "\n".join(left_out))
    if not figures:
        raise ProposalError(
            f"{loaded.path}: expected a line that at least {FEWEST} of the last {len(runs)} runs measured and gated, "
            f"found none; give the manifest expectations, any figure at first, and run it {FEWEST} times"
        )
    expected = _expected(figures, loaded, runs[0])
    _check(loaded, expected)
    return Proposal(loaded=loaded, runs=runs, figures=tuple(figures), left_out=tuple(left_out), expected=expected)


def t_quantile(probability: float, freedom: int) -> float:
    """Return the ``t`` that Student's variable stays within, on both sides, with a probability.

    Args:
        probability: From 0 up to, not including, 1.
        freedom: Degrees of freedom, at least 1.

    Found by bisection of the distribution, which for whole degrees of freedom has a closed form (Abramowitz and
    Stegun, *Handbook of Mathematical Functions*, 26.7.3 and 26.7.4).
    """
    low, high = 0.0, 1.0
    while _within(high, freedom) < probability:
        high *= 2
    for _ in range(80):  # leaves less than the last bit of any double
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < probability else (low, middle)
    return high


def _within(t: float, freedom: int) -> float:
    """Return the probability that Student's variable is between ``-t`` and ``t``."""
    angle = math.atan(t / math.sqrt(freedom))
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    series = term if freedom > 1 else 0.0
    for step in range(2 + odd, freedom - 1, 2):
        term *= (step - 1) / step * math.cos(angle) ** 2
        series += term
    return 2 / math.pi * (angle + math.sin(angle) * series) if odd else math.sin(angle) * series


def _repeats(entries: Sequence[Entry], loaded: LoadedManifest) -> tuple[Entry, ...]:
    fit = [each for each in entries if each.digest == loaded.digest and not _unfit(each)]
    newest = [(each.backend, each.chip, each.weights) for each in fit[:1]]
    return tuple(each for each in fit if (each.backend, each.chip, each.weights) in newest)


def _unfit(entry: Entry) -> str:
    """Say why a run is no repeat, whatever it is compared with."""
    if entry.verdict not in _JUDGED:
        return str(entry.verdict.value).replace("_", " ")
    return f"of the subset {entry.subset}" if entry.subset else ""


def _too_few(entries: Sequence[Entry], runs: Sequence[Entry], loaded: LoadedManifest, count: int) -> str:
    if count < FEWEST:
        return f"expected at least {FEWEST} runs to propose tolerances from, found --propose {count}; ask for more"
    reasons: Counter[str] = Counter()
    for each in entries:
        if each.digest != loaded.digest:
            reasons["of the manifest as it was before, or with --set"] += 1
        elif why := _unfit(each):
            reasons[why] += 1
        elif each not in runs:
            reasons["with another backend, chip or checkpoint"] += 1
    left_out = "; ".join(f"{number} {why}" for why, number in reasons.items())
    missing = FEWEST - len(runs)
    return (
        f"{loaded.path}: expected at least {FEWEST} runs that passed or failed on the whole data set, of this manifest "
        f"as it is now, on one backend and chip with the same weights; found {len(runs)}"
        f"{f' (left out: {left_out})' if left_out else ''}. Run `zoo-run {loaded.path}` {missing} more "
        f"time{'s' if missing > 1 else ''}, then ask again"
    )


def _values(runs: Sequence[Entry], line: EntryLine) -> tuple[float, ...]:
    """Return what was measured, each measurement once.

    Of a ledger that does not say what was measured anew, values that are equal to the last bit count once.
    """
    found = list(_measured(runs, line))
    fresh = [value for value, anew in found if anew]
    unknown = dict.fromkeys(value for value, anew in found if anew is None and value not in fresh)
    return (*fresh, *unknown) or tuple(value for value, _ in found[:1])


def _measured(runs: Sequence[Entry], line: EntryLine) -> Iterator[tuple[float, bool | None]]:
    """Yield the figures under the same expectation and conditions, and whether each was measured anew.

    An inconclusive figure says nothing about the model.
    """
    under = conditions(runs[0], line)
    for each in runs:
        found = each.line(line.id)
        if found is None or found.verdict not in _JUDGED or found.expected != line.expected:
            continue
        if found.value is not None and math.isfinite(found.value) and conditions(each, found).allow(under):
            yield found.value, found.fresh


def _measured_too_seldom(runs: Sequence[Entry], line: EntryLine, count: int) -> str:
    repeated = len(list(_measured(runs, line))) - count
    text = f"{line.id}: measured and judged in {count} of {len(runs)} runs, too few"
    if not repeated:
        return text
    return f"{text}; {repeated} more took what an earlier run had inferred: run it with --no-cache"


def _figure(line: EntryLine, expected: float, values: Sequence[float]) -> Figure:
    centre, spread = mean(values), stdev(values)
    least = 10.0 ** -decimals(line.unit) / 2
    half = t_quantile(CONFIDENCE, len(values) - 1) * spread * math.sqrt(1 + 1 / len(values))
    half = max(half, least)
    value = round(centre, max(0, _DIGITS - math.floor(math.log10(half))))  # a hundredth of the tolerance, or less
    return Figure(
        line=line.id,
        unit=line.unit,
        expected=expected,
        runs=len(values),
        mean=centre,
        spread=spread,
        value=value,
        tolerance=_upwards(half),
    )


def _upwards(value: float) -> float:
    """Round a positive number up to a few significant digits."""
    places = _DIGITS - 1 - math.floor(math.log10(value))
    scaled = value * 10.0**places
    whole = round(scaled) if math.isclose(scaled, round(scaled), rel_tol=1e-9) else math.ceil(scaled)
    return whole / 10.0**places if places > 0 else float(whole * 10**-places)


def _expected(figures: Sequence[Figure], loaded: LoadedManifest, run: Entry) -> dict[str, Any]:
    """Lay out the figures like the manifest's section ``expected``."""
    section, found = loaded.manifest.expected, {figure.line: figure for figure in figures}
    replaced: dict[str, Any] = {}
    own: dict[str, Any] = {}
    place = section.chip_key(run.chip, run.backend)
    table = section.chips.get(place)
    for each in section.accuracies:
        if metric := found.get(each.line):
            # Whichever figures the runs were held against: a chip may have its own for some batch sizes.
            values = each.by_batch(table) if table else {}
            same = [batch for batch, value in values.items() if value == metric.expected]
            value = {"value": metric.value} if each.figure.value == metric.expected else {}
            figure = {**value, "tolerance": {"abs": metric.tolerance, "rel": 0.0}, **_confirmed([metric])}
            _put(replaced, each.path[1:], figure)
            if table and same:
                _put(own, each.chip_path(place, table)[3:], dict.fromkeys(same, metric.value))
    rates = {batch: found.get(throughput_line(run.chip, batch)) for batch in (table.throughput if table else ())}
    measured = {batch: rate for batch, rate in rates.items() if rate is not None}
    if measured:
        own["throughput"] = {batch: rate.value for batch, rate in measured.items()}
        widest = max(rate.tolerance / rate.value for rate in measured.values())
        own |= {"tolerance": {"abs": 0.0, "rel": _upwards(widest)}, **_confirmed(list(measured.values()))}
    return replaced | ({"chips": {place: own}} if own else {})


def _put(section: dict[Any, Any], path: KeyPath, value: Mapping[Any, Any]) -> None:
    """Lay a section into another one, below the keys that lead to it."""
    for key in path[:-1]:
        section = section.setdefault(key, {})
    section[path[-1]] = value


def _confirmed(figures: Sequence[Figure]) -> dict[str, str]:
    """Return the confirmation that a wide tolerance needs: it is no slip, the figure does scatter that much."""
    wide = any(Band(decimal(each.value), decimal(each.tolerance)).wide for each in figures)
    return {"confirm": f"scatter of {min(each.runs for each in figures)} runs"} if wide else {}


def _check(loaded: LoadedManifest, expected: Mapping[str, Any]) -> None:
    """Load the manifest with the figures, to see that they fit the rest of it."""
    texts = [
        f"expected.{key}={yaml.safe_dump(value, default_flow_style=True, width=math.inf)}"
        for key, value in expected.items()
    ]
    try:
        load(loaded.path, [*loaded.overrides, *texts])
    except ManifestError as error:
        raise ProposalError(
            f"{loaded.path}: what the runs say does not fit the rest of the manifest; change that first:\n{error}"
        ) from None


def _too_wide(figure: Figure, loaded: LoadedManifest) -> bool:
    """Say whether everything would pass: no figure is worth writing down then."""
    own = next((each.figure for each in loaded.manifest.expected.accuracies if each.line == figure.line), None)
    two_sided = own is not None and own.direction in {Direction.AT_MOST, Direction.WITHIN}
    return not two_sided and figure.value > 0 and _upwards(figure.tolerance / figure.value) >= 1


def _scattered(figure: Figure) -> str:
    digits = decimals(figure.unit)
    return (
        f"{figure.line}: {figure.mean:.{digits}f} {figure.unit}, give or take {figure.tolerance:.{digits}f}, scatters "
        f"too much over {figure.runs} runs; run on a quieter machine, time longer (benchmark.loop), or repeat it more"
    )
