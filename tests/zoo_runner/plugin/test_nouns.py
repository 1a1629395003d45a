from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from zoo_runner.errors import PluginError
from zoo_runner.plugin.nouns import noun_of, own_noun


def dataset(**attributes: object) -> Any:
    return cast("Any", SimpleNamespace(samples=lambda _root: (), **attributes))


@pytest.mark.parametrize(
    ("given", "own", "noun"),
    [
        pytest.param({}, "", "samples", id="none"),
        pytest.param({"noun": "utterances"}, "utterances", "utterances", id="its own"),
        pytest.param({"noun": "samples"}, "samples", "samples", id="the usual one, said"),
        pytest.param({"noun": "音频"}, "音频", "音频", id="another script"),
    ],
)
def test_nouns(given: dict[str, str], own: str, noun: str) -> None:
    assert (own_noun(dataset(**given)), noun_of(dataset(**given))) == (own, noun)


@pytest.mark.parametrize("noun", ["", None, " pairs", "two\nlines", "x" * 41, 3, "\x1b[2J"])
def test_what_is_no_noun(noun: object) -> None:
    with pytest.raises(PluginError) as caught:
        noun_of(dataset(noun=noun))
    assert str(caught.value) == (
        "noun of SimpleNamespace: expected the plural of what a sample is, such as 'utterances', on one line of at "
        f"most 40 characters, found {noun!r}; correct the plugin"
    )
