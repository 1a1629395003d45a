"""Readers of outside data, given what is almost right: an error meant for users, in bounded time and memory.

Archives and servers have tests of their own in ``tests/zoo_runner/stages/fetch``.
"""

from __future__ import annotations

import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fault_world import LONG, Reference
from places import MANIFESTS
from zoo_detection.voc.annotation import FaultError, read_annotation
from zoo_runner.backends.ascend.om_stamp import Stamp as OmStamp
from zoo_runner.backends.ascend.om_stamp import read_stamp, stamp_path
from zoo_runner.comparison.baseline import read_baseline
from zoo_runner.errors import ZooError
from zoo_runner.history.ledger import Ledger
from zoo_runner.manifest.load import load
from zoo_runner.output.names import ORIGIN
from zoo_runner.plugin.interfaces import TensorSpec
from zoo_runner.stages.predict.result_file import file_problem, read_output
from zoo_runner.stages.predict.result_origin import read_origin
from zoo_runner.store.entries import DamagedError, Stamp
from zoo_runner.store.kept_table import read_table
from zoo_runner.used_code.record import Record

pytestmark = pytest.mark.slow
EXAMPLES = 3000 if LONG else 40
SECONDS = 20
"""Most for one input; a busy machine is no failure."""
GROWTH = 1 << 30
"""Bytes by which the process may grow in all."""
SPEC = TensorSpec("scores", "float32", ("batch", 4))
DEEP = 100_000
ANNOTATION = (
    b"<annotation><size><width>9</width><height>9</height></size><object><name>cat</name><difficult>0</difficult>"
    b"<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>4</xmax><ymax>5</ymax></bndbox></object></annotation>"
)
TOKENS = (
    *(b"", b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"1e999", b"NaN", b"-1", b"9" * 5000, b"null", b"[]", b"{}", b"&a *a"),
    *(b"!!python/object:os.system x", b"<!DOCTYPE a>", b"../../x", b"\n\t- ", b"[" * 2000, b"<a>" * 2000),
)


@dataclass(frozen=True)
class Reader:
    """One reader.

    Attributes:
        seed: Something that it can read.
        read: Given the bytes and an empty folder.
        refusals: Exceptions that say no.
    """

    seed: Callable[[Reference], bytes]
    read: Callable[[bytes, Path, Reference], object]
    refusals: tuple[type[Exception], ...] = (ZooError,)


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def seed_of(pattern: str, reference: Reference) -> bytes:
    return min(reference.stores["full"].glob(pattern)).read_bytes()


def read_report(data: bytes, folder: Path, _reference: Reference) -> object:
    return read_baseline(put(folder, "report.json", data))


def read_baseline_predictions(data: bytes, folder: Path, reference: Reference) -> object:
    shutil.copy(reference.output / "report.json", folder)
    put(folder, "predictions.npz", data)
    return read_baseline(folder)


def read_om_stamp(data: bytes, folder: Path, _reference: Reference) -> OmStamp | None:
    put(folder, stamp_path(folder / "model.om").name, data)
    return read_stamp(folder / "model.om")


def read_origin_file(data: bytes, folder: Path, _reference: Reference) -> object:
    put(folder, ORIGIN, data)
    return read_origin(folder)


def read_ledger(data: bytes, folder: Path, _reference: Reference) -> object:
    ledger = Ledger(put(folder, "ledger.sqlite3", data))
    return ledger.names(), ledger.last("trial", 5)


def read_result(suffix: str, data: bytes, folder: Path, _reference: Reference) -> object:
    path = put(folder, f"a_0.{suffix}", data)
    return file_problem(path, SPEC) or read_output(path, SPEC)


def npy(_reference: Reference) -> bytes:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }".ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00\x76\x00" + header + bytes(16)


def manifest(_reference: Reference) -> bytes:
    return (MANIFESTS / "refinedet320-sample.yaml").read_bytes()


def origin(_reference: Reference) -> bytes:
    return b'{"schema_version": 1, "model": {"weights": "%s"}, "samples": [], "files": {}}' % (b"0" * 64)


READERS = {
    "manifest": Reader(manifest, lambda data, folder, _: load(put(folder, "m.yaml", data))),
    "annotation": Reader(lambda _: ANNOTATION, lambda data, *_: read_annotation(data), (FaultError,)),
    "report": Reader(lambda reference: (reference.output / "report.json").read_bytes(), read_report),
    "predictions": Reader(lambda reference: reference.predictions, read_baseline_predictions),
    "stamp of a conversion": Reader(lambda _: b'{"schema_version": 1, "arguments": []}', read_om_stamp),
    "origin of results": Reader(origin, read_origin_file),
    "ledger": Reader(partial(seed_of, "ledger.sqlite3"), read_ledger),
    "stamp of the store": Reader(
        partial(seed_of, "predictions/[!.]*/stamp.json"),
        lambda data, folder, _: Stamp.read(put(folder, "stamp.json", data)),
        (DamagedError,),
    ),
    "record of code": Reader(
        partial(seed_of, "code/predictions-*/[!.]*"), lambda data, *_: Record.decoded(data, "0" * 64), (ValueError,)
    ),
    "kept table": Reader(lambda _: b"0\n{}", lambda data, folder, _: read_table(put(folder, "table", data))),
    "result as npy": Reader(npy, partial(read_result, "npy")),
    "result as txt": Reader(lambda _: b"1 2 3 4\n", partial(read_result, "txt")),
    "result as bin": Reader(lambda _: bytes(16), partial(read_result, "bin")),
}
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
    "many aliases": b"a: &a [x]\n" + b"".join(b"b%d: [*a, *a]\n" % number for number in range(2000)),
}
"""What readers once fell over, or may."""


@contextmanager
def bounded() -> Iterator[None]:
    """Let a block take neither long nor much memory."""

    def late(_number: int, _frame: FrameType | None) -> None:
        pytest.fail(f"it took more than {SECONDS} s")

    before = signal.signal(signal.SIGPROF, late), signal.signal(signal.SIGALRM, late)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    signal.setitimer(signal.ITIMER_PROF, SECONDS)  # of the processor: other programs do not count
    signal.setitimer(signal.ITIMER_REAL, 10 * SECONDS)  # of the clock, for a reader that waits
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGPROF, before[0])
        signal.signal(signal.SIGALRM, before[1])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - grown < GROWTH


def check(reader: Reader, data: bytes, folder: Path, reference: Reference) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with bounded(), suppress(*reader.refusals):
        reader.read(data, folder, reference)


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
    for data in CORPUS.values():
        check(READERS[name], data, tmp_path / "case", reference)
    count("mutated inputs", len(CORPUS))


def test_seeds_are_read(reference: Reference, tmp_path: Path) -> None:
    """Mutants of what is refused already would try little."""
    for name in ("manifest", "annotation", "report", "predictions", "ledger", "stamp of the store", "result as npy"):
        (tmp_path / name).mkdir()
        found = READERS[name].read(READERS[name].seed(reference), tmp_path / name, reference)
        assert found is not None
