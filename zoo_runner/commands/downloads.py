"""``zoo-run downloads``: the files that runs would download, for a folder that goes to a host without internet."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from zoo_runner.commands.suggestions import manifest_files
from zoo_runner.errors import ExitCode, UsageError
from zoo_runner.redaction import redacted, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.stages.fetch.downloads import Download
    from zoo_runner.stages.fetch.source import FileSource

THERE: Final = "there"
UNKNOWN: Final = "not known"


@click.command()
@click.argument(
    "manifests",
    metavar="MANIFEST...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    shell_complete=manifest_files,
)
@click.option(
    "--downloads",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    envvar="ZOO_RUNNER_DOWNLOADS",
    help="Say which are there already; exit 3 unless all are, and right.",
)
@click.option("--fetch", "get", is_flag=True, help="Download what is missing there, on a machine with internet.")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Replace a manifest value; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print a list with an entry for each file.")
def downloads(
    manifests: tuple[Path, ...], folder: Path | None, overrides: tuple[str, ...], *, get: bool, as_json: bool
) -> int:
    """List the files that runs of each MANIFEST download: name, size, hash and addresses.

    Put them into a folder by these names, and give it to a run with --downloads, on a host without internet.
    """
    if get and folder is None:
        raise UsageError("--fetch puts files into a folder; say which with --downloads FOLDER")
    from zoo_runner.manifest.load import load  # noqa: PLC0415 - loads pydantic
    from zoo_runner.stages.fetch.downloads import listing  # noqa: PLC0415 - not needed for --help

    loaded = [load(path, overrides) for path in manifests]
    files = listing([pair for each in loaded for pair in _sources(each)])
    if get and folder is not None:
        _collect(files, folder)
    faults = [each.fault(folder) if folder is not None else None for each in files]
    if as_json:
        rows = [_row(each, fault) for each, fault in zip(files, faults, strict=True)]
        write_json(sys.stdout, f"{json.dumps(rows, indent=2)}\n".encode())
    else:
        _show(files, faults)
        _show_others(loaded)
    return ExitCode.STAGE_FAILED if any(faults) else ExitCode.PASS


def _collect(files: Sequence[Download], folder: Path) -> None:
    from zoo_runner.stages.fetch.collecting import collect  # noqa: PLC0415 - not needed for --help
    from zoo_runner.store.store import Store, default_root  # noqa: PLC0415 - likewise
    from zoo_runner.terminal.console import Detail  # noqa: PLC0415 - loads rich
    from zoo_runner.terminal.progress import Terminal  # noqa: PLC0415 - loads rich

    collect(files, folder, Store(default_root()), Terminal(Detail.NORMAL))


def _sources(loaded: LoadedManifest) -> Iterator[tuple[str, FileSource]]:
    """Yield what the files of a manifest are, and where they come from."""
    from zoo_runner.stages.fetch.locate import (  # noqa: PLC0415 - see above
        manifest_archive,
        manifest_code,
        manifest_golden,
        manifest_onnx,
        manifest_weights,
    )

    whole = {"code": manifest_code, "data set": manifest_archive}
    places = {"weights": manifest_weights, "published ONNX": manifest_onnx, "golden samples": manifest_golden, **whole}
    models = [loaded.model(name) for name in loaded.manifest.models]
    for what, place in places.items():
        for each in models if models and what not in whole else [loaded]:
            if (source := place(each)) is not None:
                yield f"{what} of {each.manifest.name}", source


def _show(files: Sequence[Download], faults: Sequence[str | None]) -> None:
    from zoo_runner.stages.fetch.downloads import network  # noqa: PLC0415 - see above

    if not files:
        click.echo("nothing to download")
    for each, fault in zip(files, faults, strict=True):
        click.echo(f"{each.name}{_state(each, fault)}")
        click.echo(f"  {', '.join(each.purposes)}; {_size(each)}; {_hash(each)}")
        for url in network(each.source):
            click.echo(f"  {redacted(url)}")


def _show_others(loaded: Sequence[LoadedManifest]) -> None:
    """Say of which manifests the user has to bring the weights."""
    for each in loaded:
        if not each.manifest.weights.urls and not each.manifest.models:
            click.echo(f"the manifest {each.manifest.name} names no weights: bring your own for --weights")


def _state(download: Download, fault: str | None) -> str:
    if fault is None:
        return ""
    unsure = "" if download.source.hashed else ", not verified"
    return f": {fault or THERE + unsure}"


def _size(download: Download) -> str:
    from rich.filesize import decimal  # noqa: PLC0415 - not needed for --help

    size = download.source.size
    return f"size {UNKNOWN}" if size is None else decimal(size)


def _hash(download: Download) -> str:
    source = download.source
    if source.sha256 is not None:
        return f"sha256 {source.sha256}"
    return f"md5 {source.md5}" if source.md5 is not None else "no hash: trusted on first use"


def _row(download: Download, fault: str | None) -> dict[str, object]:
    from zoo_runner.stages.fetch.downloads import network  # noqa: PLC0415 - see above

    source = download.source
    return {
        "name": download.name,
        "for": list(download.purposes),
        "size": source.size,
        "sha256": source.sha256,
        "md5": source.md5,
        "urls": [redacted(url) for url in network(source)],
        "there": None if fault is None else not fault,
        "fault": fault,
    }
