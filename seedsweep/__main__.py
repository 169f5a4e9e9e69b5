"""`python -m seedsweep` is the command line."""

from seedsweep.cli import main

main()
