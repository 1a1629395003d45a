"""What servers and checkouts give in place of a file, called by its name."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Final

from zoo_runner.files.regular import open_regular

HEAD: Final = 1 << 16
"""Bytes that are looked at: titles and messages stand near the start."""
SHOWN: Final = 120
"""Characters of a title or message that are shown."""
LFS: Final = re.compile(rb"version https://git-lfs\.github\.com/spec/v\d+\r?\n(?:.*\n)*?size (\d{1,18})\b")
PAGE: Final = re.compile(
    rb"(?:<!--.*?-->|<\?xml[^>]*>|\s)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
TITLE: Final = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
FAILURE: Final = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?<(?:\w+:)?(Error|ErrorResponse|Fault|Envelope)\b")
CODE: Final = re.compile(r"<(Code|Message|faultstring)>(.*?)</", re.DOTALL)
MESSAGES: Final = ("error", "errors", "message", "detail", "error_description", "error_msg")
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def wrong_content(path: Path) -> str:
    """Say what a file is that nobody publishes as weights or data; nothing when it may be right.

    Known are web pages, the error documents of object stores (XML) and of web services (JSON), and pointers of Git
    LFS. The content counts, not what a server calls it.
    """
    with open_regular(path) as file:
        head = file.read(HEAD).removeprefix(BYTE_ORDER_MARK)
    if b"\0" in head:
        return ""  # no text, whatever its first bytes spell
    if pointer := LFS.match(head):
        return (
            f"a Git LFS pointer of {_size(int(pointer[1]))}: run git lfs pull, or take the address of the file itself"
        )
    text = head.decode("utf-8", "replace")
    if PAGE.match(head):
        title = TITLE.search(text)
        return f"a web page (text/html, {f'title {_short(title[1])!r}' if title else 'without a title'})"
    if FAILURE.match(head):
        return f"an error document (XML: {_short(', '.join(each[2] for each in CODE.finditer(text))) or 'no message'})"
    return _json(head, whole=len(head) < HEAD)


def _json(head: bytes, *, whole: bool) -> str:
    if not whole or not head.lstrip().startswith(b"{"):
        return ""
    try:
        found = json.loads(head)
    except ValueError:
        return ""
    said = [found[key] for key in MESSAGES if found.get(key)]
    return (
        f"an error document (JSON: {_short(said[0] if isinstance(said[0], str) else json.dumps(said[0]))})"
        if said
        else ""
    )


def _short(text: str) -> str:
    return html.unescape(" ".join(text.split()))[:SHOWN]


def _size(size: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} bytes"
