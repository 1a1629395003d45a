"""Which generation of ais_bench and of aclruntime is installed: both call themselves 0.0.2, with other interfaces.

The first is of 2023 (Ascend/tools), the second of 2024 and later (Ascend/msit). What tells them apart: the session of
ais_bench has ``sumary`` or ``summary``, and aclruntime has ``infer_options`` since 2024.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, Final

_TIMEOUT_S: Final = 60.0
_ASK: Final = """\
import json, aclruntime
from ais_bench.infer.interface import InferSession
print()
print(json.dumps([hasattr(InferSession, "summary"), hasattr(aclruntime, "infer_options")]))
"""


class Generation(Enum):
    """A generation, by the year in which it appeared."""

    FIRST = 2023
    SECOND = 2024


@dataclass(frozen=True, kw_only=True)
class Installed:
    """What a new process found.

    Attributes:
        ais_bench: Its generation; ``None`` where the packages could not be imported.
        aclruntime: Likewise.
        problem: Why they could not; empty where they could.
    """

    ais_bench: Generation | None = None
    aclruntime: Generation | None = None
    problem: str = ""

    @property
    def mixed(self) -> str:
        """What is wrong where the two are of different generations; empty where they are of one."""
        if self.ais_bench is self.aclruntime or self.ais_bench is None or self.aclruntime is None:
            return ""
        return mixture(self.ais_bench, self.aclruntime)


def mixture(ais_bench: Generation, aclruntime: Generation) -> str:
    """Say that two packages do not belong together."""
    return (
        f"ais_bench is of {ais_bench.value}, aclruntime of {aclruntime.value}, though both call themselves 0.0.2: "
        "install both from one commit of one source tree (Ascend/tools of 2023, or Ascend/msit)"
    )


def of_session(kind: Any) -> Generation:
    """Return the generation of ais_bench by its session's class, or an object of it."""
    return Generation.SECOND if hasattr(kind, "summary") else Generation.FIRST


def of_binding(module: Any) -> Generation:
    """Return the generation of the module ``aclruntime``."""
    return Generation.SECOND if hasattr(module, "infer_options") else Generation.FIRST


def installed() -> Installed:
    """Ask a new process, once: aclruntime loads CANN's libraries, and may crash where they do not fit."""
    return _installed(frozenset(os.environ.items()))


@lru_cache(maxsize=4)
def _installed(_environment: frozenset[tuple[str, str]]) -> Installed:
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
            [sys.executable, "-c", _ASK],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Installed(problem=f"importing them takes more than {_TIMEOUT_S:g} s")
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        return Installed(problem=(lines or [f"exit code {done.returncode}"])[-1])
    try:
        newer_session, newer_binding = json.loads(lines[-1])
    except ValueError:
        return Installed(problem=lines[-1])
    generations = (Generation.FIRST, Generation.SECOND)
    return Installed(ais_bench=generations[bool(newer_session)], aclruntime=generations[bool(newer_binding)])
