"""The command line, ``fer-ensemble``: one file a verb, and no logic of its own."""

from fer_ensemble.cli.app import main

__all__ = ["main"]
