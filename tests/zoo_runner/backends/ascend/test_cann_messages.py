"""What CANN's tools print, in the forms of CANN 6 to 8.5."""

from __future__ import annotations

import pytest

from zoo_runner.backends.ascend.cann_messages import CannError, errors_in, python_error, signal_name

TIME = "2025-03-18-09:02:18.501.341"
TEXT = "The k-axis must be the same"
INFER = f"[InferShape] {TEXT}[FUNC:InferShape][FILE:ops.cc][LINE:14]"


@pytest.mark.parametrize(
    ("head", "code", "text"),
    [
        pytest.param("E10007: [--framework] is required.", "E10007", "[--framework] is required.", id="6"),
        pytest.param(f"E10007: [PID: 123] {TIME} [--x] is required.", "E10007", "[--x] is required.", id="8.0"),
        pytest.param(f"E10016[PID: 123] {TIME} (Invalid_Argument):  Opname x", "E10016", "Opname x", id="8.3"),
        pytest.param(f"EZ9999[PID: 1] {TIME} (EZ9999):  {INFER}", "EZ9999", f"[InferShape] {TEXT}", id="8.3, code"),
        pytest.param(f"EZ1001[PID: 1] {TIME} AclNN_Error(EZ1001):  {TEXT}", "EZ1001", TEXT, id="8.5"),
        pytest.param(f"EZ9999: Inner Error!\nEZ9999  {INFER}", "EZ9999", f"[InferShape] {TEXT}", id="inner, 6"),
        pytest.param(f"EZ9999: Inner Error!\nEZ9999: [PID: 1] {TIME} {TEXT}", "EZ9999", TEXT, id="inner, 8.0"),
        pytest.param(f"EZ9999: Inner Error!\nEZ9999[PID: 1] {TIME} (EZ9999):  {TEXT}", "EZ9999", TEXT, id="inner, 8.3"),
        pytest.param(
            f"EZ9999: Internal error!\nEZ9999[PID: 1] {TIME} (EZ9999):  {TEXT}", "EZ9999", TEXT, id="internal"
        ),
        pytest.param(f"E19999: Inner Error!\n        {TEXT}[FUNC:a][FILE:b][LINE:1]", "E19999", TEXT, id="indented"),
        pytest.param(
            f"  0%|   | 0/50 [00:00<?, ?it/s].EZ9999: Inner Error!\nEZ9999  {TEXT}", "EZ9999", TEXT, id="progress"
        ),
        pytest.param("E10016(Invalid_Argument): Opname x", "E10016", "Opname x", id="name in parentheses"),
        pytest.param("E40021: one\n  two", "E40021", "one two", id="several lines"),
        pytest.param("E19999: Inner Error!", "E19999", "Inner Error!", id="nothing but the code"),
        pytest.param("E10007:", "E10007", "", id="no text"),
        pytest.param("E10007: " + "x" * 5000, "E10007", "x" * 600 + "...", id="endless"),
    ],
)
def test_forms(head: str, code: str, text: str) -> None:
    below = (
        "        Possible Cause: N/A\n        Solution: 1. Look.\n        2. Think.\n"
        "        TraceBack (most recent call last):\n        build graph failed[FUNC:B][FILE:g.cc][LINE:1]\n"
    )
    (bare,) = errors_in(f"ATC start working now\n{head}\n")
    assert bare == CannError(code=code, text=text)
    (whole,) = errors_in(f"{head}\n{below}")
    assert (whole.code, whole.cause, whole.solution) == (code, "", "1. Look. 2. Think.")
    assert whole.trace == ("build graph failed",)
    assert whole.text == (text if text not in {"", "Inner Error!"} else "build graph failed")


def test_parts_of_several_errors() -> None:
    text = """\
EZ3003: No kernel for [a].
        Possible Cause: It is not supported.
        Solution: Submit an issue.
        TraceBack (most recent call last):
        first
        second

[ERROR] GE(1,atc.bin): not part of it
E10016: Opname b
"""
    assert errors_in(text) == (
        CannError(
            code="EZ3003",
            text="No kernel for [a].",
            cause="It is not supported.",
            solution="Submit an issue.",
            trace=("first", "second"),
        ),
        CannError(code="E10016", text="Opname b"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ATC run success",
        "ErrorNo: 4294967295(failed)",
        "ONNXE10016: x",
        "W11001: Op a does not hit",
        "EZ9999  text without an error above it",
        "E1001: too short",
        "[PID: 1]",
    ],
)
def test_what_is_no_error(text: str) -> None:
    assert errors_in(text) == ()


def test_the_same_code_twice_is_two_errors() -> None:
    assert [error.text for error in errors_in("E10016: a\nE10016: b\n")] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ModuleNotFoundError: No module named 'decorator'", "ModuleNotFoundError: No module named 'decorator'"),
        ("[ERROR] TBE: AttributeError: module 'numpy' has no attribute 'bool'.\nend", "AttributeError: module 'numpy'"),
        ("ValueError: a\n  te.Exception: b", "te.Exception: b"),
        ("Error: nothing of Python", ""),
        ("", ""),
    ],
)
def test_python_error(text: str, found: str) -> None:
    assert python_error(text).startswith(found)
    assert bool(python_error(text)) is bool(found)


@pytest.mark.parametrize(
    ("code", "name"),
    [(-9, "SIGKILL"), (137, "SIGKILL"), (139, "SIGSEGV"), (134, "SIGABRT"), (0, ""), (1, ""), (128, ""), (255, "")],
)
def test_signal_name(code: int, name: str) -> None:
    assert signal_name(code) == name
