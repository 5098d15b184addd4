"""The published systems, run on real data: ``python -m experiments.run`` and ``.table``."""
