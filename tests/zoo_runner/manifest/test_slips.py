# ruff: noqa: E501 - complaints stand beside what causes them, one row a line
"""Expectations that hardly anything can miss: refused, with the line to write if they are meant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from dates import SOON, TODAY
from zoo_runner.errors import ManifestError
from zoo_runner.manifest.bands import Band, decimal
from zoo_runner.manifest.direction import Direction
from zoo_runner.manifest.load import load
from zoo_runner.manifest.slips import faults, slips
from zoo_runner.plugin.evidence import Scale

Write = Callable[..., Path]

PERCENT, FRACTION = Scale(unit="percent", worst=0.0, best=100.0), Scale(unit="fraction", worst=0.0, best=1.0)
ERRORS = Scale(unit="percent", higher_is_better=False, worst=100.0, best=0.0)
ACCURACY = "accuracy: {metric: m, protocol: p, value: 80"
WAIVER = f"{{line: m/p, owner: o, issue: 'https://x.org/1', until: {SOON}, floor: "

SLIPS = [
    pytest.param("expected: {accuracy: {metric: m, protocol: p, value: 0.926}}", "expected.accuracy.value: 0.926 percent is next to nothing (is it a fraction? then write 92.6)", "expected.accuracy", id="fraction under percent"),
    pytest.param("expected: {accuracy: {metric: m, protocol: p, value: 1}}", "expected.accuracy.value: 1.0 percent is next to nothing (is it a fraction? then write 100)", "expected.accuracy", id="one under percent"),
    pytest.param("expected: {accuracy: {metric: m, protocol: p, value: 0}}", "expected.accuracy.value: 0.0 percent is next to nothing", "expected.accuracy", id="nought percent"),
    pytest.param("expected: {accuracy: {metric: m, protocol: p, value: 0.926, unit: '%'}}", "expected.accuracy.value: 0.926 % is next to nothing (is it a fraction? then write 92.6)", "expected.accuracy", id="fraction under %"),
    pytest.param(f"expected: {{{ACCURACY}, tolerance: {{abs: 80}}}}}}", "expected.accuracy.tolerance: accepts 0 percent, the worst there is, so everything passes", "expected.accuracy", id="all of it"),
    pytest.param(f"expected: {{{ACCURACY}, tolerance: {{abs: 1000}}, direction: within}}}}", "expected.accuracy.tolerance: accepts 0 percent, the worst there is, so everything passes", "expected.accuracy", id="within a thousand"),
    pytest.param(f"expected: {{{ACCURACY}, tolerance: {{abs: 20}}, direction: at_most}}}}", "expected.accuracy.tolerance: accepts 100 percent, the worst there is, so everything passes", "expected.accuracy", id="at most all of it"),
    pytest.param(f"expected: {{{ACCURACY}, tolerance: {{abs: 4.01}}}}}}", "expected.accuracy.tolerance: 4.01 is over 5 % of the figure (80.0)", "expected.accuracy", id="five percent, absolute"),
    pytest.param(f"expected: {{{ACCURACY}, tolerance: {{rel: 0.051}}}}}}", "expected.accuracy.tolerance: 4.08 is over 5 % of the figure (80.0)", "expected.accuracy", id="five percent, relative"),
    pytest.param(f"expected: {{{ACCURACY}, rule: paired, absolute: {{abs: 5}}}}}}", "expected.accuracy.absolute: 5 is over 5 % of the figure (80.0)", "expected.accuracy", id="absolute"),
    pytest.param(f"expected: {{{ACCURACY}}}}}\nsubsets: {{pr: {{every: 2, expected: {{value: 90, tolerance: {{abs: 9}}}}}}}}", "subsets.pr.expected.tolerance: 9 is over 5 % of the figure (90.0)", "subsets.pr.expected", id="subset"),
    pytest.param(f"expected: {{{ACCURACY}}}, chips: {{310P3: {{accuracy: {{1: 79.6, 4: 8}}, throughput: {{1: 9}}}}}}}}\nbenchmark: {{batch: [1]}}", None, "", id="chip, fine"),
    pytest.param("expected: {accuracy: {metric: m, protocol: p, value: 0.8, unit: fraction}, chips: {310P3: {accuracy: {1: 0}}}}", "expected.chips.310P3.accuracy.1: accepts 0 fraction, the worst there is, so everything passes", "expected.chips.310P3", id="chip's accuracy of 0"),
    pytest.param("expected: {chips: {310P3: {throughput: {1: 4}, tolerance: {abs: 5}}}}", "expected.chips.310P3.tolerance: accepts 0 images/s, the worst there is, so everything passes", "expected.chips.310P3", id="throughput of 0"),
    pytest.param("expected: {chips: {310P3: {throughput: {1: 400}, tolerance: {rel: 0.06}}}}", "expected.chips.310P3.tolerance: 24 is over 5 % of the figure (400.0)", "expected.chips.310P3", id="throughput"),
    pytest.param(f"expected: {{{ACCURACY}}}}}\nwaivers: [{WAIVER}70}}]", "waivers.0.floor: 70.0 is more than 5 % of the figure (80.0) away from what passes", "waivers.0", id="low floor"),
    pytest.param(f"expected: {{{ACCURACY}, direction: within}}}}\nwaivers: [{WAIVER}70}}]", "waivers.0.floor: 70.0 is more than 5 % of the figure (80.0) away from what passes", "waivers.0", id="wide floor"),
]  # fmt: skip # one row a line


@pytest.mark.parametrize(("addition", "complaint", "section"), SLIPS)
def test_refused_unless_confirmed(
    write: Write, minimal: str, addition: str, complaint: str | None, section: str
) -> None:
    path = write(f"{minimal}{addition}\n")
    if complaint is None:
        load(path)
        return
    with pytest.raises(ManifestError) as caught:
        load(path)
    line = str(caught.value).splitlines()[0]
    remedy = f'if it is meant, add to {section}: confirm: "the reason"'
    assert line.partition(": ")[2] == f"{complaint}; {remedy}"
    if section != "waivers.0":  # a list cannot be reached into from the command line
        assert load(path, [f"{section}.confirm='it is meant'"])
    else:
        path.write_text(path.read_text().replace("floor:", "confirm: it is meant, floor:"))
        assert load(path)


@pytest.mark.parametrize(
    ("unit", "scale", "slip"),
    [
        ("percent", None, True),
        ("%", None, True),
        ("Percent", None, True),
        ("percent", FRACTION, True),
        ("fraction", None, False),
        ("fraction", FRACTION, False),
        ("fraction", PERCENT, True),
        ("dB", None, False),
    ],
)
def test_next_to_nothing_in_percent(unit: str, scale: Scale | None, slip: bool) -> None:
    found = [text for key, text in faults(Band(decimal(0.009)), None, unit, scale) if key == "value"]
    assert (f"0.009 {unit} is next to nothing" in "".join(found)) is slip


@pytest.mark.parametrize("reason", [" ", "\\t", ""])
def test_a_reason_has_words(write: Write, minimal: str, reason: str) -> None:
    with pytest.raises(ManifestError, match=r"expected\.accuracy\.confirm: expected (some words|at least 1 character)"):
        load(write(f'{minimal}expected: {{{ACCURACY}, confirm: "{reason}"}}}}\n'))


HOST = f"""\
expected:
  {ACCURACY}, tolerance: {{rel: 0.1}}, confirm: few samples}}
  chips: {{310P3: {{throughput: {{1: 400}}, tolerance: {{rel: 0.2}}, confirm: the host is shared}}}}
