"""The report: one HTML page that needs nothing else, with findings in words, figures, tables and provenance.

    `page`      `report` (`Report`): puts the page together from its template `page.html`, `page.css`, `page.js`
    `findings`  a study in sentences;  `headline` the first of them;  `wording` scales and tests in words
    `first_screen`  the numbers that carry a verdict, what would change it, what was trained
    `methods`   the statistics paragraph of a paper, with sources from `methods.bib`
    `pictures`  the figures that apply, with captions;  `svg` puts one into the page;  `draw` writes files
    `tables`    every number, with its interval;  `glossary` the words, a line each

`findings`, `headline`, `first_screen`, `methods` and `wording` need no matplotlib: the page is imported when it is
asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
