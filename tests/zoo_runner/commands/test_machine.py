"""``zoo-run doctor`` for programs, and ``zoo-run plugins`` of one plugin."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from refinedet_plugin.config import RefineDetConfig

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


def test_the_keys_of_a_plugin(zoo_run: ZooRun) -> None:
    done = zoo_run("plugins", "refinedet")
    assert (done.returncode, done.stderr) == (0, "")
    keys = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert list(keys) == list(RefineDetConfig.model_fields)
    for name, field in RefineDetConfig.model_fields.items():
        assert field.description
        assert keys[name].endswith(field.description)
    assert '"test"' in keys["image_set"]


def test_the_keys_of_a_plugin_that_is_not_there(zoo_run: ZooRun) -> None:
    done = zoo_run("plugins", "refinedt")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean 'refinedet'?" in done.stderr
