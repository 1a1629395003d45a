"""What the shell offers when TAB is pressed on a word of ``zoo-run``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    import click


def manifest_files(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Let the shell complete a file name."""
    return [CompletionItem(incomplete, type="file")]


def manifests_here(incomplete: str) -> list[CompletionItem[str]]:
    """Offer the manifests of the current folder by name, else let the shell complete a file name."""
    here = sorted(path.name for path in Path().glob("*.y*ml") if path.name.startswith(incomplete))
    return [CompletionItem(name) for name in here] or [CompletionItem(incomplete, type="file")]


def backend_names(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the backends that are installed."""
    from zoo_runner.plugin.loading import listing  # noqa: PLC0415 - looks through all installed distributions

    names = ["auto", *(entry.name for entry in listing() if entry.kind == "backend")]
    return [name for name in names if name.startswith(incomplete)]


def plugin_names(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the model plugins that are installed."""
    from zoo_runner.plugin.loading import listing  # noqa: PLC0415 - looks through all installed distributions

    return [entry.name for entry in listing() if entry.kind == "model" and entry.name.startswith(incomplete)]


def subset_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the subsets of the manifests named so far."""
    from zoo_runner.manifest.source import read  # noqa: PLC0415 - loads a YAML reader
    from zoo_runner.manifest.tree import plain  # noqa: PLC0415 - see above

    names: set[str] = set()
    # While an option lacks its value, click has not sorted the other words into parameters.
    for manifest in (*(context.params.get("manifests") or ()), *context.args):
        try:
            names |= {str(name) for name in plain(read(Path(manifest)).tree).get("subsets") or ()}
        except Exception:  # noqa: BLE001, S112 - pressing TAB is no time for errors; running the manifest shows them
            continue
    return sorted(name for name in names if name.startswith(incomplete))
