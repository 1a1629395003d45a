"""Device numbers of the command line."""

from __future__ import annotations

import click


def device_numbers(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[int, ...]:
    """Read numbers such as ``0,1``."""
    try:
        devices = tuple(int(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"expected device numbers such as 0 or 0,1; found {value!r}") from None
    if min(devices) < 0 or len(set(devices)) != len(devices):
        raise click.BadParameter(f"expected different, non-negative device numbers, found {value!r}")
    return devices
