"""Readers of outside data, given what is almost right: an error meant for users, in bounded time and memory.

Servers have tests of their own in ``tests/zoo_runner/stages/fetch``, and so have archives, of which these are a part.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fault_world import LONG, Reference
from places import ROOT
from readers import READERS, Reader, bounded, give, npy, zip_archive

pytestmark = pytest.mark.slow
EXAMPLES = 1000 if LONG else 20
DEEP = 100_000
KEPT = ROOT / "tests" / "faults" / "corpus"
"""For each reader, an archive of inputs that fuzzing found; ``test_fuzz.py`` writes them."""
TOKENS = (
    *(b"", b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"1e999", b"NaN", b"-1", b"9" * 5000, b"null", b"[]", b"{}", b"&a *a"),
    *(b"!!python/object:os.system x", b"<!DOCTYPE a>", b"../../x", b"\n\t- ", b"[" * 2000, b"<a>" * 2000),
)


NONE = Reference(b"", {}, {}, Path())
CORPUS = {
    "nothing": b"",
    "zeros": bytes(4096),
    "deep list": b"[" * DEEP,
    "deep mapping": b'{"a":' * DEEP,
    "deep list that is closed": b"[" * DEEP + b"]" * DEEP,
    "a number": b"1",
    "a long number": b"9" * 10_000,
    "a text": b'"text"',
    "a list": b"[]",
    "an empty mapping": b"{}",
    "no unicode": b"\xff\xfe\x00\xd8",
    "a lone surrogate": b'{"a": "\\ud800"}',
    "nul": b"a: \0",
    "a key of a megabyte": b'{"' + b"a" * (1 << 20) + b'": 1}',
    "an array": npy(NONE),
    "a zip file": zip_archive(NONE),
    "the start of a zip file": b"PK\x03\x04",
    "many aliases": b"a: &a [x]\n" + b"".join(b"b%d: [*a, *a]\n" % number for number in range(2000)),
}
"""What readers once fell over, or may."""


def check(reader: Reader, data: bytes, folder: Path, reference: Reference) -> None:
    with bounded():
        give(reader, data, folder, reference)


def kept(name: str) -> Iterator[bytes]:
    path = KEPT / f"{name}.zip"
    if path.exists():
        with zipfile.ZipFile(path) as archive:
            yield from map(archive.read, archive.namelist())


@st.composite
def edits(draw: st.DrawFn) -> list[tuple[float, int, bytes]]:
    """Draw replacements: where, as a part of the length; how many bytes; by what."""
    one = st.tuples(st.floats(0, 1), st.integers(0, 64), st.one_of(st.sampled_from(TOKENS), st.binary(max_size=8)))
    return draw(st.lists(one, min_size=1, max_size=4))


def edited(data: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for where, length, token in changes:
        place = int(where * len(data))
        data = data[:place] + token + data[place + length :]
    return data


@pytest.mark.parametrize("name", READERS)
def test_mutated(name: str, reference: Reference, tmp_path: Path, count: Callable[[str, int], None]) -> None:
    reader = READERS[name]
    seed, tries = reader.seed(reference), [0]

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), derandomize=not LONG, database=None)
    @given(edits())
    def try_one(changes: list[tuple[float, int, bytes]]) -> None:
        tries[0] += 1
        check(reader, edited(seed, changes), tmp_path / "case", reference)

    try_one()
    count("mutated inputs", tries[0])


@pytest.mark.parametrize("name", READERS)
def test_corpus(name: str, reference: Reference, tmp_path: Path, count: Callable[[str, int], None]) -> None:
    found = [*CORPUS.values(), *kept(name)]
    for data in found:
        check(READERS[name], data, tmp_path / "case", reference)
    count("corpus of inputs", len(found))


@pytest.mark.parametrize("name", READERS)
def test_seed_is_read(name: str, reference: Reference, tmp_path: Path) -> None:
    """Mutants of what is refused already would try little."""
    READERS[name].read(READERS[name].seed(reference), tmp_path, reference)
