"""How Sphinx builds the site: `make docs`. Nothing is fetched; a warning is an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))
from fields import tables

from seedsweep.analysis.report.glossary import GLOSSARY
from seedsweep.version import __version__

DOCS = Path(__file__).parent

project = "seedsweep"
copyright = "the seedsweep authors"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc", "sphinx_copybutton"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "seedsweep"
html_show_sourcelink = False
html_copy_source = False
html_extra_path = ["report.html"]
copybutton_exclude = ".linenos, .gp, .go"

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False


def commands() -> str:
    """The help of every command."""
    command = [sys.executable, "-m", "typer", "seedsweep.cli.app", "utils", "docs", "--name", "seedsweep"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return told.partition("\n")[2]  # the page has its own title


def words() -> str:
    """The words of a report, and those of the code."""
    of_reports = "\n\n".join(f"{word}\n: {meaning}" for word, meaning in GLOSSARY.items())
    of_sweeps = (DOCS.parent / "ARCHITECTURE.md").read_text().partition("\n## Words\n")[2]
    return f"## Of reports\n\n{of_reports}\n\n## Of sweeps\n{of_sweeps}"


MADE = {"reference/commands": commands, "reference/spec": tables, "reference/words": words}
"""What the package itself says, added at the end of these pages."""


def add_made(app: Sphinx, page: str, source: list[str]) -> None:
    """Called by Sphinx for every page that it has read."""
    if page in MADE:
        source[0] += "\n" + MADE[page]()


def setup(app: Sphinx) -> None:
    """Called by Sphinx once."""
    app.connect("source-read", add_made)
