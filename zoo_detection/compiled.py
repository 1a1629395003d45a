"""Hot loops as machine code, where the optional package numba is installed.

Every function that is compiled here has a twin in numpy that gives the same bits, and nobody waits. A thread loads
numba and what it compiled before, or compiles it the first time on a machine. The twin works until that is done. Both
hold the interpreter's lock for long, so they are started while a model is being opened. Numba keeps what it compiled
beside the source or, where that folder is read-only, in the user's cache folder (or in ``NUMBA_CACHE_DIR``).
"""

from __future__ import annotations

import importlib.util
import logging
import threading
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    Kernel: TypeAlias = Callable[..., Any]

WORTHWHILE: Final = 800
"""Images from which on numba pays: the numpy twins take 0.5 ms longer for each."""


class Compiled:
    """A function that can be compiled.

    Attributes:
        source: The function as Python runs it.
    """

    def __init__(self, source: Kernel, signature: str) -> None:
        self.source = source
        self._signature = signature
        self._lock = threading.Lock()
        self._tried = False
        self._kernel: Kernel | None = None

    def ready(self) -> Kernel | None:
        """Give the compiled function if there is one by now."""
        return self._kernel

    def wait(self) -> Kernel | None:
        """Compile it unless that was tried before, and give it; nothing where there can be none."""
        with self._lock:
            if not self._tried:
                self._tried = True
                self._kernel = self._compile()
        return self._kernel

    def _compile(self) -> Kernel | None:
        try:
            return compiled(self.source, self._signature)
        except Exception:  # an optional package: whatever is wrong with it, the result does not need it
            logging.getLogger(__name__).warning("numba does not compile here; numpy does the work", exc_info=True)
            return None


def begin(images: int, *functions: Compiled) -> None:
    """Compile functions in the background, one after the other, if that many images make it worth while."""
    if images >= WORTHWHILE:
        threading.Thread(target=lambda: [each.wait() for each in functions], name="compile").start()


def compiled(source: Kernel, signature: str) -> Kernel | None:
    """Load or compile a function; nothing where numba is not installed or is told not to compile."""
    if importlib.util.find_spec("numba") is None:
        return None
    import numba  # noqa: PLC0415 - optional, and takes a quarter of a second

    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}  # x / 0 is inf or NaN, as in numpy
    try:
        kernel: Kernel = numba.njit(signature, cache=True, **options)(source)
    except RuntimeError:  # no folder for the cache can be written to
        kernel = numba.njit(signature, **options)(source)
    return None if kernel is source else kernel  # NUMBA_DISABLE_JIT leaves it as it is
