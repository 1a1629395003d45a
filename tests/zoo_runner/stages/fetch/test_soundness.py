"""Damaged files are named before anything is made of them, looked at once, and scored only where that is accepted."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from zoo_runner.errors import ChangedError, DatasetError, ManifestError
from zoo_runner.manifest.schema import DamagedSamples
from zoo_runner.plugin.interfaces import Finding, Sample
from zoo_runner.stages.fetch.soundness import sound

if TYPE_CHECKING:
    from tests.conftest import Listener

OLD = 1_700_000_000


@dataclass
class Reader:
    """A preprocessing for which files are what their first word says."""

    check_identity: str = "1"
    identity: str = ""
    looked: list[str] = field(default_factory=list)

    def __call__(self, sample: Sample) -> dict[str, Any]:
        raise AssertionError(sample)

    def check(self, sample: Sample) -> Finding | None:
        self.looked.append(sample.id)
        try:
            word = sample.path.read_text().partition(" ")[0]
        except FileNotFoundError:
            raise DatasetError(f"sample {sample.id!r}: no file") from None
        if word == "rewritten":
            sample.path.write_text("other")
        return None if word == "good" else Finding(text=f"it is {word}", damage=word == "bad")


class Lab:
    """A data set in a folder, looked at as runs do."""

    def __init__(self, folder: Path, listener: Listener) -> None:
        self.folder, self.listener = folder, listener
        self.limit: int | None = None
        self.no_cache = False
        self.reader: Any = Reader()
        self.damaged: DamagedSamples | None = None
        self.journal: Any = None

    def write(self, **files: str) -> list[Sample]:
        for name, text in files.items():
            path = self.folder / name
            path.write_text(text)
        return [Sample(index=i, id=name, path=self.folder / name) for i, name in enumerate(files, start=1)]

    def __call__(self, samples: list[Sample]) -> list[Sample]:
        self.listener.heard.clear()
        self.journal = SimpleNamespace(
            note=self.listener.note, warn=self.listener.warn, track=self.listener.track, damaged=None
        )
        dataset = SimpleNamespace(name="toys", damaged=self.damaged)
        job: Any = SimpleNamespace(
            recipe=SimpleNamespace(
                manifest=SimpleNamespace(dataset=dataset, plugin=SimpleNamespace(name="toy")),
                loaded=SimpleNamespace(locate=lambda _: "m.yaml:3"),
                parts=SimpleNamespace(preprocess=self.reader),
                noun="samples",
            ),
            options=SimpleNamespace(limit=self.limit, no_cache=self.no_cache),
            store=SimpleNamespace(root=self.folder / "store"),
            journal=self.journal,
            scored=lambda every: every[: self.limit],
        )
        return list(sound(job, samples))


@pytest.fixture
def lab(tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> Lab:
    # Files written just now are as those of long ago: what was settled then is settled now.
    monkeypatch.setattr("zoo_runner.store.snapshots.TICK_NS", -(10**12))
    return Lab(tmp_path, listener)


def test_a_content_is_looked_at_once(lab: Lab) -> None:
    samples = lab.write(a="good", b="odd", c="good too")
    first = lab(samples)
    assert [sample.finding for sample in first] == [None, Finding(text="it is odd", damage=False), None]
    assert first[0] is samples[0]
    assert {"a", "b"} <= {*lab.reader.looked}
    assert lab.listener.heard == [
        "check: 3 of 3 samples",
        "files with what changes no input, 1 in all:\n  b: it is odd",
    ]
    lab.reader.looked.clear()
    assert lab(samples) == first
    assert lab.reader.looked == []
    assert lab.listener.heard == ["files with what changes no input, 1 in all:\n  b: it is odd"]


def test_a_moved_or_touched_file_is_not_looked_at_again(lab: Lab) -> None:
    samples = lab.write(a="good", b="odd")
    lab(samples)
    lab.reader.looked.clear()
    os.utime(samples[0].path, (OLD, OLD))
    moved = Sample(index=2, id="b", path=samples[1].path.rename(lab.folder / "moved"))
    found = lab([samples[0], moved])
    assert lab.reader.looked == []
    assert found[1].finding == Finding(text="it is odd", damage=False)


def test_another_content_is_looked_at(lab: Lab) -> None:
    samples = lab.write(a="good", b="good too")
    lab(samples)
    lab.reader.looked.clear()
    samples[0].path.write_text("bad!")
    assert lab(samples)[0].finding == Finding(text="it is bad!", damage=False)
    assert lab.reader.looked == ["a"]


def test_another_check_looks_again(lab: Lab) -> None:
    samples = lab.write(a="good", b="good too")
    lab(samples)
    lab.reader = Reader(check_identity="2")
    lab(samples)
    assert sorted(lab.reader.looked) == ["a", "b"]


def test_without_the_store_all_is_looked_at_again(lab: Lab) -> None:
    samples = lab.write(a="good", b="odd")
    first = lab(samples)
    lab.reader.looked.clear()
    lab.no_cache = True
    assert lab(samples) == first
    assert sorted(lab.reader.looked) == ["a", "b"]


def test_all_damaged_and_missing_files_are_named_at_once(lab: Lab) -> None:
    samples = lab.write(**{f"s{number:02}": f"bad {number}" for number in range(12)}, whole="good")
    samples.append(Sample(index=14, id="gone", path=lab.folder / "gone"))
    with pytest.raises(DatasetError) as caught:
        lab(samples)
    text = str(caught.value)
    assert text.startswith("toys: expected whole files, found 13 that are damaged or missing:\n  sample 's00': ")
    assert f"  sample 's09': {lab.folder / 's09'}: it is bad\n  and 3 more\nRestore them from" in text
    assert "  dataset: {damaged: {ids: ['s00', 's01', " in text
    assert text.endswith("'s09', ...], reason: published with the data set}}")
    lab.reader.looked.clear()
    with pytest.raises(DatasetError, match="found 13"):
        lab(samples)
    assert lab.reader.looked == ["gone"]


def test_accepted_damage_is_scored_and_told(lab: Lab) -> None:
    lab.damaged = DamagedSamples(ids=("b", "c"), reason="as published")
    found = lab(lab.write(a="good", b="bad", c="good"))
    assert [sample.finding for sample in found] == [None, Finding(text="it is bad", damage=True), None]
    assert lab.listener.heard[1:] == [
        "warning: dataset.damaged names files that are not damaged; remove from it: c",
        "warning: 1 damaged files are scored, as the manifest accepts (as published): b",
    ]
    assert (lab.journal.damaged.reason, lab.journal.damaged.samples) == ("as published", {"b": "it is bad"})


def test_samples_that_are_not_scored_are_not_looked_at(lab: Lab) -> None:
    lab.limit, lab.damaged = 1, DamagedSamples(ids=("b",), reason="as published")
    lab(lab.write(a="good", b="bad", c="bad"))
    assert lab.reader.looked == ["a"]
    assert lab.listener.heard == ["check: 1 of 1 samples"]


def test_an_accepted_id_that_is_unknown_is_an_error(lab: Lab) -> None:
    lab.damaged = DamagedSamples(ids=("s1", "scene3"), reason="as published")
    with pytest.raises(DatasetError, match=r"has no samples\n  's1'.*\n  'scene3'; did you mean 'scene33'\?"):
        lab(lab.write(scene33="good"))


def test_a_plugin_without_a_check(lab: Lab) -> None:
    lab.reader, samples = object(), lab.write(a="bad")
    assert lab(samples) == samples
    lab.damaged = DamagedSamples(ids=("a",), reason="as published")
    with pytest.raises(ManifestError, match=r"m.yaml:3: dataset.damaged: would have no effect: .*'toy' does not look"):
        lab(samples)


def test_a_file_that_changes_while_it_is_looked_at(lab: Lab) -> None:
    with pytest.raises(ChangedError, match="changed while it was in use"):
        lab(lab.write(a="rewritten now"))


def test_no_samples(lab: Lab) -> None:
    assert lab([]) == []
