"""Two test runs on one machine never get the same addresses."""

import socket
from pathlib import Path

from terrella.world.addresses import FIRST, claim_base

PORTS = (45_661, 45_662)


def test_a_base_is_claimed_once_and_free_again_when_released(tmp_path: Path) -> None:
    first = claim_base(PORTS, directory=tmp_path)
    second = claim_base(PORTS, directory=tmp_path)
    assert first.text != second.text
    first.release()
    third = claim_base(PORTS, directory=tmp_path)
    assert third.text == first.text
    second.release()
    third.release()


def test_addresses_where_somebody_listens_are_left_alone(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind((f"127.{FIRST}.1.1", PORTS[1]))
        other.listen()
        base = claim_base(PORTS, directory=tmp_path)
        assert base.text != f"127.{FIRST}"
        base.release()
