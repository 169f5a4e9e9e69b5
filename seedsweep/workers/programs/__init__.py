"""Training code that the user wrote, run as it is: what it writes into files of metrics becomes rows.

`settings` is the spec's section, `recipe` what the driver sees. One cell is one run of the command (`command`), in
a process that ends with its worker (`process`, `launcher`); `attempts` knows what earlier runs of the same cell
left; `files`, `lines`, `documents`, `events` and `rows` read the metrics. Needs neither torch nor Ray.
"""
