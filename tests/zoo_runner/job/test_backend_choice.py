"""Which backend runs a manifest, and what it says where something is lacking."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo_runner.errors import ExitCode, PluginError, PrerequisiteError
from zoo_runner.job.recipe import AUTO, choose_backend, usable
from zoo_runner.plugin import loading as plugins
from zoo_runner.plugin.interfaces import WAYS, Way

Install = Callable[..., Path]

BACKEND = """\
from zoo_runner.plugin.hookspecs import hookimpl
from zoo_runner.plugin.interfaces import Prerequisite


class Backend:
    name = "abacus"

    def prerequisites(self):
        return (
            Prerequisite(name="frame", ok=True, found="oak"),
            Prerequisite(name="beads", ok=False, found="7 of 10", remedy="Buy 3"),
            Prerequisite(name="rods", ok=False, found="none", remedy="Cut some"),
        )

    def chip(self): return "wood"
    def version(self): return "1"
    def open(self, request): ...


@hookimpl
def zoo_backend():
    return Backend()
"""


def test_a_backend_that_lacks_something_says_what(install: Install) -> None:
    install("abacus", {"abacus": "abacus_backend"}, {"abacus_backend": BACKEND})
    with pytest.raises(PrerequisiteError) as caught:
        choose_backend("abacus")
    assert str(caught.value).splitlines() == [
        "backend 'abacus' cannot run here:",
        "  beads: 7 of 10. Buy 3",
        "  rods: none. Cut some",
        "  (`zoo-run doctor` shows all of it)",
    ]
    assert caught.value.exit_code is ExitCode.STAGE_FAILED


NAMED = BACKEND.replace(
    "@hookimpl",
    """\
class Named(Backend):
    chip_name = ""

    def prerequisites(self):
        return () if self.chip_name else super().prerequisites()

    def for_chip(self, name):
        self.chip_name = name
        return self


@hookimpl""",
).replace("return Backend()", "return Named()")


def test_a_backend_is_told_the_chip(install: Install) -> None:
    install("abacus", {"abacus": "abacus_backend"}, {"abacus_backend": NAMED})
    assert vars(choose_backend("abacus", None, "Ascend310P3")) == {"chip_name": "Ascend310P3"}
    with pytest.raises(PrerequisiteError, match="backend 'abacus' cannot run here"):
        choose_backend("abacus")


def test_a_backend_by_name() -> None:
    assert choose_backend("onnxruntime").name == "onnxruntime"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param(
            "onnxruntim", "no backend is registered as 'onnxruntim'; did you mean 'onnxruntime'", id="unknown"
        ),
        pytest.param("refinedet", "'refinedet' is a model plugin, not a backend", id="a model plugin"),
    ],
)
def test_what_is_no_backend(name: str, message: str) -> None:
    with pytest.raises(PluginError) as caught:
        choose_backend(name)
    assert message in str(caught.value)
    assert caught.value.exit_code is ExitCode.USAGE


def test_auto_takes_the_first_that_lacks_nothing() -> None:
    here = [name for name in AUTO if usable(plugins.load(name).backend())]
    assert choose_backend("auto").name == here[0]


NEEDY = """\
from zoo_runner.plugin.hookspecs import hookimpl
from zoo_runner.plugin.interfaces import Prerequisite


class Backend:
    name = "needy"

    def __init__(self, chip="seen"):
        self._chip = chip

    def for_chip(self, chip):
        return Backend(chip)

    def chip(self):
        return self._chip

    def version(self): ...
    def open(self, request): ...

    def prerequisites(self):
        return (
            Prerequisite(name="compiler", ok=True, found="here", ways=("convert",)),
            Prerequisite(name="card", ok=False, found="none", remedy="Plug one in", ways=("infer",)),
        )


@hookimpl
def zoo_backend():
    return Backend()
"""


@pytest.mark.parametrize(("ways", "does"), [(WAYS, "run"), (("infer",), "infer")], ids=["everything", "inferring"])
def test_what_is_lacking_counts_for_what_it_is_needed_for(install: Install, ways: tuple[Way, ...], does: str) -> None:
    install("needy", {"needy": "needy_backend"}, {"needy_backend": NEEDY})
    assert choose_backend("needy", ways=("convert",)).chip() == "seen"
    assert choose_backend("needy", ways=("convert",), soc="Ascend310").chip() == "Ascend310"
    with pytest.raises(PrerequisiteError, match=rf"^backend 'needy' cannot {does} here:\n  card: none. Plug one in\n"):
        choose_backend("needy", ways=ways)
    assert not usable(choose_backend("needy", ways=("convert",)))
    assert usable(choose_backend("needy", ways=("convert",)), ("convert",))
