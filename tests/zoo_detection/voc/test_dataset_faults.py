"""Data sets with faults: each is named, with its file and what was expected."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import ParseError

import numpy as np
import pytest
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voc_devkits import CLASSES, DATASET, annotation, box_of, devkit, object_of
from zoo_detection.voc.annotation import FaultError, read_annotation
from zoo_detection.voc.dataset import VocDataset
from zoo_runner.errors import DatasetError


def refused(root: Path, dataset: VocDataset = DATASET) -> str:
    with pytest.raises(DatasetError) as caught:
        dataset.samples(root)
    return str(caught.value)


@pytest.mark.parametrize(
    ("folders", "found"),
    [
        (None, "found no such folder"),
        ((), "found nothing in it"),
        (("VOC2012", "extra"), "found VOC2012, extra"),
        (("VOC2012/ImageSets", "VOC2012/Annotations"), "found VOC2012; "),
        (("VOC2007",), "found VOC2007, empty"),
        (("VOC2007/JPEGImages", "VOC2007/ImageSets"), "found VOC2007/ImageSets, VOC2007/JPEGImages"),
        (tuple(f"d{number:02}" for number in range(12)), "d09, ...;"),
    ],
    ids=["missing", "empty", "other year", "whole other year", "empty year", "incomplete year", "many entries"],
)
def test_folder_without_a_data_set(tmp_path: Path, folders: tuple[str, ...] | None, found: str) -> None:
    root = tmp_path / "data"
    for folder in folders or ():
        (root / folder).mkdir(parents=True)
    if folders is not None:
        root.mkdir(exist_ok=True)
    text = refused(root)
    assert text.startswith("expected VOC2007/Annotations and VOC2007/ImageSets, or Annotations and ImageSets, in ")
    assert found in text
    cure = ", or set plugin.config.year: VOC2012" if "VOC2012/ImageSets" in (folders or ()) else ""
    assert text.endswith(f"give the VOCdevkit folder that holds VOC2007{cure}")


@pytest.mark.parametrize("given", ["VOC2007/JPEGImages", "VOC2007/ImageSets/Main", "."])
def test_another_folder_of_the_data_set(tmp_path: Path, given: str) -> None:
    kit = devkit(tmp_path / "kits", {"a": annotation()})
    root = kit / given if given != "." else kit.parent
    (kit / "VOC2007" / "JPEGImages").mkdir(exist_ok=True)
    if root.name == "Main":  # two folders up are looked at, and no more
        assert refused(root).endswith("; give the VOCdevkit folder that holds VOC2007")
    else:
        assert refused(root).endswith(f"; give {kit}")


def test_no_image_set_at_all(tmp_path: Path) -> None:
    (tmp_path / "VOC2007" / "Annotations").mkdir(parents=True)
    list_ = tmp_path / "VOC2007" / "ImageSets" / "Main" / "test.txt"
    expected = f"expected the image set {list_}; found none there; write {list_}, one image id a line"
    assert refused(tmp_path) == expected
    assert refused(tmp_path / "VOC2007") == expected


def test_unknown_image_set(tmp_path: Path) -> None:
    root = devkit(tmp_path, {"a": annotation()})
    text = refused(root, VocDataset(CLASSES, image_set="tset"))
    assert "expected the image set" in text
    assert f"{root}/VOC2007/ImageSets/Main/tset.txt; found test there; write " in text
    assert text.endswith("/Main/tset.txt, or set plugin.config.image_set: test")


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        ("", "found 1 fault:\n  there is no id\n"),
        ("\n \n", "found 1 fault:\n  there is no id\n"),
        ("a\nb\na\n", "found 1 fault:\n  line 3: 'a' is already on line 1\n"),
        ("a -1\nb  1\n", "line 1: 'a -1' has 2 columns, as lists of one class have; expected one\n  line 2: 'b 1' has"),
        ("../a\n", "line 1: '../a' is not a plain file name"),
        ("a\n..\n", "line 2: '..' is not a plain file name"),
        ("\\etc\n", "'\\\\etc' is not a plain file name"),
        ("x/y\n" * 12, "found 12 faults"),
        (b"\xff\xfe", "can't decode byte 0xff"),
    ],
    ids=["empty", "blank", "twice", "one class", "escape", "parent", "backslash", "many", "not text"],
)
def test_bad_list(tmp_path: Path, ids: str | bytes, found: str) -> None:
    text = refused(devkit(tmp_path, {"a": annotation(), "b": annotation()}, ids=ids))
    assert "test.txt" in text
    assert found in text


ENTITIES = "".join(f'<!ENTITY x{n} "{f"&x{n - 1};" * 10}">' for n in range(1, 9))
BOMB = f'<!DOCTYPE a [<!ENTITY x0 "xxxxxxxxxx">{ENTITIES}]><annotation>&x8;</annotation>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><annotation>&x;</annotation>'
DAMAGE = {
    "empty file": ("", "cannot be read: no element found"),
    "cut short": (annotation(object_of())[:-9], "cannot be read: "),
    "not XML": (b"\x00\xff\xd8", "cannot be read: "),
    "unknown encoding": ('<?xml version="1.0" encoding="voc"?><annotation/>', "cannot be read: unknown encoding"),
    "entity bomb": (BOMB, "refused, no annotation needs a document type or entities"),
    "outside entity": (OUTSIDE, "refused, no annotation needs a document type or entities"),
    "document type": ("<!DOCTYPE annotation><annotation/>", "refused, no annotation needs"),
    "other root": ("<annotations/>", "expected <annotation>, found <annotations>"),
    "no size": (annotation(size=""), "size: expected a number of pixels in <width>, found ''"),
    "no height": (annotation(size="<size><width>3</width></size>"), "in <height>, found ''"),
    "zero size": (
        annotation(size="<size><width>0</width><height>9</height></size>"),
        "size: expected a width and height of at least 1, found 0 and 9",
    ),
    "no name": (annotation("<object><name/></object>"), "an object has no <name>"),
    "no box": (annotation(object_of(body="")), "cat: expected <bndbox>, found none"),
    "box of a part only": (annotation(object_of(body=f"<part>{box_of(1, 2, 3, 4)}</part>")), "expected <bndbox>"),
    "no side": (annotation(object_of(body="<bndbox><xmin>1</xmin></bndbox>")), "in <ymin>, found ''"),
    "a word": (
        annotation(object_of(body=box_of(1, 2, "ten", 4))),
        "cat: expected a number of pixels in <xmax>, found 'ten'",
    ),
    "not a number": (annotation(object_of(body=box_of("nan", 2, 3, 4))), "in <xmin>, found 'nan'"),
    "infinite": (annotation(object_of(body=box_of(1, 2, "1e999", 4))), "in <xmax>, found '1e999'"),
    "endless digits": (annotation(object_of(body=box_of(1, 2, "9" * 5000, 4))), "in <xmax>, found '9999999999'"),
    "corners swapped": (
        annotation(object_of(body=box_of(9, 2, 3, 4))),
        "cat: expected a box with its first corner at the top left, found (9, 2, 3, 4)",
    ),
    "left of the image": (
        annotation(object_of(body=box_of(-1, 2, 3, 4))),
        "cat: expected a box inside the annotated 353 x 500 pixels, found (-1, 2, 3, 4)",
    ),
    "above the image": (annotation(object_of(body=box_of(1, -1, 3, 4))), "found (1, -1, 3, 4)"),
    "right of the image": (annotation(object_of(body=box_of(1, 2, 355, 4))), "found (1, 2, 355, 4)"),
    "below the image": (annotation(object_of(body=box_of(1, 2, 3, 502))), "found (1, 2, 3, 502)"),
    "difficult maybe": (annotation(object_of(difficult="maybe")), "cat: expected <difficult> 0 or 1, found 'maybe'"),
}


@pytest.mark.parametrize(("content", "found"), DAMAGE.values(), ids=DAMAGE.keys())
def test_damaged_annotation(tmp_path: Path, content: str | bytes, found: str) -> None:
    text = refused(devkit(tmp_path, {"good": annotation(object_of()), "bad": content}))
    assert text.startswith("expected complete annotations for image set 'test' in ")
    assert "found 1 fault:\n  Annotations/bad.xml: " in text
    assert found in text
    assert "repair or fetch the data set again" in text


def test_unreadable_annotation(tmp_path: Path) -> None:
    root = devkit(tmp_path, {"a": annotation()})
    (root / "VOC2007" / "Annotations" / "b.xml").mkdir()
    (root / "VOC2007" / "ImageSets" / "Main" / "test.txt").write_text("a\nb\n")
    assert "Annotations/b.xml: cannot be read: " in refused(root)


def test_all_faults_in_one_error(tmp_path: Path) -> None:
    annotations: dict[str, str | bytes] = {"bad": "<", "good": annotation(object_of())}
    missing = [f"missing{number:02}" for number in range(12)]
    text = refused(devkit(tmp_path, annotations, ids="\n".join(["bad", "good", *missing])))
    assert "found 13 faults:\n  Annotations/bad.xml: cannot be read" in text
    assert text.count("the file is missing") == 9
    assert "\n  and 3 more\n" in text


def test_boxes_divided_by_the_size_are_named(tmp_path: Path) -> None:
    """Rounded to pixels, each would be a box of the first pixel, and every prediction a false positive."""
    boxes = [(0, 0, 1, 1), ("0.25", "0.5", "0.75", "0.875"), ("1e-3", "0", "1.0", "0.99")]
    files: dict[str, str | bytes] = {
        f"{number:06}": annotation(*(object_of(body=box_of(*box)) for box in boxes)) for number in range(12)
    }
    text = refused(devkit(tmp_path, {**files, "empty": annotation()}))
    assert "found 12 faults:\n  Annotations/000000.xml: expected boxes in pixels of 353 x 500, found only " in text
    assert "coordinates between 0 and 1, as if divided by the image's size" in text
    assert text.count("Annotations/") == 10
    assert "\n  and 2 more\n" in text


@pytest.mark.parametrize(
    "files",
    [
        {"a": annotation(), "b": annotation()},
        {"a": annotation(object_of(body=box_of(0, 0, 1, 1))), "b": annotation(object_of())},
        {"a": annotation(object_of(body=box_of(1, 1, 1, 1)), size="<size><width>1</width><height>1</height></size>")},
    ],
    ids=["no boxes", "one of several", "an image of one pixel"],
)
def test_boxes_in_the_first_pixel_alone_are_no_fault(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    assert len(DATASET.samples(devkit(tmp_path, files))) == len(files)


def test_unknown_classes_once_each(tmp_path: Path) -> None:
    objects = [object_of("doog"), object_of("person"), object_of("doog"), object_of("cat")]
    text = refused(devkit(tmp_path, {"a": annotation(*objects), "b": annotation(object_of("doog"))}))
    assert "found 2 faults" in text
    assert (
        "class 'doog' of 3 objects, the first in Annotations/a.xml, "
        "is not one of the 2 expected; did you mean 'dog'?" in text
    )
    assert "class 'person' of 1 object, the first in Annotations/a.xml, is not one of the 2 expected\n" in text
    assert "if the classes are meant, list them in the manifest" in text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # every example writes the same two files
@given(
    content=st.binary(max_size=60)
    | st.builds(
        lambda sides, name, flag: annotation(object_of(name, box_of(*sides), flag)).encode(),
        st.tuples(*[st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.integers() | st.floats()] * 4),
        st.sampled_from(["cat", "dog", "cow", "<", ""]),
        st.sampled_from([0, 1, "", "x"]),
    ),
    ids=st.just(b"a\n") | st.binary(max_size=8),
)
def test_any_content_is_read_or_refused(tmp_path: Path, content: bytes, ids: bytes) -> None:
    folder = tmp_path / "VOC2007"
    for child in ("Annotations", "ImageSets/Main"):
        (folder / child).mkdir(parents=True, exist_ok=True)
    (folder / "Annotations" / "a.xml").write_bytes(content)
    (folder / "ImageSets" / "Main" / "test.txt").write_bytes(ids)
    try:
        samples = DATASET.samples(tmp_path)
    except DatasetError:
        return
    assert [sample.id for sample in samples] == ["a"]
    assert np.isfinite(samples[0].boxes).all()


DECLARATIONS = ("", "<!DOCTYPE annotation>", '<!DOCTYPE x [<!ENTITY y "z">]>', "<!-- no type -->", "<?x y?>")


@given(
    before=st.sampled_from(["", "\n", "\ufeff", '<?xml version="1.0"?>', '<?xml version="1.0" encoding="latin-1"?>']),
    declared=st.lists(st.sampled_from(DECLARATIONS), max_size=3),
    inside=st.text(st.sampled_from("ab&;<>/! [x"), max_size=8) | st.sampled_from(["&y;", "&lt;", "<!DOCTYPE a>"]),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-16-be", "latin-1", "cp037"]),
)
def test_refuses_what_the_cautious_parser_refuses(before: str, declared: list[str], inside: str, encoding: str) -> None:
    """A document passes if defusedxml takes it, and then has the same content."""
    whole = annotation(f"<object><name>{inside}</name>{box_of(1, 2, 3, 4)}</object>")
    text = f"{before}{''.join(declared)}{whole}"
    data = text.encode(encoding, errors="replace")
    try:
        expected = fromstring(data, forbid_dtd=True).findtext("object/name", "").strip()
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        expected = ""
    if not expected:
        with pytest.raises(FaultError):
            read_annotation(data)
        return
    (found,) = read_annotation(data).objects
    assert found.name == expected
