from __future__ import annotations

import ast
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner import errors
from zoo_runner.errors import ExitCode, ZooError, did_you_mean, interrupted, listed, shortened
from zoo_runner.known_secrets import forget, learn

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
        pytest.param("onnx", ["ascend", "onnxruntime"], "; did you mean 'onnxruntime'?", id="begun"),
        pytest.param("on", ["ascend", "onnxruntime"], "", id="hardly begun"),
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


@pytest.mark.parametrize(
    ("count", "last"), [(0, ""), (1, "  fault 1"), (10, "  fault 10"), (11, "  and 1 more"), (5000, "  and 4990 more")]
)
def test_the_first_faults_are_listed_and_the_rest_counted(count: int, last: str) -> None:
    lines = listed([f"fault {number + 1}" for number in range(count)]).split("\n")
    assert lines[-1] == last
    assert len(lines) == max(1, min(count, 11))


@pytest.mark.parametrize(
    ("text", "longest", "shown"),
    [
        pytest.param("", 8, "", id="empty"),
        pytest.param("abcdefgh", 8, "abcdefgh", id="just fits"),
        pytest.param("abcdefghi", 8, "abcdef...hi (9 characters)", id="one too long"),
        pytest.param("x" * 1_000_000, 4, "xxx...x (1,000,000 characters)", id="a megabyte"),
    ],
)
def test_long_texts_are_shown_by_their_ends(text: str, longest: int, shown: str) -> None:
    assert shortened(text, longest) == shown


def test_a_secret_is_hidden_before_a_text_is_cut() -> None:
    secret = "s3cr" * 200
    learn(f"https://me:{secret}@h/x")
    try:
        assert shortened(f"no answer from https://me:{secret}@h/x") == "no answer from https://me:***@h/x"
        assert "s3cr" not in listed([f"{'x' * 200} {secret} {'y' * 2000}"])
    finally:
        forget()
