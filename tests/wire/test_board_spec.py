"""A board's spec on its way to the worker, and the selectors that mean it."""

import pytest

from bench.boards import BoardSpec, Selector, matches
from bench.config.lab import AccessPointConfig, Config, Network, PeersConfig, ReachedPeers
from bench.errors import UsageError
from bench.evidence.rows import BoardRow

POINT = AccessPointConfig(apn="lab.example", user="me", password="env:WORD")
FIRMWARE = BoardRow(modem_firmware="mfw_nrf91x1_2.0.2", application="slm", application_version="3.1.0")
SPEC = BoardSpec(
    "dk-1",
    "/dev/ttyNONE",
    model="nrf9151dk",
    serial="001051202135",
    place="1-1.4",
    labels=("roof", "old"),
    sec_tags=(1, 9),
    peers=ReachedPeers.model_validate({"address": "192.0.2.1", "name": "peers.example"}),
    aux_ports={"log": "/dev/ttyNONE1"},
    access_point=POINT,
)


@pytest.mark.parametrize("spec", [SPEC, BoardSpec("dk-2", "")])
def test_it_reaches_the_worker_as_it_was(spec: BoardSpec) -> None:
    assert BoardSpec.from_json(spec.to_json()) == spec


def test_the_lab_s_access_point_is_for_boards_without_one() -> None:
    lab = Config(network=Network(access_point=AccessPointConfig(apn="other.example")))
    assert SPEC.attached_by(lab).access_point == POINT
    assert BoardSpec("dk-2", "").attached_by(lab).access_point == lab.network.access_point
    assert BoardSpec("dk-2", "").attached_by(Config()).access_point is None


def test_its_way_to_the_peers_is_the_lab_s_but_for_its_own() -> None:
    lab = Config(peers=PeersConfig.model_validate({"bind": "192.0.2.9", "address": "192.0.2.8", "ports": (5000, 5010)}))
    reached = SPEC.peers_of(lab)
    assert (str(reached.address), reached.name, reached.ports) == ("192.0.2.1", "peers.example", (5000, 5010))
    assert BoardSpec("dk-2", "").peers_of(lab) == lab.peers


@pytest.mark.parametrize(
    ("selector", "meant"),
    [
        ("all", True),
        ("dk-1", True),
        ("dk", False),
        ("nrf9151dk", True),
        ("1051202135", True),
        ("1-1.4", True),
        ("roof", True),
        ("name=dk-1", True),
        ("name=roof", False),
        ("model=nrf9151dk", True),
        ("model=dk-1", False),
        ("serial=1051202135", True),
        ("serial=1051202136", False),
        ("place=1-1.4", True),
        ("place=1-1", False),
        ("label=old", True),
        ("label=dk-1", False),
        ("firmware=2.0", True),
        ("firmware=1.3", False),
        ("firmware=2.0.20", False),
        ("slm=3.1.*", True),
        ("modem=mfw_*,model=nrf9151dk", True),
        ("application=slm,version=2.*", False),
        ("serial-modem=3.1.0", False),
        ("name=dk-*", True),
    ],
)
def test_selectors(selector: str, meant: bool) -> None:
    assert matches(selector, SPEC, lambda _: FIRMWARE) is meant


def test_a_board_that_cannot_be_asked_matches_no_firmware() -> None:
    assert not matches("firmware=2.0", SPEC)
    assert not matches("firmware=2.0", BoardSpec("dk-2", ""), lambda _: FIRMWARE)


def test_an_unknown_kind_is_named_with_those_that_there_are() -> None:
    expected = "--board colour=red: unknown kind 'colour'; available: name, model, serial, place, label, firmware"
    with pytest.raises(UsageError, match=expected):
        Selector.parse("colour=red")
    with pytest.raises(UsageError, match=r"unknown kind 'frimware'; did you mean 'firmware'\? available: name"):
        Selector.parse("frimware=2.0")
    with pytest.raises(UsageError, match="--board operator=24201: operator= chooses runs of the history, not boards"):
        Selector.parse("operator=24201")
