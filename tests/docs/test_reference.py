"""The reference pages are what the code says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal

import click
import pytest
from pydantic import BaseModel, Field

from places import ROOT
from reference.command_page import commands
from reference.contracts import aliases, functions, protocols, records
from reference.generate import COMMAND, pages
from reference.markdown import attributes, inline, prose, slug, table, without_attributes
from reference.schema_page import SchemaPage
from zoo_runner import errors
from zoo_runner.cli import cli
from zoo_runner.plugin import evidence, hookspecs, interfaces, speed

FOLDER = ROOT / "docs" / "reference"


def test_pages_are_up_to_date() -> None:
    made = pages()
    stale = sorted(
        name
        for name, text in made.items()
        if not (FOLDER / name).is_file() or (FOLDER / name).read_bytes() != text.encode()
    )
    assert stale == [], f"docs/reference is not what the code says any more; run: {COMMAND}"
    assert {path.name for path in FOLDER.iterdir()} == set(made)


def test_the_command_writes_them(tmp_path: Path) -> None:
    python, script = COMMAND.split()
    assert python == "python"
    done = subprocess.run(
        [sys.executable, script, "--out", str(tmp_path / "new")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "new").iterdir()} == pages()
    assert done.stdout.splitlines() == [str(tmp_path / "new" / name) for name in pages()]


def test_every_page_says_that_it_is_generated() -> None:
    assert [name for name, text in pages().items() if COMMAND not in text.partition("\n")[0]] == []


def every_error(kind: type[errors.ZooError]) -> Iterator[str]:
    for inner in kind.__subclasses__():
        if inner.__module__ == errors.__name__:
            yield inner.__name__
            yield from every_error(inner)


def public(module: ModuleType) -> list[str]:
    """Classes that a module defines."""
    return [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]


def every_option(command: click.Command) -> Iterator[str]:
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            yield from option.opts


@pytest.mark.parametrize(
    ("page", "names"),
    [
        pytest.param("exit-codes.md", [f"| {int(code)} |" for code in errors.ExitCode], id="exit codes"),
        pytest.param("exit-codes.md", [f"| `{name}` |" for name in every_error(errors.ZooError)], id="errors"),
        pytest.param(
            "plugins.md", [f"### `{name}`" for name in vars(hookspecs) if name.startswith("zoo_")], id="hooks"
        ),
        pytest.param("plugins.md", [f"### `{name}`" for name in public(interfaces)], id="interfaces"),
        pytest.param(
            "plugins.md", [f"### `{name}`" for name in (*public(evidence), *public(speed))], id="evidence and speed"
        ),
        pytest.param("command-line.md", [f"## `{name}`" for name in cli.commands], id="commands"),
    ],
)
def test_nothing_is_left_out(page: str, names: list[str]) -> None:
    text = (FOLDER / page).read_text(encoding="utf-8")
    assert len(names) > 4
    assert [name for name in names if name not in text] == []


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_no_option_is_left_out(name: str) -> None:
    section = (
        (FOLDER / "command-line.md").read_text(encoding="utf-8").partition(f"## `{name}`\n")[2].partition("\n## ")[0]
    )
    words = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", section))
    assert set(every_option(cli.commands[name])) - words == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("one\n  two", "one two", id="one line"),
        pytest.param("``x`` and :class:`~a.B`", "`x` and `a.B`", id="markup"),
        pytest.param("needs --weights", "needs `--weights`", id="option"),
        pytest.param("`--weights PATH`", "`--weights PATH`", id="option in code"),
        pytest.param("zoo-output/<name>, ``<x>``", "zoo-output/\\<name>, `<x>`", id="placeholder"),
    ],
)
def test_inline(text: str, expected: str) -> None:
    assert inline(text) == expected


def test_prose() -> None:
    text = """Do it.

    At length,
    and well.

    Args:
        name: What it is
            called.
        other: More.

    Raises:
        ValueError: It is not.
    """
    assert prose(text) == (
        "Do it.\n\nAt length, and well.\n\n*Args:*\n\n- `name`: What it is called.\n- `other`: More.\n\n"
        "*Raises:*\n\n- `ValueError`: It is not.\n"
    )
    assert prose(None) == prose("") == ""


def test_attributes() -> None:
    text = "A thing.\n\nAttributes:\n    size: In\n        bytes.\n    name: Its name."
    assert attributes(text) == {"size": "In bytes.", "name": "Its name."}
    assert without_attributes(text).strip() == "A thing."
    assert attributes("A thing.") == attributes(None) == {}


class Colour(str, Enum):
    """What is seen."""

    RED = "red"
    BLUE = "blue"


class Part(BaseModel):
    """A piece.

    ``size`` is its own.
    """

    size: Annotated[int, Field(ge=1, lt=1000, description="in --bytes")]
    colour: Colour = Colour.RED


class Whole(BaseModel):
    """All of it."""

    parts: Annotated[tuple[Part, ...], Field(min_length=1)] = ()
    by_name: Mapping[str, Part] = {}
    ends: tuple[float, float] | None = None
    kind: Literal["a", "b"] | None = None
    code: Annotated[str, Field(pattern="^[0-9]+$")] = "0"
    anything: Any = None


WHOLE = """\
## Top

