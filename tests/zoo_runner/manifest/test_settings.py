from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dates import SOON
from zoo_runner.manifest.load import load
from zoo_runner.manifest.settings import addresses, settings

Write = Callable[..., Path]

MORE = """\
weights: {url: 'https://ann:secret@example.org/w.pth?token=abc'}
atc: {out_nodes: [a, b], flags: {mode: 0}}
expected:
  accuracy: {metric: m, protocol: p, value: 79.58}
  chips: {310P3: {throughput: {1: 400}}}
waivers:
  - {line: m/p, owner: o, issue: 'https://x.org/1?key=abc', until: SOON, floor: 78, reason: "see\\nthere"}
""".replace("SOON", SOON)


def test_every_value_by_its_key(write: Write, minimal: str) -> None:
    found = settings(load(write(minimal + MORE), ["plugin.config={a: [1, [2, x]], empty: {}, none: []}"]).manifest)
    wanted = {
        "name": "toy",
        "description": "",
        "dataset.samples": "10",
        "inputs.0.name": "x",
        "inputs.0.shape": '["batch", 3]',
        "outputs.1.name": "z",
        "onnx.simplify": "true",
        "infer.threads": "null",
        "benchmark.batch": "[1]",
        "atc.out_nodes": '["a", "b"]',
        "atc.flags.mode": "0",
        "expected.accuracy.value": "79.58",
        "expected.accuracy.rule": "point",
        "expected.chips.310P3.throughput.1": "400.0",
        "waivers.0.until": SOON,
        "waivers.0.reason": "see\nthere",
        "subsets": "{}",
        "plugin.config.a.0": "1",
        "plugin.config.a.1": '[2, "x"]',
        "plugin.config.empty": "{}",
        "plugin.config.none": "[]",
    }
    assert {key: found.get(key) for key in wanted} == wanted


def test_secrets_stay_out(write: Write, minimal: str) -> None:
    found = settings(load(write(minimal + MORE), ["plugin.config={log: 'at https://bo:pw@x.org'}"]).manifest)
    assert found["weights.url"] == "https://***@example.org/w.pth?token=***"
    assert found["waivers.0.issue"] == "https://x.org/1?key=***"
    assert found["plugin.config.log"] == "at https://***@x.org"


def test_several_addresses(write: Write, minimal: str) -> None:
    given = ["https://bo:pw@example.org/w.pth?token=s3cret", "package:p/w.pth", "https://x.org/a b?key=t"]
    manifest = load(write(minimal), [f"weights={{url: {json.dumps(given)}, sha256: {'a' * 64}}}"]).manifest
    found = settings(manifest)["weights.url"]
    assert addresses(found) == (
        "https://***@example.org/w.pth?token=***",
        "package:p/w.pth",
        "https://x.org/a%20b?key=***",
    )


@pytest.mark.parametrize(
    ("setting", "expected"),
    [("", ()), ("w.pth", ("w.pth",)), ("https://h/w", ("https://h/w",)), ('["a", "b"]', ("a", "b")), ("5", ("5",))],
)
def test_addresses_of_a_setting(setting: str, expected: tuple[str, ...]) -> None:
    assert addresses(setting) == expected
