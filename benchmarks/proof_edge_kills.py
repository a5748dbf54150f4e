"""Proof `edge-kills`: a hundred SIGKILLs of a gateway, and what a broker can do to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import edge_faults
from benchmarks.edge_rig import Arrived, Edge
from benchmarks.proof import Proof, Result, Step
from infra.local.stack import Stack

SEED = 6
KILL_STEPS, KILLS_A_STEP = 10, 10
PAUSE_S, AWAY_S = 20.0, 15.0
NONE_OF = ("lost", "half", "reordered")
NOTES = (
    "Eight visitors post one event at a time and repeat it until it is acknowledged. Of the "
    "acknowledged events: `lost` are not in topic `events` at the end, `half` are records nobody "
    "can read, `reordered` came before an earlier one of their visitor; each has to be 0. `sent "
    "again` are records beyond the first, which the job drops. `meanwhile` were acknowledged "
    "while the broker was away. SIGKILL keeps the page cache: what these runs do not prove stands "
    "in docs/durability.md. The thousand torn and the thousand flipped logs are in "
    "tests/gateway/test_wal.py, the small disk in tests/stack/test_wal.py."
)
Fault = Callable[[Edge, Arrived, Stack], Result]


def _struck(fault: Fault) -> Callable[[Stack], Result]:
    """One fault on a gateway and a directory of its own."""

    def run(stack: Stack) -> Result:
        where = stack.state.endpoints
        with TemporaryDirectory(dir=stack.layout.stack) as folder:
            arrived = Arrived(where["brokers"], where["registry"])
            edge = Edge(where["brokers"], where["registry"], Path(folder) / "wal")
            edge.start()
            try:
                return fault(edge, arrived, stack)
            finally:
                edge.end()
                arrived.close()

    return run


def _kills(number: int) -> Step:
    def fault(edge: Edge, arrived: Arrived, _stack: Stack) -> Result:
        return edge_faults.kills(edge, arrived, KILLS_A_STEP, SEED + number)

    return Step(f"kills-{number}", _struck(fault), _check)


def _paused(edge: Edge, arrived: Arrived, stack: Stack) -> Result:
    return edge_faults.broker_paused(edge, arrived, stack.state.pids["kafka"], PAUSE_S, SEED)


def _killed(edge: Edge, arrived: Arrived, stack: Stack) -> Result:
    return edge_faults.broker_killed(edge, arrived, stack, AWAY_S, SEED)


def _tail(edge: Edge, arrived: Arrived, stack: Stack) -> Result:
    return edge_faults.tail_lost(edge, arrived, stack, SEED)


def _check(result: Result) -> list[str]:
    wrong = [f"{result[name]} {name}" for name in NONE_OF if result[name]]
    if result["acked"] < 100:
        wrong.append(f"only {result['acked']} acknowledged: nothing is shown")
    if result.get("acked_meanwhile", 100) < 100:
        wrong.append(f"only {result['acked_meanwhile']} acknowledged while the broker was away")
    if not result.get("lost_before", 1):
        wrong.append("the cut tail held nothing, so that the replay shows nothing")
    return wrong


def _table(results: Mapping[str, Result]) -> list[str]:
    head = ("acked", "lost", "half", "reordered", "sent_again")
    more = {"kills": "kills", "acked_meanwhile": "meanwhile", "ready_s_max": "ready s, worst"}
    more |= {"drained_s": "drained in s", "lost_before": "lost before replay"}
    lines = [
        "| step | " + " | ".join([*head, "more"]).replace("_", " ") + " |",
        "| --- " * (len(head) + 2) + "|",
    ]
    for name, result in results.items():
        rest = ", ".join(f"{text} {result[key]}" for key, text in more.items() if key in result)
        lines.append("| " + " | ".join([name, *(str(result[key]) for key in head), rest]) + " |")
    totals = [sum(result[key] for result in results.values()) for key in head]
    return [*lines, "| all | " + " | ".join(map(str, totals)) + " | |"]


PROOF = Proof(
    name="edge-kills",
    help="acknowledged events through 100 kills of the gateway and three failures of the broker",
    seed=SEED,
    steps=(
        *(_kills(number) for number in range(KILL_STEPS)),
        Step("broker-paused", _struck(_paused), _check),
        Step("broker-killed", _struck(_killed), _check),
        Step("broker-lost-its-tail", _struck(_tail), _check),
    ),
    notes=NOTES,
    table=_table,
    services=("kafka", "registry"),
)
