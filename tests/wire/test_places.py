"""The boards of a lab as its coordinator has them: holders, tags, reservations, and what a run wishes for."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.config.plan import Plan
from bench.errors import UsageError
from bench.host.messages import HostBoard
from bench.lab.exporter import exporter_yaml, group_of, pattern_of
from bench.lab.places import KIND, LabPlace, Owner, comment_of, owner_text, tags_of
from bench.lab.wishes import wishes

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def place(name: str, model: str = "nrf9151dk", host: str = "rack1", **more: object) -> LabPlace:
    tags = {**KIND, "model": model, "serial": f"00{name}", "host": host, "label_roof": "yes"}
    return LabPlace(name=name, tags=tags, host=host, address=host, user="bench", **more)  # type: ignore[arg-type]


PLACES = [place("dk-1"), place("dk-2"), place("x-1", "thingy91x", "rack2")]


def test_this_process_is_an_owner_that_lives() -> None:
    own = Owner.here()
    assert (own.pid, own.is_dead, own.text.count("/")) == (os.getpid(), False, 1)
    assert Owner.parse(own.text) == own
    assert owner_text(own.text) == owner_text(own.person)


def test_a_process_that_is_gone_is_dead_and_of_other_hosts_nothing_is_known() -> None:
    own = Owner.here()
    assert Owner(own.host, own.user, own.pid, own.started + 100).is_dead
    assert Owner(own.host, own.user, 2**22 + 1, 1).is_dead
    assert not Owner("elsewhere", own.user, 2**22 + 1, 1).is_dead


@given(st.text())
def test_any_name_can_be_shown(text: str) -> None:
    assert Owner.parse(text) is None
    assert owner_text(text) or not text


@pytest.mark.parametrize(
    ("name", "text"),
    [("lap/anna+bench.17.99", "anna@lap"), ("lap/anna", "anna@lap"), ("odd", "odd"), ("a/b/c", "b/c@a")],
)
def test_a_holder_for_a_person(name: str, text: str) -> None:
    assert owner_text(name) == text


def test_a_persons_reservation_has_an_end_and_a_reason() -> None:
    end = NOW + timedelta(hours=1)
    kept = place("dk-1", holder="lap/anna", comment=comment_of(end, "new antenna"))
    assert (kept.kept_until, kept.kept_for) == (end, "new antenna")
    assert kept.holder_text == "reserved by anna@lap until 2026-11-28 13:00 UTC: new antenna"
    assert (kept.is_over(NOW), kept.is_over(end)) == (False, True)


@pytest.mark.parametrize("comment", ["", "until=", "until=soon a reason", "a board", "until=2026-13-45T00:00Z x"])
def test_other_comments_reserve_nothing(comment: str) -> None:
    assert place("dk-1", holder="lap/anna", comment=comment).kept_until is None


def test_a_run_of_the_bench_has_no_reservation_of_a_person() -> None:
    held = place("dk-1", holder="lap/anna+bench.1.2", comment=comment_of(NOW, "old"))
    assert (held.kept_until, held.is_over(NOW + timedelta(days=1))) == (None, False)


def test_why_a_place_cannot_be_used() -> None:
    assert LabPlace("dk-1", host="rack1").trouble == "the exporter of rack1 is down"
    assert place("dk-1", attached=False).trouble == "dk-1 is not attached to rack1"
    assert not place("dk-1", attached=True).trouble
    assert not place("dk-1").trouble


@pytest.mark.parametrize(
    ("selectors", "count", "tags"),
    [
        (["name=dk-1"], None, [{"name": "dk-1"}]),
        (["dk-1"], None, [{"name": "dk-1"}]),
        (["nrf9151dk"], None, [{"name": "dk-1"}, {"name": "dk-2"}]),
        (["all"], None, [{"name": "dk-1"}, {"name": "dk-2"}, {"name": "x-1"}]),
        (["dk-2", "label=roof"], None, [{"name": "dk-2"}, {"name": "dk-1"}, {"name": "x-1"}]),
        (["model=nrf9151dk"], 2, [{"model": "nrf9151dk"}] * 2),
        (["serial=DK-1"], 1, [{"serial": "00dk-1"}]),
        (["dk-*"], None, [{"name": "dk-1"}, {"name": "dk-2"}]),
        (["model=nrf9151dk,label=roof"], 2, [{"model": "nrf9151dk", "label_roof": "yes"}] * 2),
        (["model=thingy91x,label=roof"], None, [{"name": "x-1"}]),
        ([], 3, [{}] * 3),
    ],
)
def test_wishes(selectors: list[str], count: int | None, tags: list[dict[str, str]]) -> None:
    found = wishes(selectors, count, None, PLACES)
    assert [{**wish.tags} for wish in found] == [{**KIND, **one} for one in tags]


@pytest.mark.parametrize(
    ("selectors", "count", "told"),
    [
        ([], None, "say which boards"),
        (["nobody"], None, "no board of the lab is nobody; its boards: dk-1, dk-2, x-1"),
        (["model=nrf9151dk"], 3, "3 boards are wanted that are model=nrf9151dk, the lab has 2"),
        (["a", "b"], 2, "--count with several --board"),
        (["place=1-1"], None, "knows name, model, serial, label of its boards"),
        (["dk-*"], 2, "labgrid knows no pattern"),
        (["label=roof,name=dk-3"], None, "no board of the lab is label=roof,name=dk-3"),
        (["kind=x"], None, "kind"),
    ],
)
def test_wishes_that_nothing_fulfils(selectors: list[str], count: int | None, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        wishes(selectors, count, None, PLACES)


def test_a_firmware_is_asked_on_the_boards_host() -> None:
    (wish,) = wishes(["dk-1,slm=3.1.*,modem=mfw_*"], None, None, PLACES)
    assert (wish.name, wish.firmware) == ("dk-1", "slm=3.1.*,modem=mfw_*")
    (wish,) = wishes(["model=nrf9151dk,firmware=2.0"], 1, None, PLACES)
    assert (dict(wish.tags), wish.firmware) == ({**KIND, "model": "nrf9151dk"}, "firmware=2.0")


def test_a_plan_wishes_for_its_boards() -> None:
    plan = Plan.model_validate({"name": "p", "boards": [{"model": "nrf9151dk", "count": 2}, {"model": "thingy91x"}]})
    assert [wish.tags["model"] for wish in wishes([], None, plan, PLACES)] == ["nrf9151dk", "nrf9151dk", "thingy91x"]
    with pytest.raises(UsageError, match="the lab has 2"):
        wishes([], None, plan.model_copy(update={"boards": plan.boards[:1] * 2}), PLACES)


def test_tags_and_file_of_a_host() -> None:
    board = HostBoard(name="dk-1", model="nrf9151dk", serial="001051200001", labels=["roof"], interface="00")
    assert tags_of(board, "rack1")["label_roof"] == "yes"
    # Digits alone would be an octal number in YAML, and a place of their own in labgrid.
    assert (group_of(board), pattern_of(board, "rack1")) == ("sn-001051200001", "rack1/sn-001051200001/*")
    text = exporter_yaml([board, HostBoard(name="far", at="tcp://x:1")], "10.0.0.7", "bench", 2222)
    assert 'ID_SERIAL_SHORT: "001051200001", ID_USB_INTERFACE_NUM: "00"' in text
    assert text.count("cls: NetworkService") == 2
    assert text.count("cls: USBFlashableDevice") == 1
    assert not [line for line in text.splitlines() if line.lstrip().startswith("# ")]  # labgrid's templates: statements
