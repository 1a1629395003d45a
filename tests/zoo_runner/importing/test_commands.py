"""Commands as recipes write them: prompts, continuations, variables, loops, several on a line."""

from __future__ import annotations

import pytest

from zoo_runner.importing.account import quoted
from zoo_runner.importing.blocks import Code, Document
from zoo_runner.importing.commands import Script, script
from zoo_runner.importing.html_tables import html_tables


def read(*lines: str, language: str = "") -> Script:
    return script(Document(paragraphs=(), codes=(Code(line=1, lines=lines, language=language),), tables=()))


LINES: dict[str, tuple[tuple[str, ...], list[tuple[int, str]]]] = {
    "a prompt": (("$ ls a", "root@host:~/x# ls b", "(base) me@host:/$ ls c"), [(1, "ls a"), (2, "ls b"), (3, "ls c")]),
    "a comment": (("# atc --model=a", "ls a  # why"), [(2, "ls a")]),
    "continued": (("atc --a=1 \\", "  --b=2 \\  ", "  --c=3", "ls"), [(1, "atc --a=1 --b=2 --c=3"), (4, "ls")]),
    "continued at the end": (("atc --a=1 \\",), [(1, "atc --a=1")]),
    "a backslash forgotten": (("atc --a=1", "    --b=2"), [(1, "atc --a=1 --b=2")]),
    "several": (("cd a && ls b; ls c || ls d | wc",), [(1, t) for t in ("cd a", "ls b", "ls c", "ls d", "wc")]),
    "quotes": (("atc --n=\"a:0;b:0\" --m='c d'",), [(1, "atc --n=a:0;b:0 --m=c d")]),
    "a quote without its end": (('atc --n="a:0',), [(1, "atc --n=a:0")]),
    "redirected": (("atc --a=1 > log 2>&1 &",), [(1, "atc --a=1 > log")]),
    "a loop": (("for bs in 1 4; do", "  ls ${bs}", "done"), [(2, "ls ${bs}")]),
    "what a program printed": (("| NPU | Health |", "+----+", "├── a"), []),
    "nothing": (("", "  ", "\\"), []),
}


@pytest.mark.parametrize("case", LINES)
def test_commands_of_a_block(case: str) -> None:
    lines, expected = LINES[case]
    assert [(each.line, each.text) for each in read(*lines).commands] == expected


def test_words_and_flags() -> None:
    (atc,) = read("nohup /opt/bin/atc --model a.onnx --device -1 --loop=3 --debug --out=x").commands
    assert atc.program == "atc"
    assert atc.flags == {"model": "a.onnx", "device": "-1", "loop": "3", "debug": "", "out": "x"}
    runs = read(
        "python3 -m ais_bench --model a", "python3 ../tool/ais_bench.py", "ais_bench --a", "python3 x.py"
    ).commands
    assert [each.runs("ais_bench") for each in runs] == [True, True, True, False]


def test_variables() -> None:
    found = read("export bs=8", "for n in 1 4; do", "a=${bs}", "chip=$(npu-smi info)").variables
    assert found.filled("x_${bs}_$bs") == ("x_8_8", ())
    assert found.filled("x_${n}_${never}") == ("x_${n}_${never}", ("n", "never"))
    assert found.filled("${a} ${chip}") == ("${a} ${chip}", ("a", "chip")), "one that is set to another one"


def test_other_blocks_are_read_only_where_they_show_the_tools() -> None:
    assert read("ls a", language="python").commands == ()
    assert [each.program for each in read("$ atc --model=a", language="text").commands] == ["atc"]


def test_secrets_in_remarks() -> None:
    assert quoted("wget https://a:b@h/x?k=v  --token abc  PASSWORD=x1") == (
        "wget https://***@h/x?k=*** --token *** PASSWORD=***"
    )


def test_tables_in_html() -> None:
    text = '<table>\n<tr><th>a<br>b</th><th>c &amp; d</th></tr>\n<tr><td rowspan=2 colspan="2"><i>x</i></tr>\n<tr></tr>'
    assert html_tables(text, 7) == [[(8, ("a b", "c & d")), (9, ("x", "x")), (10, ("x", "x"))]]
    assert html_tables("<p>a</p>", 1) == []
    assert html_tables("<table><tr><td>a<table><tr><td>b</table>", 1) == [[(1, ("a",))], [(1, ("b",))]]
