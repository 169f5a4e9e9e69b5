"""The driver: which cells of a sweep are missing, packs, executors, the store, status.

It knows Ray (in `executors/ray.py` alone) and does not know torch. The way of a sweep: `specfile` reads a spec,
`store` says what a directory already holds, `plan` groups the missing cells into packs, `run` feeds the packs to
an executor, `job` is what the executor's workers do with one pack, and `status` reads where it all stands.
"""
