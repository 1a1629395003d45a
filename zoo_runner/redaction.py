"""Take what opens doors out of texts: user names, passwords and tokens in URLs."""

from __future__ import annotations

import re

_HIDDEN = "***"
_USER = re.compile(r"((?:https?:|:/)/*)[^/?#\s]*@", re.IGNORECASE)
_QUERY = re.compile(r"\?([^\s#]+)")
_FRAGMENT = re.compile(r"(://[^\s#]*#)\S+")
_START = re.compile(r"(?!(?:file|package):)[a-z][a-z0-9+.-]*:/*", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:\*\*\*@)?(?:\[[^\]]*\]|[^:\[\]]*)(?::[0-9]*)?(?=[/?#\s]|$)")


def redacted_url(url: str) -> str:
    """Return a URL as it may be shown and recorded.

    The user name and password, the values of the query and the fragment become ``***``; the keys of the
    query stay. Plain paths, ``file:`` and ``package:`` URLs carry no secrets and stay as they are.
    """
    start = _START.match(url)
    if start is None:
        return url
    shown = redacted(re.sub(r"\s", "%20", url))
    # A raw "/", "?" or "#" in a password ends the host part early: then nobody knows what is secret.
    is_host = start[0][-1] == "/" or start[0].lower() in {"http:", "https:"}
    return f"{start[0]}{_HIDDEN}" if is_host and not _AUTHORITY.match(shown, start.end()) else shown


def redacted(text: str) -> str:
    """Return a text, such as another library's error, without the secrets of the URLs in it.

    Whatever follows a question mark without a space counts as a query: such texts quote URLs without
    their host.
    """
    text = _USER.sub(rf"\1{_HIDDEN}@", text)
    return _FRAGMENT.sub(rf"\1{_HIDDEN}", _QUERY.sub(_redacted_query, text))


def _redacted_query(match: re.Match[str]) -> str:
    parts = (part.partition("=") for part in match[1].split("&"))
    return "?" + "&".join(f"{key}={_HIDDEN}" if equals else key and _HIDDEN for key, equals, _ in parts)
