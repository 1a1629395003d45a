"""``zoo-run golden record``: what each stage gives for a few samples, kept to hold later runs against."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from zoo_runner.commands.chips import chip_meant
from zoo_runner.commands.device_numbers import device_numbers
from zoo_runner.commands.suggestions import backend_names, manifest_files
from zoo_runner.errors import ExitCode, UsageError
from zoo_runner.job.options import RunOptions, Stage

FILE = click.Path(path_type=Path)


@click.group()
def golden() -> None:
    """Keep samples that every later run begins with."""


@golden.command("record")
@click.argument("manifest", metavar="MANIFEST", type=FILE, shell_complete=manifest_files)
@click.option("--output", "-o", metavar="FILE", type=FILE, help="Default: NAME.golden.npz beside MANIFEST.")
@click.option("--weights", metavar="PATH|URL", help="As in a run.")
@click.option("--data", metavar="FOLDER", type=FILE, help="As in a run.")
@click.option("--trust-code", is_flag=True, help="As in a run.")
@click.option("--backend", metavar="NAME", shell_complete=backend_names, help="Add the limits of a device to FILE.")
@click.option("--device", "devices", metavar="IDS", default="0", callback=device_numbers, help="Such as 0 or 0,1.")
@click.option("--emulate", is_flag=True, help="Add limits of the manifest's precision mode, emulated, to FILE.")
@click.option("--soc", metavar="NAME", callback=chip_meant, help="Chip, as in a run.")
@click.option("--untrusted", is_flag=True, help="Record also a run that did not pass; the bundle says so.")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Replace a manifest value; repeatable.")
def record(
    manifest: Path,
    output: Path | None,
    overrides: tuple[str, ...],
    backend: str | None,
    devices: tuple[int, ...],
    *,
    emulate: bool,
    untrusted: bool,
    **given: Any,
) -> int:
    """Run MANIFEST on ONNX Runtime, and keep eight samples of it in one file.

    The run must pass. The file has each sample's inputs, outputs and prediction; print the lines that name it.

    With --backend or --emulate the file is there already, and gets the limits of a device: from a run on it that
    passes, or from an emulation of its precision on ONNX Runtime.
    """
    from zoo_runner.commands.golden_bundle import recorded  # noqa: PLC0415 - loads numpy
    from zoo_runner.commands.golden_devices import device_options, of_device, of_emulation  # noqa: PLC0415 - likewise
    from zoo_runner.commands.orders import OUTPUT  # noqa: PLC0415 - not needed for --help
    from zoo_runner.known_secrets import learn  # noqa: PLC0415 - not needed for --help
    from zoo_runner.manifest.load import load  # noqa: PLC0415 - loads pydantic
    from zoo_runner.store.store import Store, default_root  # noqa: PLC0415 - not needed for --help
    from zoo_runner.terminal.console import Detail  # noqa: PLC0415 - loads rich
    from zoo_runner.terminal.progress import Terminal  # noqa: PLC0415 - loads rich

    if backend is not None and emulate:
        raise UsageError("--emulate needs no device: drop it, or --backend")
    learn(given["weights"] or "", str(given["data"] or ""))
    loaded = load(manifest, overrides)
    name = loaded.manifest.name
    options = RunOptions(output=OUTPUT / f"{name}.golden", backend="onnxruntime", **given)
    target = output or manifest.parent / f"{name}.golden.npz"
    store, progress = Store(default_root()), Terminal(Detail.NORMAL)
    if backend is not None:
        on_device = device_options(options, backend, devices)
        made = of_device(loaded, on_device, target, untrusted=untrusted, store=store, progress=progress)
    elif emulate:
        made = of_emulation(loaded, replace(options, last=Stage.INFER), target, store=store, progress=progress)
    else:
        made = recorded(loaded, options, target, untrusted=untrusted, store=store, progress=progress)
    click.echo(f"{target}: {made.samples} samples, {made.size} bytes")
    click.echo("name it in the manifest:")
    click.echo(made.lines)
    return ExitCode.PASS
