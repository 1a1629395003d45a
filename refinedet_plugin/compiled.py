"""Hot loops as machine code, where the optional package numba is installed.

Whatever is compiled here has a twin in numpy that gives the same bits, and nobody waits: loading numba takes a
quarter of a second and the first run on a machine compiles for less than one, so a thread does it once enough images
have come by, and the twin works until it is done. Numba keeps what it compiled beside the source or, where that
folder is read-only, in the user's cache folder (or in ``NUMBA_CACHE_DIR``).
"""

from __future__ import annotations

import importlib.util
import logging
import threading
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    Kernel: TypeAlias = Callable[..., Any]

WORTHWHILE: Final = 256
"""Calls after which loading numba pays; most runs that need fewer are over before it is loaded."""


class Compiled:
    """A function that is compiled in the background once it has been asked for often enough.

    Attributes:
        source: The function as Python runs it.
    """

    def __init__(self, source: Kernel, signature: str, *, worthwhile: int = WORTHWHILE) -> None:
        self.source = source
        self._signature = signature
        self._left = worthwhile
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._kernel: Kernel | None = None

    def ready(self) -> Kernel | None:
        """Give the compiled function if there is one by now; each call without one counts towards having it."""
        if self._thread is None:
            with self._lock:
                self._left -= 1
                if self._left <= 0 and self._thread is None:
                    self._thread = threading.Thread(target=self._compile, name=f"compile-{self.source.__name__}")
                    self._thread.start()
        return self._kernel

    def wait(self) -> Kernel | None:
        """Compile now, and give the compiled function; nothing where there can be none."""
        self._left = 0
        self.ready()
        if self._thread is not None:
            self._thread.join()
        return self._kernel

    def _compile(self) -> None:
        try:
            self._kernel = compiled(self.source, self._signature)
        except Exception:  # an optional package: whatever is wrong with it, the result does not need it
            logging.getLogger(__name__).warning("numba does not compile here; numpy does the work", exc_info=True)


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
