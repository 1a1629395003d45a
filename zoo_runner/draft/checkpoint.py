"""The checkpoint that a manifest is drafted from: its tensors, and whether the network takes them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.errors import PrerequisiteError, UsageError, installing
from zoo_runner.files.regular import require_regular
from zoo_runner.plugin.calls import calling
from zoo_runner.plugin.interfaces import AdvisedNetwork
from zoo_runner.stages.export.checkpoint import load_checkpoint
from zoo_runner.stages.export.checkpoint_file import read_checkpoint
from zoo_runner.stages.export.state_dicts import all_shapes, state_dicts
from zoo_runner.store.fingerprints import file_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.plugin.drafting import Shapes
    from zoo_runner.plugin.interfaces import Network


def identified(path: Path) -> tuple[str, int]:
    """Return the SHA-256 and the bytes of the checkpoint.

    Raises:
        PrerequisiteError: The package that reads checkpoints is not installed.
        UsageError: There is no file of that name.
    """
    if find_spec("torch") is None:
        msg = f"reading a checkpoint needs the package torch, which is not installed: {installing('export')}"
        raise PrerequisiteError(msg)
    try:
        size = require_regular(path).st_size
    except OSError as error:
        found = "a folder" if isinstance(error, IsADirectoryError) else f"none: {error.strerror}"
        msg = f"--weights {path}: expected the file of a checkpoint, found {found}"
        raise UsageError(msg) from error
    return file_digest(path), size


def tensors_of(path: Path, sha256: str) -> Sequence[Shapes]:
    """Return the shapes of each set of tensors in the checkpoint.

    Raises:
        ExportError: It is none, or would run code on loading.
    """
    return all_shapes(state_dicts(read_checkpoint(path, sha256), path))


def require_fit(network: Network, path: Path, sha256: str) -> None:
    """Load the checkpoint into the network.

    Raises:
        ExportError: It does not fit; the differences are named.
    """
    with calling("zoo_network"):
        module = network.build()
    load_checkpoint(module, path, sha256, network.advice if isinstance(network, AdvisedNetwork) else None)
