"""Hyper-parameter search over the recipe of a network member, with KerasTuner."""

from fer_ensemble.models.search.search import import_keras_tuner, search_member
from fer_ensemble.models.search.spaces import read_recipe, search_space
from fer_ensemble.models.search.trials import SearchError, SearchResult, SearchTrial

__all__ = [
    "SearchError",
    "SearchResult",
    "SearchTrial",
    "import_keras_tuner",
    "read_recipe",
    "search_member",
    "search_space",
]
