"""What the page says of a comparison with a baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_runner.report.html import render
from zoo_runner.report.html.difference import NOTES
from zoo_runner.report.html.figures import MINUS
from zoo_runner.report.model import Report

if TYPE_CHECKING:
    from tests.zoo_runner.report.conftest import Parsed
    from tests.zoo_runner.report.html.conftest import Pages, Reports


def test_the_comparison_is_in_the_order_of_use(pages: Pages) -> None:
    page = pages.tree("compared")
    section = next(page.all("section", id="baseline"))
    assert [each.text for each in section.all("h3")] == [
        "What changed",
        "What came of it",
        "Gained and lost by class",
        "Errors by kind",
        "Throughput",
        "What the lost have in common",
        "Lost most: samples",
    ]
    rows = [row.text for row in next(section.all("table", class_="samples rows")).all("tr")]
    assert rows[1] == f"000003 88.0 30.0 58.0 missed +2 duplicate +1 confusion {MINUS}1"
    assert [each.attributes["href"] for each in section.all("a")] == [f"#sample-{7 * place + 3}" for place in range(6)]


def test_what_matters_since_the_baseline_stands_above_the_figures(parsed: Parsed, reports: Reports) -> None:
    notes = ("setting mean: not set -> 0", *(f"note {number}" for number in range(1, 9)))
    comparison = reports.comparison(reports.full()).model_copy(update={"notes": notes})
    page = parsed(render(reports.full(comparison=comparison), ()))
    (box,) = page.all("div", class_="aside since")
    first, rest = box.all("ul")
    said = [each.text for each in first.all("li")]
    assert said == ["setting mean: not set \N{RIGHTWARDS ARROW} 0", *(f"note {number}" for number in range(1, NOTES))]
    assert next(box.all("summary")).text == f"{9 - NOTES} more"
    assert [each.text for each in rest.all("li")] == list(notes[NOTES:])
    assert next(box.all("a")).attributes["href"] == "#baseline"


def data_changed(reports: Reports) -> Report:
    """The same detections as the baseline's, by other annotations."""
    before = reports.comparison(reports.full())
    metrics = []
    for metric in before.metrics:
        same = tuple(each.model_copy(update={"before": each.after, "difference": 0.0}) for each in metric.per_class)
        update = {"before": metric.after + 8.0, "rescored": metric.after, "difference": 0.0, "per_class": same}
        metrics.append(metric.model_copy(update=update))
    comparison = before.model_copy(update={"metrics": tuple(metrics), "errors_before": before.errors_after})
    return reports.full(comparison=comparison)


def test_what_the_data_did_is_not_laid_to_the_model(parsed: Parsed, reports: Reports) -> None:
    section = next(parsed(render(data_changed(reports), ())).all("section", id="baseline"))
    metrics, classes, errors = list(section.all("table"))[1:4]
    head, row = [row.text for row in metrics.all("tr")][:2]
    assert head.startswith("Metric Baseline Baseline rescored This run Difference")
    assert f"{MINUS}8.00" in row
    assert [each.text for each in metrics.all("b", class_="loss")] == [f"{MINUS}8.00"] * 2
    assert list(metrics.all("b", class_="gain")) == []
    assert "No class gained or lost against the rescored baseline" in section.text
    assert list(section.all("svg", class_="plot")) == []
    assert next(classes.all("tr")).text.startswith("Class Baseline rescored")
    assert [row.text.split()[-1] for row in errors.all("tr")][1:] == ["0"] * 4


def class_lost_by_data(reports: Reports) -> Report:
    """The same, where a class lost 40 by other annotations, and what was right is background now."""
    report = data_changed(reports)
    assert report.comparison is not None
    first, *rest = report.comparison.metrics
    told = tuple(each.model_copy(update={"reported": each.before}) for each in first.per_class)
    lost = told[0].model_copy(update={"reported": told[0].before + 40.0})
    update = {
        "metrics": (first.model_copy(update={"per_class": (lost, *told[1:])}), *rest),
        "errors_reported": {"missed": 84, "confusion": 12, "localisation": 31, "background": 8},
    }
    return report.model_copy(update={"comparison": report.comparison.model_copy(update=update)})


