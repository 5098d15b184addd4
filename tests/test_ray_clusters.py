"""Where there is no Ray, or no cluster, that is said at once."""

import socket
import sys

import pytest

from fer_ensemble.libraries import MissingLibraryError
from fer_ensemble.ray_clusters import ClusterError, connected


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    missing = pytest.raises(MissingLibraryError, match=r"A fit needs Ray, .*\[ray\]")
    with missing, connected(None, "A fit"):
        pass


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_an_address_where_nobody_listens_is_refused_at_once(scheme):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # taken by us, and not listened on
        address = f"{scheme}127.0.0.1:{free.getsockname()[1]}"
        refused = pytest.raises(ClusterError, match=f"A fit finds no cluster of Ray at {address}")
        with refused, connected(address, "A fit"):
            pass
