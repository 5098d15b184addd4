"""Hyper-parameter search over the recipe of a network member, with KerasTuner."""

from fer_ensemble.models.search.files import SearchError
from fer_ensemble.models.search.recipe import read_recipe
from fer_ensemble.models.search.results import SearchResult, SearchTrial
from fer_ensemble.models.search.run import import_keras_tuner, search_member
from fer_ensemble.models.search.spaces import search_space

__all__ = [
    "SearchError",
    "SearchResult",
    "SearchTrial",
    "import_keras_tuner",
    "read_recipe",
    "search_member",
    "search_space",
]
