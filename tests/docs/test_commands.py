"""The commands of README and docs, run as they stand, page by page.

A page's ```sh blocks run one after the other in a copy of the repository. Comments before a block say what is special:
``<!-- exits: 1 -->`` (its exit code), ``<!-- stand-ins -->`` (on a machine that pretends to have NPUs) and
``<!-- not run: reason -->``, which a ```console block must have. A ```text block right after one is what it prints;
``…`` stands for anything. Pages in Chinese have the blocks of those in English, as ``test_translation.py`` shows.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from places import ROOT

PAGES = [ROOT / "README.md", *(path for path in sorted((ROOT / "docs").rglob("*.md")) if path.parent.name != "zh")]
FENCE = re.compile(
    r"^(?P<marks>(?: *<!-- [^\n]+ -->\n)*)^(?P<indent> *)```(?P<language>[\w{}]+)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
ANY_FENCE = re.compile(r"^[\s>*+-]*(?:```|~~~)", re.MULTILINE)
LANGUAGES = {"json", "sh", "console", "text", "yaml", "toml", "python", "mermaid", "{toctree}"}
"""What blocks may be; no other name of a shell, and no block without a name, keeps its commands from the tests."""
MARK = re.compile(r"<!-- (exits|stand-ins|not run)(?:: (.+))? -->")
COMMAND = re.compile(r"(?:\S+=\S+ )*(?:\$ )?(?:\.venv/bin/)?(?:zoo-run|python3?|pip|git|curl|source) ")
USAGE = re.compile(r"zoo-run .*(?:\[OPTIONS\]|\[[a-z|]+\]|\{[a-z|]+\}).*\n")
"""A form and not a command: it may stand in a ```text block by itself."""
STAND_INS = ("python", "-m", "zoo_runner.testing", "--")
MOST_NOT_RUN = 5
"""What needs the Internet or an NPU; anything else can be run."""
TIMEOUT = 300


@dataclass(frozen=True)
class Block:
    """Commands of a page, and what the page says of them."""

    page: str
    line: int
    text: str
    shown: str
    exits: int
    stand_ins: bool
    not_run: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(path: Path) -> Iterator[Block]:
    content = path.read_text(encoding="utf-8")
    found = list(FENCE.finditer(content))
    for match, after in zip(found, [*found[1:], None], strict=False):
        if match["language"] in {"sh", "console"}:
            marks: dict[str, str] = dict(MARK.findall(match["marks"]))
            follows = after is not None and shows_output_of(match, after, content)
            yield Block(
                page=str(path.relative_to(ROOT)),
                line=content.count("\n", 0, match.start("text")) + 1,
                text=textwrap.dedent(match["text"]),
                shown=textwrap.dedent(after["text"]) if after and follows else "",
                exits=int(marks.get("exits", 0)),
                stand_ins="stand-ins" in marks,
                not_run=marks.get("not run") or ("" if match["language"] == "console" else None),
            )


def shows_output_of(block: re.Match[str], after: re.Match[str], content: str) -> bool:
    return after["language"] == "text" and not content[block.end() : after.start()].strip()


BLOCKS = {path: list(blocks(path)) for path in PAGES}


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [path for path, found in BLOCKS.items() if any(block.not_run is None for block in found)],
    ids=lambda path: str(path.relative_to(ROOT)),
)
@pytest.mark.long_rows(
    "README.md",  # .ci/run runs its commands too
    "docs/on-an-ascend-host.md",
    "docs/how-to/golden.md",
    "docs/how-to/zoo.md",
    "docs/how-to/own-data.md",
    "docs/how-to/replay.md",
    "docs/precision.md",
    "docs/how-to/ci.md",
    "docs/how-to/tolerances.md",
    "docs/how-to/baselines.md",
    "docs/how-to/demo.md",
    "docs/without-an-npu.md",
    "docs/how-to/pack.md",
    "docs/how-to/pull-requests.md",
    "docs/how-to/no-internet.md",
    "docs/explanation/caching.md",
    "docs/how-to/waivers.md",
    "docs/running.md",
)
def test_commands_do_what_the_page_says(path: Path, clone: Path, cache_of_all_tests: Path, tmp_path: Path) -> None:
    environment = surroundings(cache_of_all_tests, tmp_path)
    for block in BLOCKS[path]:
        if block.not_run is None:
            command = ["bash", "-euo", "pipefail", "-c", block.text]
            done = subprocess.run(
                [*STAND_INS, *command] if block.stand_ins else command,
                cwd=clone,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=TIMEOUT,
                check=False,
            )
            assert done.returncode == block.exits, f"{block}\n{block.text}\n{done.stdout}"
            missing = not_shown(block.shown, done.stdout)
            assert missing is None, f"{block}: no line {missing!r} (or not in this order) in\n{done.stdout}"


def surroundings(cache: Path, home: Path) -> dict[str, str]:
    """Return the environment of a reader who has activated ``.venv`` and has no network."""
    return {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.defpath)),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "ZOO_RUNNER_CACHE": str(cache),
        **{name: value for name, value in os.environ.items() if name == "OMP_NUM_THREADS"},
        **{f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https")},
        "no_proxy": "localhost,127.0.0.1",
    }


def not_shown(shown: str, printed: str) -> str | None:
    """Return the first line of ``shown`` that is not in what was printed, in this order."""
    lines = iter([" ".join(line.split()) for line in printed.splitlines()])
    for expected in (" ".join(line.split()) for line in shown.splitlines()):
        pattern = re.compile(re.escape(expected).replace("…", ".*"))
        if expected.strip("… ") and not any(pattern.fullmatch(line) for line in lines):
            return expected
    return None


def test_little_is_not_run_and_each_says_why() -> None:
    left_out = [block for found in BLOCKS.values() for block in found if block.not_run is not None]
    assert [str(block) for block in left_out if not block.not_run] == []
    assert len(left_out) <= MOST_NOT_RUN, [f"{block}: {block.not_run}" for block in left_out]
    allowed = re.compile(r"needs an NPU|from the network|\.ci/run")
    assert [f"{block}: {block.not_run}" for block in left_out if not allowed.search(block.not_run or "")] == []


def test_nothing_that_is_run_installs_anything() -> None:
    installing = re.compile(r"\b(pip3?|venv|conda|apt|npm) ")
    run = [block for found in BLOCKS.values() for block in found if block.not_run is None]
    assert [str(block) for block in run if installing.search(block.text)] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_stand_in_blocks_that_are_run(path: Path) -> None:
    """Neither indented code nor another language hides a command from the tests above."""
    content = path.read_text(encoding="utf-8")
    lines = FENCE.sub("", content).splitlines()
    for match in FENCE.finditer(content):
        if match["language"] not in {"sh", "console", "text"}:
            lines += [f"    {line}" for line in match["text"].splitlines()]
    assert [line for line in lines if line.startswith("    ") and COMMAND.match(line.strip())] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_is_of_a_known_kind(path: Path) -> None:
    content = path.read_text(encoding="utf-8")
    found = list(FENCE.finditer(content))
    assert {match["language"] for match in found} <= LANGUAGES
    assert ANY_FENCE.findall(FENCE.sub("", content)) == []
    assert [match["text"] for match in found if ANY_FENCE.search(match["text"])] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_shown_as_output_was_printed(path: Path) -> None:
    """A ```text block follows the command that prints it, or is the form of one."""
    content = path.read_text(encoding="utf-8")
    found = list(FENCE.finditer(content))
    for before, match in zip([None, *found], found, strict=False):
        if match["language"] == "text" and not USAGE.fullmatch(match["text"]):
            assert before is not None, match["text"]
            assert before["language"] == "sh", match["text"]
            assert "not run" not in before["marks"], match["text"]
            assert shows_output_of(before, match, content), match["text"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_mark_is_understood(path: Path) -> None:
    comments = [match["marks"] for match in FENCE.finditer(path.read_text(encoding="utf-8"))]
    assert [line for text in comments for line in text.splitlines() if not MARK.fullmatch(line.strip())] == []


PAGE = """\
<!-- exits: 1 -->
```sh
false
```

