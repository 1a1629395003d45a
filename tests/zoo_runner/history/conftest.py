"""A ledger, and runs of a small manifest to propose figures from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ledger_entries import make_entry
from zoo_runner.history.ledger import LEDGER, Entry, EntryLine, Ledger
from zoo_runner.history.proposal import Proposal
from zoo_runner.history.proposal_text import patch
from zoo_runner.manifest.load import LoadedManifest, load
from zoo_runner.report.model import Verdict

MANIFEST = Path(__file__).with_name("toy.yaml")


class Toy:
    """Makes lines and runs of the manifest."""

    text = MANIFEST.read_text()

    def accuracy(
        self,
        value: float | None,
        *,
        expected: float | None = 80.0,
        verdict: Verdict = Verdict.PASS,
        fresh: bool | None = True,
        samples: int | None = 10,
    ) -> EntryLine:
        return EntryLine(
            id="accuracy/top1",
            value=value,
            unit="percent",
            expected=expected,
            tolerance=8.0,
            verdict=verdict,
            fresh=fresh,
            samples=samples,
        )

    def rate(self, batch: int, value: float, verdict: Verdict = Verdict.PASS) -> EntryLine:
        return EntryLine(
            id=f"throughput/310P3/{batch}",
            value=value,
            unit="images/s",
            expected={1: 100.0, 8: 200.0}[batch],
            tolerance=5.0,
            verdict=verdict,
            fresh=True,
        )

    def entry(self, loaded: LoadedManifest, *lines: EntryLine) -> Entry:
        return make_entry(*lines, digest=loaded.digest, manifest=loaded.path.absolute(), weights="w")

    def repeats(self, loaded: LoadedManifest, values: Sequence[float]) -> list[Entry]:
        return [self.entry(loaded, self.accuracy(value)) for value in values]

    def saved(self, proposal: Proposal, folder: Path = Path()) -> LoadedManifest:
        """Save the patch and load it, as a user would."""
        path = folder / "gated.yaml"
        path.write_text(patch(proposal, folder))
        return load(path)


@pytest.fixture(scope="session")
def toy() -> Toy:
    return Toy()


@pytest.fixture
def loaded(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoadedManifest:
    """The manifest in ``manifests`` below the current folder."""
    monkeypatch.chdir(tmp_path)
    path = Path("manifests/toy.yaml")
    path.parent.mkdir()
    path.write_text(toy.text)
    return load(path)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "store" / LEDGER)
