"""Take what opens doors out of texts: user names, passwords and tokens in URLs.

Every way out of a run goes through here: :func:`clean` takes any text, :func:`cleaned` a record, and
:class:`CleanBuffer` stands behind the streams of the process.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TextIO

from zoo_runner.known_secrets import HIDDEN, without_known

if TYPE_CHECKING:
    from typing_extensions import Buffer

# Patterns that search for an end take what they searched also where there is none: no character is looked at again.
_USER: Final = re.compile(r"((?:https?:|:/)/*)([^/?#\s:]*(?::(?!/)[^/?#\s:]*)*)", re.IGNORECASE)
"""The start of a URL, and what is before the next part of it: user and host, or a host alone."""
_QUERY = re.compile(r"\?([^\s#]+)")
_FRAGMENT: Final = re.compile(r"(://[^\s#]*)(#\S)?\S*")
_FILE_USER = re.compile(r"(file://)[^/?#]*@", re.IGNORECASE)
_IN_TEXT: Final = re.compile(r"[a-z][a-z0-9+.-]{0,31}://[^\s\"'<>`]*", re.IGNORECASE)
"""A URL within a text; of a longer scheme the end, so that the time grows with the text and not with its square."""
_IN_TEXT_USER: Final = re.compile(r"(://)[^/?#\s]*@")
_START = re.compile(r"(?!(?:file|package):)[a-z][a-z0-9+.-]*:/*", re.IGNORECASE)
_ENUMERATED: Final = frozenset({"verdict", "direction", "state"})
"""Fields of reports whose texts are of a fixed set."""
_MARKUP: Final = re.compile(r"(<(style|script)\b[^<>]*>.*?(?:</\2>|(?P<open>\Z))|<[^<>]*>)|[^<]+", re.DOTALL)
_AUTHORITY = re.compile(r"(?:\*\*\*@)?(?:\[[^\]]*\]|[^:\[\]]*)(?::[0-9]*)?(?=[/?#\s]|$)")


def redacted_url(url: str) -> str:
    """Return a URL as it may be shown and recorded.

    The user name and password, the values of the query and the fragment become ``***``; the keys of the
    query stay. Plain paths, ``file:`` and ``package:`` URLs stay as they are, but for a user of ``file://``.
    """
    url = _FILE_USER.sub(rf"\1{HIDDEN}@", without_known(url))
    start = _START.match(url)
    if start is None:
        return url
    shown = redacted(re.sub(r"\s", "%20", url))
    # A raw "/", "?" or "#" in a password ends the host part early: then nobody knows what is secret.
    is_host = start[0][-1] == "/" or start[0].lower() in {"http:", "https:"}
    return f"{start[0]}{HIDDEN}" if is_host and not _AUTHORITY.match(shown, start.end()) else shown


def redacted(text: str) -> str:
    """Return a text, such as another library's error, without the secrets of the URLs in it.

    Whatever follows a question mark without a space counts as a query: such texts quote URLs without
    their host.
    """
    text = without_known(text)
    text = _USER.sub(_redacted_user, text)
    return _FRAGMENT.sub(_redacted_fragment, _QUERY.sub(_redacted_query, text))


def _redacted_user(match: re.Match[str]) -> str:
    _, at, host = match[2].rpartition("@")
    return f"{match[1]}{HIDDEN}@{host}" if at else match[0]


def _redacted_fragment(match: re.Match[str]) -> str:
    return f"{match[1]}#{HIDDEN}" if match[2] else match[0]


def _redacted_query(match: re.Match[str]) -> str:
    parts = (part.partition("=") for part in match[1].split("&"))
    return "?" + "&".join(f"{key}={HIDDEN}" if equals else key and HIDDEN for key, equals, _ in parts)


def clean(text: str) -> str:
    """Return any text as it may be printed or written: without known secrets, users and queries of URLs.

    Other than :func:`redacted` it touches nothing that only looks like the query of a URL without its host: it is for
    whole outputs, in which everything may stand.
    """
    return _IN_TEXT.sub(lambda url: _clean_url(url[0]), without_known(text))


def clean_page(html: str) -> str:
    """Return a page with its texts as :func:`clean` has them; its elements, styles and scripts stay.

    A style or script without an end is text, with everything after it.
    """
    return _MARKUP.sub(lambda part: part[0] if part[1] and part["open"] is None else clean(part[0]), html)


def _clean_url(url: str) -> str:
    if "@" not in url and "?" not in url:
        return url
    return _QUERY.sub(_redacted_query, _IN_TEXT_USER.sub(rf"\1{HIDDEN}@", url))


def cleaned(value: Any) -> Any:
    """Return a value of JSON types with all texts in it as :func:`clean` has them; enumerations stay."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return clean(value)
    if isinstance(value, Mapping):
        return {cleaned(key): cleaned(each) for key, each in value.items()}
    return tuple(map(cleaned, value)) if isinstance(value, tuple | list) else value


def clean_values(value: Any, name: str = "") -> Any:
    """Return JSON of zoo-run's with its texts cleaned; its names and verdicts stay, so that it can be read again."""
    if isinstance(value, Mapping):
        return {key: clean_values(each, key) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [clean_values(each, name) for each in value]
    return clean(value) if isinstance(value, str) and name not in _ENUMERATED else value


class CleanBuffer(io.BufferedIOBase):
    """The bytes of a stream on their way to it, without secrets; every write has to be of whole texts."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text  # would close its bytes if nobody held it
        self._stream, self._encoding = text.buffer, text.encoding

    def write(self, data: Buffer) -> int:
        """Write bytes; those of a text without secrets as they are."""
        given = bytes(data)
        text = given.decode(self._encoding, "surrogateescape")
        shown = clean(text)
        self._stream.write(given if shown == text else shown.encode(self._encoding, "surrogateescape"))
        return len(given)

    def write_clean(self, data: bytes) -> None:
        """Write bytes that have no secrets any more as they are."""
        self._stream.write(data)

    def flush(self) -> None:
        """Flush the stream."""
        if not self.closed:
            self._stream.flush()

    def fileno(self) -> int:
        """Return the stream's descriptor."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Say whether the stream is a terminal."""
        return self._stream.isatty()

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True


def write_json(stream: TextIO, data: bytes) -> None:
    """Write JSON whose texts are clean already: no secret may take the place of one of its names."""
    stream.flush()
    if not isinstance(stream, io.TextIOWrapper):
        stream.write(data.decode())
    elif isinstance(stream.buffer, CleanBuffer):
        stream.buffer.write_clean(data)
    else:
        stream.buffer.write(data)
    stream.flush()


def clean_stream(stream: TextIO) -> TextIO:
    """Return a text stream that writes to another one what :func:`clean` leaves; one that has no bytes as it is."""
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    return io.TextIOWrapper(
        CleanBuffer(stream),  # type: ignore[type-var]  # typeshed asks for a raw stream, which is never read
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=True,  # a secret must not be cut in two
    )
