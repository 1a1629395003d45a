from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from zoo_runner.backends import doctor
from zoo_runner.errors import PluginError
from zoo_runner.plugin.interfaces import Prerequisite
from zoo_runner.testing import stand_in_environment

if TYPE_CHECKING:
    from tests.conftest import ZooRun

BACKEND = """\
from zoo_runner.plugin.hookspecs import hookimpl
from zoo_runner.plugin.interfaces import Prerequisite


class Abacus:
    name = "abacus"

    def prerequisites(self):
        return (Prerequisite(name="beads", ok={ok}, found="{found}", remedy="buy some"),)

    def chip(self): return "wood"
    def version(self): return "1"
    def open(self, request): ...


@hookimpl
def zoo_backend():
    return Abacus()
"""


def test_every_backend_and_the_export_are_looked_at() -> None:
    findings = doctor.examine()
    assert [section.title for section in findings.sections] == [
        "stage export",
        "backend ascend",
        "backend onnxruntime",
    ]
    assert findings.usable


def test_onnxruntime_is_here() -> None:
    findings = doctor.examine("onnxruntime")
    (runtime,) = findings.sections[-1].needs
    assert findings.usable
    assert (runtime.name, runtime.ok, runtime.found) == ("onnxruntime", True, metadata.version("onnxruntime"))


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(PluginError, match=r"'onnxrutime'; did you mean 'onnxruntime'\?"):
        doctor.examine("onnxrutime")


@pytest.mark.parametrize("ok", [True, False])
def test_a_third_party_backend_is_looked_at_too(install: Callable[..., Path], ok: bool) -> None:
    install("abacus", {"abacus": "abacus"}, {"abacus": BACKEND.format(ok=ok, found="ten" if ok else "none")})
    findings = doctor.examine("abacus")
    expected = Prerequisite(name="beads", ok=ok, found="ten" if ok else "none", remedy="buy some")
    assert findings.sections[-1] == doctor.Checklist(title="backend abacus", needs=(expected,))
    assert findings.sections[-1].complete is findings.usable is ok
    assert "backend abacus" in [section.title for section in doctor.examine().sections]


def test_a_missing_export_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "EXPORT", ("onnxruntime", "no-such-package"))
    export = doctor.examine("onnxruntime").sections[0]
    assert not export.complete
    assert export.needs[1] == Prerequisite(
        name="no-such-package",
        ok=False,
        found="not installed",
        remedy="pip install 'zoo-runner[export]' --extra-index-url https://download.pytorch.org/whl/cpu",
    )


def test_what_exporting_imports_is_what_the_extra_installs() -> None:
    extra = [line for line in metadata.requires("zoo-runner") or () if re.search("extra == .export.", line)]
    assert {re.split(r"[^\w-]", line)[0] for line in extra} == set(doctor.EXPORT)


def test_an_ascend_host_is_ready(zoo_run: ZooRun, tmp_path: Path) -> None:
    variables = stand_in_environment(tmp_path / "host", chip="310P3")
    host = zoo_run.given(**{name: value for name, value in variables.items() if os.environ.get(name) != value})
    done = host("doctor", "--backend", "ascend")
    assert done.returncode == 0, done.stdout
    assert "backend ascend: ready\n" in done.stdout
    assert "missing" not in done.stdout
