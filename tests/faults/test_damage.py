"""Bits that flip in what is kept: it is repaired or refused, and never another figure with exit code 0."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from fault_world import LONG, Reference, World, check_it_is_an_answer
from zoo_runner.errors import IntegrityError
from zoo_runner.stages.fetch.source import FileSource
from zoo_runner.stages.fetch.trust import Fetched, Trust
from zoo_runner.store.store import Store

pytestmark = pytest.mark.slow
KINDS = {
    "predictions": "store/predictions/[!.]*/content/predictions.npz",
    "stamps": "store/predictions/[!.]*/stamp.json",
    "model": "store/onnx/[!.]*/content/model.onnx",
    "parity": "store/onnx/[!.]*/content/parity.json",
    "stamp of the model": "store/onnx/[!.]*/stamp.json",
    "records of code": "store/code/predictions-*/[!.]*",
    "parts of keys": "store/keys/*.json",
    "ledger": "store/ledger.sqlite3",
}
OFTEN = {"parity", "stamp of the model", "stamps"}
"""Kinds of which another one here shows the same."""
TRIES = 16 if LONG else 2


def damages(size: int, seed: str, tries: int) -> Iterator[tuple[int, int]]:
    """Yield places, at the ends and in between, each with a bit."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    edges = [0, size - 1, size // 2, 1, size // 4, 3 * size // 4, min(size - 1, 24), max(0, size - 22)]
    for place in [*edges[:tries], *(draw.randrange(size) for _ in range(tries - len(edges)))]:
        yield place, 1 << draw.randrange(8)


def flip(path: Path, place: int, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= bit
    path.write_bytes(data)


def chosen_file(folder: Path, pattern: str) -> Path:
    return min(folder.glob(pattern))


@pytest.fixture
def used_store(new_world: Callable[[str], World]) -> World:
    """A world after a run, so that all kinds of files are there."""
    world = new_world("full")
    assert world.run().code == 0
    return world


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.long] if kind in OFTEN else []) for kind in KINDS]
)
def test_in_the_store(
    kind: str,
    used_store: World,
    new_world: Callable[[str], World],
    reference: Reference,
    count: Callable[[str, int], None],
) -> None:
    size = chosen_file(used_store.folder, KINDS[kind]).stat().st_size
    found = list(damages(size, kind, TRIES))
    for place, bit in found:
        world = new_world("none")
        shutil.copytree(used_store.store, world.store)
        flip(chosen_file(world.folder, KINDS[kind]), place, bit)
        ended = world.run()
        check_it_is_an_answer(world, ended, reference, (kind, place, bit, ended.stderr))
    count("bit flips", len(found))


@pytest.mark.parametrize("name", ["zoo-run.origin.json", "*_0.bin"])
def test_in_result_files(
    name: str,
    new_world: Callable[[str], World],
    reference: Reference,
    count: Callable[[str, int], None],
) -> None:
    made = new_world("full")
    assert made.run("--until", "infer").code == 0
    results = made.folder / "out" / "results"
    whole = chosen_file(results, name).read_bytes()
    found = list(damages(len(whole), name, TRIES))
    for place, bit in found:
        world = new_world("none")
        flip(chosen_file(results, name), place, bit)
        ended = world.run("--from", "postprocess", "--until", "evaluate", "--results", str(results))
        assert ("Traceback" in ended.stderr, ended.code in {0, 2, 3}) == (False, True), (place, ended)
        if ended.code == 0:
            assert world.predictions() == reference.predictions, (name, place, bit)
        chosen_file(results, name).write_bytes(whole)
    count("bit flips", len(found))


@pytest.mark.parametrize("name", ["report.json", "predictions.npz"])
def test_in_a_baseline(
    name: str,
    used_store: World,
    reference: Reference,
    count: Callable[[str, int], None],
) -> None:
    baseline = Path(shutil.copytree(used_store.folder / "out", used_store.folder / "baseline"))
    whole = (baseline / name).read_bytes()
    found = list(damages(len(whole), name, TRIES))
    for place, bit in found:
        flip(baseline / name, place, bit)
        ended = used_store.run("--baseline", str(baseline))
        check_it_is_an_answer(used_store, ended, reference, (name, place, bit, ended.stderr))
        (baseline / name).write_bytes(whole)
    count("bit flips", len(found))


def test_in_a_record_of_trust(tmp_path: Path, count: Callable[[str, int], None]) -> None:
    """Whatever is in it, the hash it had is found, or another one that refuses the file, or an error that does."""
    store = Store(tmp_path)
    trust = Trust.of(FileSource(url="https://example.org/weights.pth", base=tmp_path), store)
    digest = hashlib.sha256(b"weights").hexdigest()
    fetched = Fetched(
        path=tmp_path, sha256=digest, size=7, reused=False, origin="https://example.org", pinned=False, trust=trust
    )
    trust.confirm(fetched)
    whole = trust.record.read_bytes()
    for place in range(len(whole)):
        flip(trust.record, place, 1 << place % 8)
        with suppress(IntegrityError):
            assert trust.sha256() is not None, place
        trust.record.write_bytes(whole)
    count("bit flips", len(whole))


def test_in_the_ledger_when_it_is_read(used_store: World, count: Callable[[str, int], None]) -> None:
    ledger = used_store.store / "ledger.sqlite3"
    whole = ledger.read_bytes()
    found = list(damages(len(whole), "history", 40 if LONG else 10))
    for place, bit in found:
        flip(ledger, place, bit)
        ended = used_store.command("history", "trial")
        assert "Traceback" not in ended.stderr, (place, bit, ended.stderr)
        assert ended.code in {0, 2, 3}, (place, bit, ended)
        ledger.write_bytes(whole)
    count("bit flips", len(found))
