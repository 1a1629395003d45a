"""The fixed texts of what people read, by language."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from zoo_runner.errors import UsageError, did_you_mean
from zoo_runner.language.translation import fixed
from zoo_runner.plugin.interfaces import SAMPLES
from zoo_runner.report.table import rate_unit

ENGLISH_TEXTS: Final = resources.files("zoo_runner.report.html") / "texts" / "en.json"
"""The English texts; those of other languages are in the catalogue, by the same keys."""
LANGUAGES: Final = {"en": "en", "zh": "zh-Hans"}
"""What ``--lang`` calls a language, and its BCP 47 tag."""


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The texts of one language.

    Attributes:
        language: As in :data:`LANGUAGES`.
        tag: For ``lang`` attributes.
        entries: By key; all languages have the same keys.
        noun: What the data set calls its samples, in the plural; empty where it does not say.
        rate: What throughput counts, likewise.
    """

    language: str
    tag: str
    entries: Mapping[str, str]
    noun: str = ""
    rate: str = ""

    def __call__(self, key: str, **values: object) -> str:
        """Return a text with its ``{placeholders}`` filled in; ``{noun}`` is what samples are called."""
        return self.entries[key].format(noun=self.named("noun", self.noun or SAMPLES), **values)

    @property
    def samples(self) -> str:
        """What samples are called, as a heading."""
        noun = self.named("noun", self.noun or SAMPLES)
        return noun[:1].upper() + noun[1:]

    def unit(self, name: str) -> str:
        """Return a unit; that of throughput names what is counted, where the data set has a noun for it."""
        return self.named("unit", rate_unit(name, self.rate))

    def named(self, group: str, name: str) -> str:
        """Return the text for a name that others may add to, such as a kind of error; by default the name itself."""
        return self.entries.get(f"{group}.{name}", name.replace("_", " "))

    def about(self, kind: str) -> str:
        """Return what a kind of error is, if there is a text for it."""
        return self.entries.get(f"about.{kind}", "")


@cache
def texts(language: str) -> Texts:
    """Return the texts of a language.

    Raises:
        UsageError: There are none.
    """
    if language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise UsageError(f"--lang {language}: expected one of {known}{did_you_mean(language, LANGUAGES)}")
    return Texts(language=language, tag=LANGUAGES[language], entries=fixed("page", _english(), language))


@cache
def _english() -> Mapping[str, str]:
    found: dict[str, str] = json.loads(ENGLISH_TEXTS.read_text(encoding="utf-8"))
    return found
