"""Chaos: small sweeps whose processes are killed (SIGKILL) until they are complete, and then counted row by row.

python -m tests.chaos --kills 500 --seed 1        (`make chaos N=500`)

hook      in every process of such a sweep: knows where the process is, and carries out orders to die there
sweeps    the sweeps: the engine's cells, a command, a function; and the rows of an undisturbed run
inline    lives of a driver that trains in its own process: many kills per minute
onray     a driver with a local Ray of its own: kills of workers, driver and raylet
toll      what was killed and where, and what became of the rows
"""
