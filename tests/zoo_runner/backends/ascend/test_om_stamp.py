"""The stamp beside an .om: written, read back, and held against what is wanted."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.backends.ascend.om_stamp import Stamp, check_stamp, read_stamp, stamp_path, write_stamp
from zoo_runner.store.fingerprints import file_digest

STAMP = Stamp(
    onnx_sha256="a" * 64,
    arguments=("atc", "--model={model}", "--out_nodes=/R:0;/S:0", "--soc_version=Ascend310P3", "--log=error"),
    chip="Ascend310P3",
    cann="8.0.0",
    batch=16,
    outputs=("loc", "conf"),
    out_nodes=("/R:0", "/S:0"),
    side_files={"insert_op_conf": "b" * 64},
)


@pytest.fixture
def om(tmp_path: Path) -> Path:
    path = tmp_path / "model.om"
    path.write_bytes(b"compiled")
    write_stamp(path, replace(STAMP, om_sha256=file_digest(path)))
    return path


def test_round_trip(om: Path) -> None:
    assert read_stamp(om) == replace(STAMP, om_sha256=file_digest(om))
    assert stamp_path(om).name == "model.om.json"
    assert check_stamp(om, STAMP) == []


@given(
    st.builds(
        Stamp,
        onnx_sha256=st.text(),
        arguments=st.lists(st.text()).map(tuple),
        chip=st.text(),
        cann=st.text(),
        batch=st.integers(),
        outputs=st.lists(st.text()).map(tuple),
        out_nodes=st.lists(st.text()).map(tuple),
        side_files=st.dictionaries(st.text(), st.text()),
        om_sha256=st.text(),
        sizes=st.lists(st.text()).map(tuple),
    )
)
def test_any_stamp_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, stamp: Stamp) -> None:
    om = tmp_path_factory.mktemp("stamp") / "model.om"
    write_stamp(om, stamp)
    assert read_stamp(om) == stamp


@pytest.mark.parametrize(
    ("wanted", "differences"),
    [
        ({"onnx_sha256": "c"}, [f"ONNX model (SHA-256): expected c, found {'a' * 64}"]),
        ({"chip": "Ascend310"}, ["chip: expected Ascend310, found Ascend310P3"]),
        ({"cann": "9.0.0"}, ["CANN release: expected 9.0.0, found 8.0.0"]),
        ({"batch": 1}, ["batch size: expected 1, found 16"]),
        ({"outputs": ("conf", "loc")}, ["output order: expected conf loc, found loc conf"]),
        ({"out_nodes": ("/R:0",)}, ["output nodes: expected /R:0, found /R:0 /S:0"]),
        (
            {"arguments": (*STAMP.arguments[:4], "--log=debug")},
            ["ATC arguments: expected --log=debug, found --log=error"],
        ),
        ({"arguments": STAMP.arguments[:4]}, ["ATC arguments: expected none, found --log=error"]),
        (
            {"arguments": ("atc", "--model={model}", "--out_nodes=/S:0", "--soc_version=x", "--log=error")},
            [],
        ),
        ({"side_files": {}}, ["file of --insert_op_conf: its content is another one"]),
        ({"side_files": {"insert_op_conf": "c"}}, ["file of --insert_op_conf: its content is another one"]),
        ({"om_sha256": "not looked at"}, []),
        ({"batch": 1, "cann": "x"}, ["CANN release: expected x, found 8.0.0", "batch size: expected 1, found 16"]),
    ],
    ids=[
        "graph",
        "chip",
        "cann",
        "batch",
        "order",
        "nodes",
        "flag",
        "flag-less",
        "named-elsewhere",
        "side-file-less",
        "side-file",
        "own-hash",
        "two",
    ],
)
def test_differences(om: Path, wanted: dict[str, Any], differences: list[str]) -> None:
    assert check_stamp(om, replace(STAMP, **wanted)) == differences


GEARED = replace(
    STAMP,
    arguments=(*STAMP.arguments, "--dynamic_image_size=8,16;16,8"),
    sizes=("height 8 x width 16", "height 16 x width 8"),
)


@pytest.mark.parametrize(
    ("found", "wanted", "differences"),
    [
        pytest.param(GEARED, GEARED, [], id="the same gears"),
        pytest.param(
            STAMP,
            GEARED,
            ["sizes of open axes: expected height 8 x width 16; height 16 x width 8, found none (sizes are fixed)"],
            id="an older stamp, or one of fixed sizes",
        ),
        pytest.param(
            GEARED,
            STAMP,
            ["sizes of open axes: expected none (sizes are fixed), found height 8 x width 16; height 16 x width 8"],
            id="gears where sizes are fixed",
        ),
        pytest.param(
            GEARED,
            replace(
                GEARED,
                arguments=(*STAMP.arguments, "--dynamic_image_size=16,8;8,16"),
                sizes=("height 16 x width 8", "height 8 x width 16"),
            ),
            [
                (
                    "sizes of open axes: expected height 16 x width 8; height 8 x width 16, found "
                    "height 8 x width 16; height 16 x width 8"
                )
            ],
            id="another order",
        ),
        pytest.param(
            GEARED,
            replace(GEARED, arguments=(*STAMP.arguments, "--dynamic_image_size=16,8;8,16")),
            ["ATC arguments: expected --dynamic_image_size=16,8;8,16, found --dynamic_image_size=8,16;16,8"],
            id="axes that have changed places in the inputs",
        ),
    ],
)
def test_gears(om: Path, found: Stamp, wanted: Stamp, differences: list[str]) -> None:
    write_stamp(om, replace(found, om_sha256=file_digest(om)))
    assert check_stamp(om, wanted) == differences


def test_the_stamp_of_fixed_sizes_is_written_as_ever(om: Path) -> None:
    assert "sizes" not in json.loads(stamp_path(om).read_text())
    assert "sizes" not in STAMP.values()
    assert GEARED.values()["sizes"] == GEARED.sizes


def test_of_two_unknown_releases_nobody_knows_that_they_are_one(om: Path) -> None:
    unknown = replace(STAMP, cann="unknown")
    write_stamp(om, replace(unknown, om_sha256=file_digest(om)))
    assert check_stamp(om, unknown) == [
        "CANN release: expected the one that made the .om, found two unknown ones; source set_env.sh on both"
    ]
    by_content = replace(STAMP, cann="unknown (libascendcl.so 0123456789abcdef)")
    write_stamp(om, replace(by_content, om_sha256=file_digest(om)))
    assert check_stamp(om, by_content) == []


def test_a_changed_file(om: Path) -> None:
    om.write_bytes(b"another")
    (difference,) = check_stamp(om, STAMP)
    assert difference.startswith(f"content: the file has SHA-256 {file_digest(om)}, its stamp says ")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "nothing", '{"schema_version": 2}', '{"schema_version": 1, "batch": 1}'], ids=repr
)
def test_what_is_no_stamp(tmp_path: Path, text: str) -> None:
    om = tmp_path / "model.om"
    assert check_stamp(om, STAMP) == [f"{om}: there is no such file"]
    om.write_bytes(b"om")
    assert read_stamp(om) is None
    stamp_path(om).write_text(text, encoding="utf-8")
    assert read_stamp(om) is None
    (difference,) = check_stamp(om, STAMP)
    assert difference.startswith(f"{om}.json: there is no stamp of this program")


def test_a_pipe_is_no_stamp_and_nobody_waits_for_it(om: Path) -> None:
    stamp_path(om).unlink()
    os.mkfifo(stamp_path(om))
    assert read_stamp(om) is None
