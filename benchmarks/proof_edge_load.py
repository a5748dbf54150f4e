"""Proof `edge-load`: durable answers at 1,000 posts a second, ten thousand sockets, a storm."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from benchmarks import edge_load, push
from benchmarks.edge_rig import Edge
from benchmarks.proof import Proof, Result, Step
from infra.local.stack import Stack

P50_MS, P99_MS = 3.0, 10.0
PER_CORE_S = 10_000
SOCKETS_MIB, PUSH_P99_MS, DEAF_KIB, STORM_S = 200.0, 20.0, 1024.0, 30.0
NOTES = (
    "Posts go to a gateway process of its own with the write-ahead log on and a real broker; "
    "client, gateway and broker share the two cores. `singles`: open loop at 1,000/s, the wait "
    "counts from each post's moment to its 202, after the sync to disk. `batches`: sixteen posts "
    "of ten events on their way; events a second of the gateway's own CPU time. `sockets`: a "
    "gateway around a log in memory (benchmarks/push_server.py), with clients in one process; the "
    "latency counts from the moment a decision was due."
)


def _posted(load: Callable[[Edge], Result]) -> Callable[[Stack], Result]:
    def run(stack: Stack) -> Result:
        where = stack.state.endpoints
        with TemporaryDirectory(dir=stack.layout.stack) as folder:
            wal = Path(folder) / "wal"
            edge = Edge(where["brokers"], where["registry"], wal, env=edge_load.NO_LIMIT)
            edge.start()
            try:
                return load(edge)
            finally:
                edge.end()

    return run


def _sockets(_stack: Stack) -> Result:
    rows = uvloop.run(push.measured(push.IDLE, push.DEAF))
    found = {row.name: {"value": row.value, "p50": row.p50, "p99": row.p99} for row in rows}
    return {"rows": found, "units": {row.name: row.unit for row in rows}}


def _check_singles(result: Result) -> list[str]:
    wrong = [f"{result['refused']} refused"] if result["refused"] else []
    if result["p50_ms"] >= P50_MS:
        wrong.append(f"p50 {result['p50_ms']} ms, promised < {P50_MS:g}")
    if result["p99_ms"] >= P99_MS:
        wrong.append(f"p99 {result['p99_ms']} ms, promised < {P99_MS:g}")
    return wrong


def _check_batches(result: Result) -> list[str]:
    wrong = []
    if result["events"] != result["offered"]:
        wrong.append(f"{result['events']} of {result['offered']} events taken")
    if result["per_core_s"] < PER_CORE_S:
        wrong.append(f"{result['per_core_s']} events/s a core, promised {PER_CORE_S}")
    return wrong


LIMITS: tuple[tuple[str, str, float], ...] = (
    (r"idle sockets, whole process$", "value", SOCKETS_MIB),
    (r"^push at .* sockets open$", "p99", PUSH_P99_MS),
    (r"^a socket that never reads", "value", DEAF_KIB),
    (r"^push at .* after .* never read", "p99", PUSH_P99_MS),
    (r"all back$", "value", STORM_S),
)
"""(name of the row, its figure, the most it may be)."""


def _check_sockets(result: Result) -> list[str]:
    wrong = []
    for pattern, figure, most in LIMITS:
        found = [name for name in result["rows"] if re.search(pattern, name)]
        assert len(found) == 1, f"{pattern} names {found}"
        value = result["rows"][found[0]][figure]
        if value > most:
            wrong.append(f"{found[0]}: {figure} {value}, promised <= {most:g}")
    return wrong


def _table(results: Mapping[str, Result]) -> list[str]:
    one, many, held = results["singles"], results["batches"], results["sockets"]
    lines = ["| figure | unit | value | p50 | p99 | promised |", "|" + " --- |" * 6]
    lines += [
        f"| POST of one event at 1,000/s to its durable 202 ({one['posts']:,} posts) | ms | "
        f"| {one['p50_ms']} | {one['p99_ms']} | p50 < {P50_MS:g}, p99 < {P99_MS:g} |",
        f"| the same, gateway | us CPU a POST | {one['cpu_us']} | | | |",
        f"| batches of ten, {many['events']:,} events | events/s a core | {many['per_core_s']:,} "
        f"| | | >= {PER_CORE_S:,} |",
        f"| the same, all on two cores | events/s | {many['per_s']:,} | | | |",
    ]
    for name, row in held["rows"].items():
        limits = [f"{f} <= {most:g}" for p, f, most in LIMITS if re.search(p, name)]
        figures = ["" if row[f] is None else f"{row[f]:,}" for f in ("value", "p50", "p99")]
        cells = [name, held["units"][name], *figures, ", ".join(limits)]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


PROOF = Proof(
    name="edge-load",
    help="durable answers at 1,000 posts a second, ten thousand sockets, a reconnect storm",
    seed=0,
    steps=(
        Step("singles", _posted(edge_load.singles), _check_singles),
        Step("batches", _posted(edge_load.batches), _check_batches),
        Step("sockets", _sockets, _check_sockets),
    ),
    notes=NOTES,
    table=_table,
    services=("kafka", "registry"),
)