```text
nothing
```

1. In a list:

   <!-- not run: needs an NPU -->
   ```console
   $ source it
   ```

   ```sh
   true
   ```

```console
$ without a reason
```

<!-- not run -->
```sh
echo without a reason
```
"""


def test_how_a_page_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "page.md").write_text(PAGE)
    found = [(str(each), each.text, each.shown, each.exits, each.not_run) for each in blocks(tmp_path / "page.md")]
    assert found == [
        ("page.md:3", "false\n", "nothing\n", 1, None),
        ("page.md:14", "$ source it\n", "", 0, "needs an NPU"),
        ("page.md:18", "true\n", "", 0, None),
        ("page.md:22", "$ without a reason\n", "", 0, ""),
        ("page.md:27", "echo without a reason\n", "", 0, None),
    ]


@pytest.mark.parametrize(
    ("shown", "printed", "missing"),
    [
        pytest.param("a\n…\nc\n", "a\nb\nc\n", None, id="left out"),
        pytest.param("a 9…%\n", "a   92.6 %\n", None, id="what differs"),
        pytest.param("c\na\n", "a\nc\n", "a", id="order"),
        pytest.param("a\n", "ab\n", "a", id="part of a line"),
        pytest.param("…\n", "", None, id="anything"),
    ],
)
def test_how_output_is_compared(shown: str, printed: str, missing: str | None) -> None:
    assert not_shown(shown, printed) == missing
