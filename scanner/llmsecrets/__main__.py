"""`python -m llmsecrets`."""

from llmsecrets.cli import main

if __name__ == "__main__":
    main()
