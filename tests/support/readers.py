"""Readers of outside data, each with something that it can read; for tests that give them what is almost right."""

from __future__ import annotations

import hashlib
import io
import json
import os
import resource
import shutil
import signal
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

import numpy as np
import pytest

from fault_world import Reference
from places import MANIFESTS, ROOT
from zoo_detection.samples import DetectionSample
from zoo_detection.voc.annotation import FaultError, read_annotation
from zoo_detection.voc.dataset import VocDataset
from zoo_detection.voc.result_files import read_results
from zoo_images.announced_size import announced_size
from zoo_images.damage import examine
from zoo_images.decoding import jpeg_is_truncated
from zoo_runner.backends.ascend.om_stamp import Stamp as OmStamp
from zoo_runner.backends.ascend.om_stamp import read_stamp, stamp_path
from zoo_runner.comparison.baseline import read_baseline
from zoo_runner.errors import ZooError
from zoo_runner.history.ledger import Ledger
from zoo_runner.manifest.load import load
from zoo_runner.onnx_graph import read_graph
from zoo_runner.output.inventory import read_inventory
from zoo_runner.output.names import FILES, INVENTORY, ORIGIN, PREDICTIONS
from zoo_runner.output.recognition import looks_own
from zoo_runner.plugin.interfaces import Sample, TensorSpec
from zoo_runner.stages.export.checkpoint import load_checkpoint
from zoo_runner.stages.fetch.archive import extract
from zoo_runner.stages.fetch.trust import Trust
from zoo_runner.stages.predict.result_file import file_problem, read_output
from zoo_runner.stages.predict.result_folder import open_results
from zoo_runner.stages.predict.result_origin import read_origin
from zoo_runner.store.entries import DamagedError, Stamp
from zoo_runner.store.kept_table import read_table
from zoo_runner.store.store import Store
from zoo_runner.used_code.record import Record

SECONDS = 20
"""Most for one input; a busy machine is no failure."""
GROWTH = 1 << 30
"""Bytes by which the process may grow in all."""
SPEC = TensorSpec("scores", "float32", ("batch", 4))
ANNOTATION = (
    b"<annotation><size><width>9</width><height>9</height></size><object><name>cat</name><difficult>0</difficult>"
    b"<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>4</xmax><ymax>5</ymax></bndbox></object></annotation>"
)
IMAGES = ROOT / "refinedet_plugin" / "sample" / "VOCdevkit" / "VOC2007" / "JPEGImages"


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


class _Silent:
    """A progress that shows nothing."""

    @contextmanager
    def track(self, label: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
        yield lambda _amount: None

    def note(self, text: str) -> None:
        """Show nothing."""

    def warn(self, text: str) -> None:
        """Show nothing."""


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def seed_of(pattern: str, reference: Reference) -> bytes:
    return min(reference.stores["full"].glob(pattern)).read_bytes()


def manifest(_reference: Reference) -> bytes:
    return (MANIFESTS / "refinedet320-sample.yaml").read_bytes()


def npy(_reference: Reference) -> bytes:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }".ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00\x76\x00" + header + bytes(16)


def origin(_reference: Reference) -> bytes:
    words = ("manifest", "weights", "model", "network", "preprocess", "backend", "version", "chip")
    model = {**dict.fromkeys(words, "a"), "batch": 8, "outputs": [{"name": "scores", "dtype": "float32", "shape": [4]}]}
    sample, file = {"index": 1, "id": "a", "sha256": "0" * 64}, {"0000001_0.bin": "0" * 64}
    return json.dumps({"schema_version": 1, "model": model, "samples": [sample], "files": file}).encode()


def code(reference: Reference) -> bytes:
    return seed_of("code/predictions-*/[!.]*", reference).partition(b"\n")[2]


def checkpoint(_reference: Reference) -> bytes:
    import torch  # noqa: PLC0415 - two seconds that most tests do not need

    file = io.BytesIO()
    torch.save({"model": {"weight": torch.eye(4), "bias": torch.zeros(4)}}, file)
    return file.getvalue()


def safetensors(_reference: Reference) -> bytes:
    import torch  # noqa: PLC0415 - likewise
    from safetensors.torch import save  # noqa: PLC0415 - loads torch

    return save({"weight": torch.eye(4), "bias": torch.zeros(4)})


def tar_archive(_reference: Reference) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name in ("VOC2007/a.xml", "VOC2007/b.txt"):
            info = tarfile.TarInfo(name)
            info.size = len(ANNOTATION)
            archive.addfile(info, io.BytesIO(ANNOTATION))
    return file.getvalue()


def zip_archive(_reference: Reference) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("VOC2007/a.xml", "VOC2007/b.txt"):
            archive.writestr(name, ANNOTATION)
    return file.getvalue()


def png(_reference: Reference) -> bytes:
    from PIL import Image  # noqa: PLC0415 - for this seed only

    file = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(file, "PNG")
    return file.getvalue()


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


