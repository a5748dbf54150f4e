"""The defects: where each is planted, and who must notice. One place of one file each."""

from __future__ import annotations

from dataclasses import dataclass

SIMULATOR = "simulator"
AUCTION = "tests/models/test_auction.py::"
WAL = "tests/gateway/test_wal"
GATEWAY = "tests/gateway/test_"
TWO_PROCESSES = "simulator in two processes"
"""Whose hash seeds differ, and with them the order of their sets; see test_simulator.py."""


@dataclass(frozen=True, slots=True)
class Defect:
    """`old` stands exactly once in `module`'s source; `caught_by` is a test, or the simulator.

    The simulator has to name one of `breaks`, beginnings of what it says; tests need not.
    """

    name: str
    module: str
    old: str
    new: str
    caught_by: str = SIMULATOR
    breaks: tuple[str, ...] = ()


def _simulated(name: str, module: str, old: str, new: str, *breaks: str) -> Defect:
    return Defect(name, module, old, new, SIMULATOR, breaks)


DEFECTS = (
    _simulated(
        "wall clock in a rule",
        "models.user",
        "now_ms = max(profile.now_ms, event.received_at_ms)",
        "now_ms = max(profile.now_ms, __import__('time').time_ns() // 1_000_000)",
        "I3",
        "I4",
        "I5",
    ),
    Defect(
        "unordered set in the state",
        "models.tally",
        "tally.preferences = dict(sorted(newest))",
        "tally.preferences = dict(set(newest))",
        TWO_PROCESSES,
    ),
    _simulated(
        "cap kept in the process, not in the state",
        "models.exposures",
        "            out.book(exposure.campaign_id, same, today, 1)\n",
        "            reads = globals().setdefault('reads', [])\n"
        "            reads.append(exposure.slot_id)\n"
        "            out.book(exposure.campaign_id, same, today, "
        "reads.count(exposure.slot_id))\n",
        "I3",
        "I4",
        "I5",
    ),
    _simulated(
        "cap one too late",
        "models.eligibility",
        "session |= bit if 0 < campaign.cap_session <= shown else 0",
        "session |= bit if 0 < campaign.cap_session < shown else 0",
        "I8",
    ),
    _simulated(
        "version in the slot key",
        "models.decision",
        "event_slot(desk.site, desk.user_key, placement, ask.event_id)",
        "event_slot(desk.site, desk.user_key, placement, "
        "f'{ask.event_id}-{desk.view.versions.catalogue}')",
        "I3",
    ),
    Defect(
        "float before the auction",
        "models.loops",
        "scores = bids * qualities",
        "scores = (bids / 1e6) * qualities",
        AUCTION + "test_the_largest_bids_stay_exact",
    ),
    _simulated(
        "deadline decided when its timer runs",
        "models.deadlines",
        "profile.now_ms = max(profile.now_ms, at_ms)",
        "profile.now_ms = at_ms = max(profile.now_ms, until_ms)",
        "I3",
        "I4",
        "I5",
    ),
    Defect(
        "two tabs share a deadline's slot",
        "models.user",
        "taken = {each.dwell_at_ms for each in profile.tabs if each is not tab}",
        "taken = set[int]()",
        "tests/models/test_user.py::test_two_tabs_that_dwell_alike_have_slots_of_their_own",
    ),
    _simulated(
        "reservation lost",
        "schemas.exposure",
        "return state == RESERVED and now_ms <= exposure.expires_ms + LAPSE_MS",
        "return False",
        "I8",
    ),
    _simulated(
        "dedup window forgets its newest",
        "models.dedup",
        "elif mask >> behind & 1:",
        "elif behind and mask >> behind & 1:",
        "I2",
        "I3",
    ),
    Defect(
        "dedup window forgets after 64",
        "models.dedup",
        "_ALL = (1 << WINDOW_BITS) - 1",
        "_ALL = (1 << HASHED) - 1",
        "tests/models/test_dedup.py::test_verdicts_agree_with_a_set_that_remembers_everything",
    ),
    _simulated(
        "timer not restored",
        "tests.simulator.job",
        "self.local.timers = list(checkpoint.timers)",
        "self.local.timers = []",
        "I4",
        "I5",
        "I10",
    ),
    Defect(
        "tie broken by the order of the file",
        "models.auction",
        "key=lambda at: (-priorities[at], ids[at].encode())",
        "key=lambda at: -priorities[at]",
        AUCTION + "test_6_order_of_the_catalogue_does_not_matter",
    ),
    _simulated(
        "expired decision pushed",
        "gateway.teller",
        "if decision.expires_at_ms <= now_ms:",
        "if decision.expires_at_ms <= 0:",
        "I7",
    ),
    _simulated(
        "holdout salted by session",
        "models.decision",
        "draws = drawn(view.site, desk.user_key, campaign)",
        "draws = drawn(view.site, desk.user_key + desk.ask.tab.tab_id, campaign)",
        "I8",
    ),
    _simulated(
        "two actions a stage",
        "models.exposures",
        "        and exposure.stage_entry == session.stage_entry\n",
        "        and exposure.stage_entry == session.stage_entry + 1\n",
        "I8",
    ),
    _simulated(
        "version in force when it arrives",
        "models.context",
        "if effective_at_ms > now_ms:",
        "if effective_at_ms > now_ms + 2_000:",
        "I3",
        "I4",
        "I5",
    ),
    _simulated(
        "failed append remembered as durable",
        "gateway.dedup",
        "if done.cancelled() or done.exception() is not None:",
        "if done.cancelled():",
        "I1",
    ),
    _simulated(
        "late counted as a duplicate too",
        "models.user",
        "profile.duplicate += verdict == dedup.DUPLICATE",
        "profile.duplicate += 1",
        "I2",
    ),
    _simulated(
        "dead letter before the deadlines before it",
        "models.user",
        "    if profile is not None:\n        profile = deadlines.run(profile, at_ms",
        "    if profile is not None and not at_ms:\n        profile = deadlines.run(profile, at_ms",
        "I3",
        "I4",
        "I5",
    ),
    _simulated(
        "a timer counts as a visit",
        "models.user",
        "    if profile.timer_at_ms <= until_ms:\n",
        "    profile.forget_at_ms += 1\n    if profile.timer_at_ms <= until_ms:\n",
        "I5",
    ),
    _simulated(
        "every tab of a visitor hears",
        "gateway.connections",
        "if each.session_id == session_id and each.tab_id == tab_id",
        "if each.session_id == session_id",
        "I6",
    ),
    _simulated(
        "page views ask for nothing",
        "schemas.event",
        '"page_view product_view add_to_cart remove_from_cart cart_view checkout_start exit',
        '"product_view add_to_cart remove_from_cart cart_view checkout_start exit',
        "I9",
    ),
    _simulated(
        "visitors are never forgotten",
        "models.deadlines",
        "at_ms: int = profile.forget_at_ms",
        "at_ms: int = 0",
        "I10",
        "I4",
    ),
    Defect(
        "dropped subject filter",
        "gateway.connections",
        "for each in self._by_key.get(key, ())\n            if each.session_id",
        "for all_of_them in self._by_key.values() for each in all_of_them\n"
        "            if each.session_id",
        GATEWAY + "push.py::test_no_decision_reaches_a_stranger",
    ),
    Defect(
        "a partial replay that claims to be whole",
        "gateway.catch_up",
        "resumed=same and len({each.seq for each in fresh}) == newest - since,",
        "resumed=same,",
        GATEWAY + "catch_up.py::test_a_replay_is_whole_or_says_that_it_is_not",
    ),
    Defect(
        "unbounded queue",
        "gateway.outbox",
        "if len(self._frames) >= FRAMES_MAX or self._bytes + frame.size_bytes > BYTES_MAX:",
        "if self._bytes < 0:",
        GATEWAY + "outbox.py::test_it_is_full_at_its_bounds",
    ),
    Defect(
        "late answer on top of its fallback",
        "gateway.answers",
        'was answered by a fallback", slot_id)\n            return False',
        'was answered by a fallback", slot_id)\n            return True',
        GATEWAY + "deadlines.py::test_the_fallback_goes_out_in_time_and_the_late_answer_does_not",
    ),
    Defect(
        "fallback used twice",
        "gateway.answers",
        "self._carriers[decision_id] = None",
        "self._carriers.pop(decision_id, None)",
        GATEWAY + "deadlines.py::test_no_time_out_breaks_a_cap_or_a_holdout_or_goes_unexplained",
    ),
    Defect(
        "released fallback shown",
        "gateway.time_out",
        "carrier, asked = None, each.trigger",
        "asked = each.trigger",
        GATEWAY + "deadlines.py::test_which_fallback_may_be_shown",
    ),
    _simulated(
        "browser renders a slot as often as it hears of it",
        "tests.simulator.browser",
        "if slot_id in self._seen:",
        "if not slot_id:",
        "I11",
    ),
    _simulated(
        "acknowledged without a sync",
        "gateway.wal",
        "        file.sync()\n        first, self._next",
        "        first, self._next",
        "I1",
    ),
    _simulated(
        "cursor ahead of delivery",
        "gateway.wal",
        "        seq = self.delivered\n",
        "        seq = self.last\n",
        "I1",
    ),
    Defect(
        "acknowledged before it is written",
        "gateway.wal_thread",
        "                first = self._wal.commit(",
        "                self._loop.call_soon_threadsafe(self._settled, group, 1)\n"
        "                first = self._wal.commit(",
        WAL + "_log.py::test_a_failed_sync_acknowledges_nothing_more_and_ends_the_process",
    ),
    Defect(
        "checksum of a record not checked",
        "gateway.wal_record",
        "if extend(value(_SEQ.pack(seq)), payload) == crc else None",
        "if crc >= 0 else None",
        WAL + ".py::test_a_flipped_bit_in_what_was_acknowledged_is_reported_and_set_aside",
    ),
    Defect(
        "damage passed over in silence",
        "gateway.wal",
        "        self.opened.damage.append((segment.name, damage))\n",
        "",
        WAL + ".py::test_a_flipped_bit_in_what_was_acknowledged_is_reported_and_set_aside",
    ),
    Defect(
        "a new event overtakes those held back",
        "gateway.wal_courier",
        "        if self.live:\n",
        "        if not self.stalled:\n",
        WAL + "_courier.py::test_in_any_history_nothing_durable_is_lost_or_overtaken",
    ),
)
"""All of them; docs/proofs/sabotage.md shows who caught each."""
