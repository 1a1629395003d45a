"""Faults that an old result can hide: something changes between two runs, and the second must notice."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace as with_other
from pathlib import Path
from typing import TYPE_CHECKING, Final

from faults.bench import Edit, replace
from faults.data import exchanged, texts
from faults.ran import NotAppliedError, Ran
from faults.records import HARMLESS, Fault
from faults.ways import BAD, CONFIG, NETWORK, OWN_EXPORT, POSTPROCESS, PREPROCESS, added, code, setting
from faults.weights import each, pinned, randomised, written

if TYPE_CHECKING:
    from faults.bench import Bench

AREA: Final = "cache"
HELPED: Final = """
    import seeded_helper
    _call = RefineDetPostprocess.__call__
    RefineDetPostprocess.__call__ = lambda self, outputs, sample: seeded_helper.kept(_call(self, outputs, sample))
"""
HELPER: Final = "def kept(found):\n    return {**found, 'labels': (found['labels'] + %d).astype('i2') %% 6}\n"
PREPARED: Final = """
    _resize = resize
    def resize(image, size, into=None):
        import seeded_pixels
        return seeded_pixels.turned(_resize(image, size))
"""
PIXELS: Final = "import numpy as np\n\n\ndef turned(pixels):\n    return np.ascontiguousarray(pixels[:, ::%s])\n"
SCALED: Final = """
    import seeded_layers
    _logits = RefineDet.logits
    def _changed(self, image):
        arm_loc, arm_conf, odm_loc, odm_conf = _logits(self, image)
        return arm_loc, arm_conf, odm_loc, odm_conf * seeded_layers.FACTOR
    RefineDet.logits = _changed
"""
RELEASES: Final = """
import {module}
{module}.__version__ = "99.0.0"
{body}
"""
RELEASE: Final = "{name}-99.0.0.dist-info/METADATA"
RESIZED: Final = """
_resize = cv2.resize
cv2.resize = lambda image, *sizes, **options: _resize(image[:, ::-1].copy(), *sizes, **options)
"""
RAN: Final = """
_session = onnxruntime.InferenceSession
class InferenceSession(_session):
    def run(self, *given, **options):
        return [each[..., ::-1].copy() for each in super().run(*given, **options)]
onnxruntime.InferenceSession = InferenceSession
"""


SECOND: Final = """
    _decode = decode_image
    def decode_image(sample):
        turned = sample.path.with_suffix(".txt").read_text() == "turned"
        return _decode(sample)[:, ::-1].copy() if turned else _decode(sample)
"""
NMS: Final = "nms_threshold: Fraction = Field(\n        default="
SECOND_FILE: Final = 'path=images / (found[0] if found else f"{name}{usual}"),'


def kept_time(path: Path, content: bytes | str) -> None:
    """Put another file in the place of one, with its time."""
    before = path.stat()
    replace(path, content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def edited_between(
    edit: Edit, name: str, before: str, after: str, *forgotten: str, arguments: tuple[str, ...] = ()
) -> Callable[[Bench], Ran]:
    """Run with a module beside the plugin's package, edit it, keeping size and time, and run again."""

    def act(bench: Bench) -> Ran:
        with bench.files({name: before}), bench.edited(edit):
            if (first := bench.run(*arguments)).code:
                raise NotAppliedError(f"the run before the edit ended with {first.code}: {first.why}")
            kept_time(bench.site / name, after)
            return checked(bench, *arguments, forgotten=forgotten)

    return act


def checked(bench: Bench, *arguments: str | Path, forgotten: tuple[str, ...] = ()) -> Ran:
    """Run; if that is green, find out what a run without old results scores."""
    ran = bench.run(*arguments)
    if ran.code:
        return ran
    return with_other(ran, truth=bench.run(*arguments, store=fresh(bench, *forgotten)).figure)


def fresh(bench: Bench, *forgotten: str) -> Path:
    """Return a copy of the store without old predictions, and without other kinds of results."""
    folder = bench.folder("store") / "store"
    shutil.copytree(bench.store, folder, ignore=shutil.ignore_patterns("predictions", ".*", "ledger*", *forgotten))
    return folder


