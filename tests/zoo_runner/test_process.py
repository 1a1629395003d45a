from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from zoo_runner import process, redaction
from zoo_runner.errors import StageError
from zoo_runner.known_secrets import forget, learn


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-u", "-c", code)


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [("print('done')", 0), ("import sys; sys.exit(7)", 7), ("import os; os.kill(os.getpid(), 9)", -9)],
    ids=["success", "failure", "signal"],
)
@pytest.mark.parametrize("silence_s", [None, 60.0])
def test_exit_codes(tmp_path: Path, code: str, exit_code: int, silence_s: float | None) -> None:
    log = tmp_path / "logs" / "log"
    assert process.run_logged(python(code), cwd=tmp_path, log=log, silence_s=silence_s) == exit_code


def test_the_log_has_the_command_and_both_streams(tmp_path: Path) -> None:
    code = "import sys, os; print(os.getcwd()); print('went wrong', file=sys.stderr)"
    process.run_logged(python(code), cwd=tmp_path, log=tmp_path / "log")
    assert (tmp_path / "log").read_text().startswith(f"$ {sys.executable} -u -c 'import")
    assert process.printed(tmp_path / "log") == f"{tmp_path.resolve()}\nwent wrong\n"


@pytest.mark.parametrize(("again", "commands"), [(False, 1), (True, 2)])
def test_a_later_command_replaces_the_log_or_adds_to_it(tmp_path: Path, again: bool, commands: int) -> None:
    log = tmp_path / "log"
    for word in ("first", "second"):
        process.run_logged(python(f"print('{word}')"), cwd=tmp_path, log=log, again=again)
    assert log.read_text().count("$ ") == commands
    assert process.printed(log).endswith("second\n")


@pytest.mark.parametrize("again", [False, True])
def test_what_is_no_log_is_left_alone(tmp_path: Path, again: bool) -> None:
    (tmp_path / "log").write_text("mine")
    with pytest.raises(StageError, match="expected the log of an earlier run, or nothing, found something else"):
        process.run_logged(python("print(1)"), cwd=tmp_path, log=tmp_path / "log", again=again)
    assert (tmp_path / "log").read_text() == "mine"


PATIENCE_S = 60.0


@pytest.mark.parametrize("limit", ["timeout_s", "silence_s"])
def test_what_hangs_is_ended_with_all_it_started(tmp_path: Path, limit: str) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    with pytest.raises(subprocess.TimeoutExpired):
        process.run_logged(python(code), cwd=tmp_path, log=tmp_path / "log", **{limit: 0.3})  # type: ignore[arg-type] # either is a float
    end = time.monotonic() + PATIENCE_S  # a process that was killed is gone a moment later, not at once
    while any(str(tmp_path) in _cwd(path) for path in Path("/proc").iterdir() if path.name.isdecimal()):
        assert time.monotonic() < end, "a process still runs in the folder"
        time.sleep(0.01)


def _cwd(path: Path) -> str:
    try:
        return str((path / "cwd").readlink())
    except OSError:  # ended meanwhile, or another user's
        return ""


@pytest.mark.parametrize(
    "work",
    ["print(i)", "open(f'results/{i}', 'w').close()", "print('\\rexec', i, end='')"],
    ids=["lines", "files", "counter"],
)
def test_signs_of_life(tmp_path: Path, work: str) -> None:
    """Eight steps, each much shorter than the limit, and all of them together longer."""
    code = f"import time, os\nos.mkdir('results')\nfor i in range(8):\n    time.sleep(0.3)\n    {work}"
    start = time.monotonic()
    code_ = process.run_logged(
        python(code), cwd=tmp_path, log=tmp_path / "log", silence_s=2.0, watched=[tmp_path / "results"]
    )
    assert code_ == 0
    assert time.monotonic() - start > 2.0


def test_a_limit_for_all_of_it_holds_beside_signs_of_life(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired, match=r"after 1\.5 seconds"):
        process.run_logged(
            python("import time\nwhile True: print(1, flush=True); time.sleep(0.1)"),
            cwd=tmp_path,
            log=tmp_path / "log",
            timeout_s=1.5,
            silence_s=60,
        )


WORD = "Pl4ntedSecret0fThisRun"
M = process.PIECE
CUT = r"\.\.\. \[the rest of the line is left out: it may hold a secret\]\n"


@pytest.fixture
def a_secret() -> Iterator[None]:
    forget()
    learn(f"https://me:{WORD}@h/x")
    yield
    forget()


@pytest.mark.usefixtures("a_secret")
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param(r"__import__('sys').stdout.buffer.write(b'fine\xff\n')", "fine\\xff\n", id="none"),
        pytest.param(f"print('a {WORD}\\nb')", "a ***\nb\n", id="one"),
        pytest.param(f"print('a\\n' * 2000000 + '{WORD}')", "a\n" * 2_000_000 + "***\n", id="many lines"),
        pytest.param(f"print('a' * {M - 3} + '{WORD}')", "a" * (M - 3) + "***\n", id="across the end of a piece"),
        pytest.param(f"print('b' * {M}, end='')", "b" * M, id="no end of the last line"),
    ],
)
def test_a_log_is_cleaned(tmp_path: Path, code: str, expected: str) -> None:
    process.run_logged(python(code), cwd=tmp_path, log=tmp_path / "log")
    printed = (tmp_path / "log").read_bytes().partition(b"\n")[2].decode("utf-8", "backslashreplace")
    assert printed[-100:] == expected[-100:]
    assert printed == expected


@pytest.mark.usefixtures("a_secret")
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param(f"print('a' * {4 * M}, end='\\nb')", rf"a+{CUT}b", id="another line"),
        pytest.param(f"print('{WORD}' * {M}, end='')", rf"\*+{CUT}", id="nothing but secrets"),
        pytest.param(f"print('{WORD} ' * {M}, end='')", rf"(\*\*\* )+\**{CUT}", id="words"),
    ],
)
def test_of_a_line_that_is_too_long_the_end_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, expected: str
) -> None:
    lengths: list[int] = []
    cleaning = redaction.clean

    def counted(text: str) -> str:
        lengths.append(len(text))
        return cleaning(text)

    monkeypatch.setattr(process, "clean", counted)
    process.run_logged(python(code), cwd=tmp_path, log=tmp_path / "log")
    printed = (tmp_path / "log").read_text().partition("\n")[2]
    assert re.fullmatch(expected, printed), (printed[:100], printed[-100:])
    assert max(lengths) <= 2 * process.PIECE


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("[INFO] all is well\n", []),
        (
            "E19999: Inner Error!\n        device 0 is lost\n[INFO] x\n[ERROR] failed:1\n[ERROR] failed:1\n",
            ["E19999: Inner Error!", "device 0 is lost", "[ERROR] failed:1"],
        ),
        (
            "usage: x\nais_bench: error: unrecognized arguments: --y\n",
            ["ais_bench: error: unrecognized arguments: --y"],
        ),
    ],
    ids=["empty", "no error", "explained and repeated", "usage"],
)
def test_telling_lines(text: str, lines: list[str]) -> None:
    assert process.telling(text) == lines
