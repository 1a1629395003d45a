"""Which language the terminal speaks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from zoo_runner.language.spoken import LOCALE, VARIABLE, said, speak, spoken


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in (VARIABLE, *LOCALE):
        monkeypatch.delenv(name, raising=False)
    speak(None)
    yield
    speak(None)


@pytest.mark.parametrize(
    ("chosen", "environment", "language"),
    [
        pytest.param(None, {}, "en", id="nothing"),
        pytest.param(None, {"LANG": "C.UTF-8"}, "en", id="no language"),
        pytest.param(None, {"LANG": "de_DE.UTF-8"}, "en", id="one without texts"),
        pytest.param(None, {"LANG": "zh_CN.UTF-8"}, "zh", id="the locale"),
        pytest.param(None, {"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en", id="the stronger locale"),
        pytest.param(None, {"LANG": "zh_CN.UTF-8", VARIABLE: "en"}, "en", id="the variable is stronger"),
        pytest.param(None, {VARIABLE: "zh"}, "zh", id="the variable"),
        pytest.param("en", {VARIABLE: "zh", "LANG": "zh_CN"}, "en", id="the option is strongest"),
        pytest.param("zh", {}, "zh", id="the option"),
    ],
)
def test_the_option_then_the_variable_then_the_locale(
    monkeypatch: pytest.MonkeyPatch, chosen: str | None, environment: dict[str, str], language: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    speak(chosen)
    assert spoken() == language
    assert said("nothing there") == {"en": "nothing there", "zh": "什么都没有"}[language]
