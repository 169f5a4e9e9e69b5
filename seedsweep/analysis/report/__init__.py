"""The report: one HTML page that needs nothing else, with findings in words, figures, tables and provenance.

    `page`      `report` (`Report`): puts the page together; `page.html` is its template
    `findings`  a study in sentences;  `headline` the first of them;  `wording` scales and tests in words
    `pictures`  the figures that apply, with captions;  `svg` puts one into the page;  `draw` writes files
    `tables`    every number, with its interval

`findings`, `headline` and `wording` need no matplotlib, so that the page is imported when it is first asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
