"""One request for a file: made, told apart by whether repeating it can help, and its answer read."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from zoo_runner.errors import FetchError
from zoo_runner.redaction import redacted, redacted_url
from zoo_runner.stages.source import OWN_FILE

if TYPE_CHECKING:
    import requests

_CHUNK = 1 << 16
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


def request(session: requests.Session, url: str, headers: Mapping[str, str], timeout_s: float) -> requests.Response:
    """Send a request and return the answer's head; the body is left for :func:`pieces`.

    Raises:
        FetchError: The address or the server's certificate is not usable.
        Interrupted: There is no connection now.
    """
    import requests  # noqa: PLC0415 - loaded already by the caller

    shown = redacted_url(url)
    try:
        return session.get(url, headers=headers, stream=True, timeout=timeout_s)
    except (requests.RequestException, ValueError) as problem:
        why = redacted(str(problem).replace(url, shown))
        if isinstance(problem, requests.exceptions.SSLError):
            raise FetchError(f"{shown}: no trustworthy connection: {why}") from problem
        if isinstance(problem, (requests.ConnectionError, requests.Timeout)):
            raise Interrupted(f"no connection: {why}") from problem
        # Of an address that cannot be taken apart, any part may be the password: none is quoted.
        known = isinstance(problem, requests.RequestException) and not isinstance(
            problem, requests.exceptions.InvalidURL
        )
        raise FetchError(
            f"{shown}: expected an address that can be requested: {why if known else _ADDRESS}"
        ) from problem


def pieces(response: requests.Response) -> Iterator[bytes]:
    """Read the body as it was sent, without decoding.

    Raises:
        Interrupted: The connection ended before the body.
    """
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - comes with requests

    try:
        yield from response.raw.stream(_CHUNK, decode_content=False)
    except (HTTPError, OSError) as problem:
        raise Interrupted(f"the connection broke: {problem}") from problem


def failure(url: str, response: requests.Response) -> Exception:
    """Tell a failure that may pass from one that will not."""
    status, answer = response.status_code, f"the server answered {response.status_code} {response.reason}"
    if status in _TRANSIENT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Interrupted(answer, retry_after(response.headers.get("Retry-After", "")))
    return FetchError(f"{redacted_url(url)}: {answer}. Check the address in the manifest. {OWN_FILE}")


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


def version(response: requests.Response) -> str | None:
    """Return what identifies the content: a strong ETag, or else the modification time."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified")


def content_range(response: requests.Response) -> tuple[int | None, int | None]:
    """Return where a partial answer starts, and the size of the whole file."""
    match = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", response.headers.get("Content-Range", ""))
    return (int(match[1]), _number(match[2])) if match else (None, None)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,19}", text) else None
