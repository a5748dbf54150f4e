"""`kairos COMMAND`: finds the commands beside this file and runs one.

A command is a file `cli/<command>.py` with `NAME`, `HELP`, `EXAMPLE`, `add_arguments(parser)` and
`run(args) -> int`; a file without `NAME` is a helper. `kairos up` imports `cli/up.py` alone, so a
command starts as fast as what it needs itself; `dead-letters` lives in `dead_letters.py`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import cast

from cli.output import CommandError

VERSION = "0.1.0"
PROGRAM = "kairos"
DESCRIPTION = (
    "Decides, while a visitor is still on the page, which single marketing action (or none) is "
    "worth showing, and shows it."
)
EPILOG = "example:\n  kairos run          start everything, with the demo shop and its visitors"
NOT_COMMANDS = ("__init__", "main", "output")
INTERRUPTED = 130


def command_stems(folder: Path = Path(__file__).parent) -> list[str]:
    """The files that may hold a command, in alphabetical order."""
    return sorted(p.stem for p in folder.glob("*.py") if p.stem not in NOT_COMMANDS)


def load(stem: str) -> ModuleType | None:
    """A command's module, None when the file is a helper without NAME."""
    module = importlib.import_module(f"cli.{stem}")
    return module if hasattr(module, "NAME") else None


def modules_for(argv: Sequence[str]) -> list[ModuleType]:
    """The one command the arguments name, or every command when they name none."""
    stems = command_stems()
    wanted = argv[0].replace("-", "_") if argv else ""
    named = load(wanted) if wanted in stems else None
    if named is not None:
        return [named]
    return [module for stem in stems if (module := load(stem)) is not None]


def add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], module: ModuleType
) -> None:
    """Add one command's parser: its help, its own arguments, `--json`, and an example."""
    example = getattr(module, "EXAMPLE", None)
    parser = commands.add_parser(
        module.NAME,
        help=module.HELP,
        description=module.__doc__ or module.HELP,
        epilog=f"example:\n  {example}" if example else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    takes_json = "--json" in parser._option_string_actions
    if not takes_json and parser._subparsers is None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(_run=module.run)


def build_parser(modules: Sequence[ModuleType]) -> argparse.ArgumentParser:
    """The program's parser over the given commands."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {VERSION}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in sorted(modules, key=lambda m: str(m.NAME)):
        add_command(commands, module)
    return parser


def fail(sentence: str) -> None:
    """Print one sentence on stderr, as every failure of a command ends."""
    print(f"{PROGRAM}: {sentence}", file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code, or 1 after a failure told in one sentence."""
    if argv is None:
        # Whoever ends the program ends it as Ctrl-C does: what it started is stopped too.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    argv = list(sys.argv[1:] if argv is None else argv)
    args = build_parser(modules_for(argv)).parse_args(argv)
    try:
        return cast(int, args._run(args) or 0)
    except CommandError as error:
        fail(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        fail("interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output is gone (`kairos ... | head`): nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if os.environ.get("KAIROS_DEBUG"):
            traceback.print_exc()
        fail(f"{type(error).__name__}: {error} (KAIROS_DEBUG=1 shows where).")
        return 1


if __name__ == "__main__":
    sys.exit(main())
