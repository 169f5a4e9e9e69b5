"""How a page is put together from its template: escaped, with style and script in it, asking for nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import resources
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from seedsweep.analysis.report.glossary import explained
from seedsweep.version import __version__

# Autoescape is what keeps the names of somebody's columns from becoming markup.
ENVIRONMENT: Final = Environment(
    loader=PackageLoader("seedsweep.analysis.report", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

STYLE, SCRIPT = (resources.files("seedsweep.analysis.report").joinpath(f"page.{kind}") for kind in ("css", "js"))


def rendered(template: str, **content: Any) -> str:
    """A page of the package's templates."""
    script = SCRIPT.read_text(encoding="utf-8")
    return ENVIRONMENT.get_template(template).render(
        **content,
        version=__version__,
        style=Markup(STYLE.read_text(encoding="utf-8")),
        script=Markup(script),
        policy=_policy(script),
    )


def _policy(script: str) -> str:
    """What a browser lets the page do: run this one script, and ask for nothing."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _bound(words: str) -> str:
    """No line break between a number and its sign: "50 %", "n = 48"."""
    return re.sub(r" (%|[=<] )|(?<=[=<]) ", lambda match: match[0].replace(" ", "\u00a0"), words)


def _opening(words: str) -> tuple[str, str]:
    """The first sentence, and the others."""
    first, _, rest = words.partition(". ")
    return (f"{first}.", rest) if rest else (words, "")


ENVIRONMENT.filters |= {"bound": _bound, "opening": _opening, "explained": explained}
