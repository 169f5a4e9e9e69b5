"""The report: one HTML page that needs nothing else, with what was found in words, figures, tables and provenance.

    `page`      `report` (`Report`): puts the page together; `page.html` is its template
    `pictures`  the figures that apply, with captions;  `svg` puts one into the page
    `tables`    every number, with its interval

Needs matplotlib, so it is its own import: ``from seedsweep.analysis.report import report``.
"""

from __future__ import annotations

from seedsweep.analysis.report.page import Report, report

__all__ = ["Report", "report"]
