import pytest

from experiments.systems import all_ensembles, all_systems, read_ensemble, read_system
from fer_ensemble.datasets import PROTOCOLS
from fer_ensemble.models import list_members


def test_every_member_has_a_system():
    # Landmarks come with their own members.
    assert {info.name for info in list_members()} <= {system.member for system in all_systems()}


@pytest.mark.parametrize("system", all_systems(), ids=lambda system: system.name)
def test_systems_name_members_and_protocols_that_exist(system):
    assert system.member in {info.name for info in list_members()}
    assert system.protocol in PROTOCOLS
    assert set(system.published) <= {
        "accuracy",
        "epochs",
        "macro_f1",
        "n",
        "note",
        "weighted_f1",
    }


def test_rows_are_numbered_once():
    rows = [system.row for system in all_systems()]
    assert rows == sorted(set(rows))


def test_an_unknown_system_is_told_with_those_there_are():
    with pytest.raises(ValueError, match=r"No system 'vgg'.*vgg_style"):
        read_system("vgg")


def test_an_unknown_ensemble_is_told_with_those_there_are():
    with pytest.raises(ValueError, match=r"No ensemble 'pair'.*two_members"):
        read_ensemble("pair")


@pytest.mark.parametrize("ensemble", all_ensembles(), ids=lambda ensemble: ensemble.name)
def test_ensembles_name_systems_and_protocols_that_exist(ensemble):
    assert set(ensemble.members) <= {system.name for system in all_systems()}
    assert ensemble.protocol in PROTOCOLS
    assert set(ensemble.published) <= {"weighted", "average", "majority", "n"}
