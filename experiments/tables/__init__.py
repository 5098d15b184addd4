"""The tables of the experiments' README, from the records of the runs."""
