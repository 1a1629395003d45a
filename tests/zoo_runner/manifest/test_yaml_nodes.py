# ruff: noqa: E501 - complaints stand beside what causes them, one row a line
"""Anchors, aliases and merge keys: what they mean, where their values are said to stand, and their bounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from zoo_runner.errors import ManifestError, UsageError
from zoo_runner.manifest.load import load
from zoo_runner.manifest.tree import Node, Origin, origins, plain
from zoo_runner.manifest.yaml_nodes import MAX_ALIASES, MAX_DEPTH, MAX_NODES
from zoo_runner.manifest.yaml_text import YamlProblems, parse
from zoo_runner.pack.manifest_text import manifest_text

Write = Callable[..., Path]


def read(text: str) -> Node:
    node = parse(text, lambda line: Origin("m", line))
    assert node is not None
    return node


def tupled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: tupled(child) for key, child in value.items()}
    return tuple(tupled(child) for child in value) if isinstance(value, list) else value


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: &x 1\nb: *x", id="a number"),
        pytest.param("a: &x\nb: *x", id="nothing"),
        pytest.param("a: &x [1, {c: 2}]\nb: [*x, *x]", id="a list"),
        pytest.param("a: &x {}\nb: {<<: *x}", id="an empty mapping is merged"),
        pytest.param("? &k a\n: 1\nb: {*k : 2}", id="a key"),
        pytest.param("a: &x {b: &y {c: 1}, d: *y}\ne: *x\nf: *y", id="one in the other"),
        pytest.param("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}", id="what is written wins"),
        pytest.param("a: &x {b: 1, c: 2}\nd: {c: 3, <<: *x}", id="also before the merge key"),
        pytest.param("a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne: {<<: [*x, *y]}", id="the first of several wins"),
        pytest.param("a: &x {b: 1}\nc: &y {<<: *x, d: 3}\ne: {<<: *y, d: null}", id="a merge of a merge"),
        pytest.param("a: &x [{b: 1}, {b: 2, c: 3}]\nd: {<<: *x}", id="a list by an alias"),
        pytest.param("a: {<<: {b: 1}, c: 2}", id="written in place"),
        pytest.param("a: &x {b: {c: 1, d: 2}}\ne: {<<: *x, b: {c: 3}}", id="one level only"),
        pytest.param("a: {<<: [], b: 1}", id="nothing is merged"),
        pytest.param("'<<': 1", id="a key in quotes"),
    ],
)
def test_it_means_what_yaml_says(text: str) -> None:
    expected = yaml.safe_load(text)
    assert plain(read(text)) == tupled(expected)
    assert list(plain(read(text))) == list(expected)


def test_lines_are_those_where_values_are_written() -> None:
    node = read("a: &x\n  b: 1\n  c: 2\nd: *x\ne:\n  <<: *x\n  c: 3\nf: [0,\n  *x]\n")
    found = {path: (origin.line, origin.taken) for path, origin in origins(node) if path and path[0] != "a"}
    assert found == {
        ("d",): (1, 4),
        ("d", "b"): (2, 0),
        ("d", "c"): (3, 0),
        ("e",): (5, 0),
        ("e", "b"): (2, 6),
        ("e", "c"): (7, 0),
        ("f",): (8, 0),
        ("f", 0): (8, 0),
        ("f", 1): (1, 9),
        ("f", 1, "b"): (2, 0),
        ("f", 1, "c"): (3, 0),
    }


LAUGHS = "\n".join(["a0: &a0 [1, 2]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9))])
MERGES = "\n".join(["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 40))])
DEEP = "\n".join(["a0: &a0 [1]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, MAX_DEPTH))])
MANY = f"a: &x 1\nb: [{', '.join(['*x'] * (MAX_ALIASES + 1))}]"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        pytest.param(LAUGHS, 5, f"expected at most {MAX_NODES} values, found more, with what *a3 stands for", id="laughs"),
        pytest.param(MERGES, 11, f"expected at most {MAX_NODES} values, found more, with what *a9 stands for", id="merges"),
        pytest.param(DEEP, MAX_DEPTH - 1, f"expected at most {MAX_DEPTH} levels of nesting, found more, with what *a{MAX_DEPTH - 3} stands for", id="deep"),
        pytest.param(MANY, 2, f"expected at most {MAX_ALIASES} aliases (*name), found more", id="many"),
        pytest.param("b: *x", 1, "expected an anchor &x before its alias *x, found none; in a text, put quotes around it", id="no anchor"),
        pytest.param("a: &rates 1\nb: *rate", 2, "expected an anchor &rate before its alias *rate, found none; did you mean 'rates'?", id="misspelt"),
        pytest.param("b: *x\na: &x 1", 1, "expected an anchor &x before its alias *x, found none; in a text, put quotes around it", id="too late"),
        pytest.param("a: &x\n  b: [*x]", 2, "*x stands inside of &x (line 1) and would never end; write it out", id="of itself"),
        pytest.param("a: &x\n  <<: *x", 2, "*x stands inside of &x (line 1) and would never end; write it out", id="merged into itself"),
        pytest.param("a: &x 1\nb: &x 2", 2, "anchor &x is given twice, first on line 1; rename one", id="twice"),
        pytest.param("a: {<<: 1}", 1, "expected a mapping, or a list of them, after the merge key <<", id="a number is merged"),
        pytest.param("a: &x [1]\nb: {<<: [{c: 1}, *x]}", 2, "expected a mapping, or a list of them, after the merge key <<", id="a list in a list is merged"),
        pytest.param("a: &x {}\nb:\n  <<: *x\n  <<: *x", 4, "key '<<' is given twice, first on line 3; merge several as a list, <<: [*a, *b]", id="two merge keys"),
        pytest.param("a: &x {b: 1}\nc:\n  <<: *x\n  d: 1\n  d: 2", 5, "key 'd' is given twice, first on line 4; remove one", id="a key twice beside a merge key"),
        pytest.param("a: &x !own 1\nb: [*x, *x]", 1, "tag !own is not supported; use plain values", id="wrong once, told once"),
    ],
)  # fmt: skip # one row a line
def test_refused(text: str, line: int, problem: str) -> None:
    with pytest.raises(YamlProblems) as caught:
        read(text)
    assert [(at, said) for at, _, said in caught.value.problems] == [(line, problem)]


EXPECTED = """\
expected:
  accuracy: {metric: m, protocol: p, value: 80}
  chips:
    310P3: &chip
      throughput: {1: 400}
      tolerance: {rel: 0.2}
      confirm: the host is shared
    910B3:
      <<: *chip
