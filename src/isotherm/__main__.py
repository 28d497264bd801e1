"""`python -m isotherm`: the same as the console script."""

from isotherm.cli import main

main()
