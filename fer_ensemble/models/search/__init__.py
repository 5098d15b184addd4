"""Hyper-parameter search over the recipe of a network member, with KerasTuner."""

from fer_ensemble.models import recipes  # noqa: F401 - registers the named members
from fer_ensemble.models.search.search_folder import SearchError, read_recipe
from fer_ensemble.models.search.searching import import_keras_tuner, search_member
from fer_ensemble.models.search.spaces import search_space
from fer_ensemble.models.search.trials import SearchResult, SearchTrial

__all__ = [
    "SearchError",
    "SearchResult",
    "SearchTrial",
    "import_keras_tuner",
    "read_recipe",
    "search_member",
    "search_space",
]
