"""`python3.11 -m infra.setup [STEP ...]`: everything a fresh checkout needs, in order.

Without a name: all steps but `judges`, `oscar` and `browser`, which only tests and proofs want.
Needs Python 3.11, a JDK, Maven and Node, no package.
"""

from __future__ import annotations

import fcntl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from infra.setup.browser import browser
from infra.setup.flink_home import build_flink_home, flink_inputs, flink_outputs
from infra.setup.home import Home
from infra.setup.jars import fetch_jars, jar_inputs, jar_outputs
from infra.setup.java import build_java, java_inputs, java_outputs
from infra.setup.judges import fetch_judges, judges_inputs, judges_outputs
from infra.setup.machine import check_machine
from infra.setup.native import build_native, native_inputs
from infra.setup.oscar import fetch_oscar, oscar_inputs, oscar_outputs
from infra.setup.sdk import build_sdk, sdk_inputs, sdk_outputs
from infra.setup.steps import Step, run_all
from infra.setup.venv import build_venv, venv_inputs, venv_outputs

STEPS = (
    Step("machine", check_machine),
    Step("jars", fetch_jars, jar_inputs, jar_outputs),
    Step("venv", build_venv, venv_inputs, venv_outputs),
    Step("native", build_native, native_inputs),
    Step("java", build_java, java_inputs, java_outputs),
    Step("flink", build_flink_home, flink_inputs, flink_outputs),
    Step("sdk", build_sdk, sdk_inputs, sdk_outputs),
    Step("judges", fetch_judges, judges_inputs, judges_outputs),
    Step("oscar", fetch_oscar, oscar_inputs, oscar_outputs),
    Step("browser", browser),
)
ONLY_ON_REQUEST = ("judges", "oscar", "browser")


@contextmanager
def one_at_a_time(home: Home) -> Iterator[None]:
    """Wait until no other set-up of this checkout runs; two would delete each other's folders."""
    home.root.mkdir(parents=True, exist_ok=True)
    with (home.root / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another set-up of this checkout runs; waiting for it.", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(names: list[str]) -> int:
    """Run the named steps, or all that are not on request; 0, or 1 after the first failure."""
    known = [step.name for step in STEPS]
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"No step is named {unknown[0]}; the steps are {', '.join(known)}.", file=sys.stderr)
        return 1
    wanted = names or [name for name in known if name not in ONLY_ON_REQUEST]
    started_s = time.monotonic()
    home = Home.from_environment()
    with one_at_a_time(home):
        code = run_all([step for step in STEPS if step.name in wanted], home)
    if code == 0:
        print(f"Set-up is complete ({time.monotonic() - started_s:.1f} s).", file=sys.stderr)
    return code


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("Set-up was interrupted; run it again, finished steps are kept.")
