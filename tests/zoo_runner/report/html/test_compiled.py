"""A template is compiled once, and anew when it has changed."""

from __future__ import annotations

from typing import Any

import jinja2
import pytest

from zoo_runner.report.html.compiled import CompiledTemplates


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sources that were compiled."""
    sources: list[str] = []
    compile_ = jinja2.Environment.compile

    def counted(self: jinja2.Environment, source: str, name: str, *rest: Any, **options: Any) -> Any:
        sources.append(name)
        return compile_(self, source, name, *rest, **options)

    monkeypatch.setattr(jinja2.Environment, "compile", counted)
    return sources


def test_once_and_anew_when_it_changed(compiled: list[str]) -> None:
    cache, files = CompiledTemplates(), {"page": "{{ t }} {% include 'part' %}", "part": "one {{ t }}"}

    def rendered(word: str) -> str:
        environment = jinja2.Environment(loader=jinja2.DictLoader(files), autoescape=True, bytecode_cache=cache)
        environment.globals["t"] = word
        return environment.get_template("page").render()

    assert rendered("a") == "a one a"
    assert rendered("<") == "&lt; one &lt;"
    assert compiled == ["page", "part"]
    files["part"] = "two {{ t }}"
    assert rendered("b") == "b two b"
    assert compiled == ["page", "part", "part"]
