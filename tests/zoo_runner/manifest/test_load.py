from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from zoo_runner.errors import ExitCode, ManifestError, UsageError
from zoo_runner.manifest.load import load
from zoo_runner.manifest.schema import Manifest

Write = Callable[..., Path]


def refusal(path: Path, *overrides: str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        load(path, overrides)
    assert caught.value.exit_code is ExitCode.USAGE
    return str(caught.value).split("\n")


def test_minimal(write: Write, minimal: str) -> None:
    path = write(minimal)
    loaded = load(path)
    assert isinstance(loaded.manifest, Manifest)
    assert loaded.manifest.name == "toy"
    assert loaded.manifest.inputs[0].shape == ("batch", 3)
    assert [spec.name for spec in loaded.manifest.output_specs] == ["y", "z"]
    assert loaded.manifest.weights.url is None
    assert (loaded.path, loaded.sources) == (path, (path,))


def test_places(write: Write, minimal: str) -> None:
    write(minimal, "base/toy.yaml")
    loaded = load(write("extends: base/toy.yaml\n\nweights: {url: w.pth}\n"), ["infer.batch=4"])
    assert loaded.locate(("weights", "url")) == "m.yaml:3"
    assert loaded.locate(("weights", "sha256")) == "m.yaml:3"
    assert loaded.locate(("outputs", 1, "shape")) == "base/toy.yaml:8"
    assert loaded.locate(("infer", "batch")) == "--set infer.batch"
    assert loaded.locate(("nowhere", 0)) == "m.yaml:1"
    assert loaded.resolve(("weights", "url"), "w.pth") == Path("w.pth")
    assert loaded.resolve(("dataset", "name"), "d.tar") == Path("base/d.tar")
    assert loaded.resolve(("dataset", "name"), "/d.tar") == Path("/d.tar")
    assert [str(source) for source in loaded.sources] == ["m.yaml", "base/toy.yaml"]


@pytest.mark.parametrize(
    ("addition", "overrides", "same"),
    [
        pytest.param("", [], True, id="nothing"),
        pytest.param("# remark\n", [], True, id="a comment"),
        pytest.param("infer: {batch: 1}\n", [], True, id="a default, said"),
        pytest.param("infer: {batch: 2}\n", [], False, id="another value"),
        pytest.param("infer: {batch: 2}\n", ["infer.batch=1"], True, id="overridden back"),
        pytest.param("", ["infer.batch=2"], False, id="an override"),
        pytest.param("", ["plugin.config.x=[1, {y: 2}]"], False, id="plugin configuration"),
    ],
)
def test_digest(write: Write, minimal: str, addition: str, overrides: Sequence[str], *, same: bool) -> None:
    plain = load(write(minimal))
    changed = load(write(minimal + addition, "folder/n.yaml"), overrides)
    assert (plain.digest == changed.digest) is same
    assert len(plain.digest) == 64


def test_survives_pickling(write: Write, minimal: str) -> None:
    loaded = load(write(minimal + "expected: {chips: {310P3: {throughput: {1: 5}}}}\n"))
    assert pickle.loads(pickle.dumps(loaded)) == loaded  # noqa: S301 - our own bytes


def test_frozen(write: Write, minimal: str) -> None:
    loaded = load(write(minimal))
    with pytest.raises(ValueError, match="frozen"):
        loaded.manifest.infer.batch = 2


ROWS = [
    # what follows the 8 lines of the minimal manifest, and the complaint
    ("unknown key, near", "wieghts: {}", "m.yaml:9: wieghts: unknown key; did you mean 'weights'?"),
    (
        "unknown key, nothing near",
        "weights: {\n  foo: 1}",
        "m.yaml:10: weights.foo: unknown key; known here: url, sha256, size, member, key, strip, license",
    ),
    (
        "integer as a key of a section",
        "infer:\n  16: 1",
        "m.yaml:10: infer.16: unknown key; known here: batch, threads, tool, outfmt",
    ),
    (
        "string for an integer",
        "infer: {batch: four}",
        "m.yaml:9: infer.batch: expected an integer, found 'four' (string)",
    ),
    (
        "quoted integer",
        "infer: {batch: '4'}",
        "m.yaml:9: infer.batch: expected an integer, found '4' (string); write it without quotes",
    ),
    ("number for an integer", "infer: {batch: 4.0}", "m.yaml:9: infer.batch: expected an integer, found 4.0 (number)"),
    (
        "boolean for an integer",
        "infer: {batch: yes}",
        "m.yaml:9: infer.batch: expected an integer, found true (boolean)",
    ),
    ("list for an integer", "infer: {batch: [4]}", "m.yaml:9: infer.batch: expected an integer, found a list of 1"),
    ("zero", "infer:\n  batch: 0", "m.yaml:10: infer.batch: expected more than 0, found 0 (integer)"),
    ("negative", "benchmark: {warmup: -1}", "m.yaml:9: benchmark.warmup: expected at least 0, found -1 (integer)"),
    (
        "null",
        "infer: {batch: }",
        "m.yaml:9: infer.batch: expected an integer, found nothing (null); give a value or remove the key",
    ),
    (
        "a section left empty",
        "infer:",
        "m.yaml:9: infer: expected a mapping, found nothing (null); give a value or remove the key",
    ),
    (
        "number for a tolerance",
        "expected: {accuracy: {metric: a, protocol: b, value: 1, tolerance: 0.5}}",
        "m.yaml:9: expected.accuracy.tolerance: expected a mapping, found 0.5 (number); write {abs: 0.5}",
    ),
    (
        "negative number for a tolerance",
        "expected: {accuracy: {metric: a, protocol: b, value: 1, tolerance: -2}}",
        "m.yaml:9: expected.accuracy.tolerance: expected a mapping, found -2 (integer); write {abs: 2}",
    ),
    (
        "percentage for a tolerance",
        "expected: {accuracy: {metric: a, protocol: b, value: 1, tolerance: 0.3 %}}",
        (
            "m.yaml:9: expected.accuracy.tolerance: expected a mapping, found '0.3 %' (string); write {abs: 0.3} for "
            "percentage points, or {rel: 0.003} for a part of the figure"
        ),
    ),
    (
        "percentage for a section",
        "infer: 5%",
        "m.yaml:9: infer: expected a mapping, found '5%' (string)",
    ),
    ("list for a section", "infer: [1]", "m.yaml:9: infer: expected a mapping, found a list of 1"),
    (
        "mapping for a list",
        "benchmark: {batch: {1: 2}}",
        "m.yaml:9: benchmark.batch: expected a list, found a mapping with 1",
    ),
    ("scalar for a list", "benchmark: {batch: 4}", "m.yaml:9: benchmark.batch: expected a list, found 4 (integer)"),
    (
        "empty list",
        "benchmark: {batch: []}",
        "m.yaml:9: benchmark.batch: expected at least 1 in the list, found a list of 0",
    ),
    (
        "wrong item",
        "benchmark:\n  batch:\n    - 1\n    - x",
        "m.yaml:12: benchmark.batch.1: expected an integer, found 'x' (string)",
    ),
    (
        "integer for a string",
        "source: {url: x, commit: 123}",
        "m.yaml:9: source.commit: expected a string, found 123 (integer); quote it",
    ),
    (
        "boolean for a string",
        "source: {url: x, note: no}",
        "m.yaml:9: source.note: expected a string, found false (boolean); quote it",
    ),
    (
        "string for a boolean",
        "onnx: {simplify: 'yes'}",
        "m.yaml:9: onnx.simplify: expected true or false, found 'yes' (string)",
    ),
    ("required", "source: {note: x}", "m.yaml:9: source.url: required, but not given (the repository or page)"),
    (
        "choice, near",
        "atc: {log: warn}",
        (
            "m.yaml:9: atc.log: expected 'debug', 'info', 'warning', 'error' or 'null', found 'warn' (string); "
            "did you mean 'warning'?"
        ),
    ),
    ("choice of one", "atc: {framework: 3}", "m.yaml:9: atc.framework: expected 5, found 3 (integer)"),
    (
        "upper-case hash",
        f"weights: {{url: w, sha256: {'AB' * 32}}}",
        f"m.yaml:9: weights.sha256: expected 64 lower-case hex digits (SHA-256), found '{'AB' * 29}A... (string)",
    ),
    ("opset", "onnx: {opset: 9}", "m.yaml:9: onnx.opset: expected at least 11, found 9 (integer)"),
    (
        "number with an exponent",
        "benchmark: {max_seconds: 1e2}",
        (
            "m.yaml:9: benchmark.max_seconds: expected a number, found '1e2' (string); "
            "YAML reads it as a number only with a point and a sign, as in 1.0e-3"
        ),
    ),
    (
        "infinite",
        "benchmark: {max_seconds: .inf}",
        "m.yaml:9: benchmark.max_seconds: expected a finite number, found inf (number)",
    ),
    (
        "not a number",
        "benchmark: {max_seconds: .nan}",
        "m.yaml:9: benchmark.max_seconds: expected a finite number, found nan (number)",
    ),
    (
        "quoted batch size",
        "expected: {chips: {310P3: {throughput: {'1': 2}}}}",
        (
            "m.yaml:9: expected.chips.310P3.throughput.1: expected an integer as key, found '1' (string); "
            "write it without quotes"
        ),
    ),
    (
        "batch size 0",
        "expected: {chips: {310P3: {throughput: {0: 2}}}}",
        "m.yaml:9: expected.chips.310P3.throughput.0: expected more than 0 as key, found 0 (integer)",
    ),
    (
        "chip read as an integer",
        "expected:\n  chips:\n    310: {}",
        "m.yaml:11: expected.chips.310: expected a string as key, found 310 (integer); quote it",
    ),
    (
        "one of two types",
        "atc: {flags: {mode: [0]}}",
        "m.yaml:9: atc.flags.mode: expected a string or an integer, found a list of 1",
    ),
    (
        "a boolean is no integer",
        "atc: {flags: {mode: on}}",
        "m.yaml:9: atc.flags.mode: expected a string or an integer, found true (boolean); quote it",
    ),
    (
        "a mapping with the name of a type as key",
        "atc: {flags: {mode: {str: 1}}}",
        "m.yaml:9: atc.flags.mode: expected a string or an integer, found a mapping with str",
    ),
]


@pytest.mark.parametrize(("addition", "complaint"), [pytest.param(*row[1:], id=row[0]) for row in ROWS])
def test_one_complaint(write: Write, minimal: str, addition: str, complaint: str) -> None:
    assert refusal(write(f"{minimal}{addition}\n")) == [complaint]


def test_all_complaints_at_once(write: Write) -> None:
    path = write(
        "name: My Model\n"
        "plugin:\n"
        "  nmae: toy\n"
        "dataset:\n"
        "  name: 7\n"
        "inputs:\n"
        "  - {name: x, shape: [batch, 3.5], dtypo: uint8}\n"
        "outputs: []\n"
    )
    assert refusal(path) == [
        "m.yaml:1: name: expected lower-case letters, digits, '.', '_' and '-', found 'My Model' (string)",
        "m.yaml:2: plugin.name: required, but not given (entry point in the group zoo_runner)",
        "m.yaml:3: plugin.nmae: unknown key; did you mean 'name'?",
        "m.yaml:4: dataset.samples: required, but not given (how many samples the whole set has)",
        "m.yaml:5: dataset.name: expected a string, found 7 (integer); quote it",
        "m.yaml:7: inputs.0.shape.1: expected 'batch' or an integer or a string, found 3.5 (number)",
        "m.yaml:7: inputs.0.dtypo: unknown key; did you mean 'dtype'?",
        "m.yaml:8: outputs: expected at least 1 in the list, found a list of 0",
    ]


def test_complaints_name_the_file_that_is_wrong(write: Write, minimal: str) -> None:
    write(minimal + "infer: {batch: x, thread: 1}\n", "base.yaml")
    path = write("extends: base.yaml\ninfer: {threads: 0}\ndataset: null\n")
    assert refusal(path, "onnx.opset=x", "inputs.0.shape=[3, batch]", "infer.thread=2") == [
        "--set infer.thread: unknown key; did you mean 'threads'?",
        "--set inputs.0.shape: expected 'batch' first and nowhere else, found [3, 'batch']",
        "--set onnx.opset: expected an integer, found 'x' (string)",
        "base.yaml:9: infer.batch: expected an integer, found 'x' (string)",
        "m.yaml:2: infer.threads: expected more than 0, found 0 (integer)",
        "m.yaml:3: dataset: required, but not given",
    ]


def test_an_empty_manifest_lacks_everything(write: Write) -> None:
    assert refusal(write("{}")) == [
        "m.yaml:1: name: required, but not given (what reports and history call it)",
        "m.yaml:1: plugin: required, but not given",
        "m.yaml:1: dataset: required, but not given",
        "m.yaml:1: inputs: required, but not given (what the network takes)",
        "m.yaml:1: outputs: required, but not given (what the network gives, in the order of the .om's outputs)",
    ]


def test_overrides_are_checked(write: Write, minimal: str) -> None:
    path = write(minimal)
    assert load(path, ["infer.batch=4", "inputs.0.dtype=uint8"]).manifest.inputs[0].dtype == "uint8"
    with pytest.raises(UsageError, match=r"^--set infer: expected KEY=VALUE"):
        load(path, ["infer"])


def test_of_many_problems_the_rest_are_counted(write: Write, minimal: str) -> None:
    lines = refusal(write(minimal + "".join(f"odd{number}: 1\n" for number in range(150))))
    assert len(lines) == 101
    assert lines[0].startswith("m.yaml:9: odd0: unknown key")
    assert lines[-1] == "and 50 more"


@pytest.mark.parametrize(
    ("override", "text"),
    [
        pytest.param(
            f"{'a.' * 50}b=1",
            f"--set {'a.' * 50}b=1: expected at most 40 keys, one in the other",
            id="many keys",
        ),
        pytest.param(
            "k" * 1000,
            f"--set {'k' * 225}...{'k' * 75} (1,000 characters): expected KEY=VALUE with a dotted key, such as "
            "--set infer.batch=4",
            id="a long one",
        ),
        pytest.param(
            'weights.url="\\0"',
            "--set weights.url: character #x00 is not allowed, written as an escape or not; remove it",
            id="no text",
        ),
        pytest.param(
            "infer.batch=010",
            "--set infer.batch: expected a number as people write it, found 010, which YAML reads as 8; "
            "write it without leading zeros and colons, or quote it",
            id="octal",
        ),
    ],
)
def test_odd_overrides(write: Write, minimal: str, override: str, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(write(minimal), [override])
    assert str(caught.value) == text
