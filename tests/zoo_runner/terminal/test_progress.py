"""Progress where there is no terminal: plain lines. At a terminal it is tested through real processes."""

from __future__ import annotations

import re
import threading

import pytest

from zoo_runner.terminal.console import Detail
from zoo_runner.terminal.progress import Terminal, amount, duration

TRICKY = "C:\\x [bold]not bold[/] :cat: " + "long " * 60


def test_it_is_plain_lines_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    terminal.note(TRICKY)
    terminal.warn(TRICKY)
    with terminal.track("download [x]", 10, "B") as outer, terminal.track("inside", None, "files") as inner:
        outer(4)
        inner(1)
        outer(6)
    shown = capsys.readouterr()
    assert shown.out == ""
    noted, warned, inside, outside, rest = shown.err.split("\n")
    assert (noted, warned, rest) == (TRICKY, f"warning: {TRICKY}", "")
    assert inside.startswith("inside: 1 file in ")
    assert outside.startswith("download [x]: 0.0 MB in ")


def test_quiet_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(Detail.QUIET, every=0)
    terminal.note("a")
    terminal.warn("b")
    with terminal.track("work", 1, "items") as advance:
        advance(1)
    assert capsys.readouterr() == ("", "")


def test_long_work_says_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with Terminal(every=0).track("predict", 4, "images") as advance:
        advance(1)
        advance(2)
    first, second, end, _ = capsys.readouterr().err.split("\n")
    pattern = r"predict: {}/4 images, [0-9.]+ images/s, eta [0-9:]+"
    assert re.fullmatch(pattern.format(1), first)
    assert re.fullmatch(pattern.format(3), second)
    assert end.startswith("predict: 3 images in ")


def test_work_of_unknown_length_has_no_end_in_sight(capsys: pytest.CaptureFixture[str]) -> None:
    with Terminal(every=0).track("unpack", None, "B") as advance:
        advance(2_500_000)
    first = capsys.readouterr().err.splitlines()[0]
    assert re.fullmatch(r"unpack: 2.5 MB, [0-9.]+ MB/s", first)


def test_short_work_says_so_once(capsys: pytest.CaptureFixture[str]) -> None:
    with Terminal().track("predict", 1000, "images") as advance:
        for _ in range(1000):
            advance(1)
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(("notable", "lines"), [(0.0, 1), (60.0, 0)], ids=["long", "short"])
def test_work_without_a_unit_says_how_long_it_took(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, notable: float, lines: int
) -> None:
    monkeypatch.setattr("zoo_runner.terminal.progress.NOTABLE", notable)
    with Terminal().track("convert", None, ""):
        pass
    shown = capsys.readouterr().err.splitlines()
    assert len(shown) == lines
    assert all(re.fullmatch(r"convert: [0-9.]+ s", line) for line in shown)


def test_threads_lose_no_unit(capsys: pytest.CaptureFixture[str]) -> None:
    with Terminal().track("predict", 8000, "images") as advance:
        threads = [threading.Thread(target=lambda: [advance(1) for _ in range(1000)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert capsys.readouterr().err.startswith("predict: 8000 images in ")


def test_work_that_fails_is_not_said_to_be_done(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="broken"), Terminal().track("work", 1, "items"):
        raise ValueError("broken")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("count", "unit", "text"),
    [
        (0, "images", "0 images"),
        (4952, "images", "4952 images"),
        (4.952, "images", "5.0 images"),
        (41.26, "images", "41 images"),
        (123_456_789, "B", "123.5 MB"),
    ],
)
def test_amounts(count: float, unit: str, text: str) -> None:
    assert amount(count, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0:00"), (0.4, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3661, "1:01:01")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_work_is_named_in_the_language_of_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_RUNNER_LANG", "zh")
    with Terminal(every=0).track("export: tracing the network", None, "") as advance:
        advance(1)
    assert capsys.readouterr().err == "export\uff1a跟踪网络\uff1a0:00\n"
