"""From the file of a recipe to a manifest in its place, which is valid and says what it does not know."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.draft.drafting import require_free
from zoo_runner.errors import ManifestError, UsageError, shortened
from zoo_runner.files.named_errors import naming
from zoo_runner.files.new_file import new_file
from zoo_runner.importing.assembling import assemble
from zoo_runner.importing.reading import read
from zoo_runner.importing.writing import manifest_text
from zoo_runner.manifest.load import load
from zoo_runner.manifest.section import NAME
from zoo_runner.store.durable import sync

if TYPE_CHECKING:
    from zoo_runner.importing.account import Remark


@dataclass(frozen=True, kw_only=True)
class Written:
    """What became of an import.

    Attributes:
        recipe: Name of the recipe's file.
        warnings: What is probably wrong in the recipe, by line.
        left_out: How many of its commands, rows, links and flags the manifest does not have.
        unsaid: Keys with stand-ins.
    """

    recipe: str
    warnings: tuple[Remark, ...]
    left_out: int
    unsaid: tuple[str, ...]


def import_recipe(path: Path, target: Path, plugin: str | None = None) -> Written:
    """Write the manifest that says what a recipe says, over nothing.

    Args:
        path: The recipe, in Markdown.
        target: Where the manifest is to be; its name becomes the manifest's.
        plugin: Name of the plugin; ``None`` where nobody knows it yet.

    Raises:
        UsageError: There is something at ``target`` or no folder for it, or the recipe cannot be read.
        ManifestError: What it says makes no valid manifest.
        OSError: The manifest cannot be written.
    """
    require_free(target)
    if not target.parent.is_dir():
        raise UsageError(f"-o {target}: expected a folder {target.parent}, found none; make it, or name another one")
    recipe = read(path)
    made = assemble(recipe, path, _name(target), plugin)
    text = manifest_text(made, recipe)
    with new_file(target) as temporary, naming(target):
        temporary.write_text(text, encoding="utf-8")
        try:
            load(temporary)
        except ManifestError as error:
            text = str(error).replace(str(temporary), str(target))
            raise ManifestError(f"{path}: what it says makes no valid manifest, none is written:\n{text}") from None
        sync(temporary)
        try:
            os.link(temporary, target)
        except FileExistsError:
            require_free(target)
            raise
        except OSError:  # a file system without a second name for a file
            require_free(target)
            temporary.rename(target)
    account = made.account
    return Written(
        recipe=recipe.name,
        warnings=tuple(account.warnings),
        left_out=len(account.remarks),
        unsaid=tuple(account.unsaid),
    )


def _name(target: Path) -> str:
    """Name a manifest as its file.

    Raises:
        UsageError: The file's name has nothing that a manifest's can have.
    """
    name = re.sub(r"[^a-z0-9._-]+", "-", target.stem.lower()).lstrip("._-").rstrip("-")
    if not re.fullmatch(NAME, name):
        text = f"expected a name with letters or digits of ASCII, found {shortened(target.name)!r}"
        raise UsageError(f"-o {target}: {text}; the manifest is called as its file")
    return name
