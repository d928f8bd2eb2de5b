"""Sphinx's settings of the manual; ``docs/manual.py`` builds it."""

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from bench import __version__

project = "nrf91-bench"
copyright = "the authors of nrf91-bench, Apache-2.0"  # noqa: A001 - Sphinx wants this name
release = version = __version__
extensions = ["myst_parser"]
myst_heading_anchors = 4
smartquotes = False  # options begin with two dashes
html_theme = "furo"
html_title = f"nrf91-bench {release}"
html_static_path = [str(Path(__file__).with_name("_static"))]
html_css_files = ["manual.css"]
html_show_sphinx = False
html_copy_source = False
pygments_style, pygments_dark_style = "default", "github-dark"

_SHORT = 24
"""Letters of code that fit a line of a phone."""


def _keep_short_code_together(_: Sphinx, page: nodes.document, __: str) -> None:
    for code in page.findall(nodes.literal):
        if len(code.astext()) <= _SHORT:
            code["classes"].append("short")


def setup(app: Sphinx) -> None:
    """Let no line break behind the dashes of an option; Sphinx calls this."""
    app.connect("doctree-resolved", _keep_short_code_together)
