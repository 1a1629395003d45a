"""The numbers of AscendCL in what tools print, and what they mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.backends.ascend.acl_codes import KNOWN, acl_error
from zoo_runner.backends.ascend.ais_bench_errors import diagnose


@pytest.mark.parametrize(
    ("text", "number", "meaning"),
    [
        ("[ERROR] load model from file failed, model file is /m.om, ret = 545001", 545001, "the .om cannot be loaded"),
        ("[ERROR] acl open device 9 failed ret:107001", 107001, "there is no device of this number"),
        ("[ERROR] execute model failed, modelId is 1, errorCode is 507011", 507011, "an operator failed on the device"),
        ("aclrtMalloc failed, error code 207001", 207001, "the device has too little memory"),
        ("aclmdlSetDynamicHWSize failed, result 145013", 145013, "the model has no such size of an open axis"),
        ("call aclmdlSetInputDynamicDims failed, return 100019", 100019, "the model has no open axes"),
        ("acl error: 507008", 507008, "the .om was made for another chip"),
        ("ret=500002", 500002, "something inside AscendCL"),
        ("ret=100030", 100030, "AscendCL refuses what it was asked for"),
        ("ret=300000", 300000, "a limit is reached"),
        ("ret=207099", 207099, "a resource is short"),
        (
            "ret 500003\nrtModelExecute failed, error code 507015\nret 500002",
            507015,
            "an operator failed on the device",
        ),
    ],
)
def test_the_number_that_says_most(text: str, number: int, meaning: str) -> None:
    found = acl_error(text)
    assert found is not None
    assert (found[0], found[1].meaning.startswith(meaning)) == (number, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ret = 0",
        "wrote 507011 bytes",
        "ret = 5070112",
        "error code 90000",
        "infer 100000 images",
        "pid 145013",
        "ret = 400000",
    ],
)
def test_other_numbers(text: str) -> None:
    assert acl_error(text) is None


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    found = acl_error(text)
    assert found is None or 100000 <= found[0] < 600000


def test_every_advice_says_what_to_do() -> None:
    assert all(advice.meaning and advice.remedy for advice in KNOWN.values())


def test_the_command_s_failure_is_told_by_its_number() -> None:
    failure = diagnose("[ERROR] execute model failed, modelId is 1, errorCode is 207001", 1)
    assert failure.message == "[ERROR] execute model failed, modelId is 1, errorCode is 207001"
    assert failure.advice.meaning == "AscendCL's 207001: the device has too little memory"
    assert failure.advice.remedy.startswith("use a smaller infer.batch")
