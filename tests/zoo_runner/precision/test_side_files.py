"""What a manifest's own files ask of ATC, and names in them that match nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from norm_graphs import write_norm
from places import TRIAL
from zoo_runner.errors import ManifestError
from zoo_runner.manifest.load import load
from zoo_runner.precision.graph import FloatGraph, read_float_graph
from zoo_runner.precision.side_files import CustomDtypes, Wishes, read_wishes

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> FloatGraph:
    return read_float_graph(write_norm(tmp_path_factory.mktemp("norm") / "m.onnx"))


def wishes(graph: FloatGraph, folder: Path, files: Mapping[str, str], soc: str = "Ascend310P3") -> Wishes:
    lines = [f"extends: {TRIAL}", "atc:", "  flags:", *(f"    {flag}: {flag}_{{soc}}.txt" for flag in files)]
    (folder / "m.yaml").write_text("\n".join(lines) if files else lines[0])
    for flag, text in files.items():
        (folder / f"{flag}_{soc}.txt").write_text(text)
    return read_wishes(load(folder / "m.yaml"), graph, soc, 8)


def test_nothing_is_asked_for(graph: FloatGraph, tmp_path: Path) -> None:
    assert wishes(graph, tmp_path, {}) == Wishes()
    assert wishes(graph, tmp_path, {"keep_dtype": "\n \n", "customize_dtypes": ""}) == Wishes()


def test_keep_dtype(graph: FloatGraph, tmp_path: Path) -> None:
    found = wishes(graph, tmp_path, {"keep_dtype": "pow\n\n  OpType::ReduceSumD \nsqrrt\nOpType::Div\nOpType::Rant\n"})
    assert found.kept == {"pow", "sum"}
    file = tmp_path / "keep_dtype_Ascend310P3.txt"
    assert found.notes == (
        f"{file}:4: no operator is named 'sqrrt'; did you mean 'sqrt'?",
        f"{file}:5: no operator is of Ascend's type 'Div' (unverified names); did you mean 'RealDiv'?",
        f"{file}:6: no operator is of Ascend's type 'Rant' (unverified names)",
    )


def test_customize_dtypes(graph: FloatGraph, tmp_path: Path) -> None:
    text = (
        "sqrt::InputDtype:float32,OutputDtype:float16\nOpType::RealDiv:InputDtype:float16,float32,OutputDtype:bf16\n"
        "OpType::Sqrt:InputDtype:float16\nad::OutputDtype:float32\n"
    )
    found = wishes(graph, tmp_path, {"customize_dtypes": text})
    assert found.custom == {
        "sqrt": CustomDtypes(inputs=("float32",), outputs=("float16",)),  # its name is nearer than its type
        "div": CustomDtypes(inputs=("float16", "float32"), outputs=("bf16",)),
    }
    one, other = found.notes
    assert one.endswith(":2: bf16 is not emulated; such a tensor is taken as the mode has it")
    assert other.endswith(":4: no operator is named 'ad'; did you mean 'add'?")


def test_lists_and_kernels(graph: FloatGraph, tmp_path: Path) -> None:
    mixlist = '{"black-list": {"to-add": ["Pow", "Powe"]}, "white-list": {"to-grow": ["Sqrt"]}}'
    kernels = "[ByOpType]\nSqrt=high_precision\nSqr=high_performance\n[ByNodeName]\npow=high_precision\nPow=x\n"
    found = wishes(graph, tmp_path, {"modify_mixlist": mixlist, "op_precision_mode": kernels})
    assert found.mixlist == ("black-list to-add Pow", "white-list to-grow Sqrt")
    assert [note.partition(": ")[2] for note in found.notes] == [
        "no operator is of Ascend's type 'Powe' (unverified names); did you mean 'Pow'?",
        "white-list/to-grow is no list that is known",
        "no operator is of Ascend's type 'Sqr' (unverified names); did you mean 'Sqrt'?",
        "no operator is named 'Pow'; did you mean 'pow'?",
        "op_precision_mode is about a kernel's inside, not about its dtypes: nothing of it is emulated",
    ]


@pytest.mark.parametrize(
    ("flag", "text", "says"),
    [
        (
            "customize_dtypes",
            "sqrt float16",
            r"Ascend310P3\.txt:1: expected NAME::InputDtype:float16,.*found sqrt",
        ),
        ("modify_mixlist", "[]", r"Ascend310P3\.txt: expected JSON such as .*found something else"),
        ("modify_mixlist", "{", r"Ascend310P3\.txt: expected JSON such as "),
        ("op_precision_mode", "Sqrt=x", r"Ascend310P3\.txt: expected sections \[ByOpType\] and \[ByNodeName\], found"),
    ],
)
def test_files_in_another_form(flag: str, text: str, says: str, graph: FloatGraph, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=says):
        wishes(graph, tmp_path, {flag: text})


def test_no_such_file(graph: FloatGraph, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(f"extends: {TRIAL}\natc: {{flags: {{keep_dtype: none.txt}}}}\n")
    with pytest.raises(ManifestError, match=r"m\.yaml:2: atc\.flags\.keep_dtype: expected a text file, found none"):
        read_wishes(load(tmp_path / "m.yaml"), graph, "", 1)