def test_a_class_shows_what_was_reported_of_it(parsed: Parsed, reports: Reports) -> None:
    report = class_lost_by_data(reports)
    assert report.comparison is not None
    lost = report.comparison.metrics[0].per_class[0]
    assert lost.reported is not None
    section = next(parsed(render(report, ())).all("section", id="baseline"))
    figure = next(section.all("figure"))
    assert "open" in next(figure.all("details")).attributes
    head, first, second, *_ = [row.text for row in figure.all("tr")]
    assert head == "Class Baseline Baseline rescored This run Difference Interval"
    assert first.startswith(f"{lost.label} {lost.reported:.2f} {lost.before:.2f} {MINUS}40.00 {lost.after:.2f} 0.00 ")
    assert [each.text for each in figure.all("b", class_="loss")] == [f"{MINUS}40.00"]
    assert second.split()[4] == "0.00"  # no loss by data, and none by the run
    fields = {each.attributes["data-field"] for each in figure.all(class_="num")}
    assert "/comparison/metrics/0/per_class/0/reported" in fields


def test_errors_show_what_was_reported_of_them(parsed: Parsed, reports: Reports) -> None:
    section = next(parsed(render(class_lost_by_data(reports), ())).all("section", id="baseline"))
    errors = list(section.all("table"))[3]
    rows = [row.text for row in errors.all("tr")]
    assert rows[0] == "Kind of error Baseline Baseline rescored This run Difference"
    assert rows[4] == "background 8 47 47 0"
    shown = {each.attributes["data-field"]: each.text for each in errors.all(class_="num")}
    assert shown["/comparison/errors_reported/background"] == "8"


def test_what_was_reported_is_not_repeated(reports: Reports) -> None:
    report = reports.compared()
    assert report.comparison is not None
    first, *rest = report.comparison.metrics
    told = tuple(each.model_copy(update={"reported": each.before}) for each in first.per_class)
    update = {
        "metrics": (first.model_copy(update={"per_class": told}), *rest),
        "errors_reported": report.comparison.errors_before,
    }
    same = report.model_copy(update={"comparison": report.comparison.model_copy(update=update)})
    assert render(same, ()) == render(report, ())


def test_the_baselines_detections_are_not_named_twice(pages: Pages) -> None:
    assert "rescored" not in next(pages.tree("compared").all("section", id="baseline")).text


def test_the_comparison_says_when_it_draws_some_classes(parsed: Parsed, reports: Reports) -> None:
    before = reports.comparison(reports.full())
    one = before.metrics[0].per_class[0]
    many = tuple(one.model_copy(update={"label": f"class {number}"}) for number in range(45))
    metrics = (before.metrics[0].model_copy(update={"per_class": many}),)
    section = next(
        parsed(render(reports.full(comparison=before.model_copy(update={"metrics": metrics})), ())).all(
            "section", id="baseline"
        )
    )
    assert "the 40 that lost most" in section.text


def test_nothing_changed(parsed: Parsed, reports: Reports) -> None:
    same = reports.comparison(reports.full()).model_copy(
        update={
            "changes": (),
            "metrics": (),
            "performance": (),
            "errors_before": {},
            "errors_after": {},
            "samples": (),
            "clusters": (),
        }
    )
    section = next(parsed(render(reports.full(comparison=same), ())).all("section", id="baseline"))
    assert "Settings, packages, artifacts and data are the same." in section.text
    assert list(section.all("table")) == []


def test_what_the_lost_have_in_common_stands_beside_its_share_of_all(pages: Pages) -> None:
    tables = next(pages.tree("compared").all("section", id="baseline")).all("table")
    (rows,) = [rows for rows in ([row.text for row in each.all("tr")] for each in tables) if "In common" in rows[0]]
    assert rows == [
        "In common Of the lost Of all",
        "class red_disc objects 96 % 22 / 23 20 % 61 / 310",
        "file type .png samples 100 % 9 / 9 0.42 % 1 / 240",
    ]
