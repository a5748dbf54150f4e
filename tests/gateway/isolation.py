"""Random visitors, tabs and decisions: does anything reach somebody it is not for?

python -m tests.gateway.isolation --pushed 1000000     # exit 1 when it does

Each frame says whom it is for, in its own text, so a connection judges what it hears by itself.
Visitors come and go; sites, sessions and tabs are alike on purpose; some records lie about their
key; withdrawals and fallbacks at a deadline go the same way as decisions.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from connectors.avro import codec
from connectors.memory import MemoryRegistry
from gateway.outbox import Frame
from gateway.push import Hub
from gateway.tail import Record
from schemas.decision import Fallback, TriggerRef
from schemas.event import Event
from schemas.render import Render
from schemas.site import Site
from tests.gateway.samples import make_decision, make_site

VISITORS, EARS, NOW_S, LASTS_MS = 200, 300, 1_712_613_245.0, 50_000
SITES = {"demo": make_site(), "full": make_site(site="full", push="full")}
FAR_MS = int(NOW_S * 1000) + LASTS_MS


class Ear:
    """A connection that judges each frame."""

    conn_id = "c"

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self.move()

    def move(self) -> None:
        """To another visitor, session and tab."""
        self.user_key, self.session_id, self.tab_id = self._crowd.place()

    def offer(self, frame: Frame) -> None:
        whole = mark(self.user_key, self.session_id, self.tab_id)
        # A withdrawal is for all tabs of the visitor; its slot says whose it is.
        mine = whole if '"type":"cancel"' not in frame.text else f"<{self.user_key}"
        self._crowd.heard[mine in frame.text] += 1


class Timer:
    """Never rings by itself."""

    def cancel(self) -> None:
        """Nothing to do."""


def mark(user_key: str, session_id: str, tab_id: str) -> str:
    """What a decision for this tab says somewhere."""
    return f"<{user_key} {session_id} {tab_id}>"


class Crowd:
    """All of them around one hub."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.heard: Counter[bool] = Counter()
        registry = MemoryRegistry()
        self._codec = codec("decisions", registry)
        self._rings: list[Callable[[], None]] = []
        self._number = 0
        self.hub = Hub(codec("decisions", registry), self._site, lambda: NOW_S, later=self._later)
        self.ears = [Ear(self) for _ in range(EARS)]
        for ear in self.ears:
            self.hub.attach(ear, 0, None)

    def _site(self, name: str, _now_ms: int) -> Site | None:
        return SITES.get(name)

    def _later(self, _delay_s: float, call: Callable[[], None]) -> Timer:
        self._rings.append(call)
        return Timer()

    def place(self) -> tuple[str, str, str]:
        """A visitor, session and tab; the same ids exist at both sites."""
        chance = self.chance
        key = f"{chance.choice(('demo', 'full'))}:v:{chance.randrange(VISITORS // 2):032x}"
        return key, f"s{chance.randrange(2)}", f"t{chance.randrange(2)}"

    def run(self, pushed: int) -> Counter[bool]:
        """Until so many frames were heard: how many by whom they were for, and how many not."""
        while self.heard.total() < pushed:
            self._number += 1
            self._decide()
            if self._number % 7 == 0:
                self._move(self.chance.choice(self.ears))
            if self._number % 5 == 0:
                self._time_out()
        return self.heard

    def _target(self) -> tuple[str, str, str]:
        if self.chance.random() < 0.1:
            return self.place()
        ear = self.chance.choice(self.ears)
        return ear.user_key, ear.session_id, ear.tab_id

    def _decide(self) -> None:
        key, session, tab = self._target()
        whose, number = mark(key, session, tab), self._number
        spare = Fallback("SPARE", "page", "discount_popup", Render(title=whose), FAR_MS)
        kind = self.chance.randrange(4)
        changes: dict[str, Any] = {
            "campaign_id": whose,
            "expires_at_ms": FAR_MS,
            "decided_at_ms": number,
            "trigger": TriggerRef("page_view", f"e{number}"),
        }
        if kind == 0:
            changes |= {"render": None, "seq": 0, "reason": whose, "fallback": spare}
        if kind == 1:
            changes |= {"cancels": (f"<{key}",)}
        made = make_decision(key, number, site=key[:4], session_id=session, tab_id=tab, **changes)
        sent_as = self.place()[0] if self.chance.random() < 0.02 else key
        self.hub.take([Record(sent_as.encode(), self._codec.encode(made), {})])

    def _move(self, ear: Ear) -> None:
        self.hub.detach(ear)
        ear.move()
        for frame in self.hub.attach(ear, 0, None).frames:
            ear.offer(frame)

    def _time_out(self) -> None:
        """An event of somebody whose decision never comes."""
        key, session, tab = self._target()
        asked = Event(
            event_id=mark(key, session, tab),
            type="page_view",
            site=key[:4],
            user_key=key,
            session_id=session,
            tab_id=tab,
        )
        self.hub.arm(asked, SITES[key[:4]])
        for ring in self._rings:
            ring()
        self._rings.clear()


def main(arguments: list[str] | None = None) -> int:
    """0 when nothing reached a stranger."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pushed", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args(arguments)
    crowd = Crowd(asked.seed)
    heard = crowd.run(asked.pushed)
    counts = {name: crowd.hub.counts[name] for name in ("fallback", "resumed", "mismatched")}
    print(json.dumps({"pushed": heard.total(), "strangers": heard[False], **counts}))
    return 1 if heard[False] else 0


if __name__ == "__main__":
    raise SystemExit(main())
