"""``--lang``: the language of what people read, on the terminal and in reports."""

from __future__ import annotations

from typing import Final

import click

from zoo_runner.language.spoken import ENGLISH, LANGUAGES, VARIABLE, speak


def _chosen(_context: click.Context, _parameter: click.Parameter, language: str | None) -> str:
    """Speak the language from here on. Reports are English where nobody says otherwise, whatever the locale is."""
    speak(language)
    return language or ENGLISH


LANGUAGE: Final = click.option(
    "--lang",
    "language",
    type=click.Choice(LANGUAGES),
    is_eager=True,  # errors in the other options are told in it
    envvar=VARIABLE,
    callback=_chosen,
    help="Language of the terminal, report.html and summary.md; JSON, JUnit and SARIF are English.",
)
