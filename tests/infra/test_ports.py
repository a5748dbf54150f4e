"""Which ports a stack takes, moves and refuses."""

from __future__ import annotations

import socket

import pytest

from infra.local.layout import LOOPBACK
from infra.local.ports import DEFAULT_PORTS, STEP, PortTaken, allocate, chosen_ports, is_free


def all_free(port: int) -> bool:
    """A machine on which nothing runs."""
    return True


def test_defaults_are_taken_when_free() -> None:
    assert allocate({}, {}, {}, free=all_free) == DEFAULT_PORTS


def test_a_taken_default_moves_alone() -> None:
    kafka = DEFAULT_PORTS["kafka"]
    ports = allocate({}, {}, {}, free=lambda port: port != kafka)
    assert ports == {**DEFAULT_PORTS, "kafka": kafka + STEP}


def test_a_chosen_port_is_refused_when_taken_and_the_message_names_its_variable() -> None:
    with pytest.raises(PortTaken, match="KAIROS_PORT_GATEWAY"):
        allocate({"gateway": 20_001}, {}, {}, free=lambda port: port != 20_001)


def test_two_names_never_share_a_port() -> None:
    ports = allocate({"shop": DEFAULT_PORTS["gateway"]}, {}, {}, free=all_free)
    assert len(set(ports.values())) == len(DEFAULT_PORTS)


def test_a_port_held_by_this_stack_stays_though_it_is_taken() -> None:
    held = {"kafka": 25_000}
    ports = allocate({}, {"kafka": 25_000}, held, free=lambda port: port != 25_000)
    assert ports["kafka"] == 25_000


def test_a_remembered_port_moves_when_another_took_it() -> None:
    ports = allocate({}, {"kafka": 25_000}, {}, free=lambda port: port != 25_000)
    assert ports["kafka"] == 25_000 + STEP


def test_a_running_process_is_not_moved_by_a_new_choice() -> None:
    with pytest.raises(PortTaken, match="kairos down"):
        allocate({"kafka": 20_001}, {}, {"kafka": 25_000}, free=all_free)


@pytest.mark.parametrize("text", ["abc", "0", "65536", "-1", "19092 "])
def test_a_port_that_is_no_port_is_refused_by_the_name_of_its_variable(text: str) -> None:
    with pytest.raises(ValueError, match="KAIROS_PORT_KAFKA"):
        chosen_ports({"KAIROS_PORT_KAFKA": text})


def test_only_ports_set_by_the_user_count_as_chosen() -> None:
    assert chosen_ports({"KAIROS_PORT_SHOP": "20000", "HOME": "x"}) == {"shop": 20_000}


def test_a_port_with_a_listener_is_not_free() -> None:
    with socket.socket() as server:
        server.bind((LOOPBACK, 0))
        server.listen()
        taken = server.getsockname()[1]
        assert not is_free(taken)
    assert is_free(taken)
