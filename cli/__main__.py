"""`python -m cli` is `osteon`: the supervisor starts its parts so, whatever the PATH holds."""

from cli import main

main()
