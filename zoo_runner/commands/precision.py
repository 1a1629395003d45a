"""``zoo-run precision``: what fp16 does to the network of a manifest, before there is a card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo_runner.commands.chips import chip_meant
from zoo_runner.commands.suggestions import manifest_files
from zoo_runner.errors import ExitCode, UsageError, did_you_mean
from zoo_runner.job.options import RunOptions, Stage
from zoo_runner.language.spoken import said

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("manifest", metavar="MANIFEST", type=FILE, shell_complete=manifest_files)
@click.option(
    "--samples", metavar="N", type=click.IntRange(min=1), help="Look at N samples: by default 16, all to emulate."
)
@click.option("--keep-dtype", "draft", metavar="FILE", type=FILE, help="Write the draft of keep_dtype to FILE.")
@click.option("--emulate", is_flag=True, help="Also score the precision modes, emulated on ONNX Runtime.")
@click.option(
    "--mode", "modes", metavar="MODE", multiple=True, help="Emulate only this mode and the manifest's; repeatable."
)
@click.option("--soc", metavar="NAME", callback=chip_meant, help="Chip whose rule of overflow is taken.")
@click.option("--weights", metavar="PATH|URL", help="As in a run.")
@click.option("--data", metavar="FOLDER", type=FILE, help="As in a run.")
@click.option("--downloads", metavar="FOLDER", type=FILE, envvar="ZOO_RUNNER_DOWNLOADS", help="As in a run.")
@click.option("--subset", metavar="NAME", help="As in a run.")
@click.option("--trust-code", is_flag=True, help="As in a run.")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Replace a manifest value; repeatable.")
def precision(
    manifest: Path,
    overrides: tuple[str, ...],
    samples: int | None,
    draft: Path | None,
    modes: tuple[str, ...],
    *,
    emulate: bool,
    **given: Any,
) -> int:
    """Find what of MANIFEST's network fp16 cannot hold, by one fp32 pass over some samples, and what to keep in fp32.

    With --emulate the modes force_fp16, allow_fp32_to_fp16 and force_fp32 are scored on ONNX Runtime, with casts where
    a chip has fp16. That finds what breaks. It never says that a card will do well.

    Exit codes: without --emulate 0, whatever was found. With it: 0 if no break was seen in the mode that MANIFEST asks
    for (by default ATC's, force_fp16), 1 if that mode breaks, 4 if nothing can be said of it; 2 and 3 as in a run.
    """
    from zoo_runner.commands.orders import OUTPUT  # noqa: PLC0415 - not needed for --help
    from zoo_runner.known_secrets import learn  # noqa: PLC0415 - likewise
    from zoo_runner.manifest.load import load  # noqa: PLC0415 - loads pydantic
    from zoo_runner.precision.inspection import Question, inspect  # noqa: PLC0415 - loads numpy
    from zoo_runner.precision.report import lines  # noqa: PLC0415 - likewise
    from zoo_runner.store.store import Store, default_root  # noqa: PLC0415 - not needed for --help
    from zoo_runner.terminal.console import Detail  # noqa: PLC0415 - loads rich
    from zoo_runner.terminal.progress import Terminal  # noqa: PLC0415 - loads rich

    _check(modes, emulate=emulate)
    if draft is not None:
        _require_free(draft)
    learn(given["weights"] or "")
    loaded = load(manifest, overrides)
    options = RunOptions(output=OUTPUT / loaded.manifest.name, backend="onnxruntime", last=Stage.INFER, **given)
    asked = Question(samples=samples, emulate=emulate, modes=modes)
    found = inspect(loaded, options, asked, store=Store(default_root()), progress=Terminal(Detail.NORMAL))
    for line in lines(found):
        click.echo(said(line))
    if draft is not None:
        _write(draft, found.findings.draft)
    return ExitCode.PASS if found.own_answer is None else found.own_answer.exit_code


def _check(modes: tuple[str, ...], *, emulate: bool) -> None:
    from zoo_runner.precision.modes import KNOWN, SAME  # noqa: PLC0415 - not needed for --help

    if modes and not emulate:
        raise UsageError(f"--mode {modes[0]} is emulated: add --emulate, or drop it")
    known = [*KNOWN, *SAME]
    for mode in modes:
        if mode not in known:
            listed = ", ".join(dict.fromkeys(known))
            raise UsageError(f"--mode {mode}: expected one of {listed}{did_you_mean(mode, known)}")


def _require_free(path: Path) -> None:
    """Refuse before minutes of work to write over a file: somebody may have changed an earlier draft by hand."""
    if path.is_symlink() or path.exists():
        raise UsageError(f"--keep-dtype {path}: expected no such file, as a draft never replaces one; remove it first")


def _write(path: Path, draft: tuple[str, ...]) -> None:
    from zoo_runner.precision.report import draft_text  # noqa: PLC0415 - not needed for --help

    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(draft_text(draft))
    except OSError as error:
        raise UsageError(f"--keep-dtype {path}: cannot be written: {error}") from error
    click.echo(
        said(f"wrote {path}: {len(draft)} operators; in the manifest: atc: {{flags: {{keep_dtype: {path.name}}}}}")
    )
