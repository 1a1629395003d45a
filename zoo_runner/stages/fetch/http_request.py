"""One request for a file: made, told apart by whether repeating it can help, and its answer read."""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from zoo_runner.errors import FetchError, shortened
from zoo_runner.files.remedies import remedy
from zoo_runner.known_secrets import learn
from zoo_runner.redaction import redacted, redacted_url
from zoo_runner.stages.fetch.limits import PATIENCE, REDIRECTS, SLOWEST
from zoo_runner.stages.fetch.pace import Pace, within
from zoo_runner.stages.fetch.source import OWN_FILE

if TYPE_CHECKING:
    import requests

_CHUNK = 1 << 14  # a quarter of what the slowest transfer brings in its window, so that the pace is known well enough
_LONGEST = 1000  # characters of what identifies a content
_HERE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})  # no fault of the server
_ADDRESS = (
    "http(s)://HOST/PATH, here and where the server redirects to; found no usable host. "
    "In a password, / ? # @ are written %2F %3F %23 %40"
)
_TRANSIENT = frozenset({408, 425, 429})


class Interrupted(Exception):  # noqa: N818 - not an error yet: the request is made again
    """A request failed in a way that may pass.

    Attributes:
        wait_s: How long the server asked to wait.
    """

    def __init__(self, why: str, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.wait_s = wait_s


def request(url: str, headers: Mapping[str, str], timeout_s: float, head_s: float) -> requests.Response:
    """Send a request and return the answer's head; the body is left for :func:`pieces`.

    Args:
        url: The address.
        headers: Of the request.
        timeout_s: Longest silence of the server.
        head_s: Longest time until the head is there, redirects included.

    Raises:
        FetchError: The address or the server's certificate is not usable, or this machine cannot connect.
        Interrupted: There is no connection or answer now.
    """
    import requests  # noqa: PLC0415 - a tenth of a second that runs without a download need not pay

    learn(url)
    shown = shortened(redacted_url(url))

    def answer() -> requests.Response:
        with requests.Session() as session:
            session.max_redirects = REDIRECTS
            session.hooks["response"] = [_learn]  # before it is followed: an error may be about where it leads to
            return session.get(url, headers=headers, stream=True, timeout=timeout_s)

    try:
        return within(head_s, answer, requests.Response.close)
    except TimeoutError:
        raise Interrupted(f"no answer within {head_s:g} s ({PATIENCE} sets another time)") from None
    except (requests.RequestException, ValueError) as problem:
        why = shortened(redacted(str(problem).replace(url, shown)), _LONGEST)
        if (local := _local(problem)) is not None:
            raise FetchError(f"{shown}: cannot connect: {local.strerror}; {remedy(local)}") from problem
        if isinstance(problem, requests.exceptions.SSLError):
            raise FetchError(f"{shown}: no trustworthy connection: {why}") from problem
        if isinstance(problem, (requests.ConnectionError, requests.Timeout)):
            raise Interrupted(_unconnected(problem) or f"no connection: {why}") from problem
        # Of an address that cannot be taken apart, any part may be the password: none is quoted.
        known = isinstance(problem, requests.RequestException) and not isinstance(
            problem, requests.exceptions.InvalidURL
        )
        raise FetchError(
            f"{shown}: expected an address that can be requested: {why if known else _ADDRESS}"
        ) from problem


def _unconnected(problem: requests.RequestException) -> str:
    """Say which server could not be reached, and why in the words of the system, without those of the libraries.

    Returns:
        Nothing where a proxy stands in between, or where the system said nothing: then all words are needed.
    """
    import requests  # noqa: PLC0415 - likewise

    cause: BaseException | None = problem
    while cause is not None and (isinstance(cause, requests.RequestException) or not isinstance(cause, OSError)):
        cause = cause.__cause__ or cause.__context__
    address = problem.request.url if problem.request is not None else None
    if cause is None or address is None or isinstance(problem, requests.exceptions.ProxyError):
        return ""
    host = shortened(redacted(str(urlsplit(address).hostname)))  # of a redirected request the last one
    return f"no connection to {host}: {shortened(cause.strerror or str(cause) or type(cause).__name__, _LONGEST)}"


def _learn(response: requests.Response, *_given: object, **_more: object) -> None:
    learn(response.url, response.headers.get("Location", ""), response.reason or "")


def pieces(response: requests.Response, window_s: float) -> Iterator[bytes]:
    """Read the body as it was sent, without decoding.

    Args:
        response: The answer.
        window_s: Time in which less than :data:`SLOWEST` bytes a second may come, on the whole, at most once.

    Raises:
        Interrupted: The connection ended before the body, or was closed because the server is too slow.
    """
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - comes with requests

    pace, problem = Pace(window_s), None
    with pace.kept(response):
        try:
            for piece in response.raw.stream(_CHUNK, decode_content=False):
                pace.count(len(piece))
                yield piece
        except (HTTPError, OSError) as broken:
            problem = broken
    if pace.slow:  # a body without a length then seems to have ended
        raise Interrupted(
            f"too slow: less than {SLOWEST:,} bytes a second over {window_s:g} s ({PATIENCE} sets another time)"
        ) from problem
    if problem is not None:
        raise Interrupted(f"the connection broke: {shortened(str(problem), _LONGEST)}") from problem


def _local(problem: BaseException) -> OSError | None:
    """Return why this machine could not connect, where that is the reason."""
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _HERE:
            return cause
        cause = cause.__cause__ or cause.__context__
    return None


def failure(url: str, response: requests.Response) -> Exception:
    """Tell a failure that may pass from one that will not."""
    status, answer = response.status_code, f"the server answered {response.status_code} {shortened(response.reason)}"
    if status in _TRANSIENT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Interrupted(answer, retry_after(response.headers.get("Retry-After", "")))
    return FetchError(f"{shortened(redacted_url(url))}: {answer}. Check the address in the manifest. {OWN_FILE}")


def retry_after(text: str) -> float:
    """Read ``Retry-After``: seconds or an HTTP date; 0 when it says nothing."""
    seconds = _number(text)
    if seconds is not None:
        return float(seconds)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return 0.0


def length(response: requests.Response) -> int | None:
    """Return the bytes that the server says the body has."""
    return _number(response.headers.get("Content-Length"))


def coding(response: requests.Response) -> str:
    """Return how the body is encoded; nothing when it is the file itself."""
    named = response.headers.get("Content-Encoding", "").strip().lower()
    return "" if named == "identity" else named


def version(response: requests.Response) -> str | None:
    """Return what identifies the content: a strong ETag, or else the modification time."""
    tag = response.headers.get("ETag", "")
    found = tag if tag.startswith('"') else response.headers.get("Last-Modified")
    return found if found is not None and len(found) <= _LONGEST else None


def content_range(response: requests.Response) -> tuple[int | None, int | None]:
    """Return where a partial answer starts, and the size of the whole file."""
    match = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", response.headers.get("Content-Range", ""))
    return (int(match[1]), _number(match[2])) if match else (None, None)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,19}", text) else None
