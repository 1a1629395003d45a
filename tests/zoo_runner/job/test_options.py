from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zoo_runner.errors import UsageError
from zoo_runner.job.options import RunOptions, Stage


def options(**given: Any) -> RunOptions:
    return RunOptions(output=Path("out"), **given)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        pytest.param(
            {"first": Stage.INFER, "last": Stage.EXPORT},
            "--from infer comes after --until export; swap or drop one",
            id="backwards",
        ),
        pytest.param(
            {"accept_unstamped": True},
            "--accept-unstamped is about a model that --om names: add --om FILE, or drop it",
            id="unstamped nothing",
        ),
        pytest.param(
            {"om": Path("m.om"), "om_outputs": ("a",)},
            "--om-outputs is about an .om without a stamp: add --accept-unstamped, or drop it",
            id="an order beside a stamp",
        ),
        pytest.param(
            {"results": Path("r")},
            "--results DIR is scored from the postprocessing on: add --from postprocess",
            id="results without from",
        ),
        *(
            pytest.param(
                {"first": stage, "no_cache": True},
                f"--no-cache reuses nothing of the store, and --from {stage.value} needs what an earlier run left "
                "there; drop one",
                id=f"no-cache-{stage.value}",
            )
            for stage in Stage
            if stage not in {Stage.FETCH, Stage.POSTPROCESS, Stage.GATE}
        ),
        pytest.param(
            {"no_cache": True, "verify_cache": True},
            "--no-cache reuses nothing of the store, so that --verify-cache has nothing to compare; drop one",
            id="no-cache-verify-cache",
        ),
        pytest.param(
            {"first": Stage.INFER, "verify_cache": True},
            "--verify-cache makes things again, and --from infer only takes what is there; drop one",
            id="verify-cache-from",
        ),
        pytest.param(
            {"seed": 3}, "--seed 3 is of a draw that --verify-cache makes: add it, or drop --seed", id="seed-of-nothing"
        ),
        pytest.param({"first": Stage.GATE}, "--from gate has nothing to gate: start at evaluate or before", id="gate"),
        pytest.param(
            {"subset": "pr", "first": Stage.BENCHMARK},
            "--subset pr picks samples, and --from benchmark works on none; drop one",
            id="a subset to time",
        ),
        pytest.param(
            {"subset": "pr", "last": Stage.CONVERT},
            "--subset pr picks samples, and --until convert works on none; drop one",
            id="a subset to convert",
        ),
        pytest.param(
            {"subset": "pr", "last": Stage.FETCH},
            "--subset pr picks samples, and --until fetch works on none; drop one",
            id="a subset to fetch",
        ),
        pytest.param(
            {"baseline": Path("b"), "last": Stage.POSTPROCESS},
            "--baseline compares figures, and --until postprocess makes none; drop one",
            id="a baseline and no figures",
        ),
    ],
)
def test_contradictions_are_refused(given: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError) as caught:
        options(**given).check()
    assert str(caught.value) == text
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("given", "weights", "model", "data"),
    [
        pytest.param({}, True, True, True, id="whole run"),
        pytest.param({"last": Stage.FETCH}, True, False, True, id="fetch fetches everything"),
        pytest.param({"last": Stage.EXPORT}, True, True, False, id="export needs no data"),
        pytest.param({"last": Stage.PREPROCESS}, False, False, True, id="inputs need no model"),
        pytest.param({"last": Stage.INFER}, True, True, True, id="results"),
        pytest.param(
            {"first": Stage.POSTPROCESS, "results": Path("r")}, False, False, True, id="scoring needs no model"
        ),
        pytest.param({"first": Stage.POSTPROCESS}, False, False, True, id="scoring an earlier run's files"),
        pytest.param({"first": Stage.BENCHMARK}, True, True, False, id="timing needs no data"),
    ],
)
def test_what_a_run_needs(given: dict[str, Any], weights: bool, model: bool, data: bool) -> None:
    chosen = options(**given)
    chosen.check()
    assert (chosen.needs_weights, chosen.needs_model, chosen.needs_data) == (weights, model, data)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"subset": "pr", "last": Stage.PREPROCESS}, id="inputs of a subset"),
        pytest.param({"subset": "pr", "first": Stage.POSTPROCESS, "last": Stage.EVALUATE}, id="results of a subset"),
        pytest.param({"baseline": Path("b"), "last": Stage.EVALUATE}, id="a baseline without the gate"),
        pytest.param({"baseline": Path("b"), "first": Stage.BENCHMARK}, id="a baseline for timings"),
    ],
)
def test_what_makes_sense_is_accepted(given: dict[str, Any]) -> None:
    options(**given).check()


def test_stages_run_between_first_and_last() -> None:
    chosen = options(first=Stage.EXPORT, last=Stage.INFER)
    assert [stage.value for stage in Stage if chosen.runs(stage)] == ["export", "convert", "preprocess", "infer"]


def test_results_are_read_where_an_earlier_run_wrote_them() -> None:
    assert options(first=Stage.POSTPROCESS).results_folder == Path("out/results")
    assert options(first=Stage.POSTPROCESS, results=Path("r")).results_folder == Path("r")


@pytest.mark.parametrize(
    ("given", "ways"),
    [
        pytest.param({}, ("convert", "infer"), id="a run"),
        pytest.param({"om": Path("m.om")}, ("infer",), id="given models"),
        pytest.param({"last": Stage.CONVERT, "backend": "a"}, ("convert",), id="a backend by name"),
        pytest.param({"last": Stage.CONVERT, "soc": "Ascend310"}, ("convert",), id="a chip by name"),
        pytest.param({"last": Stage.CONVERT}, ("convert", "infer"), id="any backend"),
        pytest.param({"last": Stage.CONVERT, "backend": "a", "om": Path("m.om")}, ("infer",), id="only to compare"),
    ],
)
def test_what_the_backend_is_needed_for(given: dict[str, Any], ways: tuple[str, ...]) -> None:
    assert options(**given).ways == ways


def test_a_pack_has_several_models(tmp_path: Path) -> None:
    for om, one in ((None, False), (tmp_path, False), (Path("p.ZIP"), False), (Path("m.om"), True), (Path("m"), True)):
        assert options(om=om).one_om is one
