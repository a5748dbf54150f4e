"""What a policy would have earned, from the log of another: `kairos policy evaluate`."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli.output import print_result

TEXT = "what a policy would have earned, from the log of another (docs/evaluate.md)"
EXAMPLE = "kairos policy evaluate --log clicks.parquet --policy uniform"
ROLES = ("reward", "action", "propensity", "position", "user")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `kairos policy evaluate`."""
    add = parser.add_argument
    add(
        "--log",
        type=Path,
        required=True,
        help="an exported log or archive, or a CSV or Parquet file",
    )
    text = (
        "of a log: a policy file, or a version it holds; of a file: uniform, always:ACTION, a file "
        "of chances by action, or another log"
    )
    add("--policy", required=True, metavar="P", help=text)
    for name, whose in (("--where", "the log"), ("--policy-where", "the policy's file")):
        text = f"only these rows of {whose}"
        add(name, action="append", default=[], metavar="COLUMN=VALUE", help=text)
    for role in ROLES:
        add(f"--{role}", dest=f"{role}_column", metavar="COLUMN", help=f"the column of the {role}")
    add("--context", metavar="A,B", help="columns the model may use (default: all that are left)")
    add("--site", help="site id of a log (default: the only one)")
    add("--seed", type=int, default=1, help="of the bootstrap; same seed, same intervals")


def run(args: argparse.Namespace) -> int:
    """Evaluate; 0 where the policy passes the gate, 3 where no gain is shown, 4 where refused."""
    # Arrow and the estimators load for this sub-command alone.
    from cli.policy_evaluate_file import of_file
    from cli.policy_evaluate_log import of_log
    from cli.policy_evaluate_text import lines
    from evidence.off_policy import NOT_SHOWN, PASSED, REFUSED

    found = of_log(args) if args.log.is_dir() else of_file(args)
    print_result(found, as_json=args.json, lines=lines(found))
    return {PASSED: 0, NOT_SHOWN: 3, REFUSED: 4}[str(found["verdict"])]
