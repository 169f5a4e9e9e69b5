"""How often is what an analysis says true? Populations with known truth, and rates of all that is said of them.

`cases`     a population with its truth, and the table that it is read from
`nulls`, `groups`, `ladders`, `curves`, `inside`, `transients`     the populations;  `everything`  all by name
`seen`      populations with streams, in memory
`direct`    single statistics, called as the study calls them: many repetitions
`whole`     the study, its verdict and its sentences: fewer
`run`, `tally`     repetitions, in several processes, and counting
"""
