"""What is wrong with what a run of real processes showed; an empty list is a pass.

The tests in tests/stack feed these with real observations. tests/test_checks.py and the planted
defects there feed them with what a broken system shows, so that each check is known to fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

RUNNING_AGAIN_S_MAX = 30.0
STACK_MIB_MAX = 4096
ACTION_SHARE_MIN = 0.2
CAMPAIGNS_MIN = 3
Result = Mapping[str, Any]
Place = tuple[int, int]
"""(partition, offset) of a record in its topic."""


class Healing(NamedTuple):
    """Seconds after a kill; None where it did not happen while it was waited for."""

    noticed_s: float | None
    replaced_s: float | None
    running_s: float | None


def _failed(conditions: Mapping[str, bool]) -> list[str]:
    return [name for name, holds in conditions.items() if not holds]


def counts(result: Result) -> list[str]:
    """Every acknowledged event is in exactly one of the counts kept in its user's state."""
    numbers = {name: result[name] for name in ("sent", "acked", "applied", "duplicate", "resent")}
    return _failed(
        {
            f"events lost or applied twice: {numbers}": result["applied"]
            == result["acked"]
            == result["sent"],
            f"duplicates not counted as such: {numbers}": result["duplicate"] == result["resent"],
            f"{result['users_answering']} of {result['users']} users told their counts": (
                result["users_answering"] == result["users"]
            ),
        }
    )


def quiet(result: Result) -> list[str]:
    """Where nothing failed, nothing is late, refused, unanswered or decided again."""
    odd = {n: result[n] for n in ("late", "dead_lettered", "unanswered", "repeated") if result[n]}
    return _failed(
        {
            f"must be 0: {odd}": not odd,
            "not conserved": result["conserved"],
            # Only what the second producer sent again can meet a watermark that has passed it.
            "events out of order": result["disordered"] <= result["resent"],
            "nothing was sent twice: duplicates were not tried": result["resent"] > 0,
        }
    )


def slots(result: Result) -> list[str]:
    """One decision a slot wins, whatever is read or decided again, and none is missing."""
    return _failed(
        {
            "slots with two bodies": result["slots_with_two_bodies"] == 0,
            "slots pushed twice": result["slots_pushed_twice"] == 0,
            "slots without a decision": result["never_arrived"]["record"] == 0,
        }
    )


def answers(result: Result) -> list[str]:
    """Each page is a decision point; one without a decision counts as infinite."""
    return _failed(
        {
            "fewer decisions than pages": result["decisions"] >= result["sent"],
            f"never arrived: {result['never_arrived']}": not any(result["never_arrived"].values()),
            "an answer took for ever": result["latency_ms"]["max"] is not None,
        }
    )


def choices(result: Result) -> list[str]:
    """A fifth of the sessions get an action; three campaigns win, one on its scores."""
    return _failed(
        {
            "too few sessions with an action": result["sessions_with_action"]
            >= result["sessions"] * ACTION_SHARE_MIN,
            f"campaigns that won: {result['by_campaign']}": len(result["by_campaign"])
            >= CAMPAIGNS_MIN,
            "no campaign won on its scores": result["won_on_scores"] > 0,
        }
    )


def healed(healing: Healing, before: str, after: str) -> list[str]:
    """The same job, all its tasks included, runs again soon after one of its processes died."""
    if healing.noticed_s is None:
        return ["the job never stopped running: the kill proved nothing"]
    if healing.replaced_s is None:
        return ["the process was not brought back"]
    if healing.running_s is None or healing.running_s > RUNNING_AGAIN_S_MAX:
        return [f"running again after {healing.running_s} s, allowed {RUNNING_AGAIN_S_MAX}"]
    return [] if before == after else [f"another job: {after} in place of {before}"]


def struck(result: Result) -> list[str]:
    """A kill between two checkpoints makes the job decide again what it had decided."""
    return [] if result["repeated"] else ["nothing was decided again: the kill proved nothing"]


def poison(
    injected: Mapping[Place, tuple[str, bytes | None, bytes | None]],
    letters: Mapping[Place, Any],
    restarts: float,
) -> list[str]:
    """A dead letter with the original bytes for each (class, key, value), and no job restart."""
    out = [f"{injected[place][0]}: no dead letter" for place in injected.keys() - letters.keys()]
    out += [f"a dead letter of a good record at {p}" for p in letters.keys() - injected.keys()]
    for place in injected.keys() & letters.keys():
        name, key, value = injected[place]
        if (letters[place].key, letters[place].value) != (key, value):
            out.append(f"{name}: not the original bytes")
        if not letters[place].reason:
            out.append(f"{name}: no reason")
    return out + ([f"{restarts:g} job restarts"] if restarts else [])


def refusal(status: int, answer: Mapping[str, Any]) -> list[str]:
    """A bad request gets a 4xx that says what is wrong."""
    return _failed(
        {f"status {status}": 400 <= status < 500, "no reason": bool(answer.get("error"))}
    )


def all_running(status: Mapping[str, Any], build_id: str) -> list[str]:
    """`kairos status --json` of a whole stack: all processes, the job, its build, the memory."""
    rows = status["processes"]
    job = status["job"] or {"state": "none", "build_id": ""}
    dead = [row["name"] for row in rows if row["state"] != "running"]
    mib = sum(row["rss_mib"] for row in rows)
    return _failed(
        {
            f"not running: {dead or 'no process at all'}": bool(rows) and not dead,
            f"job {job['state']}": job["state"] == "RUNNING",
            f"build {job['build_id']}, not {build_id}": job["build_id"] == build_id,
            f"{mib:.0f} MiB": 0 < mib < STACK_MIB_MAX,
        }
    )


def kept(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What must be the same after as before, by name: a job, a pid, an offset, a schema."""
    names = before.keys() | after.keys()
    return [
        f"{name}: {before.get(name)} became {after.get(name)}"
        for name in sorted(names)
        if before.get(name) != after.get(name)
    ]


def deployed(told: Mapping[str, Any], runs: str | None, wanted: str, *, back: bool) -> list[str]:
    """`kairos deploy`: the build that was wanted runs, rolled back or not as expected."""
    return _failed(
        {
            f"told of build {told['build_id']}, not {wanted}": told["build_id"] == wanted,
            f"build {runs} runs, not {wanted}": runs == wanted,
            f"rolled back: {told['rolled_back']}": told["rolled_back"] is back,
        }
    )
