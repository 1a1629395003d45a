"""Several addresses of one file: tried in order, and none is passed over without a word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from zoo_runner.errors import FetchError, IntegrityError, listed
from zoo_runner.stages.fetch.source import OWN_FILE
from zoo_runner.store.fingerprints import fingerprint

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Progress
    from zoo_runner.stages.fetch.source import FileSource
    from zoo_runner.stages.fetch.trust import Fetched
    from zoo_runner.store.store import Store


def first_of(sources: Sequence[FileSource], obtain: Callable[[FileSource, bool], Fetched], warn: Progress) -> Fetched:
    """Return the file from the first address that has it; of each one before it, say why not.

    Args:
        sources: The addresses, in the order in which they are tried; all with the same digest.
        obtain: Gets the file from one of them; told whether it is the last one.
        warn: Is shown why an address is given up.

    Raises:
        IntegrityError: All of them have another file.
        FetchError: None of them has the file; the text names each, and why.
    """
    failures: list[FetchError] = []
    for source, after in zip(sources, (*sources[1:], None), strict=True):
        try:
            return obtain(source, after is None)
        except FetchError as why:
            if len(sources) == 1:
                raise
            failures.append(why)
            if after is not None:
                warn.warn(f"{_short(why)}\nThe next address is tried: {after.shown}")
    wrong = all(isinstance(why, IntegrityError) for why in failures)
    raise (IntegrityError if wrong else FetchError)(
        f"expected the file at one of {len(sources)} addresses, found it at none:\n"
        f"{listed([_short(why) for why in failures])}\n{OWN_FILE}"
    )


def here_first(sources: Sequence[FileSource], store: Store) -> tuple[FileSource, ...]:
    """Return the addresses with those first that something was downloaded from before: it costs no request."""
    return tuple(sorted(sources, key=lambda each: not store.has("download", fingerprint(each.url))))


def _short(why: FetchError) -> str:
    """Return a failure without the way out, which stands once below all of them."""
    return str(why).replace(f" {OWN_FILE}", "").removesuffix(".")
