"""How Sphinx builds these pages; they read as well on GitHub."""  # noqa: INP001 - Sphinx reads this file; nothing imports it

from __future__ import annotations

from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING

from pygments.lexers.special import TextLexer  # type: ignore[import-untyped] # it ships no type information

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "zoo-run"
author = "the zoo-run authors"
version = release = installed_version("zoo-runner")

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
html_theme = "furo"
html_title = f"zoo-run {release}"
html_show_copyright = False
nitpicky = True
smartquotes = False  # they would turn --options into dashes
myst_heading_anchors = 4  # links to headings, as on GitHub


def setup(app: Sphinx) -> None:
    """Show diagrams as their text: drawing them takes a script from elsewhere."""
    app.add_lexer("mermaid", TextLexer)
