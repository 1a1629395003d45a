"""What samples are called, wherever a person reads of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zoo_runner.errors import PluginError
from zoo_runner.plugin.interfaces import SAMPLES, NamedSamples

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Dataset

LONGEST: Final = 40
"""Characters of a noun; it stands in tables."""


def noun_of(dataset: Dataset) -> str:
    """Return what the samples are called, in the plural: ``samples`` where the data set does not say.

    Raises:
        PluginError: It says what is no noun.
    """
    return own_noun(dataset) or SAMPLES


def own_noun(dataset: Dataset) -> str:
    """Return what a data set calls its samples, in the plural; empty where it does not say.

    Raises:
        PluginError: It says what is no noun.
    """
    if not isinstance(dataset, NamedSamples):
        return ""
    noun: object = dataset.noun
    if isinstance(noun, str) and 0 < len(noun) <= LONGEST and noun.isprintable() and noun == noun.strip():
        return noun
    raise PluginError(
        f"noun of {type(dataset).__name__}: expected the plural of what a sample is, such as 'utterances', on one line "
        f"of at most {LONGEST} characters, found {noun!r}; correct the plugin"
    )
