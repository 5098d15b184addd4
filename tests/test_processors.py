import os

import pytest

from fer_ensemble import processors
from fer_ensemble.processors import count_processors


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """A container's folder of limits, on a machine of four processors."""
    monkeypatch.setattr(processors, "_CGROUPS", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(4)), raising=False)
    (tmp_path / "cpu").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("max 100000\n", 4),
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),
        ("50000 100000\n", 1),
        ("800000 100000\n", 4),
        ("damaged\n", 4),
    ],
)
def test_a_container_limits_the_processors(groups, limit, expected):
    (groups / "cpu.max").write_text(limit)
    assert count_processors() == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1\n", 4), ("300000\n", 3)])
def test_an_older_kernel_tells_the_limit_of_a_container_in_two_files(groups, quota, expected):
    (groups / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (groups / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert count_processors() == expected


def test_without_a_container_all_processors_are_used(groups):
    assert count_processors() == 4


def test_a_system_without_affinity_counts_its_processors(groups, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert count_processors() == 1
