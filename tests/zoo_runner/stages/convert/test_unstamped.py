"""In which order an .om without a stamp returns its outputs: shapes prove it, or the user says it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from zoo_runner.errors import StageError, UsageError
from zoo_runner.plugin.interfaces import TensorSpec
from zoo_runner.stages.convert.unstamped import output_order, require_there, said_of_order


def outputs(**widths: int | str) -> Any:
    """Return a recipe with outputs of these names and widths."""
    specs = tuple(TensorSpec(name, "float32", ("batch", width)) for name, width in widths.items())
    return SimpleNamespace(manifest=SimpleNamespace(output_specs=specs, infer=SimpleNamespace(tool="in-process")))


def by_command(recipe: Any) -> Any:
    recipe.manifest.infer.tool = "ais_bench-cli"
    return recipe


@pytest.mark.parametrize(
    ("recipe", "named", "order"),
    [
        pytest.param(outputs(), (), [], id="no outputs"),
        pytest.param(outputs(a=1), (), ["a"], id="one output"),
        pytest.param(outputs(a=1, b=2), (), ["a", "b"], id="shapes prove it"),
        pytest.param(outputs(a=1, b=1), ("a", "b"), ["a", "b"], id="the user says it"),
        pytest.param(outputs(a=1, b=1), ("b", "a"), ["b", "a"], id="another order"),
        pytest.param(outputs(a="length", b="length"), ("b", "a"), ["b", "a"], id="open axes, the user says it"),
        pytest.param(by_command(outputs(a=1, b=1)), ("a", "b"), ["a", "b"], id="as files in the manifest's order"),
    ],
)
def test_the_order(recipe: Any, named: tuple[str, ...], order: list[str]) -> None:
    assert [spec.name for spec in output_order(recipe, named)] == order


@pytest.mark.parametrize(
    ("recipe", "named", "text"),
    [
        pytest.param(
            outputs(a=1, b=2, c=1),
            (),
            "--accept-unstamped: outputs a and c have one shape, so that nothing tells their order in the .om: give "
            "it, as in --om-outputs a,b,c",
            id="equal shapes",
        ),
        *(
            pytest.param(
                outputs(a=5, b=width, c="length"),
                (),
                f"--accept-unstamped: outputs {pair} have one shape, so that nothing tells their order in the .om: "
                "give it, as in --om-outputs a,b,c",
                id=f"an open axis can have any size, beside {width}",
            )
            for width, pair in ((6, "a and c"), ("height", "a and b"))
        ),
        pytest.param(
            outputs(first=1, second=1),
            ("frist", "second"),
            "--om-outputs: the manifest has no output 'frist'; did you mean 'first'?",
            id="a wrong name",
        ),
        pytest.param(
            outputs(a=1, b=1), ("a", "a"), "--om-outputs: expected each of a, b once, found a, a", id="one twice"
        ),
        pytest.param(
            by_command(outputs(a=1, b=1)),
            ("b", "a"),
            "--om-outputs: files of results are numbered in the model's order, and read in the manifest's: list the "
            "manifest's outputs in that order, or give --set infer.tool=in-process",
            id="files in another order",
        ),
    ],
)
def test_what_leaves_the_order_open_is_refused(recipe: Any, named: tuple[str, ...], text: str) -> None:
    with pytest.raises(UsageError) as error:
        output_order(recipe, named)
    assert str(error.value) == text


def test_the_report_says_whose_word_it_is() -> None:
    assert said_of_order(()).endswith("its outputs are in the order that shapes prove")
    assert said_of_order(("b", "a")).endswith("its outputs are in the order that --om-outputs says (b, a)")


def test_no_file_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"^--om mine: expected a converted model, found no such file$"):
        require_there(Path("mine"), tmp_path / "m.om")
