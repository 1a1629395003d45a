"""Proposals for several figures of accuracy: each at its own place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ledger_entries import make_entry
from zoo_runner.history.ledger import EntryLine
from zoo_runner.history.proposal import propose
from zoo_runner.history.proposal_text import diff
from zoo_runner.manifest.load import LoadedManifest, load
from zoo_runner.report.model import Verdict

if TYPE_CHECKING:
    from tests.zoo_runner.history.conftest import Toy

FIGURES = """\
  accuracy:
    accuracy/top1: {value: 80.0, tolerance: {rel: 0.05}}
    loss/mean: {value: 2.0, unit: nats, direction: at_most, tolerance: {rel: 0.05}}  # the smaller the better
  chips:
    310P3: {accuracy: {loss/mean: {8: 2.1}}}
"""


@pytest.fixture
def several(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoadedManifest:
    monkeypatch.chdir(tmp_path)
    path = Path("toy.yaml")
    path.write_text(f"{toy.text[: toy.text.index('  accuracy:')]}{FIGURES}")
    return load(path)


def line(name: str, value: float, expected: float, unit: str) -> EntryLine:
    return EntryLine(
        id=name, value=value, unit=unit, expected=expected, tolerance=1.0, verdict=Verdict.PASS, fresh=True, samples=10
    )


def test_each_figure_is_replaced_where_it_stands(toy: Toy, several: LoadedManifest) -> None:
    runs = [
        make_entry(
            line("accuracy/top1", value, 80.0, "percent"),
            line("loss/mean", loss, 2.1, "nats"),
            digest=several.digest,
            manifest=several.path.absolute(),
            weights="w",
        )
        for value, loss in ((79.9, 2.11), (80.0, 2.12), (80.1, 2.13))
    ]
    proposal = propose(runs, several, 3)
    assert {each.line: each.value for each in proposal.figures} == {"accuracy/top1": 80.0, "loss/mean": 2.12}
    expected = toy.saved(proposal).manifest.expected.model_dump()
    accuracy = expected["accuracy"]
    assert {name: (each["value"], each["tolerance"]["abs"]) for name, each in accuracy.items()} == {
        "accuracy/top1": (80.0, 1.2),
        "loss/mean": (2.0, 0.12),  # the runs were held against the chip's own figure
    }
    assert expected["chips"]["310P3"]["accuracy"] == {"loss/mean": {8: 2.12}}
    changed = [text for text in diff(proposal, Path()).splitlines() if text.startswith("+ ")]
    assert changed[-1] == "+    310P3: {accuracy: {loss/mean: {8: 2.12}}}"
