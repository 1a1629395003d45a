"""The addresses of a recipe: which one is of the weights, which of the upstream repository; secrets are not kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from zoo_runner.importing.account import Account, quoted
from zoo_runner.redaction import redacted_url

if TYPE_CHECKING:
    from zoo_runner.importing.blocks import Document, Paragraph
    from zoo_runner.importing.commands import Command, Script
    from zoo_runner.importing.reading import Recipe

_URL: Final = re.compile(r"(?:https?|ftp)://[^\s<>\"'`\]|\\^{}，。；、）】》]+", re.IGNORECASE)  # noqa: RUF001 - as recipes write it
_LOCAL: Final = re.compile(r"\]\(\s{0,3}<?((?!#|(?i:https?|ftp)://|mailto:)[^)\s<>]{1,500})")
"""Links to files beside the recipe."""
_FILES: Final = (".pth", ".pth.tar", ".pt", ".onnx", ".ckpt", ".safetensors", ".bin", ".pkl", ".pdparams", ".model")
"""Ends of the names of checkpoints."""
_ARCHIVES: Final = (".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar")
_WEIGHTS: Final = re.compile(
    r"权重|checkpoint|weights?\b|\.pth|\.pt\b|\.onnx|预训练|pretrain|pth文件|pt文件", re.IGNORECASE
)
_DRIVES: Final = (
    "pan.baidu.com",
    "drive.google.com",
    "docs.google.com",
    "1drv.ms",
    "onedrive.live.com",
    "dropbox.com",
    "aliyundrive.com",
    "alipan.com",
    "cloud.tsinghua.edu.cn",
    "mega.nz",
    "sharepoint.com",
    "quark.cn",
    "weiyun.com",
    "kdocs.cn",
)
"""Where a person has to click, or to log in."""
_HARMLESS: Final = {"raw": "true", "download": "true", "dl": "1", "inline": "false"}
_FETCHERS: Final = ("wget", "curl", "aria2c")
_COMMIT: Final = re.compile(r"[0-9a-f]{7,40}")
_URL_NAMES: Final = ("url", "git_url", "repo_url")
_COMMIT_NAMES: Final = ("commit_id", "commit", "commitid", "tag")


@dataclass(frozen=True, kw_only=True)
class Link:
    """An address, where it stands, and whether the line or its heading is about weights."""

    url: str
    line: int
    of_weights: bool


@dataclass(frozen=True, kw_only=True)
class Source:
    """The upstream repository, and the state of it."""

    url: str
    commit: str
    line: int


def links(recipe: Recipe, document: Document) -> tuple[Link, ...]:
    """Return all addresses outside of blocks of code, in their order."""
    code = {line for each in document.codes for line in range(each.line, each.line + len(each.lines))}
    headings = {each.line: each.text for each in document.paragraphs if each.is_heading}
    found, heading = [], ""
    for number, text in enumerate(recipe.lines, 1):
        heading = headings.get(number, heading)
        if number not in code:
            about = bool(_WEIGHTS.search(text) or _WEIGHTS.search(heading))
            found += [Link(url=url, line=number, of_weights=about) for url in addresses(text)]
            found += [Link(url=path, line=number, of_weights=False) for path in _LOCAL.findall(text)]
    return tuple(found)


def addresses(text: str) -> list[str]:
    """Return the addresses in a text; one in brackets ends with them."""
    found = []
    for match in _URL.finditer(text):
        url = match[0]
        if url.count(")") > url.count("("):
            url = url[: url.index(")")]
        found.append(url.rstrip(".,;:!?*)"))
    return found


def shown(url: str) -> str:
    """Write an address without its secrets, for a remark."""
    return quoted(redacted_url(url))


def _secret(url: str) -> bool:
    """Say whether an address has parts that may open doors, and without which it leads nowhere."""
    if redacted_url(url) == url:
        return False
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return True
    harmless = all(_HARMLESS.get(name.lower()) == value.lower() for name, value in query)
    return "@" in parts.netloc or not query or not harmless or bool(parts.fragment)


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _path(url: str) -> str:
    try:
        return urlsplit(url).path.lower()
    except ValueError:
        return ""


def needs_a_person(url: str) -> bool:
    """Say whether an address is of a drive from which no program downloads."""
    host = _host(url)
    return any(host == each or host.endswith(f".{each}") for each in _DRIVES)


def weights(found: Sequence[Link], script: Script, account: Account) -> tuple[str, int]:
    """Choose the address of the weights.

    Returns:
        It and its line; empty if the recipe has none, or several of which it does not say which is meant.
    """
    fetched = [
        Link(url=url, line=command.line, of_weights=bool(_WEIGHTS.search(command.text)))
        for command in script.commands
        if command.program in _FETCHERS
        for url in addresses(command.text)
    ]
    candidates = list(_candidates((*found, *fetched), account))
    several = {each.url: each for each in reversed(candidates)}
    if len(several) > 1:
        for each in candidates:
            account.leave(each.line, f"weights {shown(each.url)}: one of {len(several)}; which is meant is not said")
        return "", 0
    for each in candidates:
        account.carry(each.line)
    for command in script.commands:
        if several and command.program in _FETCHERS and next(iter(several)) in addresses(command.text):
            account.take(command)
    return (candidates[0].url, candidates[0].line) if candidates else ("", 0)


def _candidates(found: Sequence[Link], account: Account) -> Iterator[Link]:
    for each in found:
        path = _path(each.url)
        is_file = path.endswith(_FILES) or (each.of_weights and path.endswith(_ARCHIVES))
        if needs_a_person(each.url):
            about = "weights" if each.of_weights else "link"
            account.leave(each.line, f"{about} {shown(each.url)}: a person has to download it; give --weights FILE")
        elif is_file and _secret(each.url):
            text = "weights: give --weights FILE, as this address leads nowhere without its secrets, which are not kept"
            account.warn(each.line, f"{text}: {shown(each.url)}")
        elif is_file and each.url.lower().startswith("ftp:"):
            account.leave(each.line, f"weights {shown(each.url)}: only http(s) is downloaded; give --weights FILE")
        elif is_file and _host(each.url) and each.url.lower().startswith(("http://", "https://")):
            yield each


_CHECKED_OUT: Final = re.compile(
    r"`[^`]{0,200}git\s+(?:reset(?:\s+--hard)?|checkout)\s+([0-9a-f]{7,40})(?![0-9a-z])[^`]{0,200}`", re.IGNORECASE
)
"""A command within prose that picks a commit."""


_CLONED: Final = re.compile(r"`[^`]{0,200}git\s+clone\s[^`]{0,200}?(https?://[^\s`]{1,300})[^`]{0,200}`", re.IGNORECASE)


def source(script: Script, prose: Sequence[Paragraph], account: Account) -> Source | None:
    """Return the upstream repository: what the recipe sets ``url`` to, else the first that it clones.

    Its state is what the recipe sets a variable to, else what a command checks out, in a block or within prose.
    """
    values, lines = script.variables.values, script.variables.lines
    url, line = next(((values[name][0], lines[name]) for name in _URL_NAMES if values.get(name)), ("", 0))
    commit = next((values[name][0] for name in _COMMIT_NAMES if values.get(name)), "")
    clones = [each for each in script.commands if each.words[:2] == ("git", "clone")]
    if not url and clones:
        named = [(found, each.line) for each in clones for found in addresses(each.text)]
        url, line = next((each for each in named if "ascend" not in each[0].lower()), named[0] if named else ("", 0))
    chosen = [each for each in script.commands if _picks_commit(each)]
    if not commit and chosen:
        commit = next(word for word in reversed(chosen[0].words) if _COMMIT.fullmatch(word))
        account.take(chosen[0])
    if not url:
        cloned = [(match[1], each.line) for each in prose for match in _CLONED.finditer(each.text)]
        url, line = next(iter(cloned), ("", 0))
    told = [match[1] for each in prose for match in _CHECKED_OUT.finditer(each.text)]
    commit = commit or next(iter(told), "")
    if not url:
        return None
    if redacted_url(url) != url:
        account.warn(line, f"source {shown(url)}: its secrets are not kept")
        url = redacted_url(url)
    for each in clones:
        if url in addresses(each.text):
            account.take(each)
    return Source(url=url, commit=commit, line=line)


def _picks_commit(command: Command) -> bool:
    picks = command.words[:2] in {("git", "reset"), ("git", "checkout")}
    return picks and any(_COMMIT.fullmatch(word) for word in command.words[2:])


def account_links(found: Sequence[Link], source: Source | None, weights: str, account: Account) -> None:
    """Note each link: those to weights and source are in the manifest, the others are not."""
    remarked = {each.line for each in account.remarks}
    for each in found:
        if each.url == weights or (
            source is not None and each.url.removesuffix(".git") == source.url.removesuffix(".git")
        ):
            account.carry(each.line)
        elif each.line not in remarked or not needs_a_person(each.url):
            account.leave(each.line, f"link {shown(each.url)}")
