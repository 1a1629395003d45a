"""The reader on small devkit folders written here, on every kind of damage, and on the whole of VOC2007 test."""

from __future__ import annotations

import pickle
import tarfile
from pathlib import Path
from xml.etree.ElementTree import ParseError

import numpy as np
import pytest
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refinedet_plugin.config import VOC_CLASSES
from refinedet_plugin.voc import VocDataset, VocSample, plain_name
from refinedet_plugin.voc_annotation import FaultError, read_annotation
from zoo_runner.errors import DatasetError

SHARED = Path(__file__).parents[3] / "shared" / "data" / "voc2007-test"
CLASSES = ("cat", "dog")
DATASET = VocDataset(CLASSES)
SIZE = "<size><width>353</width><height>500</height><depth>3</depth></size>"


def box_of(*sides: object) -> str:
    names = ("xmin", "ymin", "xmax", "ymax")
    return f"<bndbox>{''.join(f'<{n}>{s}</{n}>' for n, s in zip(names, sides, strict=True))}</bndbox>"


def object_of(name: str = "cat", body: str = box_of(1, 2, 30, 40), difficult: object = 0) -> str:
    return f"<object><name>{name}</name><difficult>{difficult}</difficult>{body}</object>"


def annotation(*objects: str, size: str = SIZE) -> str:
    return f"<annotation>{size}{''.join(objects)}</annotation>"


def devkit(root: Path, annotations: dict[str, str | bytes], ids: str | bytes | None = None) -> Path:
    """Write a VOCdevkit folder with these annotations and, unless told otherwise, the list of their ids."""
    folder = root / "VOCdevkit" / "VOC2007"
    for child in ("Annotations", "ImageSets/Main"):
        (folder / child).mkdir(parents=True)
    for name, content in annotations.items():
        raw = content if isinstance(content, bytes) else content.encode()
        (folder / "Annotations" / f"{name}.xml").write_bytes(raw)
    listed = "".join(f"{name}\n" for name in annotations) if ids is None else ids
    (folder / "ImageSets" / "Main" / "test.txt").write_bytes(listed if isinstance(listed, bytes) else listed.encode())
    return root / "VOCdevkit"


def refused(root: Path, dataset: VocDataset = DATASET) -> str:
    with pytest.raises(DatasetError) as caught:
        dataset.samples(root)
    return str(caught.value)


# --- what is read ----------------------------------------------------------------------------------------------


def test_samples_in_the_order_of_the_list(tmp_path: Path) -> None:
    root = devkit(
        tmp_path,
        {
            "000001": annotation(
                object_of("dog", box_of(48, 240, 195, 371)), object_of("cat", box_of(8, 12, 352, 498), 1)
            ),
            "2008_000002": annotation(),
        },
        ids="2008_000002\n000001\n",
    )
    empty, full = DATASET.samples(root)
    assert (empty.index, empty.id) == (1, "2008_000002")
    assert (full.index, full.id) == (2, "000001")
    assert full.path == root / "VOC2007" / "JPEGImages" / "000001.jpg"  # which does not exist, and need not
    assert (full.width, full.height) == (353, 500)
    assert full.boxes.tolist() == [[48, 240, 195, 371], [8, 12, 352, 498]]
    assert full.labels.tolist() == [1, 0]
    assert full.difficult.tolist() == [False, True]
    for sample in (empty, full):
        count = len(sample.labels)
        arrays = (sample.boxes, sample.labels, sample.difficult)
        assert [array.shape for array in arrays] == [(count, 4), (count,), (count,)]
        assert [str(array.dtype) for array in arrays] == ["float32", str(np.dtype(np.intp)), "bool"]
        assert not any(array.flags.writeable for array in arrays)


def test_samples_compare_by_index_id_and_path_and_travel(tmp_path: Path) -> None:
    root = devkit(tmp_path, {"a": annotation(object_of()), "b": annotation(object_of())})
    one, two = DATASET.samples(root)
    again = DATASET.samples(root)[0]
    assert one == again
    assert hash(one) == hash(again)
    assert one != two
    copy = pickle.loads(pickle.dumps(one))  # noqa: S301 - what was pickled one call before
    assert isinstance(copy, VocSample)
    assert copy.boxes.tolist() == one.boxes.tolist()


