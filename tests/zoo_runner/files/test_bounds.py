"""Bounds come from the environment or have a default, and a slip in one is refused."""

from __future__ import annotations

import pytest

from zoo_runner.errors import UsageError
from zoo_runner.files.bounds import Bound

BOUND = Bound("ZZ_LIMIT", 5)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param(None, 5, id="not set"),
        pytest.param("", 5, id="empty"),
        pytest.param("1", 1, id="least"),
        pytest.param(" 500 ", 500, id="spaces"),
        pytest.param("2kB", 2000, id="kB"),
        pytest.param("20 GB", 20 * 10**9, id="GB"),
    ],
)
def test_a_bound_in_force(text: str | None, value: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZZ_LIMIT", raising=False)
    if text is not None:
        monkeypatch.setenv("ZZ_LIMIT", text)
    assert BOUND.value == value
    assert BOUND.remedy == "set ZZ_LIMIT to accept more"


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "1 KiB", "0GB", "9" * 500, "\u0663"])
def test_a_slip_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZZ_LIMIT", text)
    with pytest.raises(UsageError, match=r"ZZ_LIMIT: expected a positive whole number such as 500 or 20GB, found "):
        _ = BOUND.value
