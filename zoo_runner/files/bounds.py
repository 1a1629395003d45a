"""Bounds on what is taken from outside, each with the environment variable that changes it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final

from zoo_runner.errors import UsageError

UNITS: Final = {"": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@dataclass(frozen=True)
class Bound:
    """The most of something that is accepted.

    Attributes:
        variable: Environment variable that sets another value: a whole number, such as ``500``, or ``20GB``.
        default: The value without it.
    """

    variable: str
    default: int

    @property
    def value(self) -> int:
        """The bound in force.

        Raises:
            UsageError: The environment variable is set, and no positive whole number.
        """
        text = os.environ.get(self.variable)
        if not text:
            return self.default
        match = re.fullmatch(r"([0-9]{1,18})\s*([kMGT]B|)", text.strip())
        number = int(match[1]) * UNITS[match[2]] if match else 0
        if number <= 0:
            msg = f"{self.variable}: expected a positive whole number such as 500 or 20GB, found {text[:100]!r}"
            raise UsageError(msg)
        return number

    @property
    def remedy(self) -> str:
        """How to have more accepted."""
        return f"set {self.variable} to accept more"