@pytest.mark.parametrize(
    ("objects", "box", "difficult"),
    [
        (object_of(body=box_of(" 1 ", "2\n", 3, 4)), [1, 2, 3, 4], False),
        (object_of(body=box_of("45.70", "46.2", "47.5", "48.5")), [46, 46, 48, 48], False),
        (object_of(body=box_of(0, -3, 900, 900)), [0, -3, 900, 900], False),
        (object_of(body=box_of(5, 5, 5, 5)), [5, 5, 5, 5], False),
        (object_of(difficult=" 1 "), [1, 2, 30, 40], True),
        (object_of(" cat\n"), [1, 2, 30, 40], False),
        (f"<object><name>cat</name>{box_of(1, 2, 3, 4)}</object>", [1, 2, 3, 4], False),
        (
            object_of(body=f"<part><name>head</name>{box_of(7, 7, 9.5, 9.5)}</part>{box_of(1, 2, 3, 4)}"),
            [1, 2, 3, 4],
            False,
        ),
    ],
    ids=["spaces", "fractions", "past the border", "one pixel", "difficult", "name", "no difficult", "part first"],
)
def test_object(tmp_path: Path, objects: str, box: list[int], difficult: bool) -> None:
    (sample,) = DATASET.samples(devkit(tmp_path, {"a": annotation(objects)}))
    assert sample.boxes.tolist() == [box]
    assert sample.labels.tolist() == [0]
    assert sample.difficult.tolist() == [difficult]


@pytest.mark.parametrize("below", ["", "VOC2007"], ids=["VOCdevkit", "year folder"])
def test_root(tmp_path: Path, below: str) -> None:
    root = devkit(tmp_path, {"a": annotation()})
    assert [sample.id for sample in DATASET.samples(root / below)] == ["a"]


def test_other_year_and_list(tmp_path: Path) -> None:
    root = devkit(tmp_path, {"a": annotation(), "b": annotation()})
    (root / "VOC2007").rename(root / "SHAPES")
    (root / "SHAPES" / "ImageSets" / "Main" / "val.txt").write_text("b\n")
    dataset = VocDataset(CLASSES, year="SHAPES", image_set="val")
    assert [(sample.index, sample.id) for sample in dataset.samples(root)] == [(1, "b")]


@pytest.mark.parametrize(
    "ids",
    ["a\nb", "a\r\nb\r\n", "\n  a  \n\n\tb\t\n\n", b"\xef\xbb\xbfa\nb\n"],
    ids=["no last newline", "CRLF", "blanks", "byte order mark"],
)
def test_list_forms(tmp_path: Path, ids: str | bytes) -> None:
    root = devkit(tmp_path, {"a": annotation(), "b": annotation()}, ids=ids)
    assert [sample.id for sample in DATASET.samples(root)] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "plain"),
    [("000001", True), ("a b.c", True), ("", False), (".", False), ("..", False), ("a/b", False), ("a\\b", False)],
)
def test_plain_name(name: str, plain: bool) -> None:
    assert plain_name(name) is plain


# --- what is refused: folders and lists ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folders", "found"),
    [
        (None, "found no such folder"),
        ((), "found nothing in it"),
        (("VOC2012", "extra"), "found VOC2012, extra"),
        (("VOC2007",), "found VOC2007, empty"),
        (("VOC2007/JPEGImages", "VOC2007/Annotations"), "found VOC2007/Annotations, VOC2007/JPEGImages"),
        (tuple(f"d{number:02}" for number in range(12)), "d09, ...;"),
    ],
    ids=["missing", "empty", "other year", "empty year", "incomplete year", "many entries"],
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
    assert text.endswith("give the VOCdevkit folder that holds VOC2007")


def test_unknown_image_set(tmp_path: Path) -> None:
    root = devkit(tmp_path, {"a": annotation()})
    text = refused(root, VocDataset(CLASSES, image_set="tset"))
    assert "expected the image set" in text
    assert "tset.txt; found test there; name one of those as image_set; did you mean 'test'?" in text


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


# --- what is refused: annotations ------------------------------------------------------------------------------

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


# --- the real thing --------------------------------------------------------------------------------------------


@pytest.mark.skipif(not SHARED.is_dir(), reason="the VOC2007 annotations are not beside this checkout")
def test_voc2007_test(tmp_path: Path) -> None:
    with tarfile.open(SHARED / "annotations.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    samples = VocDataset(VOC_CLASSES).samples(tmp_path / "VOCdevkit")
    assert len(samples) == 4952
    assert [sample.index for sample in samples] == list(range(1, 4953))
    assert sum(len(sample.labels) for sample in samples) == 14976
    assert sum(int((~sample.difficult).sum()) for sample in samples) == 12032
    first = samples[0]
    assert (first.id, first.width, first.height) == ("000001", 353, 500)
    assert [VOC_CLASSES[label] for label in first.labels] == ["dog", "person"]
    assert first.boxes.tolist() == [[48, 240, 195, 371], [8, 12, 352, 498]]
