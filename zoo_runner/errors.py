"""Every failure a user can meet, each with the exit code it ends in."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Final

from zoo_runner.known_secrets import without_known

LISTED: Final = 10
"""Faults named in one error; the rest are counted."""
TORCH_FOR_CPU: Final = "https://download.pytorch.org/whl/cpu"
"""Package index with torch without the 2 GB of CUDA, which nothing here uses."""
LONGEST: Final = 300
"""Characters of a name or text from outside that a message shows."""
LONGEST_FAULT: Final = 1000
"""Characters of one of the faults that an error lists."""


class ExitCode(IntEnum):
    """What ``zoo-run`` tells the process that started it."""

    PASS = 0
    GATE_FAILED = 1
    USAGE = 2
    STAGE_FAILED = 3
    INCONCLUSIVE = 4


class ZooError(Exception):
    """Base of all errors meant for the user.

    The text says what was expected, what was found and what to do next; it is
    printed as it stands, without a traceback.
    """

    exit_code = ExitCode.STAGE_FAILED


class UsageError(ZooError):
    """The command line asks for something that does not exist or contradicts itself."""

    exit_code = ExitCode.USAGE


class ManifestError(ZooError):
    """A manifest cannot be read or does not follow the schema."""

    exit_code = ExitCode.USAGE


class PluginError(ZooError):
    """A plugin or backend is unknown, cannot be loaded or breaks its contract."""

    exit_code = ExitCode.USAGE


class PrerequisiteError(ZooError):
    """Something the run needs is not installed, not present or not usable."""


class StageError(ZooError):
    """A stage started and could not finish."""


class HookError(StageError):
    """A part of a plugin raised an exception of its own while a stage worked."""


class ChangedError(StageError):
    """A file changed between being hashed and being used."""


class CacheError(StageError):
    """The store holds something else than its inputs give."""


class FetchError(StageError):
    """A file could not be obtained."""


class IntegrityError(FetchError):
    """A file was obtained, and is not the one the manifest describes."""


class DatasetError(StageError):
    """The data set is incomplete or contradicts itself."""


class ExportError(StageError):
    """The checkpoint could not be turned into a faithful ONNX model."""


class InferenceError(StageError):
    """A backend failed, or returned something that cannot be scored."""


class EqualOutputsError(InferenceError):
    """Outputs of different inputs are equal: which of them are right is not known, and none is kept."""


class ResultError(StageError):
    """A result folder does not hold exactly what the data set and manifest call for."""


def interrupted(error: BaseException) -> bool:
    """Say whether an error is Ctrl-C, or what cleaning up after it ran into.

    A file that is closed half written, for one, raises an error of its own in place of the interruption.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


SHORTEST_START: Final = 3
"""Letters that are enough to tell which name was begun."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Phrase the nearest known names as a hint.

    Args:
        name: What the user wrote.
        known: What would have been accepted.

    Returns:
        ``"; did you mean 'x'?"`` or, when nothing is near, the empty string.
    """
    names = list(known)
    begun = [each for each in names if len(name) >= SHORTEST_START and each.startswith(name)]
    near = begun[:2] or difflib.get_close_matches(name, names, n=2, cutoff=0.6)
    return f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else ""


def listed(faults: Sequence[str]) -> str:
    """Write faults one a line: the first ones and how many more there are."""
    more = len(faults) - LISTED
    return "\n".join(f"  {shortened(fault, LONGEST_FAULT)}" for fault in faults[:LISTED]) + (
        f"\n  and {more} more" if more > 0 else ""
    )


def shortened(text: str, longest: int = LONGEST) -> str:
    """Return a text from outside as a message may show it: a long one by its start and its end, without known secrets.

    Args:
        text: Any text, such as a name or an address.
        longest: Characters of it that are shown at most.
    """
    if len(text) <= longest:
        return text
    text = without_known(text)  # first: of a secret that is cut in two, the rest would not be known
    if len(text) <= longest:
        return text
    end = longest // 4
    return f"{text[: longest - end]}...{text[len(text) - end :]} ({len(text):,} characters)"


def distribution() -> str:
    """Return the name of the installed distribution that this program is part of."""
    from importlib import metadata  # noqa: PLC0415 - not needed for --help

    scripts = metadata.entry_points(group="console_scripts", name="zoo-run")
    return next((each.dist.name for each in scripts if each.dist is not None), __name__.partition(".")[0])


def installing(extra: str) -> str:
    """Return the command that installs what an extra of this distribution brings, as in ``export``."""
    index = f" --extra-index-url {TORCH_FOR_CPU}" if extra == "export" else ""
    return f"pip install '{distribution()}[{extra}]'{index}"
