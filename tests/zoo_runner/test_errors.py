from __future__ import annotations

import ast
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner import errors
from zoo_runner.errors import ExitCode, ZooError, did_you_mean, interrupted

FAMILY = [found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, ZooError)]
USAGE = {"UsageError", "ManifestError", "PluginError"}


def test_exit_codes_are_those_that_other_tools_rely_on() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "PASS": 0,
        "GATE_FAILED": 1,
        "USAGE": 2,
        "STAGE_FAILED": 3,
        "INCONCLUSIVE": 4,
    }


@pytest.mark.parametrize("error", FAMILY, ids=[error.__name__ for error in FAMILY])
def test_every_error_ends_in_the_code_of_its_kind(error: type[ZooError]) -> None:
    expected = ExitCode.USAGE if error.__name__ in USAGE else ExitCode.STAGE_FAILED
    assert error("text").exit_code is expected
    assert str(error("what to do next")) == "what to do next"


@pytest.mark.parametrize("error", FAMILY, ids=[error.__name__ for error in FAMILY])
def test_every_error_says_what_it_stands_for(error: type[ZooError]) -> None:
    (definition,) = ast.parse(inspect.getsource(error)).body
    assert isinstance(definition, ast.ClassDef)
    assert ast.get_docstring(definition)


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        pytest.param("x", [], "", id="nothing known"),
        pytest.param("", ["a"], "", id="nothing written"),
        pytest.param("refindet", ["refinedet", "onnxruntime"], "; did you mean 'refinedet'?", id="one"),
        pytest.param("abc", ["abd", "abe", "abf"], "; did you mean 'abf' or 'abe'?", id="at most two"),
        pytest.param("zebra", ["refinedet"], "", id="far"),
        pytest.param("batch", iter(["batchs"]), "; did you mean 'batchs'?", id="any iterable"),
    ],
)
def test_did_you_mean(name: str, known: list[str], hint: str) -> None:
    assert did_you_mean(name, known) == hint


@given(st.text(), st.lists(st.text(min_size=1)))
def test_a_hint_names_what_is_known_or_is_empty(name: str, known: list[str]) -> None:
    hint = did_you_mean(name, known)
    assert hint == "" or any(repr(each) in hint for each in known)


def masked(outer: type[BaseException], inner: type[BaseException]) -> BaseException:
    try:
        try:
            raise inner
        finally:
            raise outer("cleaning up")
    except BaseException as error:  # noqa: BLE001 - the error is what is tested
        return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(KeyboardInterrupt(), True, id="Ctrl-C"),
        pytest.param(masked(ValueError, KeyboardInterrupt), True, id="an error while cleaning up after Ctrl-C"),
        pytest.param(masked(ValueError, OSError), False, id="an error after another"),
        pytest.param(ValueError(), False, id="an error"),
    ],
)
def test_interrupted(error: BaseException, expected: bool) -> None:
    assert interrupted(error) is expected
