"""What the documentation says is so."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import pytest
import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from places import ROOT
from zoo_runner.cli import cli
from zoo_runner.errors import ExitCode, ZooError
from zoo_runner.job.options import Stage
from zoo_runner.manifest.load import load
from zoo_runner.manifest.schema import Manifest, ModelSection
from zoo_runner.manifest.source import EXTENDS

DOCS = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOTES = [
    ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "RELEASING.md", "SECURITY.md", "changes/README.md")
]
PAGES = [*DOCS, *NOTES, *sorted((ROOT / "tools").rglob("*.md"))]
TOY = ROOT / "tests" / "toy_plugin"
INSIDE = {"chips": ".<chip>", "reference": "[]", "subsets": ".<name>", "waivers": "[]"}
"""How the manifest's page writes what is inside of a section that has several of a kind."""
MANIFESTS = sorted((ROOT / "manifests").glob("*.yaml"))
PLACEHOLDERS = {"MANIFEST": str(MANIFESTS[0]), "STAGE": "infer", "FOLDER": "folder", "DIR": "folder", "NAME": "name"}
OTHER_TOOLS = {
    "--all",
    "--area",
    "--list",
    "--only",
    "--stages",
    "--fault",
    "--generation",
    "--help",
    "--devices",
    "--dymBatch",
    "--dymDims",
    "--dymHW",
    "--input",
    "--loop",
    "--no-compile",
}
"""Options of the stand-ins, of ais_bench and of pip that the text names. What has an underscore is ATC's."""


def page(name: str) -> str:
    return (ROOT / name).read_text()


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def code(text: str) -> Iterator[str]:
    """Shell lines that tests do not run, indented lines and inline code of a page; ``tests/docs`` runs the others."""
    for block in blocks(text, "console"):
        yield from (line.removeprefix("$ ") for line in block.splitlines())
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from (line.strip() for line in prose.splitlines() if line.startswith("    "))
    yield from (" ".join(span.split()).replace("\\|", "|") for span in re.findall(r"`([^`]+)`", prose))


def zoo_run_commands(text: str) -> Iterator[list[str]]:
    """The arguments of every ``zoo-run`` in a page."""
    for line in code(text):
        for command in re.split(r"&&|\|\||;| \| ", line):
            words = command.split()
            if any(Path(word).name == "zoo-run" for word in words):
                parts = shlex.split(command)
                start = next((i for i, part in enumerate(parts) if Path(part).name == "zoo-run"), None)
                if start is not None and parts[start + 1 :]:
                    yield parts[start + 1 :]


def case(path: Path) -> str:
    return str(path.relative_to(ROOT))


