"""The language of the terminal: what ``--lang`` says, else ``ZOO_RUNNER_LANG``, else the locale."""

from __future__ import annotations

import os
from typing import Final

ENGLISH: Final = "en"
CHINESE: Final = "zh"
LANGUAGES: Final = (ENGLISH, CHINESE)
VARIABLE: Final = "ZOO_RUNNER_LANG"
LOCALE: Final = ("LC_ALL", "LC_MESSAGES", "LANG")
"""Variables of the locale, the strongest first, as POSIX has them."""
MARKS: Final = {": ": "：", ", ": "，"}
"""Punctuation, and the Chinese for it."""
_chosen: list[str] = []


def speak(language: str | None) -> None:
    """Choose the language of what this process prints from here on; ``None`` leaves it to the environment."""
    _chosen[:] = [language] if language else []


def spoken() -> str:
    """Return the language of what this process prints."""
    return _chosen[0] if _chosen else from_environment()


def from_environment() -> str:
    """Return the language that the environment asks for; English where it names none that there are texts in."""
    asked = os.environ.get(VARIABLE) or next((value for name in LOCALE if (value := os.environ.get(name))), "")
    return CHINESE if asked.lower().startswith(CHINESE) else ENGLISH


def mark(english: str) -> str:
    """Return what stands between two texts, such as ``": "``, in the language of the terminal."""
    return english if spoken() == ENGLISH else MARKS[english]


def said(text: str) -> str:
    """Return an English text in the language of the terminal."""
    language = spoken()
    if language == ENGLISH:
        return text
    from zoo_runner.language.translation import translated  # noqa: PLC0415 - English needs no catalogue

    return translated(text, language)
