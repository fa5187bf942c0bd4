"""`python -m rungwise` is `rungwise`."""

from rungwise.cli import main

main()
