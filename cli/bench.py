"""Benchmarks: one table, with the machine they ran on.

Without a name all are measured, one after the other; those that need processes start their own.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from dataclasses import asdict
from types import ModuleType

import benchmarks
from cli.output import CommandError, print_result, progress, table

NAME = "bench"
HELP = "measure, and print one table"
EXAMPLE = "kairos bench core"


def benches() -> dict[str, ModuleType]:
    """Every module of benchmarks/ that has NAME, HELP and rows()."""
    found = {}
    for info in pkgutil.iter_modules(benchmarks.__path__):
        module = importlib.import_module(f"benchmarks.{info.name}")
        if hasattr(module, "rows") and hasattr(module, "NAME"):
            found[module.NAME] = module
    return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The name of one benchmark."""
    names = "; ".join(f"{name}: {module.HELP}" for name, module in benches().items())
    parser.add_argument("name", nargs="?", help=names)


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    found = benches()
    if args.name is not None and args.name not in found:
        raise CommandError(f"no benchmark is named {args.name}; there are {', '.join(found)}")
    chosen = [args.name] if args.name else list(found)
    rows = []
    for name in chosen:
        progress(f"{name}: {found[name].HELP}")
        rows += found[name].rows()
    body = [(r.name, r.unit, r.value, r.p50, r.p99) for r in rows]
    lines = table(("benchmark", "unit", "value", "p50", "p99"), body)
    if rows:
        lines.append(rows[-1].machine)
    print_result({"rows": [asdict(row) for row in rows]}, as_json=args.json, lines=lines)
    return 0
