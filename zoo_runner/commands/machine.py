"""``zoo-run plugins``, ``backends`` and ``doctor``: what is installed on this machine."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from zoo_runner.commands.language import LANGUAGE
from zoo_runner.commands.suggestions import backend_names, plugin_names
from zoo_runner.errors import ExitCode
from zoo_runner.redaction import redacted, write_json

if TYPE_CHECKING:
    from zoo_runner.backends.doctor import Findings
    from zoo_runner.plugin.interfaces import Way

LONGEST_DEFAULT: Final = 24
"""Characters of a default that are shown."""


@click.command()
@click.argument("name", required=False, shell_complete=plugin_names)
def plugins(name: str | None) -> int:
    """List the model plugins that manifests can name; of NAME, list the keys of plugin.config."""
    return _list("model") if name is None else _list_keys(name)


@click.command()
def backends() -> int:
    """List the backends that --backend can name."""
    return _list("backend")


@click.command()
@click.option(
    "--backend", metavar="NAME", help="Only this one; exit 3 if it lacks something.", shell_complete=backend_names
)
@click.option(
    "--for", "way", type=click.Choice(["convert", "infer"]), help="Exit 3 only if it lacks something for that."
)
@LANGUAGE
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
def doctor(backend: str | None, way: Way | None, language: str, *, as_json: bool) -> int:
    """Show what is installed and what each backend still needs."""
    del language  # it is spoken from when the option was read
    from zoo_runner.backends.doctor import examine  # noqa: PLC0415 - loads the backends
    from zoo_runner.terminal.screen import show_findings  # noqa: PLC0415 - loads rich

    findings = examine(backend, way)
    if as_json:
        write_json(sys.stdout, f"{json.dumps(_as_json(findings), indent=2)}\n".encode())
    else:
        show_findings(findings)
    return ExitCode.PASS if findings.usable else ExitCode.STAGE_FAILED


def _list_keys(name: str) -> int:
    """Print a line for each key: its name, its default, what it means."""
    from zoo_runner.plugin.loading import load  # noqa: PLC0415 - looks through all installed distributions

    plugin = load(name)
    model = plugin.config_model()
    fields = model.model_fields if model else {}
    if not fields:
        click.echo(f"{name} takes no plugin.config")
    for key, field in fields.items():
        value = field.get_default(call_default_factory=True, validated_data={})
        default = "required" if field.is_required() else json.dumps(value, ensure_ascii=False, default=str)
        shown = default if len(default) <= LONGEST_DEFAULT else f"{default[: LONGEST_DEFAULT - 2]} …"
        click.echo(f"{field.alias or key:<22} {shown:<24} {field.description or ''}".rstrip())
    for text in plugin.notes():
        click.echo(text, err=True)
    return ExitCode.PASS


def _as_json(findings: Findings) -> dict[str, object]:
    sections = [
        {
            "name": section.title,
            "ready": section.complete,
            "lacking": {way: list(names) for way, names in section.ways.items()},
            "needs": [
                {name: redacted(value) if isinstance(value, str) else value for name, value in asdict(need).items()}
                for need in section.needs
            ],
        }
        for section in findings.sections
    ]
    return {"usable": findings.usable, "sections": sections}


def _list(kind: str) -> int:
    from zoo_runner.plugin.loading import listing, load  # noqa: PLC0415 - looks through all installed distributions

    for entry in listing():
        if entry.kind == kind:
            click.echo(f"{entry.name:<20} {entry.distribution:<28} {entry.target}")
            for text in load(entry.name).notes():
                click.echo(f"{'':<20} {text}", err=True)
        elif entry.kind == "broken":
            click.echo(f"{entry.name:<20} broken: {entry.problem}", err=True)
    return ExitCode.PASS