COMMANDS = [
    pytest.param(command, id=f"{case(path)}: {' '.join(command)}")
    for path in PAGES
    for command in zoo_run_commands(path.read_text())
]
OVERRIDES = {
    span.removeprefix("--set ") for path in PAGES for span in code(path.read_text()) if re.match(r"--set [a-z]", span)
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_accepted(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    given = [PLACEHOLDERS.get(word, word) for word in command if word != "[OPTIONS]"]
    name, *arguments = given if given[0] in cli.commands else ["run", *given]
    subcommand = cli.commands[name]
    parsed = subcommand.make_context(name, arguments).params
    manifests = parsed.get("manifests") or [each for each in [parsed.get("manifest")] if each and name != "history"]
    assert [each for each in manifests if not each.is_file() and not (TOY / each).is_file()] == []
    assert parsed.get("backend") in {None, "auto", "ascend", "onnxruntime", "onnx-reference", "toy-accelerator"}


@pytest.mark.parametrize("override", sorted(OVERRIDES))
def test_every_override_fits_a_manifest(override: str) -> None:
    refusals = []
    for manifest in MANIFESTS:
        try:
            load(manifest, [override])
        except ZooError as error:
            refusals.append(str(error))
    assert len(refusals) < len(MANIFESTS), refusals


@pytest.mark.parametrize("path", DOCS, ids=case)
def test_values_that_a_shell_would_expand_are_quoted(path: Path) -> None:
    """zsh takes ``[1,2]`` for a pattern and refuses the command; bash does so where a file has a fitting name."""
    assert re.findall(r"--set [\w.]+=[^\s'\"`]*[\[\]{}*?~][^\s]*", path.read_text()) == []


def commands(group: click.Group) -> Iterator[click.Command]:
    """Yield the commands of a group, and those of groups in it."""
    for command in group.commands.values():
        yield command
        if isinstance(command, click.Group):
            yield from commands(command)


def run_options() -> set[str]:
    return {name for option in cli.commands["run"].params if isinstance(option, click.Option) for name in option.opts}


@pytest.mark.parametrize("path", DOCS, ids=case)
def test_every_option_that_is_named_exists(path: Path) -> None:
    named = {match[0] for span in code(path.read_text()) if (match := re.match(r"--[\w-]+", span))}
    known = {name for command in commands(cli) for option in command.params for name in option.opts}
    assert {name for name in named - known - OTHER_TOOLS if "_" not in name} == set()


def test_every_option_is_documented() -> None:
    spans = " ".join(code(page("docs/running.md")))
    assert {name for name in run_options() if not re.search(rf"(?<![\w-]){name}(?![\w-])", spans)} == set()


def test_every_subcommand_is_documented() -> None:
    spans = set(code(page("docs/running.md")))
    assert {
        name for name in cli.commands if name != "run" and not any(f"zoo-run {name}" in span for span in spans)
    } == set()


def test_the_stages_are_those_that_run() -> None:
    table = page("docs/running.md").partition("| stage |")[2].partition("\n\n")[0]
    named = [
        name
        for row in table.splitlines()
        for name in re.findall("`([a-z]+)`", row.split("|")[1:2][0] if "|" in row else "")
    ]
    assert named == [stage.value for stage in Stage]


def test_two_commands_set_everything_up() -> None:
    commands = blocks(page("README.md"), "sh")
    assert all(len(command.splitlines()) == 1 for command in commands)
    assert [("pip install" in command) for command in commands] == [True, True] + [False] * (len(commands) - 2)
    first, second = commands[:2]
    assert first.endswith("zoo-run manifests/refinedet320-sample.yaml\n")
    assert second.endswith("-m pytest -n auto --dist loadfile\n")
    assert "pip install" not in re.sub(r"^```.*?^```$", "", page("README.md"), flags=re.MULTILINE | re.DOTALL)


def test_ci_runs_the_commands_of_the_readme() -> None:
    script = page(".ci/run")
    commands = blocks(page("README.md"), "sh")
    function = re.search(r"^readme_command\(\) \{.*?^\}$", script, flags=re.MULTILINE | re.DOTALL)
    assert function
    for number, command in enumerate(commands, start=1):
        shown = subprocess.run(
            ["bash", "-c", f"{function[0]}\nreadme_command {number}"],  # noqa: S607 - bash of the user's path, as in CI
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert shown.stdout == command
    used = {int(number) for number in re.findall(r"\$\(readme_command (\d+)\)", script)}
    assert used == set(range(1, len(commands) + 1))


def test_exit_codes() -> None:
    rows = re.findall(r"^\| (\d) \| (.+) \|$", page("README.md"), flags=re.MULTILINE)
    assert [int(code) for code, _ in rows] == [int(code) for code in ExitCode]


@pytest.mark.parametrize("path", PAGES, ids=case)
def test_links_lead_somewhere(path: Path) -> None:
    broken = []
    for link in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", path.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def anchors(path: Path) -> set[str]:
    """Headings as GitHub links to them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=case)
def test_scripts_that_are_named_take_what_is_given(path: Path) -> None:
    for line in code(path.read_text()):
        words = line.split()
        for script in (word for word in words if re.match(r"(tools|benchmarks)/\S+\.py$", word)):
            source = page(script)
            assert [word for word in words if word.startswith("--") and f'"{word}"' not in source] == []


@pytest.mark.parametrize(
    ("language", "files"),
    [
        ("python", ["toy_plugin.py", "toy_backend.py", "toy_accelerator.py"]),
        ("toml", ["pyproject.toml"]),
        ("yaml", ["toy.yaml"]),
    ],
)
def test_the_plugin_that_is_shown_is_the_one_that_is_tested(language: str, files: list[str]) -> None:
    text = page("docs/write-a-plugin.md")
    assert blocks(text, language) == [(TOY / file).read_text() for file in files]
    assert [file for file in files if f"`{file}`" not in text] == []


def test_the_networks_that_are_shown_are_those_that_are_tested() -> None:
    text, source = page("docs/how-to/several-models.md"), ROOT / "tests" / "driven_plugin"
    assert blocks(text, "yaml") == [(source / "driven.yaml").read_text()]
    (shown,) = blocks(text, "python")
    assert shown in (source / "driven_plugin.py").read_text()


def test_a_plugin_takes_about_60_lines() -> None:
    lines = (TOY / "toy_plugin.py").read_text().splitlines()
    assert len([line for line in lines if line.strip()]) <= 65


def nested(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation such as ``tuple[Model, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := nested(inner))), None)


def table(text: str, first: str) -> list[list[str]]:
    """Cells of the table whose first column has this heading."""
    rows = text.partition(f"| {first} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def manifest_rows() -> Iterator[tuple[list[str], str]]:
    """Key paths and type of each row of the manifest's table."""
    for keys, kind, meaning in table(page("docs/manifest.md"), "key"):
        paths: list[str] = []
        for key in re.findall("`([^`]+)`", keys):
            section = paths[0].rpartition(".")[0] if paths else ""
            full = f"expected.chips.<chip>.{key[2:]}" if key.startswith("….") else key
            paths.append(f"{section}{full}" if full.startswith(".") else full)
        yield paths, f"{kind} {meaning}"


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a model: its key path and its default."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        inner = nested(field.annotation)
        if inner is ModelSection:  # its keys are those of the manifest, which have rows of their own
            yield from ((f"{path}.<name>.{key}", None) for key in inner.model_fields)
        elif inner is None:
            yield path, field.get_default(call_default_factory=True)
        else:
            yield from leaves(inner, f"{path}{INSIDE.get(name, '')}.")


def test_the_manifest_has_the_keys_that_are_described() -> None:
    rows = list(manifest_rows())
    described = {path for paths, _ in rows for path in paths}
    # A section without rows of its own has its keys in the second column.
    inside = {f"{path}.{key}" for paths, text in rows for path in paths for key in re.findall("`([a-z]+)`", text)}
    known = {path for path, _ in leaves(Manifest)}
    assert known - described - inside == set()
    sections = {path.rpartition(".")[0] for path in known}
    assert described - known - sections == {EXTENDS, "expected.chips.<chip>"} - sections


def test_defaults_are_as_described() -> None:
    described: dict[str, Any] = {}
    for paths, text in manifest_rows():
        values = [yaml.safe_load(value) for value in re.findall(r"= `?(\[[^\]]*\]|[^`,|\s]+)`?", text.split("  ")[0])]
        if values:
            described |= dict(zip(paths, values * (len(paths) if len(values) == 1 else 1), strict=True))
    actual = {
        path: list(default) if isinstance(default, tuple) else default
        for path, default in leaves(Manifest)
        if default not in (None, "", PydanticUndefined, {}, (), 0.0)
    }
    assert {path: value for path, value in described.items() if path in actual} == {
        path: value for path, value in actual.items() if not path.startswith(("inputs.", "outputs."))
    }


def test_nothing_tracked_names_a_place_on_one_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607 - git of the user's path
    if listed.returncode:
        pytest.skip("not a git checkout")
    place = re.compile(rb"(?<![\w.~/-])/(?:work|home|workspace|Users)/")
    suffixes = {".py", ".md", ".yaml", ".toml", ".json", ".xml", ".txt", ".typed", ""}
    found = [name for name in listed.stdout.split("\0") if Path(name).suffix in suffixes and (ROOT / name).is_file()]
    assert len(found) > 100
    assert [name for name in found if place.search((ROOT / name).read_bytes())] == []
