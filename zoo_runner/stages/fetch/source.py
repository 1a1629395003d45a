"""What file is wanted, and how another one differs from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from zoo_runner.errors import shortened
from zoo_runner.redaction import redacted_url
from zoo_runner.stages.fetch.wrong_content import wrong_content
from zoo_runner.store.fingerprints import file_digest

OWN_FILE = (
    "A file you already have is taken with --weights PATH|URL; a data set with --data FOLDER; what was downloaded on "
    "another machine with --downloads FOLDER"
)
"""The way out when a file cannot be obtained."""
_SHOWN = 2000


@dataclass(frozen=True, kw_only=True)
class FileSource:
    """Where a file comes from, and how to know it is the right one.

    Attributes:
        url: ``http(s):`` or ``file:`` URL, plain path, ``package:<package>/<path>``, or ``pypi:NAME==VERSION/FILE``.
        mirrors: Further addresses of the same file, in the order in which they are tried when the others fail.
        base: Folder that relative paths start from.
        sha256: Expected hex digest. Without any digest the file is trusted on first use.
        md5: Likewise, where a publisher gives nothing better.
        size: Expected bytes.
        stand_in: Whether it takes the place of a file that has a digest of its own: its own is then missing on purpose.
    """

    url: str
    base: Path
    mirrors: tuple[str, ...] = ()
    sha256: str | None = None
    md5: str | None = None
    size: int | None = None
    stand_in: bool = False

    @property
    def shown(self) -> str:
        """The URL without the secrets in it, for messages and records; of a very long one start and end."""
        return shortened(redacted_url(self.url), _SHOWN)

    def each(self) -> tuple[FileSource, ...]:
        """Return one source for each address, in their order."""
        return tuple(replace(self, url=url, mirrors=()) for url in (self.url, *self.mirrors))

    @property
    def hashed(self) -> bool:
        """Whether a digest says what the content must be; a size alone does not."""
        return self.sha256 is not None or self.md5 is not None


def mismatch(source: FileSource, path: Path, sha256: str) -> str:
    """Say what is expected and what was got; nothing when the file is right.

    Where no digest says what the content must be, it is wrong when it is known to be no file of that kind.

    Args:
        source: What is expected.
        path: The file.
        sha256: Its hex digest.
    """
    rows = [("size", source.size, path.stat().st_size), ("sha256", source.sha256, sha256)]
    if source.md5 is not None:
        rows.append(("md5", source.md5, file_digest(path, "md5")))
    wrong = [row for row in rows if row[1] is not None and str(row[1]).lower() != str(row[2])]
    text = "".join(f"\n  expected {name} {want}\n  got      {name} {got}" for name, want, got in wrong)
    instead = wrong_content(path) if wrong or not source.hashed else ""
    return f"\n  found    {instead}{text}" if instead else text


def refusal(source: FileSource, path: Path, wrong: str, done: str) -> str:
    """Phrase why a file is not taken.

    Args:
        source: What is expected.
        path: The file.
        wrong: What :func:`mismatch` says.
        done: What became of the file.
    """
    return f"{source.shown}: the file is not the expected one.{wrong}\n  file: {path}\n  done: {done}"
