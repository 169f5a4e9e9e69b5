"""Pure functions on arrays. Every result is a float, an array or a frozen dataclass; nothing here draws or prints.

What a sample is: `samples`. What results have in common: `results`. How their numbers are written: `text`.
"""