def release(module: str, distribution: str, body: str) -> Callable[[Bench], Ran]:
    """Run beside another release of a library, which computes something else."""
    files = {
        "sitecustomize.py": RELEASES.format(module=module, body=body),
        RELEASE.format(name=distribution): f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 99.0.0\n",
    }

    def act(bench: Bench) -> Ran:
        with bench.files(files):
            return checked(bench)

    return act


def entries(bench: Bench) -> dict[Path, int]:
    """Return the predictions in the store, with when they were last written."""
    return {path: path.stat().st_mtime_ns for path in (bench.store / "predictions").glob("[!.]*") if path.is_dir()}


@contextmanager
def new_entries(bench: Bench) -> Iterator[list[Path]]:
    """Give the predictions that come into the store meanwhile."""
    before, new = entries(bench), list[Path]()
    yield new
    new += sorted(entries(bench).keys() - before.keys(), key=lambda path: path.stat().st_mtime_ns)


def restamped(bench: Bench) -> Ran:
    """Put the good run's predictions in the place of a bad model's."""
    shutil.rmtree(bench.store / "predictions", ignore_errors=True)
    with new_entries(bench) as good:
        bench.run()
    with new_entries(bench) as bad:
        truth = bench.run(*BAD).figure
    if not good or len(good) != len(bad):
        raise NotAppliedError(f"the store has {len(good)} and {len(bad)} new predictions; expected as many")
    for source, target in zip(good, bad, strict=True):
        shutil.rmtree(target)
        shutil.copytree(source, target)
    return with_other(bench.run(*BAD), truth=truth)


