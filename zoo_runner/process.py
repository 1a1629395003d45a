"""Commands of other tools: without a shell, their output in a log, and nothing of them left when the call returns."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from zoo_runner.errors import StageError, UsageError
from zoo_runner.files.new_file import new_file
from zoo_runner.known_secrets import known
from zoo_runner.redaction import clean

GRACE_S: Final = 5.0
"""How long a command has to end by itself when it is asked to."""
_POLL_S: Final = 0.5
_LOG_TAIL: Final = 1 << 20
PIECE: Final = 1 << 20
"""Bytes of a log, up to the end of a line, in which secrets are looked for at once."""
_EDGE: Final = 1 << 16
"""Bytes at the end of a piece that may be the beginning of a secret where a line is longer than that."""
_CUT: Final = b"... [the rest of the line is left out: it may hold a secret]\n"
_PROMPT: Final = b"$ "
"""How a log begins: with the command."""
# What ais_bench, aclruntime, CANN and Python print when something goes wrong.
_TELLING: Final = re.compile(r"\[ERROR\]|\bE[A-Z0-9]\d{4}\b|[Ff]ailed|Fatal|Error\b|\berror:|not match|No module named")


def run_logged(  # noqa: PLR0913 - options of a process, given by name
    command: Sequence[str],
    *,
    cwd: Path,
    log: Path,
    timeout_s: float | None = None,
    silence_s: float | None = None,
    watched: Sequence[Path] = (),
    again: bool = False,
    environment: Mapping[str, str] | None = None,
    on_wait: Callable[[], object] | None = None,
) -> int:
    """Run a command to its end and return its exit code (minus the signal's number if one killed it).

    Args:
        command: The argument list.
        cwd: Folder to run it in.
        log: Gets the command itself, and then everything it prints; an earlier file is replaced.
        timeout_s: Longest time for all of it; ``None`` waits for ever.
        silence_s: Longest time in which the command neither prints nor changes what is in ``watched``.
        watched: Folders the command writes files into; they may appear later.
        again: Write below what is in the log of an earlier command, instead of replacing it.
        environment: All variables that it gets; by default those of this process.
        on_wait: Is called now and then while it runs; what it raises ends the command.

    Raises:
        StageError: Something that is no log is in its place.
        subprocess.TimeoutExpired: It took too long, or gave no sign of life for too long, and was stopped.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") if again and os.path.lexists(log) and is_log(log) else _opened(log) as output:
        output.write(_PROMPT + f"{clean(shlex.join(command))}\n".encode())
        output.flush()
        process = subprocess.Popen(  # noqa: S603 - an argument list, no shell
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            if silence_s is None and on_wait is None:
                return process.wait(timeout_s)
            return _wait(process, timeout_s, silence_s, (log, *watched), on_wait)
        finally:
            _stop(process)
            _clean(log)


def is_log(path: Path) -> bool:
    """Say whether a file is the log of a command; links and special files are none."""
    if not stat.S_ISREG(path.lstat().st_mode):
        return False
    with path.open("rb") as file:
        return file.read(len(_PROMPT)) in {_PROMPT, b""}


def _opened(log: Path) -> BinaryIO:
    """Open a new file under the name of a log, never through a link or over somebody else's file.

    Raises:
        StageError: There is one.
    """
    if os.path.lexists(log) and not is_log(log):
        raise StageError(f"{log}: expected the log of an earlier run, or nothing, found something else; move it away")
    with new_file(log) as temporary:
        output = temporary.open("wb")
        try:
            temporary.replace(log)
        except BaseException:
            output.close()
            raise
    return output


def _clean(log: Path) -> None:
    """Take secrets out of what a command printed, piece by piece; without any the file stays as it is."""
    if not known() or all(shown == piece for piece, shown in _cleaned_pieces(log)):
        return
    with new_file(log) as temporary:
        with temporary.open("wb") as file:
            file.writelines(shown for _, shown in _cleaned_pieces(log))
        temporary.replace(log)


def _cleaned_pieces(log: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield whole lines of a log as they are and as they may be kept; of a longer line than a piece its beginning."""
    with log.open("rb") as file:
        while piece := file.read(PIECE):
            if not piece.endswith(b"\n"):
                piece += file.readline(PIECE)
            shown = clean(piece.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
            is_cut = not piece.endswith(b"\n") and _skip_line(file)
            yield piece, shown[:-_EDGE] + _CUT if is_cut else shown


def _skip_line(file: BinaryIO) -> bool:
    """Read to the end of a line, and say whether there was anything left of it."""
    first = part = file.readline(PIECE)
    while part and not part.endswith(b"\n"):
        part = file.readline(PIECE)
    return bool(first)


def seconds_from(variable: str) -> float | None:
    """Return the time limit that an environment variable sets; ``None`` where it is not set.

    Raises:
        UsageError: It is not a positive number.
    """
    text = os.environ.get(variable)
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise UsageError(f"{variable}: expected a positive number of seconds, found {text!r}")
    return seconds


def printed(log: Path) -> str:
    """Return the end of what a logged command printed, without the command above it."""
    with log.open("rb") as file:
        file.readline()
        file.seek(max(file.tell(), log.stat().st_size - _LOG_TAIL))
        return file.read().decode("utf-8", errors="replace")


def telling(text: str) -> list[str]:
    """Pick the lines about errors, each once; CANN explains a code in the indented lines below it."""
    found: dict[str, None] = {}
    explained = False
    for line in text.splitlines():
        explained = bool(_TELLING.search(line)) or (explained and line[:1].isspace() and bool(line.strip()))
        if explained:
            found[line.strip()] = None
    return list(found)


def _wait(
    process: subprocess.Popen[bytes],
    timeout_s: float | None,
    silence_s: float | None,
    signs: Sequence[Path],
    on_wait: Callable[[], object] | None,
) -> int:
    start = alive = time.monotonic()
    seen = _states(signs)
    while True:
        try:
            return process.wait(_POLL_S if silence_s is None else min(_POLL_S, silence_s))
        except subprocess.TimeoutExpired:
            if on_wait is not None:
                on_wait()
            now, states = time.monotonic(), _states(signs)
            if states != seen:
                alive, seen = now, states
            for limit, since in ((timeout_s, start), (silence_s, alive)):
                if limit is not None and now - since > limit:
                    raise subprocess.TimeoutExpired(process.args, limit) from None


def _states(paths: Sequence[Path]) -> list[tuple[int, int] | None]:
    """Tell a file that grows, and a folder that gets files."""
    states: list[tuple[int, int] | None] = []
    for path in paths:
        try:
            found = path.stat()
        except FileNotFoundError:
            states.append(None)
        else:
            states.append((found.st_size, found.st_mtime_ns))
    return states


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a process group: tools start processes of their own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
