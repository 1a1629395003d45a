"""Files that a user or a data set names: opened only when they are regular, and read up to a bound.

A plugin that opens files itself gets from here what the runner uses: a pipe, a device or a circle of links is refused
at once, as an ``OSError`` that says what was found.
"""

from zoo_runner.files.bounds import Bound
from zoo_runner.files.regular import (
    OversizedFileError,
    SpecialFileError,
    open_regular,
    oversized,
    read_regular,
    require_regular,
)
from zoo_runner.files.remedies import refused

__all__ = [
    "Bound",
    "OversizedFileError",
    "SpecialFileError",
    "open_regular",
    "oversized",
    "read_regular",
    "refused",
    "require_regular",
]
