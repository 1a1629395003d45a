"""Golden batches among the others, on stand-ins: one device that exchanges rows is named, with the rows."""

from __future__ import annotations

import pytest

from ascend_host import TRIAL, Host

pytestmark = pytest.mark.slow  # whole runs
QUICK = ("--batch-size", "8", "--set", "benchmark={batch: [8], loop: 1, warmup: 0}", "--device", "0,1")
LENIENT = ("--set", "expected.accuracy.tolerance.abs=5")


def test_a_device_that_exchanges_rows_is_named_though_the_accuracy_passes(host: Host) -> None:
    recorded = host.command("zoo-run", "golden", "record", "trial.yaml")
    assert recorded.returncode == 0, recorded.stderr
    with (host.run.folder / "trial.yaml").open("a") as file:
        file.write("\n".join(recorded.stdout.splitlines()[2:]) + "\n")
    good = host(*TRIAL, *QUICK, "--output", "good", output="good", devices=2)
    assert good.code == 0, good.text
    golden = good.report["golden"]
    assert (good.code, golden["state"], golden["findings"]) == (0, "equal", []), good.text
    assert golden["limits"].startswith("0.1 of an output's size")
    assert golden["repeats"].keys() == {"0", "1"}

    faulty = ("swap-rows:1:2",)
    arguments = (*TRIAL, *QUICK, *LENIENT, "--no-cache")
    bad = host(*arguments, "--output", "bad", output="bad", devices=2, faults=faulty)
    assert bad.code == 4, bad.text
    (finding,) = bad.report["golden"]["findings"]
    assert finding["stage"] == "infer"
    assert finding["text"].startswith("device 1 gave other outputs for ")
    assert "position 0 of the batch has those of position 1, position 1 of the batch has" in finding["text"]
    assert bad.report["metrics"][0]["verdict"] == "pass", "two rows are within the tolerance"
