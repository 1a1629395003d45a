"""``zoo-run doctor`` for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import ZooRun


@pytest.mark.parametrize(
    ("backend", "code", "usable"),
    [pytest.param("onnxruntime", 0, True, id="complete"), pytest.param("ascend", 3, False, id="incomplete")],
)
def test_json_says_what_the_text_says(zoo_run: ZooRun, backend: str, code: int, *, usable: bool) -> None:
    done = zoo_run("doctor", "--backend", backend, "--json")
    text = zoo_run("doctor", "--backend", backend).stdout
    found = json.loads(done.stdout)
    assert (done.returncode, found["usable"]) == (code, usable)
    assert [section["name"] for section in found["sections"]] == ["stage export", f"backend {backend}"]
    assert found["sections"][-1]["ready"] is usable
    for section in found["sections"]:
        assert section["needs"]
        for need in section["needs"]:
            assert f"{'ok     ' if need['ok'] else 'missing'} {need['name']}: {need['found']}" in text
            assert need["ok"] or need["remedy"]
