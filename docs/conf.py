"""Sphinx's settings of the manual; ``docs/manual.py`` builds it."""

from pathlib import Path

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
