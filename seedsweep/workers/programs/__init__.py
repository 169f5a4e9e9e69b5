"""Training code that the user wrote, run as it is: what it writes or reports becomes rows.

`settings` is the spec's section, `recipe` and `functionrecipe` are what the driver sees.

A command: one cell is one run of it (`command`), in a process that ends with its worker (`process`, `launcher`);
`attempts` knows what earlier runs of the same cell left; `files`, `lines`, `documents`, `events` and `rows` read
the metrics.

A function: it is imported (`loading`) and called in the worker's own process (`function`), for a seed or several;
what it reports is checked (`reports`), what it prints is kept (`capture`), and `source` says which one of a
notebook's it was.

Needs neither torch nor Ray.
"""
