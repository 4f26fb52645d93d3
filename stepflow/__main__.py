"""`python -m stepflow`."""

from stepflow.cli.main import main

if __name__ == "__main__":
    main()
