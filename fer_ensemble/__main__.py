"""``python -m fer_ensemble``: the command line, where its script is not on the path."""

from fer_ensemble.cli import main

if __name__ == "__main__":
    main()