"""


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param(EXPECTED, "", id="all of it is taken over"),
        pytest.param(f"{EXPECTED}      throughput: {{1: 400}}\n      confirm: here too\n", "", id="confirmed anew"),
        pytest.param(f"{EXPECTED}      published: here\n", "", id="what needs no confirmation"),
        pytest.param(
            f"{EXPECTED}      tolerance: {{rel: 0.9}}\n",
            "m.yaml:18: expected.chips.910B3.tolerance: 360 is over 5 % of the figure (400.0); if it is meant, add to "
            'expected.chips.910B3: confirm: "the reason" (that of m.yaml:15, taken over by <<, was written for other '
            "values)",
            id="another tolerance",
        ),
        pytest.param(
            f"{EXPECTED}".replace("<<: *chip", "<<: [{tolerance: {rel: 0.9}}, *chip]"),
            "m.yaml:17: expected.chips.910B3.tolerance: 360 is over 5 % of the figure (400.0); if it is meant, add to "
            'expected.chips.910B3: confirm: "the reason" (that of m.yaml:15, taken over by <<, was written for other '
            "values)",
            id="another mapping's tolerance",
        ),
    ],
)
def test_a_confirmation_is_about_the_values_that_came_with_it(
    write: Write, minimal: str, text: str, complaint: str
) -> None:
    path = write(minimal + text)
    if complaint:
        with pytest.raises(ManifestError) as caught:
            load(path)
        assert str(caught.value) == complaint
    else:
        assert load(path).manifest.expected.chips["910B3"].confirm


def test_a_merged_confirmation_does_not_reach_what_a_base_says(write: Write, minimal: str) -> None:
    rates = "tolerance: {rel: 0.2}, confirm: so"
    write(f"{minimal}expected: {{chips: {{310P3: {{throughput: {{1: 400}}, {rates}}}}}}}\n", "base.yaml")
    path = write(
        "extends: base.yaml\nexpected:\n  chips:\n    910B3: &chip {throughput: {1: 9}, tolerance: {rel: 0.3}, confirm: so}"
        "\n    310P3: {<<: *chip, tolerance: null, throughput: null}\n"
    )
    assert load(path)
    path.write_text(path.read_text().replace("tolerance: null, throughput: null", "tolerance: {rel: 0.2}"))
    with pytest.raises(
        ManifestError, match=r"310P3.*that of m\.yaml:4, taken over by <<, was written for other values"
    ):
        load(path)


def test_errors_extends_overrides_and_packs(write: Write, minimal: str) -> None:
    config = "plugin: {name: toy, config: {a: &l [1, 2], b: *l}}\n"
    base = minimal.replace(next(line for line in minimal.splitlines() if line.startswith("plugin")), config.strip())
    write(f"{base}infer: &i\n  batch: 4\nbenchmark:\n  batch: [&b 4, 2]\n  loop: *b\n", "base.yaml")
    path = write("extends: base.yaml\nbenchmark: {loop: 7}\n")
    loaded = load(path, ["plugin.config.a=[3]", "benchmark.warmup=3"])
    assert loaded.manifest.plugin.config == {"a": (3,), "b": (1, 2)}
    assert (loaded.manifest.benchmark.loop, loaded.manifest.infer.batch) == (7, 4)
    text = manifest_text(load(path).manifest, "Packed")
    assert "&" not in text
    assert "*" not in text
    path.write_text("extends: base.yaml\ninfer: {batch: &x 0}\nbenchmark:\n  loop: *x\nonnx: {optset: *x}\n")
    with pytest.raises(ManifestError) as caught:
        load(path)
    assert str(caught.value).splitlines() == [
        "m.yaml:2: infer.batch: expected more than 0, found 0 (integer)",
        "m.yaml:2: benchmark.loop: expected more than 0, found 0 (integer) (taken over on line 4)",
        "m.yaml:5: onnx.optset: unknown key; did you mean 'opset'?",
    ]
    with pytest.raises(
        UsageError, match=r"^--set benchmark\.loop: expected an anchor &b before its alias \*b, found none"
    ):
        load(path, ["benchmark.loop=*b"])  # a --set does not see the anchors of a file
