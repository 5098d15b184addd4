"""What holds for tests and doctests alike: their order, and that each leaves all as it was."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest

# Before any doctest is collected: pytest would load the module of the first one a second time,
# and the package's functions would register in one copy while this file undoes it in the other.
# The recipes, because members that a test brings in would be taken out again with its own.
from fer_ensemble.models import NETWORKS, recipes, registry  # noqa: F401


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files of slow tests: a long file at the end leaves all other workers idle.

    ``--no-loadscope-reorder`` among the options keeps pytest-xdist to this order. By itself it
    begins with the files of the most tests, and the longest are of few.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def _registries_as_before() -> Iterator[None]:
    """Take out again the members and networks that a test or an example registers.

    Here and not in the examples, which show how to register one: there is no public way back.
    This file stands beside the package, since one among the tests would not see its doctests.
    """
    with patch.dict(NETWORKS), patch.dict(registry._MEMBERS):
        yield
