"""`python -m trilith`: the same as the `trilith` command."""

from trilith.cli import main

if __name__ == "__main__":
    main()