All of it.

| key | type | default | meaning |
| --- | --- | --- | --- |
| `parts` | list of [Part](#part) (at least 1) |  | A piece. |
| `by_name` | [Part](#part) by name |  | A piece. |
| `ends` | [number, number] |  |  |
| `kind` | `a` `b` |  |  |
| `code` | digits | `0` |  |
| `anything` | any |  |  |

## Part

A piece.

`size` is its own.

In `parts[]`, `by_name.<by_name>`.

| key | type | default | meaning |
| --- | --- | --- | --- |
| **`size`** | integer ≥ 1, < 1,000 |  | in `--bytes` |
| `colour` | [`parts[].colour`](#partscolour) | `red` | What is seen. |

## `parts[].colour`

What is seen.

`red`, `blue`
"""


def test_every_form_of_a_schema() -> None:
    page = SchemaPage(Whole, "validation", {"^[0-9]+$": "digits"})
    assert page.sections("Top") == WHOLE


def test_what_is_written_has_no_defaults_and_nothing_required() -> None:
    text = SchemaPage(Part, "serialization", {}).sections("Top")
    assert "| `size` | integer ≥ 1, < 1,000 | in `--bytes` |" in text
    assert "default" not in text


CONTRACTS = '''
@hookspec(firstresult=True)
def zoo_part(config: Any) -> Part | None:
    """Return the part."""

def unrelated(): ...

Hours: TypeAlias = "Mapping[str, int]"
"""By day."""

DAY = "day"
"""Not a type."""

@runtime_checkable
class Working(Part, Protocol):
    """Works."""

    @property
    def name(self) -> str:
        """Its name."""

    def work(self, hours: int = 8, *, hard: bool) -> None:
        """Do it.

        Raises:
            ValueError: It is too late.
        """

@dataclass(frozen=True)
class Result:
    """What came of it.

    Attributes:
        done: What was.
    """

    done: Mapping[str, int] = field(default_factory=dict)
    left: int = 0
'''


def test_contracts_are_read_from_the_source(tmp_path: Path) -> None:
    source = tmp_path / "source.py"
    source.write_text(CONTRACTS)
    assert functions(source, "hookspec") == (
        "### `zoo_part`\n\n**`zoo_part(config: Any) -> Part | None`**\n\nReturn the part.\n"
    )
    assert aliases(source) == "`Hours` stands for `Mapping[str, int]`: By day.\n"
    assert protocols(source) == (
        "### `Working`\n\nWorks.\n\nAlso has everything of `Part`.\n\n**`name: str`**\n\nIts name.\n\n"
        "**`work(hours: int=8, *, hard: bool) -> None`**\n\nDo it.\n\n*Raises:*\n\n- `ValueError`: It is too late.\n"
    )
    assert records(source) == (
        "### `Result`\n\nWhat came of it.\n\n| field | type | default | meaning |\n| --- | --- | --- | --- |\n"
        "| `done` | `Mapping[str, int]` | `{}` | What was. |\n| `left` | `int` | `0` |  |\n"
    )


@click.group()
def program() -> None:
    """Do things."""


@program.command()
@click.option("--size", type=click.Choice(["small", "large"]), metavar="SIZE", help="How <big>.")
@click.option("--secret", hidden=True)
def run(size: str, secret: str) -> None:
    """Run it.

    \b
    as it
      stands
    """


@program.command(hidden=True)
def hidden() -> None:
    pass


def test_commands_are_read_from_the_program() -> None:
    assert commands(program, "tool") == (
        "## `run`\n\n```text\ntool run [OPTIONS]\n```\n\nRun it.\n\n```text\nas it\n  stands\n```\n\n"
        "| option | meaning |\n| --- | --- |\n| `--size SIZE` | How \\<big>. `small` `large` |\n"
    )


def test_tables_have_no_empty_columns() -> None:
    assert table(["a", "b", "c"], [["1", "", "x|y"], ["2", "", "z\n w"]]) == (
        "| a | c |\n| --- | --- |\n| 1 | x\\|y |\n| 2 | z w |\n"
    )


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [("Top level", "top-level"), ("`expected.chips.<chip>`", "expectedchipschip"), ("`worst[]`", "worst")],
)
def test_slug(heading: str, anchor: str) -> None:
    assert slug(heading) == anchor
