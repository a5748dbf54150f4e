"""Checks this machine, what set-up installed, and the running stack; each finding names its fix."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cli.output import print_result
from infra.local.layout import Layout, read_layout
from infra.local.ports import DEFAULT_PORTS, ENV_PREFIX, chosen_ports, is_free
from infra.setup.flink_home import flink_outputs
from infra.setup.home import Home
from infra.setup.jars import PINS, check_jars, read_pins
from infra.setup.java import check_java, java_outputs
from infra.setup.machine import check_disk, check_maven, check_node
from infra.setup.steps import StepFailed
from infra.setup.venv import check_python

NAME = "doctor"
HELP = "check machine and stack, each finding with its fix"
EXAMPLE = "kairos doctor --json"
SETUP_FIX = "Run `make setup`."
THREAD_MODE = "thread"
THREAD_FIX = (
    "Set `python.execution-mode: thread` (lower case; any other spelling silently means process "
    "mode, which is far slower) and run `kairos down`, then `kairos up`."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. `detail` is what was seen; `fix` is None when the check is ok."""

    check: str
    ok: bool
    detail: str
    fix: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Only `--json`, which every command takes."""


def run(args: argparse.Namespace) -> int:
    """Print all findings; 1 when one of them is not ok."""
    found = findings(Home.from_environment(), read_layout(), os.environ)
    lines = []
    for finding in found:
        lines.append(f"{'ok ' if finding.ok else 'BAD'}  {finding.check:<12} {finding.detail}")
        if finding.fix:
            lines.append(f"     {'':<12} fix: {finding.fix}")
    result = {"findings": [asdict(finding) for finding in found]}
    print_result(result, as_json=args.json, lines=lines)
    return 0 if all(finding.ok for finding in found) else 1


def findings(home: Home, layout: Layout, env: Mapping[str, str]) -> list[Finding]:
    """Every check, machine first, stack last."""
    stack = read_stack(layout.stack / "stack.json")
    return [
        from_step("python", check_python),
        from_step("java", check_java),
        from_step("maven", check_maven),
        from_step("node", check_node),
        from_step("disk", lambda: check_disk(home.root)),
        jars(home),
        made("flink home", flink_outputs(home)),
        made("java jars", java_outputs(home)),
        ports(env, stack),
        processes(stack),
        thread_mode(execution_mode(home, layout)),
    ]


def from_step(check: str, step: Callable[[], str]) -> Finding:
    """A set-up check as a finding: its failure carries cause and fix."""
    try:
        return Finding(check, True, step(), None)
    except StepFailed as failure:
        return Finding(check, False, failure.cause, failure.fix)


def jars(home: Home) -> Finding:
    """Every jar against its pinned SHA-256."""
    pins = read_pins(home.checkout / PINS)
    problems = check_jars(home.jars, pins)
    if problems:
        fix = f"Delete {home.jars} and run `make setup`."
        return Finding("jars", False, "; ".join(problems[:5]), fix)
    return Finding("jars", True, f"{len(pins)} jars, all hashes match", None)


def made(check: str, paths: list[Path]) -> Finding:
    """Whether all that a set-up step makes is there."""
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        return Finding(check, False, f"missing: {', '.join(missing)}", SETUP_FIX)
    return Finding(check, True, f"{len(paths)} parts present", None)


def read_stack(path: Path) -> dict[str, Any]:
    """The running stack's description, empty when none was started."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def ports(env: Mapping[str, str], stack: Mapping[str, Any]) -> Finding:
    """Chosen ports must be free or our own; taken defaults are told, since they move."""
    try:
        chosen = chosen_ports(env)
    except ValueError as error:
        return Finding("ports", False, str(error), "Correct the variable, or unset it.")
    ours = set(stack.get("ports", {}).values())
    wanted = {**DEFAULT_PORTS, **chosen}
    taken = [name for name, port in wanted.items() if port not in ours and not is_free(port)]
    refused = [name for name in taken if name in chosen]
    if refused:
        variables = ", ".join(ENV_PREFIX + name.upper() for name in refused)
        return Finding(
            "ports", False, f"taken: {variables}", f"Free the ports or unset {variables}."
        )
    if taken:
        return Finding("ports", True, f"taken, would move: {', '.join(taken)}", None)
    return Finding("ports", True, "all free or our own", None)


def is_alive(pid: int) -> bool:
    """Whether a process of this id exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def processes(stack: Mapping[str, Any]) -> Finding:
    """Whether every recorded process of the stack still runs."""
    pids: Mapping[str, int] = stack.get("pids", {})
    if not pids:
        return Finding("stack", True, "not running", None)
    dead = [name for name, pid in pids.items() if not is_alive(pid)]
    if dead:
        fix = f"Read `kairos logs {dead[0]}`, then run `kairos up`: it starts what is missing."
        return Finding("stack", False, f"dead: {', '.join(dead)}", fix)
    return Finding("stack", True, f"{len(pids)} processes run", None)


def execution_mode(home: Home, layout: Layout) -> str | None:
    """`python.execution-mode` in the stack's config.yaml, else in the one it is made from."""
    import yaml  # PyYAML is in the environment, but set-up's own checks must run without it.

    candidates = [
        *sorted(layout.conf.rglob("config.yaml")),
        home.checkout / "infra" / "flink" / "config.yaml.template",
    ]
    for path in candidates:
        if path.is_file():
            mode = lookup(yaml.safe_load(path.read_text(encoding="utf-8")), "python.execution-mode")
            if mode is not None:
                return str(mode)
    return None


def lookup(tree: object, dotted: str) -> object:
    """A dotted key in nested or flat YAML, None when absent."""
    if not isinstance(tree, Mapping):
        return None
    if dotted in tree:
        return tree[dotted]
    for key, below in tree.items():
        if (
            dotted.startswith(f"{key}.")
            and (got := lookup(below, dotted[len(key) + 1 :])) is not None
        ):
            return got
    return None


def thread_mode(mode: str | None) -> Finding:
    """Operators must run in thread mode; only the exact lower-case word means it."""
    if mode == THREAD_MODE:
        return Finding("thread mode", True, "python.execution-mode is thread", None)
    seen = "is not set" if mode is None else f"is {mode!r}"
    return Finding("thread mode", False, f"python.execution-mode {seen}", THREAD_FIX)
