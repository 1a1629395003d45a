"""What ``--set plugin.config.KEY=VALUE`` of ``zoo-run new`` may say, before the plugin looks at it."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from zoo_runner.draft.given import Given, given
from zoo_runner.errors import ManifestError, UsageError
from zoo_runner.manifest.tree import Origin


class Model(BaseModel, extra="forbid"):
    """One required key."""

    names: tuple[str, ...]
    width: float = 1.0


@pytest.mark.parametrize(
    ("overrides", "values"),
    [
        pytest.param([], {}, id="nothing"),
        pytest.param(["plugin.config.width=0.5"], {"width": 0.5}, id="one"),
        pytest.param(
            ["plugin.config.names=[a, b]", "plugin.config.width=1", "plugin.config.width=2"],
            {"names": ("a", "b"), "width": 2},
            id="the later over the earlier",
        ),
        pytest.param(["plugin.config.width=null"], {}, id="removed"),
    ],
)
def test_given(overrides: list[str], values: dict[str, object]) -> None:
    assert dict(given(overrides, "toy").values) == values


@pytest.mark.parametrize(
    "text", ["infer.batch=2", "plugin.name=x", "plugin.config=1", "plugin.config={width: 1}", "width=1", ""]
)
def test_other_keys(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        given(["plugin.config.width=1", text], "toy")
    assert str(caught.value) == (
        f"--set {text}: expected plugin.config.KEY=VALUE; other keys can be changed in the file that is written"
    )


def test_a_malformed_value() -> None:
    with pytest.raises(UsageError, match=r"--set plugin\.config\.width: the value is empty"):
        given(["plugin.config.width="], "toy")


@pytest.mark.parametrize(
    ("said", "text"),
    [
        pytest.param(
            given(["plugin.config.wdth=1"], "toy"),
            "--set plugin.config.wdth: unknown key; did you mean 'width'?",
            id="unknown",
        ),
        pytest.param(
            Given(plugin="plugin toy").having("names", 3, "--names"),
            "--names: plugin.config.names: expected a list, found 3 (integer)",
            id="a flag of its own",
        ),
    ],
)
def test_what_is_wrong_names_its_flag(said: Given, text: str) -> None:
    with pytest.raises(ManifestError) as caught:
        said.check(Model)
    assert text in str(caught.value).splitlines()


@pytest.mark.parametrize("said", [Given(), given(["plugin.config.width=2"], "toy")])
def test_what_the_plugin_may_still_find_is_not_asked_for(said: Given) -> None:
    said.check(Model)
    assert "names" not in said.values


def test_the_origin_of_what_the_plugin_found_is_the_plugin() -> None:
    said = given(["plugin.config.width=2"], "toy").having("names", ["a"], "--names")
    places = {key: said.origin(("plugin", "config", key)) for key in ("width", "names", "other")}
    assert places == {
        "width": Origin("--set plugin.config.width"),
        "names": Origin("--names"),
        "other": said.origin(("plugin", "config")),
    }
    assert Given(plugin="plugin toy").origin(("plugin", "config", "x")) == Origin("plugin toy")
