"""The README of a pack: what is in it, what is needed beside it, and the commands that use it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from zoo_runner.output.names import SUMS
from zoo_runner.pack.manifest_text import reachable
from zoo_runner.pack.placing import MARK
from zoo_runner.plugin.conversion import ConvertingBackend
from zoo_runner.redaction import clean, redacted_url

if TYPE_CHECKING:
    from zoo_runner.manifest.schema import Manifest
    from zoo_runner.pack.files import PackedFile
    from zoo_runner.plugin.interfaces import Backend


def readme(manifest: Manifest, files: Sequence[PackedFile], backend: Backend, *, made: str, name: str) -> str:
    """Return the text.

    Args:
        manifest: The manifest in effect; where its data set comes from is read of it.
        files: What else is in the pack.
        backend: What its model files are for.
        made: Says what made the pack, of what.
        name: What the packed manifest is called.
    """
    lines = [
        f"{MARK}{manifest.name}",
        "",
        f"{made} `sha256sum -c {SUMS}` says whether all is as it was made.",
        "",
        "| file | what it is |",
        "|---|---|",
        f"| `{name}` | the manifest in effect: what it extends, `--set` and the other options are in it |",
        *(f"| `{file.name}` | {file.about} |" for file in files),
        "",
        "To run it, in this folder:",
        "",
        f"    zoo-run {name}{'' if reachable(manifest) else ' --data FOLDER'}",
        "",
        *_needed(manifest),
        *_conversions(manifest, backend, name),
    ]
    return clean("\n".join(lines)) + "\n"


def _needed(manifest: Manifest) -> Iterator[str]:
    """Yield what a run needs that is not in the pack."""
    dataset = manifest.dataset
    yield f"That needs zoo-run, the plugin `{manifest.plugin.name}` with the code that made the network, and the data"
    yield f"set {dataset.name} of {dataset.samples} samples, which is not in the pack:"
    if urls := reachable(manifest):
        yield f"it comes from {' or '.join(map(redacted_url, urls))}, or from the folder that `--data FOLDER` names."
    else:
        yield "give its folder with `--data FOLDER`: the address that the manifest had means nothing elsewhere."
    if dataset.root_env:
        yield f"The variable `{dataset.root_env}` may name that folder too."
    yield "With what exporting needs installed, the ONNX file is compared with a new export of the weights."


def _conversions(manifest: Manifest, backend: Backend, name: str) -> Iterator[str]:
    """Yield the commands that use the files which were converted, and convert nothing."""
    if not isinstance(backend, ConvertingBackend):
        return
    yield ""
    chip = manifest.atc.soc_version or backend.chip()
    made_by = f"The files made by {backend.makes.tool} are for {chip} ({backend.version()})."
    yield f"{made_by} They are used without converting again, also on a host without {backend.makes.tool}, by"
    yield ""
    yield f"    {shlex.join(['zoo-run', name, '--backend', backend.name, '--om', '.'])}"
