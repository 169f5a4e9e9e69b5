"""Everything that can be said about a population, in numbers, and the verdict on it.

`summary`   the ladder at a glance: where the seeds of every scale end;  `survival`  when they get there
`study`     every statistic that applies to a population, scale by scale;  `parts`  those that need not apply
`verdict`   smoothly, abruptly, by chance, or why that cannot be decided
"""
