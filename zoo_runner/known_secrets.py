"""Secrets that the addresses of a run hold, and texts without them.

Where an address is written well, its form says what must not be shown. What is written wrongly, or is shown without
its address, can only be recognised by the secret itself: every text in which an address of the run may stand is
searched once, and what is found there is taken out of everything the run prints or leaves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape
from typing import Final
from urllib.parse import quote, unquote, unquote_plus

HIDDEN: Final = "***"
"""What stands in the place of a secret."""
LEAST: Final = 6
"""Characters of a secret: shorter ones would be found in texts that have nothing to do with them."""
_LONG: Final = 8
"""Characters from which on a secret is recognised within a word, too."""
_LONGEST: Final = 1 << 16
"""Characters of a line that is searched; a longer one is no address."""
_OWN_WORDS: Final = frozenset(
    {HIDDEN, "inconclusive", "not_gated", "stopped", "waived", "overdue", "below_floor", "not_needed"}
    | {"not_applicable", "at_least", "at_most", "within", "accuracy", "throughput", "paired", "absolute"}
    | {"export", "convert", "preprocess", "postprocess", "evaluate", "benchmark", "warning", "notice"}
    | {"setting", "package", "artifact", "environment"}
)
"""Verdicts, stages and kinds: programs read them in texts from which secrets are taken."""

_SLASH: Final = "/\\\\\u2215\u2044\uff0f\uff3c"
_COLON: Final = ":\ufe55\uff1a"
_AT: Final = "@\ufe6b\uff20"
_SCHEME: Final = re.compile(
    rf"(?:(?:https?|ftps?|file|s3|gs|oss|obs|ssh|git|sftp|package)(?:[{_COLON}][{_SLASH}]*|[{_SLASH}]{{2,}})"
    rf"|[a-z][a-z0-9+.-]{{0,31}}[{_COLON}]?[{_SLASH}]{{2,}}|(?<![\w{_COLON}{_SLASH}])[{_SLASH}]{{2,}})",
    re.IGNORECASE,
)
_BARE: Final = re.compile(
    rf"(?:^|(?<=[\s=\"'(\[{{,]))[^\s{_SLASH}{_COLON}{_AT}=]{{1,256}}[{_COLON}](?![{_SLASH}])([^\s{_AT}]{{1,2048}})[{_AT}][\w.-]+"
)
_PORT: Final = re.compile(rf"[^{_COLON}]*[{_COLON}]\d*")
_TELLING: Final = re.compile(
    r"token|secret|passw|passphrase|pwd|auth|key|sig|cred|sess|sid$|jwt|bearer|cookie|ticket", re.IGNORECASE
)
_HARMLESS: Final = re.compile(
    r"sha\d|md5|hash|digest|checksum|etag|commit|rev|ref|version|file|name|path|type|format", re.IGNORECASE
)
_PARAMETER: Final = re.compile(rf"(?:^|[;{_SLASH}])([\w.-]+)=([^;{_SLASH}?#&]+)")
_AFTER: Final = re.compile(rf"[{_SLASH}]([\w.-]*)[{_SLASH}]([^{_SLASH}?#;]+)")
_COOKIELESS: Final = re.compile(r"\([A-Z]\(([^()]+)\)\)")
_SHA: Final = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
_ENDS: Final = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\"'`<>,]})"
"""What may follow an address."""
_MANY: Final = 64
"""Addresses of a line of which :data:`_FAR` characters are searched; of those after them :data:`_NEAR`."""
_FAR: Final = 4096
_NEAR: Final = 256

_known: set[str] = set()
_patterns: list[re.Pattern[str]] = []


def learn(*texts: str) -> None:
    """Remember the secrets of all addresses in texts: words of the command line, manifests, variables, answers."""
    found = {secret for text in texts for line in text.splitlines() for secret in _of_line(line[:_LONGEST])}
    fresh = {form for secret in found for form in _forms(secret)} - _known
    if fresh:
        _known.update(fresh)
        _patterns[:] = [_pattern(_known)]


def forget() -> None:
    """Forget all of them, as a new process does."""
    _known.clear()
    _patterns.clear()


def without_known(text: str) -> str:
    """Return a text without the secrets that were learned, wherever they stand."""
    for pattern in _patterns:
        text = pattern.sub(HIDDEN, text)
    return text


def known() -> bool:
    """Say whether there are any."""
    return bool(_known)


def _of_line(line: str) -> Iterator[str]:
    """Yield the secrets of the addresses in a line: of each word, and of the line from an address on."""
    for number, start in enumerate(_SCHEME.finditer(line)):
        rest = line[start.end() : start.end() + (_FAR if number < _MANY else _NEAR)]
        word = re.split(r"[\s\"'`<>]", rest, maxsplit=1)[0]
        for text in dict.fromkeys((word, word.rstrip(_ENDS), rest.rstrip(_ENDS))):
            yield from filter(_worth, _of_address(text))
    for bare in _BARE.finditer(line):
        yield from filter(_worth, (bare[1],))


def _worth(secret: str) -> bool:
    return len(secret) >= LEAST and secret.lower() not in _OWN_WORDS and set(secret) != {"*"}


def _of_address(text: str) -> Iterator[str]:
    """Yield what an address, without its scheme, has of secrets."""
    head, query, tail = _cut(text)
    yield from _of_user(head)
    for part in re.split("[&;?]", f"{query}&{tail}".replace("#", "&")):
        key, equals, value = part.partition("=")
        yield from _of_pair(key, value) if equals else _of_pair("", key)
    for key, value in _PARAMETER.findall(head):
        if _TELLING.search(key):
            yield value
    for key, value in _AFTER.findall(head.replace("//", "/")):
        if _TELLING.search(key) and re.search(r"\d", value) and len(value) >= _LONG:
            yield value
    yield from _COOKIELESS.findall(head)


def _cut(text: str) -> tuple[str, str, str]:
    """Return what is before the query, the query, and what follows an at sign in a password with a question mark."""
    head, mark, rest = text.partition("?")
    first = re.split(f"[{_SLASH}#]", head, maxsplit=1)[0]
    odd = mark and re.search(f"[{_COLON}]", first) and not _PORT.fullmatch(first) and not re.search(f"[{_AT}]", head)
    if odd and (at := re.search(f"[{_AT}]", rest)):
        head, rest = text[: len(head) + 1 + at.end()], rest[at.end() :]
        more, mark, query = rest.partition("?")
        return head + more, query, ""
    head, _, fragment = head.partition("#") if not re.search(f"[{_AT}]", head.partition("#")[2]) else (head, "", "")
    return head, rest, fragment


def _of_user(head: str) -> Iterator[str]:
    place = max((found.start() for found in re.finditer(f"[{_AT}]", head)), default=-1)
    if place < 0:
        return
    user = head[:place]
    first = re.split(f"[{_SLASH}#?]", user, maxsplit=1)[0]
    if first != user and (_PORT.fullmatch(first) or not re.search(f"[{_COLON}]", first)):
        # The host ended before: the at sign is one of the path. One before it may still be the user's.
        inner = re.search(f"^[^{_SLASH}]*(?=[{_AT}])", head)
        if inner is None:
            return
        user = inner[0]
    name, *password = re.split(f"[{_COLON}]", user, maxsplit=1)
    if password:
        yield password[0]
        yield from re.split(rf"[{_SLASH}{_COLON}#?{_AT}\s]", password[0])
        if len(name) >= 2 * _LONG:
            yield name
    elif len(name) >= _LONG:
        yield name


def _of_pair(key: str, value: str) -> Iterator[str]:
    inner = unquote_plus(value)
    if _SCHEME.match(inner):
        yield from _of_line(inner)
    elif (key and _TELLING.search(key)) or (not _HARMLESS.search(key) and _is_token(value)):
        yield value


def _is_token(value: str) -> bool:
    """Say whether a value without a telling key looks drawn at random: neither a word, a number, a name nor a hash."""
    mixed = re.search(r"\d", value) and re.search("[A-Za-z]", value)
    return len(value) > _LONG and bool(mixed) and "." not in value and not _SHA.fullmatch(value)


def _forms(secret: str) -> Iterator[str]:
    """Yield how a secret may be written."""
    plain = dict.fromkeys((secret, unquote(secret), unquote_plus(secret)))
    for each in plain:
        yield from (each, quote(each, safe=""), quote(each), escape(each), escape(each, quote=False))
        yield each.replace("\\", "\\\\").replace('"', '\\"')
        yield each.encode("ascii", "backslashreplace").decode()
        yield repr(each)[1:-1]


def _pattern(secrets: Iterable[str]) -> re.Pattern[str]:
    ordered = sorted(secrets, key=lambda each: (-len(each), each))
    return re.compile("|".join(map(_one, ordered)), re.IGNORECASE)


def _one(secret: str) -> str:
    text = re.escape(secret)
    return text if len(secret) >= _LONG else rf"(?<!\w){text}(?!\w)"
