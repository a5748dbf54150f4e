"""Each check on real processes can fail: a row is what one defect shows and what is said of it.

The central defects are planted in real code in tests/stack as well, and run.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests import checks
from tests.checks import Healing

FLAWLESS: dict[str, Any] = {
    "sent": 100, "acked": 100, "applied": 100, "duplicate": 5, "resent": 5, "late": 0,
    "dead_lettered": 0, "unanswered": 0, "users": 9, "users_answering": 9, "conserved": True,
    "repeated": 0, "disordered": 5, "slots_with_two_bodies": 0, "slots_pushed_twice": 0,
    "never_arrived": {"record": 0, "action": 0}, "decisions": 120, "latency_ms": {"max": 80.0},
    "sessions": 10, "sessions_with_action": 2, "by_campaign": {"a": 1, "b": 1, "c": 1},
    "won_on_scores": 1,
}  # fmt: skip
OF_REPLAY = (
    checks.counts, checks.quiet, checks.slots, checks.answers, checks.choices
)  # fmt: skip


def test_a_flawless_replay_passes_every_check() -> None:
    """The base line of the rows below."""
    assert [check(FLAWLESS) for check in OF_REPLAY] == [[]] * len(OF_REPLAY)


@pytest.mark.parametrize(
    ("planted", "shows", "check"),
    [
        ("an event lost", {"applied": 99}, checks.counts),
        ("an event applied twice", {"applied": 101}, checks.counts),
        ("an event sent and refused", {"acked": 99, "applied": 99}, checks.counts),
        ("dedup always fresh", {"applied": 105, "duplicate": 0}, checks.counts),
        ("a user's state lost", {"users_answering": 8}, checks.counts),
        ("first events counted as late", {"late": 1}, checks.quiet),
        ("good events dead-lettered", {"dead_lettered": 1}, checks.quiet),
        ("a request without an answer", {"unanswered": 1}, checks.quiet),
        ("a decision written twice", {"repeated": 1}, checks.quiet),
        ("counts that do not meet", {"conserved": False}, checks.quiet),
        ("a watermark that runs ahead", {"disordered": 6}, checks.quiet),
        ("a resend that sends nothing", {"resent": 0, "duplicate": 0}, checks.quiet),
        ("a clock in a rule", {"slots_with_two_bodies": 1}, checks.slots),
        ("a gateway that pushes again", {"slots_pushed_twice": 1}, checks.slots),
        ("version in the slot key", {"never_arrived": {"record": 1, "action": 0}}, checks.slots),
        ("a decision lost", {"never_arrived": {"record": 1, "action": 0}}, checks.answers),
        ("a push lost", {"never_arrived": {"record": 0, "action": 1}}, checks.answers),
        ("pages without decisions", {"decisions": 99}, checks.answers),
        ("an answer that never came", {"latency_ms": {"max": None}}, checks.answers),
        ("a reserve nobody meets", {"sessions_with_action": 1}, checks.choices),
        ("one campaign for everybody", {"by_campaign": {"a": 3}}, checks.choices),
        ("scores that choose nothing", {"won_on_scores": 0}, checks.choices),
    ],
)
def test_a_replay_of_a_broken_system_fails(planted: str, shows: dict, check) -> None:
    """planted: one defect a row."""
    assert check({**FLAWLESS, **shows}), planted


@pytest.mark.parametrize(
    ("planted", "healing", "after", "fails"),
    [
        ("nothing", Healing(1.0, 2.0, 30.0), "job", False),
        ("a supervisor that does not restart", Healing(1.0, None, None), "job", True),
        ("a job that does not come back", Healing(1.0, 2.0, None), "job", True),
        ("a restart that takes too long", Healing(1.0, 2.0, 30.1), "job", True),
        ("a second submission in place of the job", Healing(1.0, 2.0, 9.0), "other", True),
        ("a kill that misses", Healing(None, None, None), "job", True),
    ],
)
def test_a_job_is_healed_within_30_s_of_the_kill_as_a_whole(planted, healing, after, fails) -> None:
    """planted: one defect a row; the time counts from the kill, not from the replacement."""
    assert bool(checks.healed(healing, "job", after)) is fails, planted


def test_a_kill_that_strikes_nothing_is_told() -> None:
    """planted: the kill right behind a checkpoint, after which nothing is decided again."""
    assert checks.struck({"repeated": 0})
    assert checks.struck({"repeated": 3}) == []


INJECTED = {(0, 1): ("garbage", b"k", b"v")}
LETTER = SimpleNamespace(key=b"k", value=b"v", reason="bad_magic")


@pytest.mark.parametrize(
    ("planted", "letters", "restarts", "fails"),
    [
        ("nothing", {(0, 1): LETTER}, 0, False),
        ("dead letter dropped", {}, 0, True),
        ("the offset of another record", {(0, 2): LETTER}, 0, True),
        ("a good record refused too", {(0, 1): LETTER, (0, 2): LETTER}, 0, True),
        ("a value decoded and encoded again", {(0, 1): LETTER.__class__(
            key=b"k", value=b"V", reason="bad_magic")}, 0, True),
        ("a key that was made up", {(0, 1): LETTER.__class__(
            key=b"", value=b"v", reason="bad_magic")}, 0, True),
        ("no reason", {(0, 1): LETTER.__class__(key=b"k", value=b"v", reason="")}, 0, True),
        ("an exception that restarts the job", {(0, 1): LETTER}, 1, True),
    ],
)  # fmt: skip
def test_poison_that_is_not_kept_whole_fails(planted, letters, restarts, fails) -> None:
    """planted: one defect a row."""
    assert bool(checks.poison(INJECTED, letters, restarts)) is fails, planted


@pytest.mark.parametrize(
    ("planted", "status", "answer", "fails"),
    [
        ("nothing", 400, {"error": "site: unknown"}, False),
        ("rubbish accepted", 202, {"accepted": 1}, True),
        ("a crash", 500, {"error": "internal"}, True),
        ("a refusal without a reason", 400, {}, True),
    ],
)
def test_rubbish_without_a_precise_4xx_fails(planted, status, answer, fails) -> None:
    """planted: one defect a row."""
    assert bool(checks.refusal(status, answer)) is fails, planted


def a_status(**changes: Any) -> dict[str, Any]:
    """What a whole stack tells, but for these changes to its one process."""
    row = {"name": "kafka", "state": "running", "rss_mib": 500.0, **changes}
    return {"processes": [row], "job": {"state": "RUNNING", "build_id": "b"}}


@pytest.mark.parametrize(
    ("planted", "status", "fails"),
    [
        ("nothing", a_status(), False),
        ("a dead process", a_status(state="dead"), True),
        ("a process that was given up", a_status(state="failed"), True),
        ("a leak", a_status(rss_mib=4096.0), True),
        ("memory that is not read", a_status(rss_mib=0.0), True),
        ("a list of nothing", {**a_status(), "processes": []}, True),
        ("no job", {**a_status(), "job": None}, True),
        ("a job that starts for ever", {**a_status(), "job": {
            "state": "STARTING", "build_id": "b"}}, True),
        ("a job of stale code", {**a_status(), "job": {
            "state": "RUNNING", "build_id": "old"}}, True),
    ],
)  # fmt: skip
def test_a_stack_that_is_not_whole_fails(planted, status, fails) -> None:
    """planted: one defect a row."""
    assert bool(checks.all_running(status, "b")) is fails, planted


@pytest.mark.parametrize(
    ("planted", "after", "fails"),
    [
        ("nothing", {"job": "a", "kafka": 7}, False),
        ("an `up` that submits again", {"job": "b", "kafka": 7}, True),
        ("an `up` that restarts a process", {"job": "a", "kafka": 8}, True),
        ("a process lost", {"job": "a"}, True),
        ("a second one started", {"job": "a", "kafka": 7, "kafka-2": 9}, True),
    ],
)
def test_what_did_not_stay_the_same_is_named(planted, after, fails) -> None:
    """planted: one defect a row."""
    assert bool(checks.kept({"job": "a", "kafka": 7}, after)) is fails, planted


@pytest.mark.parametrize(
    ("planted", "told", "runs", "fails"),
    [
        ("nothing", {"build_id": "new", "rolled_back": False}, "new", False),
        ("old modules in a kept TaskManager", {"build_id": "new", "rolled_back": False}, "old",
         True),
        ("a deploy of something else", {"build_id": "old", "rolled_back": False}, "old", True),
        ("a rollback untold", {"build_id": "new", "rolled_back": True}, "new", True),
        ("no job after all", {"build_id": "new", "rolled_back": False}, None, True),
    ],
)  # fmt: skip
def test_a_deploy_that_did_something_else_fails(planted, told, runs, fails) -> None:
    """planted: one defect a row."""
    assert bool(checks.deployed(told, runs, "new", back=False)) is fails, planted
