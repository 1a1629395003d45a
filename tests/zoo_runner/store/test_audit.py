"""Doubt about the store: what is drawn is made again, and what is not the same is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo_runner.errors import CacheError, ExitCode
from zoo_runner.store.audit import Audit, AuditedStore, new_audit
from zoo_runner.store.entries import make_stamp
from zoo_runner.store.store import Store, Terms

KEYS = [f"key{number}" for number in range(25)]


def writing(text: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / "model.bin").write_text(text)
        (folder / "notes").write_text(text)

    return make


def spoil(content: Path, text: str = "wrong") -> None:
    """Write something else with a stamp that fits."""
    (content / "model.bin").write_text(text)
    (content.parent / "stamp.json").write_bytes(make_stamp(content, content.parent.name).encoded())


@pytest.mark.parametrize(("count", "drawn"), [(0, 0), (1, 1), (9, 1), (10, 1), (11, 2), (25, 3)])
def test_a_tenth_is_drawn_and_at_least_one(count: int, drawn: int) -> None:
    assert len(Audit(seed=1).draw("predictions", KEYS[:count])) == drawn


def test_the_seed_repeats_the_draw() -> None:
    draws = [Audit(seed=seed).draw("predictions", KEYS) for seed in range(20)]
    assert draws == [Audit(seed=seed).draw("predictions", KEYS[::-1]) for seed in range(20)]
    assert len(set(draws)) > 10
    assert set().union(*draws) > set(KEYS[:5])
    assert new_audit(7).seed == 7
    assert new_audit(None).seed != new_audit(None).seed


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def audited(store: Store, seed: int = 1) -> AuditedStore:
    return AuditedStore(store, Audit(seed=seed))


def test_what_is_right_is_reused(store: Store) -> None:
    made = store.build("onnx", "k", writing("right"))
    doubted = audited(store)
    found = doubted.build("onnx", "k", writing("right"))
    assert (found.reused, found.path, found.files) == (True, made.path, made.files)
    assert list(doubted.audit.lines()) == ["onnx: 1 of 1 made again, with the same bytes"]
    assert sorted(path.name for path in (store.root / "onnx").iterdir()) == [".k.lock", "k"]


def test_what_is_wrong_is_refused_though_its_stamp_fits(store: Store) -> None:
    content = store.build("onnx", "k", writing("right")).path
    spoil(content)
    assert store.build("onnx", "k", writing("right")).reused
    with pytest.raises(CacheError) as caught:
        audited(store, seed=5).build("onnx", "k", writing("right"))
    assert caught.value.exit_code == ExitCode.STAGE_FAILED
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{content.parent}: this entry of the store differs from what its inputs give now"
    assert lines[1].startswith("  model.bin: in the store 5 bytes with sha256 ")
    assert " made again 5 bytes with sha256 " in lines[1]
    assert lines[2] == (
        "  results that were made of it cannot be trusted; run with --no-cache, which makes everything again (seed of "
        "this draw: 5)"
    )
    assert not store.renewing().build("onnx", "k", writing("right")).reused
    assert audited(store).build("onnx", "k", writing("right")).reused


def test_a_file_too_much_or_too_few(store: Store) -> None:
    store.build("onnx", "k", writing("right"))

    def half(folder: Path) -> None:
        (folder / "model.bin").write_text("right")

    with pytest.raises(CacheError, match=r"notes: in the store 5 bytes .* made again nothing"):
        audited(store).build("onnx", "k", half)


def test_a_content_that_the_file_system_hides_is_refused(store: Store) -> None:
    """Size and times are as the stamp has them, so that a run would not read the file."""
    terms = Terms(verify="stat", repeats="everywhere")
    content = store.build("dataset", "k", writing("right"), terms).path
    (content / "model.bin").write_text("wrong")
    found, stamp = (content / "model.bin").stat(), content.parent / "stamp.json"
    rows = json.loads(stamp.read_bytes())
    for row in rows["files"]:
        if row["path"] == "model.bin":
            row["seen"] = [found.st_ino, found.st_mtime_ns, found.st_ctime_ns]
    stamp.write_text(json.dumps(rows))
    assert store.build("dataset", "k", writing("right"), terms).reused
    with pytest.raises(CacheError, match=r"model\.bin has another content: expected sha256"):
        audited(store).build("dataset", "k", writing("right"), terms)


@pytest.mark.parametrize(
    ("terms", "made_on", "line"),
    [
        pytest.param(
            Terms(repeats="never"),
            None,
            "0 of 1 made again, with the same bytes; their content was hashed, but making them again need not give the "
            "same bytes",
            id="never",
        ),
        pytest.param(
            Terms(),
            "another",
            "0 of 1 made again, with the same bytes; 1 left out that another type of processor made",
            id="elsewhere",
        ),
        pytest.param(Terms(repeats="everywhere"), "another", "1 of 1 made again, with the same bytes", id="everywhere"),
        pytest.param(Terms(varies=("notes",)), None, "1 of 1 made again, with the same bytes", id="varies"),
    ],
)
def test_what_need_not_be_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch, terms: Terms, made_on: str | None, line: str
) -> None:
    with monkeypatch.context() as patched:
        if made_on:
            patched.setattr("zoo_runner.store.entries.processor", lambda: made_on)
        store.build("kind", "k", writing("right"))

    def again(folder: Path) -> None:
        assert line.startswith("1"), "made again"
        writing("right")(folder)
        if terms.varies:
            (folder / "notes").write_text("another")

    doubted = audited(store)
    assert doubted.build("kind", "k", again, terms).reused
    assert list(doubted.audit.lines()) == [f"kind: {line}"]


def test_of_many_only_those_that_are_drawn_are_not_found(store: Store) -> None:
    for key in KEYS[:20]:
        store.build("predictions", key, writing(key))
    doubted = audited(store)
    drawn = doubted.announce("predictions", KEYS)
    assert len(drawn) == 2
    assert {key for key in KEYS if doubted.lookup("predictions", key) is None} == {*drawn, *KEYS[20:]}
    assert doubted.announce("predictions", KEYS[:1]) == drawn
    for key in KEYS[:20]:
        doubted.build("predictions", key, writing(key))
    doubted.build("predictions", KEYS[20], writing("new"))
    assert list(doubted.audit.lines()) == ["predictions: 2 of 20 made again, with the same bytes"]
    spoil(store.root / "predictions" / min(drawn) / "content")
    again = audited(store)
    assert again.announce("predictions", KEYS[:20]) == drawn
    with pytest.raises(CacheError, match=f"predictions/{min(drawn)}: this entry of the store differs"):
        again.build("predictions", min(drawn), writing(min(drawn)))


def test_a_device_that_is_not_bit_stable(store: Store) -> None:
    store.build("predictions", "k", writing("right"))
    doubted = audited(store)
    assert doubted.announce("predictions", ["k"], "backend b is not") == frozenset()
    assert doubted.lookup("predictions", "k") is not None
    assert list(doubted.audit.lines()) == ["predictions: 0 of 1 made again, with the same bytes; backend b is not"]


def test_predictions_of_another_processor_are_not_drawn(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in KEYS[:3]:
        store.build("predictions", key, writing(key))
    monkeypatch.setattr("zoo_runner.store.audit.processor", lambda: "another")
    doubted = audited(store)
    assert doubted.announce("predictions", KEYS) == frozenset()
    assert doubted.audit.left == {"predictions": "3 left out that another type of processor made"}


def test_an_empty_store(store: Store) -> None:
    doubted = audited(store)
    assert doubted.announce("predictions", KEYS) == frozenset()
    assert not doubted.build("onnx", "k", writing("right")).reused
    assert list(doubted.audit.lines()) == ["nothing of this is in the store: there is nothing to compare"]
    assert store.announce("predictions", KEYS) == ()
