"""Chips on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click


def chip_meant(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Read the chip of ``--soc`` however it is spelled."""
    from zoo_runner.manifest.chip_keys import soc_meant  # noqa: PLC0415 - --help needs no manifests

    return soc_meant(value) if value else value
