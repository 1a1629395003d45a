"""What of an address is a secret, however it is written; and what is none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from zoo_runner.known_secrets import forget, known, learn, without_known

WORD = "Pl4ntedSecret0fThisRun"


@pytest.fixture(autouse=True)
def nothing_is_known() -> Iterator[None]:
    forget()
    yield
    forget()


@pytest.mark.parametrize(
    "text",
    [
        *("https://me:{}@h/x", "https://{}@h/x", "https:\\\\me:{}@h\\x", "https:me:{}@h/x", "https//me:{}@h"),
        *("https:/me:{}@h/x", "https:///me:{}@h/x", "https://me:{}\uff20h/x", "https://me\uff1a{}@h", "//me:{}@h"),
        *(
            "file://me:{}@h/x",
            "htps://me:{}@h",
            "http://me:{}@[::1",
            "https://me:{}@",
            "me:{}@h/x",
            "--weights=me:{}@h",
        ),
        *(
            "https://me:p/{}@h/x",
            "https://me:{}/s@h/x",
            "https://me:{}?s@h/x",
            "https://me:{}#s@h/x",
            "https://me:{} s@h",
        ),
        *("https://h/x?token={}", "https://h/x?X-Amz-Signature={}&a=1", "https://?key={}", "https://h/x?{}"),
        *("https://h/x?a=b?token={}", "https://h:80/@scope/x?sig={}", "https://h?next=https%3A%2F%2Fme%3A{}%40h"),
        *("https://h/x#access_token={}", "https://h/x#{}", "https://h/x;jsessionid={}?q", "https://h/(S({}))/x"),
        *(
            "https://h/session/{}/x",
            "https://h/token={}/x",
            "  url: 'https://me:{}@h'  # why",
            "a: {{b: https://h?key={}}}",
        ),
        "--set weights.url=https://me:{}@h",
    ],
)
def test_it_is_found_and_taken_out_of_any_text(text: str) -> None:
    learn(text.format(WORD))
    assert without_known(f"it is {WORD}.") == "it is ***."
    assert without_known(f"in a word: x{WORD.upper()}x") == "in a word: x***x"


@pytest.mark.parametrize(
    "text",
    [
        *("", "https://h:8080/a/b.pth", "https://h/@scope/x", "see https://host/x mail me@example.org", "python:3.11"),
        *("https://h/recipe?version=2.0.1&raw=true", "C:\\dir\\x", "https://git@github.com/x/y", "package:a/b@c"),
        *(
            f"https://h/x?sha256={'a1' * 32}",
            f"https://h/x?x={'a1' * 32}",
            "file:///a@b/c",
            "https://h/keys/file/x.pth",
        ),
        *("https://gitee.com/ascend/ModelZoo-PyTorch/tree/master/ACL_PyTorch/built-in#readme", "https://me:pw@h"),
        *("https://me:stopped@h", "https://me:***@h", "https://h:80/@scope/x", "https://h/x?file=archive123.tar"),
    ],
)
def test_what_is_no_secret_is_left(text: str) -> None:
    learn(text)
    assert not known()
    assert without_known(f"{text} and so on") == f"{text} and so on"


@pytest.mark.parametrize(
    "shown",
    [
        "a+b/c=dé&f 123",
        "a%2Bb%2Fc%3Dd%C3%A9%26f%20123",
        "a+b/c=d\\xe9&f 123",
        "a+b/c=dé&amp;f 123",
    ],
)
def test_however_it_is_written_there(shown: str) -> None:
    learn("https://h/x?token=a%2Bb%2Fc%3Dd%C3%A9%26f%20123")
    assert without_known(f"<{shown}>") == "<***>"


def test_short_ones_are_words_of_their_own_only() -> None:
    learn("https://me:lambda7@h")
    assert without_known("lambda7 lambda7s, xlambda7") == "*** lambda7s, xlambda7"


def test_the_longest_goes_first() -> None:
    learn("https://me:abcdef12@h", "https://me:abcdef1234@h")
    assert without_known("abcdef1234 abcdef12") == "*** ***"


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize(
    "text", ["# " + "a://" * 12000, "x" * 60000, "a," * 30000, "a:b," * 15000, "a://" + "," * 60000]
)
def test_odd_lines_take_no_time_that_grows_with_their_square(text: str) -> None:
    learn(f"https://me:{WORD}@h {text}")
    assert without_known(WORD) == "***"
