"""Redaction: no secret of a URL survives, and everything else does."""

from __future__ import annotations

import io
import re
from enum import Enum

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zoo_runner.redaction import clean, clean_page, clean_stream, cleaned, redacted, redacted_url

ANYTHING = st.text(min_size=1).map(lambda text: f"s3cret{text}s3cret")
IN_QUERY = ANYTHING.map(lambda text: re.sub("[&#]", "", text))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("https://host/a/b.pth", "https://host/a/b.pth", id="nothing-to-hide"),
        pytest.param("https://user:password@host:8/x", "https://***@host:8/x", id="password"),
        pytest.param("https://token@host/x", "https://***@host/x", id="user-only"),
        pytest.param("HTTPS://U:P@host", "HTTPS://***@host", id="capitals"),
        pytest.param("https://u:p@ss@host/x", "https://***@host/x", id="at-in-password"),
        pytest.param("https://u:p@[::1]:80/x", "https://***@[::1]:80/x", id="ipv6"),
        pytest.param("https://h/x?a=1&b=2", "https://h/x?a=***&b=***", id="query"),
        pytest.param("https://h/x?a=1=2&b=", "https://h/x?a=***&b=***", id="equals-in-value"),
        pytest.param("https://h/x?token", "https://h/x?***", id="value-without-key"),
        pytest.param("https://h/x?a=1&&b", "https://h/x?a=***&&***", id="empty-part"),
        pytest.param("https://h/x?a=p q", "https://h/x?a=***", id="space"),
        pytest.param("https://h/x?", "https://h/x?", id="empty-query"),
        pytest.param("https://h?next=https://u:p@h/x?y=1", "https://h?next=***", id="url-in-query"),
        pytest.param("https://h/x?a=1#f", "https://h/x?a=***#***", id="fragment"),
        pytest.param("https://h/x#f?a=1", "https://h/x#***", id="query-in-fragment"),
        pytest.param("https://h/@scope/x", "https://h/@scope/x", id="at-in-path"),
        pytest.param("https://user:p/ss@host/x", "https://***", id="slash-in-password"),
        pytest.param("https://user:p?ss@host/x", "https://***", id="question-mark-in-password"),
        pytest.param("https:/user:pass@host/x", "https:/***@host/x", id="one-slash"),
        pytest.param("https:user:pass@host/x", "https:***@host/x", id="no-slash"),
        pytest.param("s3://key:secret@bucket/x", "s3://***@bucket/x", id="other-scheme"),
        pytest.param("", "", id="empty"),
        pytest.param("a/b?c=d.pth", "a/b?c=d.pth", id="path"),
        pytest.param("/a b/c@d#e", "/a b/c@d#e", id="absolute-path"),
        pytest.param("file:///a@b/c?d=e", "file:///a@b/c?d=e", id="file"),
        pytest.param("package:x/y@z", "package:x/y@z", id="package"),
        pytest.param("weights:v2:b.pth", "weights:v2:b.pth", id="path-with-colons"),
    ],
)
def test_redacted_url(url: str, expected: str) -> None:
    assert redacted_url(url) == expected
    assert redacted_url(expected) == expected


