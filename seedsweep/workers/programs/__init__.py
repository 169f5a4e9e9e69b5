"""Training code that the user wrote, run as it is: what it writes or reports becomes rows.

`settings` is the spec's section, `recipe` and `functionrecipe` are what the driver sees.

A command: one cell is one run of it (`command`), in a process that ends with its worker (`process`, `launcher`);
`attempts` knows what earlier runs of the same cell left. `files` finds the metrics; `lines`, `documents` and
`events` read them while they grow (`reading`), and `rows` says what they mean.

A function: it is imported (`loading`) and called in the worker's own process (`function`), for a seed or several;
what it reports is checked (`reports`), what it prints is kept (`capture`), and `source` says which one of a
notebook's it was.

Both write all rows so far as one `block`, again and again (`keeping`); `code` says what was run. `repeat` runs a
cell where nothing is kept.

Needs neither torch nor Ray.
"""
