"""Which sockets processes listen on, and which of those the network reaches."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

LISTEN = "0A"
WORD = 8


class Listener(NamedTuple):
    """One listening TCP socket of a process."""

    pid: int
    host: str
    port: int


def host_of(text: str) -> str:
    """The address as /proc/net writes it: 32-bit words, each with its lowest byte first."""
    words = [bytes.fromhex(text[at : at + WORD])[::-1] for at in range(0, len(text), WORD)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def listeners(pids: Iterable[int]) -> list[Listener]:
    """Every listening TCP socket of these processes, IPv4 and IPv6."""
    places = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTEN:
                host, _, port = fields[1].partition(":")
                places[fields[9]] = (host_of(host), int(port, 16))
    return [
        Listener(pid, *places[inode]) for pid in pids for inode in inodes(pid) if inode in places
    ]


def inodes(pid: int) -> set[str]:
    """The sockets a process holds open."""
    links = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            links.add(str(entry.readlink()))
        except OSError:
            continue
    return {link[8:-1] for link in links if link.startswith("socket:[")}


def reached_from_outside(found: Iterable[Listener]) -> list[Listener]:
    """Those on another address than loopback."""
    return [each for each in found if not ipaddress.ip_address(each.host).is_loopback]