def damaged(bench: Bench) -> Ran:
    """Cut the good run's predictions short."""
    bench.run()
    files = [path for entry in entries(bench) for path in entry.rglob("*") if path.is_file()]
    if not files:
        raise NotAppliedError("the store has no predictions")
    for path in files:
        path.parent.chmod(0o755)
        replace(path, path.read_bytes()[: path.stat().st_size // 2])
    return bench.run()


def image_rewritten(bench: Bench) -> Ran:
    """Replace every image by a black one of the same size in bytes, with the same time."""
    import cv2  # noqa: PLC0415 - a tenth of a second that only this takes
    import numpy as np  # noqa: PLC0415 - likewise

    devkit = bench.folder("data") / "VOCdevkit"
    shutil.copytree(bench.sample, devkit)
    bench.run("--data", devkit)
    for path in sorted(devkit.glob("VOC2007/JPEGImages/*.jpg")):
        content = path.read_bytes()
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        black = cv2.imencode(".jpg", np.zeros_like(image))[1].tobytes()
        kept_time(path, black + bytes(max(0, len(content) - len(black))))
    return checked(bench, "--data", devkit)


def second_file_rewritten(bench: Bench) -> Ran:
    """Have a second file beside each image that says how it lies, and change it between two runs."""
    devkit = bench.folder("data") / "VOCdevkit"
    shutil.copytree(bench.sample, devkit)
    files = [path.with_suffix(".txt") for path in devkit.glob("VOC2007/JPEGImages/*.jpg")]
    for path in files:
        path.write_text("normal", encoding="utf-8")
    both = Edit(
        "zoo_detection/voc/dataset.py",
        old=SECOND_FILE,
        new=f'{SECOND_FILE} files=(images / f"{{name}}.jpg", images / f"{{name}}.txt"),',
    )
    with bench.edited(both, added(PREPROCESS, SECOND)):
        bench.run("--data", devkit)
        for path in files:
            kept_time(path, "turned")
        return checked(bench, "--data", devkit)


def weights_rewritten(bench: Bench) -> Ran:
    """Replace the pinned checkpoint by a random one, with the same time."""
    path = written(bench, each(lambda _name, tensor: tensor))
    arguments = pinned(path)
    bench.run(*arguments)
    kept_time(path, written(bench, each(randomised)).read_bytes())
    return checked(bench, *arguments)


def unpacked_rewritten(bench: Bench) -> Ran:
    """Correct the unpacked copy of a bad archive in the store: the archive is what the manifest pins."""
    archive = bench.folder("archive") / "VOCdevkit.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(bench.data(texts(exchanged("red_disc", "blue_box"))), "VOCdevkit")
    content = archive.read_bytes()
    arguments = setting(
        f"dataset.url={archive.as_uri()}",
        f"dataset.sha256={hashlib.sha256(content).hexdigest()}",
        f"dataset.size={len(content)}",
    )
    first = bench.run(*arguments)
    if first.code != 1:
        raise NotAppliedError(f"the run on the archive ended with {first.code}, expected 1: {first.why}")
    found = list(bench.store.rglob("Annotations/*.xml"))
    if not found:
        raise NotAppliedError("the store has no unpacked annotations")
    for path in found:
        path.parent.chmod(0o755)
        kept_time(path, (bench.sample / "VOC2007" / "Annotations" / path.name).read_text(encoding="utf-8"))
    return with_other(bench.run(*arguments), truth=first.figure)


FAULTS: Final = (
    Fault(
        name="helper-edited",
        area=AREA,
        what="a module beside the plugin edited that its postprocessing imports",
        act=edited_between(added(POSTPROCESS, HELPED), "seeded_helper.py", HELPER % 0, HELPER % 1),
        quick=True,
        stage="postprocess",
    ),
    Fault(
        name="late-import-edited",
        area=AREA,
        what="a module edited that the preprocessing imports with its first image",
        act=edited_between(added(PREPROCESS, PREPARED), "seeded_pixels.py", PIXELS % "+1", PIXELS % "-1"),
        stage="preprocess",
    ),
    Fault(
        name="layers-edited",
        area=AREA,
        what="a module beside the plugin edited that its network imports",
        act=edited_between(
            added(NETWORK, SCALED),
            "seeded_layers.py",
            "FACTOR = 1.0\n",
            "FACTOR = 0.0\n",
            "onnx",
            "graph",
            arguments=OWN_EXPORT,
        ),
        stage="network",
    ),
    Fault(
        name="default-edited",
        area=AREA,
        what="the default of a threshold edited in the plugin",
        act=code(Edit(CONFIG, old=f"{NMS}0.45,", new=f"{NMS}0.90,")),
        stage="postprocess",
    ),
    Fault(
        name="opencv-changed",
        area=AREA,
        what="another release of OpenCV, which resizes in another way",
        act=release("cv2", "opencv_python_headless", RESIZED),
        stage="preprocess",
    ),
    Fault(
        name="onnxruntime-changed",
        area=AREA,
        what="another release of ONNX Runtime, which computes something else",
        act=release("onnxruntime", "onnxruntime", RAN),
        stage="infer",
    ),
    Fault(
        name="predictions-restamped",
        area=AREA,
        what="a good model's predictions in the place of a bad one's",
        act=restamped,
        stage="postprocess",
    ),
    Fault(
        name="predictions-cut",
        area=AREA,
        what="every kept prediction cut short: made again",
        act=damaged,
        expect=HARMLESS,
    ),
    Fault(
        name="images-rewritten",
        area=AREA,
        what="images replaced by others of the same size and time",
        act=image_rewritten,
        stage="data",
    ),
    Fault(
        name="second-files-rewritten",
        area=AREA,
        what="a second file of every sample replaced by another one of the same size and time",
        act=second_file_rewritten,
        stage="data",
    ),
    Fault(
        name="weights-rewritten",
        area=AREA,
        what="pinned weights replaced by others of the same time",
        act=weights_rewritten,
        stage="weights",
    ),
    Fault(
        name="unpacked-rewritten",
        area=AREA,
        what="the unpacked annotations of a bad archive corrected in the store, with size and time kept",
        act=unpacked_rewritten,
        stage="data",
    ),
)
