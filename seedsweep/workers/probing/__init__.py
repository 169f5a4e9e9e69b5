"""Probes on checkpoints of existing models: what a ladder of sizes, seeds and steps can do that others trained.

`probe` is the way in, and needs torch only when it is called. `checkpoints` finds the models, `vocabulary` and
`prompts` say what they are asked. `ladder` goes through them, one step's seeds at a time as a stacked `pack`,
whose answers `measure` scores; `table` keeps the rows.

Knows the decoder and the dialects' files, nothing of tasks and training.
"""