subsets: {{pr: {{every: 2, expected: {{value: 90, tolerance: {{abs: 9}}, confirm: few samples}}}}}}
benchmark: {{batch: [1, 4]}}
"""


@pytest.mark.parametrize(
    ("over", "complaint"),
    [
        pytest.param("expected: {accuracy: {value: 0.8}}", "expected.accuracy.value: 0.8 percent is next to nothing", id="value"),
        pytest.param("expected: {accuracy: {tolerance: {rel: 0.5}}}", "expected.accuracy.tolerance: 40 is over 5 %", id="tolerance"),
        pytest.param("expected: {accuracy: {value: 50, direction: within, tolerance: {abs: 50}}}", "expected.accuracy.tolerance: accepts 0 percent", id="all"),
        pytest.param("subsets: {pr: {expected: {value: 5}}}", "subsets.pr.expected.tolerance: accepts 0 percent", id="a subset's value"),
        pytest.param("expected: {chips: {310P3: {tolerance: {rel: 0.9}}}}", "expected.chips.310P3.tolerance: 360 is over 5 %", id="chip"),
        pytest.param("expected: {accuracy: {value: 0.8, confirm: so}}", "", id="confirmed anew"),
        pytest.param("expected: {accuracy: {value: 82}}", "", id="the tolerance is as it was confirmed"),
        pytest.param("expected: {chips: {310P3: {throughput: {1: 500, 4: 900}}}}", "", id="and that of a chip"),
        pytest.param("expected: {accuracy: {confirm: fewer yet}}", "", id="another reason"),
    ],
)  # fmt: skip # one row a line
def test_a_confirmation_is_not_about_what_is_written_over_it(
    write: Write, minimal: str, over: str, complaint: str
) -> None:
    base = write(f"{minimal}{HOST}")
    child = base.with_name("child.yaml")
    child.write_text(f"extends: {base.name}\n{over}\n")
    if not complaint:
        assert load(child)
        return
    with pytest.raises(ManifestError) as caught:
        load(child)
    assert complaint in str(caught.value)
    assert "is older than what stands here)" in str(caught.value)


def test_a_confirmation_is_not_about_what_the_command_line_says(write: Write, minimal: str) -> None:
    path = write(f"{minimal}{HOST}waivers: [{WAIVER}70, confirm: so}}]\n")
    for override in ("expected.accuracy.value=0.8", "waivers.0.floor=2"):
        with pytest.raises(ManifestError, match="is older than what stands here"):
            load(path, [override])
    assert load(path, ["expected.accuracy.value=0.8", "expected.accuracy.confirm=so", "waivers=null"])


def test_a_floor_of_nothing_is_refused(write: Write, minimal: str) -> None:
    path = write(f"{minimal}expected: {{{ACCURACY}}}}}\nwaivers: [{WAIVER}0}}]\n")
    with pytest.raises(ManifestError, match=r"waivers\.0\.floor: 0\.0 percent is next to nothing"):
        load(path)


@pytest.mark.parametrize(("days", "fine"), [(0, True), (-400, True), (180, True), (182, False), (355_000, False)])
def test_a_waiver_ends_within_half_a_year(write: Write, minimal: str, days: int, fine: bool) -> None:
    until = (TODAY + timedelta(days=days)).isoformat()
    text = f"{minimal}expected: {{{ACCURACY}}}}}\nwaivers: [{WAIVER.replace(SOON, until)}79}}]\n"
    if fine:
        assert load(write(text)).manifest.waivers[0].until.isoformat() == until
        return
    with pytest.raises(ManifestError) as caught:
        load(write(text))
    assert "waivers.0.until: expected a day within 180 days from today (UTC), " in str(caught.value)
    assert f" at the latest, found {until}; renew it when it ends, if it has to be" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "margin", "direction", "unit", "scale", "keys"),
    [
        pytest.param(79.58, 0.02, None, "percent", PERCENT, [], id="fine"),
        pytest.param(79.58, 0.02, "at_least", "percent", PERCENT, [], id="the metric's own direction"),
        pytest.param(79.58, 0.02, "within", "percent", PERCENT, [], id="within is against none"),
        pytest.param(79.58, 0.02, "at_most", "percent", PERCENT, ["direction", "value"], id="at_most on accuracy"),
        pytest.param(20.0, 0.5, "at_least", "percent", ERRORS, ["direction", "value"], id="at_least on errors"),
        pytest.param(20.0, 0.5, None, "percent", ERRORS, [], id="errors"),
        pytest.param(99.8, 0.3, None, "percent", ERRORS, ["tolerance"], id="errors, all of them"),
        pytest.param(99.8, 0.3, "within", "percent", PERCENT, [], id="within, with the best value in it"),
        pytest.param(99.8, 0.3, "within", "percent", ERRORS, ["tolerance"], id="within, with the worst in it"),
        pytest.param(0.8, 0.0, None, "fraction", PERCENT, [], id="a fraction of a metric in percent"),
        pytest.param(0.0, 0.0, None, "fraction", PERCENT, ["value", "value"], id="nothing of it"),
        pytest.param(0.8, 0.01, None, "fraction", FRACTION, [], id="fraction"),
        pytest.param(5.0, 0.0, "at_most", "words", Scale(unit="words", higher_is_better=False), [], id="no worst"),
        pytest.param(5.0, 0.0, None, "words", Scale(unit="words", worst=5.0), ["value"], id="the worst of its own"),
        pytest.param(-5.0, 0.1, None, "nats", None, [], id="negative"),
    ],
)
def test_what_a_metric_says_of_itself_counts(
    value: float, margin: float, direction: str | None, unit: str, scale: Scale | None, keys: list[str]
) -> None:
    band = Band(decimal(value), decimal(margin))
    found = faults(band, None if direction is None else Direction(direction), unit, scale)
    assert [key for key, _ in found] == keys


def test_each_figure_is_read_as_its_own_metric_is(write: Write, minimal: str) -> None:
    text = "expected: {accuracy: {m/p: {value: 80}, errors/p: {value: 5, direction: at_most}}}"
    manifest = load(write(f"{minimal}{text}\n")).manifest
    assert list(slips(manifest, {"m/p": PERCENT, "errors/p": ERRORS})) == []
    found = {".".join(map(str, path)) for path, _ in slips(manifest, {"m/p": PERCENT, "errors/p": PERCENT})}
    assert found == {"expected.accuracy.errors/p.direction", "expected.accuracy.errors/p.value"}


def test_the_direction_is_asked_about_where_it_is_written(write: Write, minimal: str) -> None:
    text = f"expected: {{{ACCURACY}, direction: at_most}}, chips: {{310P3: {{accuracy: {{1: 79}}}}}}}}"
    manifest = load(write(f"{minimal}{text}\n")).manifest
    assert list(slips(manifest)) == []
    found = {".".join(map(str, path)) for path, _ in slips(manifest, {"m/p": PERCENT})}
    assert found == {"expected.accuracy.direction", "expected.accuracy.value", "expected.chips.310P3.accuracy.1"}
