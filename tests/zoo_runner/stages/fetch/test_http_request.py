"""Requests: what is read from an answer's head, whatever a server writes there."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.errors import FetchError
from zoo_runner.stages.fetch import http_request
from zoo_runner.stages.fetch.http_request import Interrupted, retry_after


def answer(status: int = 200, /, **headers: str) -> requests.Response:
    response = requests.Response()
    response.status_code, response.reason = status, "Reason"
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return response


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("", 0, 0), ("7", 7, 7), ("soon", 0, 0), ("-1", 0, 0), ("1.5", 0, 0),
        (formatdate(0, usegmt=True), 0, 0),
    ],
)  # fmt: skip
def test_retry_after(text: str, low: float, high: float) -> None:
    assert low <= retry_after(text) <= high


def test_retry_after_a_moment_to_come() -> None:
    assert 1 <= retry_after(formatdate(time.time() + 4000, usegmt=True)) <= 4000


@given(st.text())
def test_anyretry_after_is_a_wait(text: str) -> None:
    assert retry_after(text) >= 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bytes 5-9/10", (5, 10)), ("bytes 5-9/*", (5, None)), ("bytes */10", (None, None)), ("", (None, None)),
        ("bytes 5-9/10x", (None, None)), ("bytes -5-9/10", (None, None)), (f"bytes 0-0/{10**30}", (None, None)),
    ],
)  # fmt: skip
def test_content_range(text: str, expected: tuple[int | None, int | None]) -> None:
    assert http_request.content_range(answer(206, Content_Range=text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("0", 0), ("12", 12), ("-1", None), ("1e3", None), ("\u0661", None), ("9" * 20, None)]
)
def test_length(text: str, expected: int | None) -> None:
    assert http_request.length(answer(Content_Length=text)) == expected
    assert http_request.length(answer()) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({"ETag": '"a"', "Last_Modified": "then"}, '"a"', id="strong"),
        pytest.param({"ETag": 'W/"a"', "Last_Modified": "then"}, "then", id="weak"),
        pytest.param({"ETag": 'W/"a"'}, None, id="weak-only"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_version(headers: dict[str, str], expected: str | None) -> None:
    assert http_request.version(answer(**headers)) == expected


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503, 599])
def test_a_failure_that_may_pass(status: int) -> None:
    problem = http_request.failure("http://host/x", answer(status, Retry_After="7"))
    assert isinstance(problem, Interrupted)
    assert (str(problem), problem.wait_s) == (f"the server answered {status} Reason", 7)


@pytest.mark.parametrize("status", [204, 206, 400, 401, 403, 404, 410, 416])
def test_a_failure_that_will_not_pass(status: int) -> None:
    problem = http_request.failure("http://us3r:p4ss@host/x?key=t0ken", answer(status))
    assert isinstance(problem, FetchError)
    assert str(problem).startswith(f"http://***@host/x?key=***: the server answered {status} Reason. Check the address")


@pytest.mark.parametrize(
    "url",
    ["http://us3r:p4/ss@host/x", "http://us3r:p4#ss@host/x", "http:/us3r:p4ss@host/x?key=t0ken", "http:us3r:p4ss@/",
     "http://us3r:p4ss@[::1/x", "http://us3r:p4ss@/x", "http://us3r:p4ss@*host/x?key=t0ken"],
)  # fmt: skip
def test_an_unusable_address_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(FetchError, match="expected an address that can be") as caught:
        http_request.request(url, {}, 1, 30)
    assert not any(secret in str(caught.value) for secret in ("us3r", "p4", "t0ken"))
