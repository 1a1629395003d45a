"""A plugin to begin with: a folder with its module, a test that passes, a pyproject.toml and a manifest."""

from __future__ import annotations

import os
import re
import shutil
import string
import tempfile
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import UsageError, distribution
from zoo_runner.files.named_errors import naming
from zoo_runner.plugin.loading import names

if TYPE_CHECKING:
    from collections.abc import Mapping

TEMPLATE: Final = "template"
"""Folder beside this module: what the files are made of."""


def plugin_files(name: str) -> Mapping[str, str]:
    """Return the files of a plugin by their names.

    Args:
        name: Of the manifest: lower-case letters, digits, ``.``, ``_`` and ``-``.
    """
    plain = re.sub(r"[^a-z0-9]+", "_", name).strip("_")
    module = f"{plain if plain[:1].isalpha() else f'model_{plain}'}_plugin"
    words = {
        "name": name,
        "module": module,
        "plugin": module.removesuffix("_plugin").replace("_", "-"),
        "distribution": module.replace("_", "-"),
        "runner": distribution(),
    }
    files = {
        f"{module}.py": "plugin",
        f"test_{module}.py": "test",
        "pyproject.toml": "pyproject",
        f"{name}.yaml": "manifest",
    }
    folder = resources.files(__package__) / TEMPLATE
    return {
        file: string.Template((folder / f"{each}.txt").read_text(encoding="utf-8")).substitute(words)
        for file, each in files.items()
    }


def write_plugin(name: str) -> tuple[Path, Mapping[str, str]]:
    """Write the folder of a plugin into the current folder, whole or not at all.

    Returns:
        The folder, and its files.

    Raises:
        UsageError: There is something of that name already, or such a plugin.
        OSError: It cannot be written.
    """
    folder, files = Path(name), plugin_files(name)
    taken = {point for point in names() if f"{point.replace('-', '_')}_plugin.py" in files}
    if taken:
        raise UsageError(f"{name}: expected the name of a new plugin, found an installed one's; choose another")
    if os.path.lexists(folder):
        raise UsageError(f"{folder}: expected no such folder, found something; choose another name, or move it away")
    with naming(folder):
        made = Path(tempfile.mkdtemp(prefix=f".{name}-", dir="."))
        try:
            made.chmod(0o755)
            for file, text in files.items():
                (made / file).write_text(text, encoding="utf-8", newline="\n")
            made.rename(folder)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
    return folder, files
