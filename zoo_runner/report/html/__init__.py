"""``report.html``: one page with everything in it, which a browser opens from the disk."""

from __future__ import annotations

from zoo_runner.report.html.render import render

__all__ = ["render"]