@given(user=ANYTHING, value=IN_QUERY, fragment=ANYTHING)
@example(user="s3cret/", value="s3cret ", fragment="s3cret\n?")
@example(user="s3cret:1/s3cret", value="s3cret=s3cret", fragment="?")
def test_no_secret_survives(user: str, value: str, fragment: str) -> None:
    shown = redacted_url(f"https://host/x?key={value}&key={value}#{fragment}")
    assert shown == "https://host/x?key=***&key=***#***"
    if not set("/?#") & set(user):
        assert redacted_url(f"https://{user}@host/x") == "https://***@host/x"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "Max retries exceeded with url: /x?key=a'b)c&d (Caused by it)",
            "Max retries exceeded with url: /x?key=***&*** (Caused by it)",
            id="without-host",
        ),
        pytest.param("Failed to parse: http://u:p@h:x/y", "Failed to parse: http://***@h:x/y", id="password"),
        pytest.param("from http://a@b to http://c@d/#e", "from http://***@b to http://***@d/#***", id="two"),
        pytest.param("what? no: 3 & 4 = 7, me@host # 1", "what? no: 3 & 4 = 7, me@host # 1", id="prose"),
    ],
)
def test_redacted(text: str, expected: str) -> None:
    assert redacted(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("GET https://u:p@h/x?a=1 then", "GET https://***@h/x?a=*** then", id="in a text"),
        pytest.param('{"url": "https://h/x?a=1&b"}', '{"url": "https://h/x?a=***&***"}', id="in JSON"),
        pytest.param('"pattern": "^(?:a|b)?c$", "x"', '"pattern": "^(?:a|b)?c$", "x"', id="no URL"),
        pytest.param("https://h/a#b and me@h.org?", "https://h/a#b and me@h.org?", id="nothing to hide"),
        pytest.param("file:///a@b/c", "file:///a@b/c", id="path"),
        pytest.param("file://u:p@h/c", "file://***@h/c", id="user of a file"),
    ],
)
def test_clean(text: str, expected: str) -> None:
    assert clean(text) == expected


LONG = 1_000_000


@pytest.mark.parametrize("unit", ["http:", "https:/", "://", "a://", "file://", "?", "<style>", "<script "])
def test_a_long_text_without_an_end_is_read_once(unit: str) -> None:
    # A pattern that looked for its end again from each start would take a quarter of an hour for one of these.
    text = unit * (LONG // len(unit))
    url, shown = " https://u:p@h/x", " https://***@h/x"
    assert [clean(text + url), clean_page(text + url)] == [text + shown] * 2
    assert redacted(text + url) == (text + shown if unit != "?" else "?***" + shown)
    assert len(redacted_url(text)) <= len(text)


USERS = re.compile(r"((?:https?:|:/)/*)[^/?#\s]*@", re.IGNORECASE)
FRAGMENTS = re.compile(r"(://[^\s#]*#)\S+")


@given(st.lists(st.sampled_from(["http:", "HTTPS:", "://", ":", "/", "@", "#", " ", "\n", "a", "\u017f"])).map("".join))
def test_reading_once_finds_what_searching_from_each_start_does(text: str) -> None:
    assert redacted(text) == FRAGMENTS.sub(r"\1***", USERS.sub(r"\1***@", text))


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        pytest.param("<style>https://u:p@h</style>", "<style>https://u:p@h</style>", id="style"),
        pytest.param("<p>https://u:p@h</p>", "<p>https://***@h</p>", id="text"),
        pytest.param("<style>https://u:p@h<p>https://u:p@h", "<style>https://***@h<p>https://***@h", id="no end"),
        pytest.param("<p title='https://u:p@h", "<p title='https://***@h", id="no end of a tag"),
    ],
)
def test_clean_page(page: str, expected: str) -> None:
    assert clean_page(page) == expected


def test_cleaned_goes_through_everything_but_enumerations() -> None:
    class Kind(str, Enum):
        ODD = "https://u:p@h"

    found = cleaned({"https://u:p@h": ("https://u:p@h", 1.5, None, [Kind.ODD])})
    assert found == {"https://***@h": ("https://***@h", 1.5, None, (Kind.ODD,))}


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "gbk"])
def test_a_stream_is_cleaned_before_its_bytes_leave(encoding: str) -> None:
    target = io.BytesIO()
    stream = clean_stream(io.TextIOWrapper(target, encoding=encoding, errors="backslashreplace"))
    stream.write("see https://u:p@h/x?a=1 größer\n")
    stream.buffer.write(b"\xff https://u:p@h\n")
    stream.flush()
    assert target.getvalue() == "see https://***@h/x?a=*** größer\n".encode(encoding, "backslashreplace") + (
        b"\xff https://***@h\n"
    )


def test_a_stream_without_bytes_stays() -> None:
    assert clean_stream(stream := io.StringIO()) is stream


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize("text", ["x" * 400_000, "a://" * 100_000, "<" * 400_000], ids=["word", "addresses", "markup"])
def test_long_texts_take_no_time_that_grows_with_their_square(text: str) -> None:
    assert clean(text) == text
    assert clean_page(text) == text