def read_result_folder(data: bytes, folder: Path, _reference: Reference) -> object:
    """Read a folder with files of the names that stand in the data, one a line, each with 16 bytes in it."""
    (folder / "results").mkdir()
    for line in data.split(b"\n")[:50]:
        with suppress(OSError, ValueError):  # a name that no file can have
            put(folder / "results", os.fsdecode(line.replace(b"..", b"")).lstrip("/"), bytes(16))
    samples = [Sample(index=index, id=f"s{index}", path=folder) for index in (1, 2)]
    return list(open_results(folder / "results", samples, samples, (SPEC,)).outputs(samples))


def read_weights(data: bytes, folder: Path, _reference: Reference) -> object:
    import torch  # noqa: PLC0415 - two seconds that most tests do not need

    return load_checkpoint(torch.nn.Linear(4, 4), put(folder, "weights.pth", data))


def read_archive(data: bytes, folder: Path, _reference: Reference) -> object:
    """Unpack, and see that nothing was written elsewhere."""
    inside = folder / "inside"
    path = put(inside, "data.archive", data)
    try:
        return extract(path, hashlib.sha256(data).hexdigest(), Store(inside / "store"), _Silent())
    finally:
        assert [each.name for each in folder.iterdir()] == ["inside"]
        assert {each.name for each in inside.iterdir()} <= {"data.archive", "store"}


def read_picture(data: bytes, _folder: Path, _reference: Reference) -> object:
    width, height = announced_size(data) or (0, 0)
    truncated = jpeg_is_truncated(data)
    # What announces more is refused before it is decoded.
    return truncated, examine(data) if width * height < 1 << 22 else None


def read_image_list(data: bytes, folder: Path, _reference: Reference) -> object:
    put(folder, "ImageSets/Main/test.txt", data)
    put(folder, "Annotations/a.xml", ANNOTATION)
    return VocDataset(("cat",)).samples(folder)


def read_result_lines(data: bytes, folder: Path, _reference: Reference) -> object:
    boxes, labels, difficult = np.zeros((0, 4), np.float32), np.zeros(0, np.intp), np.zeros(0, np.bool_)
    common = {"width": 9, "height": 9, "boxes": boxes, "labels": labels, "difficult": difficult}
    sample = DetectionSample(index=1, id="a", path=folder / "a.jpg", **common)  # type: ignore[arg-type] # as above
    return read_results(put(folder, "results.txt", data), [sample])


def read_trust(data: bytes, folder: Path, _reference: Reference) -> object:
    return Trust(put(folder, "trust.json", data), folder / "trust.failed").sha256()


def read_record(data: bytes, _folder: Path, _reference: Reference) -> object:
    """Read a record whose own hash is right, so that what is in it is looked at."""
    return Record.decoded(f"{'0' * 64} {hashlib.sha256(data).hexdigest()}\n".encode() + data, "0" * 64)


def read_inventory_file(data: bytes, folder: Path, _reference: Reference) -> object:
    put(folder, INVENTORY, data)
    return read_inventory(folder)


def recognise(data: bytes, folder: Path, _reference: Reference) -> object:
    return [looks_own(put(folder, name, data)) for name in (*FILES, PREDICTIONS)]


READERS: Mapping[str, Reader] = {
    "manifest": Reader(manifest, lambda data, folder, _: load(put(folder, "m.yaml", data))),
    "checkpoint": Reader(checkpoint, read_weights),
    "safetensors": Reader(safetensors, read_weights),
    "onnx": Reader(
        partial(seed_of, "onnx/[!.]*/content/model.onnx"),
        lambda data, folder, _: read_graph(put(folder, "model.onnx", data)),
    ),
    "tar archive": Reader(tar_archive, read_archive),
    "zip archive": Reader(zip_archive, read_archive),
    "annotation": Reader(lambda _: ANNOTATION, lambda data, *_: read_annotation(data), (FaultError,)),
    "image list": Reader(lambda _: b"a\n", read_image_list),
    "jpeg": Reader(lambda _: min(IMAGES.glob("*.jpg")).read_bytes(), read_picture, ()),
    "png": Reader(png, read_picture, ()),
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
    "record of code": Reader(code, read_record, (ValueError,)),
    "record of trust": Reader(lambda _: b'{"sha256": "%b"}' % (b"0" * 64), read_trust),
    "kept table": Reader(lambda _: b"0\n{}", lambda data, folder, _: read_table(put(folder, "table", data))),
    "inventory": Reader(lambda _: b'{"schema_version": 1, "files": {"a": ["0"]}}', read_inventory_file, ()),
    "file of the output folder": Reader(
        lambda reference: (reference.output / "report.json").read_bytes(), recognise, ()
    ),
    "result as npy": Reader(npy, partial(read_result, "npy")),
    "result as txt": Reader(lambda _: b"1 2 3 4\n", partial(read_result, "txt")),
    "result as bin": Reader(lambda _: bytes(16), partial(read_result, "bin")),
    "result folder": Reader(lambda _: b"0000001_0.bin\n0000002_0.bin", read_result_folder),
    "results of a class": Reader(lambda _: b"a 0.5 1 2 3 4\n", read_result_lines),
}


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


def give(reader: Reader, data: bytes, folder: Path, reference: Reference) -> None:
    """Let a reader read, in a folder that has nothing else in it; it may say no."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with suppress(*reader.refusals):
        reader.read(data, folder, reference)
