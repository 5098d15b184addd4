"""The recipes of named members; importing this package registers them."""

from fer_ensemble.models.members import own, published  # noqa: F401 - register their members
