"""A bar on stderr for what takes a minute; lines instead where stderr is no terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType

WIDTH = 30
LINE_EVERY_S = 10.0


class Bar:
    """How much of a known total is done. Use as a context; `update` as often as you like."""

    def __init__(self, total: int, unit: str) -> None:
        self._total, self._unit = max(total, 1), unit
        self._terminal = sys.stderr.isatty()
        self._started = self._told_at = time.monotonic()
        self._told = ""

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._terminal and self._told:
            sys.stderr.write("\n")

    def update(self, done: int, total: int = 0) -> None:
        """`done` of the total so far, which is told here where it was not known before."""
        self._total = total or self._total
        now = time.monotonic()
        done = min(done, self._total)
        rate = done / max(now - self._started, 1e-3)
        text = f"{done:,} of {self._total:,} {self._unit}, {rate:,.0f}/s"
        if self._terminal:
            full = WIDTH * done // self._total
            text = f"\r[{'#' * full}{'.' * (WIDTH - full)}] {text}  "
        elif now - self._told_at < LINE_EVERY_S:
            return
        if text != self._told:
            self._told, self._told_at = text, now
            sys.stderr.write(text if self._terminal else text + "\n")
            sys.stderr.flush()
