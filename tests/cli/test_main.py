"""`kairos` lists every command, keeps stdout for results, and fails in one sentence."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from cli import doctor, main
from cli.doctor import lookup, thread_mode
from cli.output import CommandError, table

CHECKOUT = Path(__file__).parents[2]


def command(name: str, error: Exception | None = None) -> ModuleType:
    """A command module that prints its arguments, or raises."""

    def run(args: argparse.Namespace) -> int:
        if error is not None:
            raise error
        print(json.dumps({"json": args.json}))
        return 0

    module = ModuleType(name, "What it does.")
    module.__dict__.update(
        NAME=name, HELP="does it", EXAMPLE=f"kairos {name}", add_arguments=lambda p: None, run=run
    )
    return module


def run_with(monkeypatch: pytest.MonkeyPatch, module: ModuleType, *argv: str) -> int:
    """Run the program over one command."""
    monkeypatch.setattr(main, "modules_for", lambda argv: [module])
    return main.main([*argv])


def test_every_command_shows_an_example_and_takes_json(capsys: pytest.CaptureFixture[str]) -> None:
    modules = main.modules_for([])
    assert doctor in modules
    for module in modules:
        with pytest.raises(SystemExit) as leaving:
            main.build_parser([module]).parse_args([module.NAME, "--help"])
        assert leaving.value.code == 0
        assert "example" in capsys.readouterr().out.lower(), module.NAME


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.main(["--help"])
    told = capsys.readouterr().out
    assert all(module.NAME in told for module in main.modules_for([]))


def test_a_named_command_imports_no_other() -> None:
    assert [doctor] == main.modules_for(["doctor", "--json"])


def test_a_command_error_is_one_sentence_on_stderr_and_exit_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = command("sell", CommandError("site: name one, for example --site demo."))
    assert run_with(monkeypatch, module, "sell", "--json") == 1
    told = capsys.readouterr()
    assert told.err == "kairos: site: name one, for example --site demo.\n"
    assert told.out == ""


def test_an_unexpected_error_names_its_kind_and_is_never_a_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_with(monkeypatch, command("sell", KeyError("price")), "sell") == 1
    assert "KeyError" in capsys.readouterr().err


def test_json_is_offered_by_every_command_that_does_not_define_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_with(monkeypatch, command("sell"), "sell", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"json": True}


def test_numbers_stand_to_the_right_and_nothing_is_a_dash() -> None:
    assert table(["name", "pid"], [["kafka", 7], ["shop", 1234], ["none", None]]) == [
        "name   pid",
        "kafka  7",
        "shop   1234",
        "none   -",
    ]
    assert table(["n"], [[7], [1234]]) == ["   n", "   7", "1234"]


@pytest.mark.parametrize(
    ("mode", "ok"),
    [("thread", True), ("THREAD", False), ("Thread", False), ("process", False), (None, False)],
)
def test_only_the_exact_word_thread_is_thread_mode(mode: str | None, ok: bool) -> None:
    finding = thread_mode(mode)
    assert finding.ok is ok and (finding.fix is None) is ok


@pytest.mark.parametrize(
    "tree",
    [
        {"python.execution-mode": "thread"},
        {"python": {"execution-mode": "thread"}},
    ],
)
def test_a_setting_is_found_in_flat_and_in_nested_yaml(tree: object) -> None:
    assert lookup(tree, "python.execution-mode") == "thread"
    assert lookup(tree, "python.executable") is None


ENDED = """
import argparse, sys, time
from cli import main

def run(args):
    try:
        print("working", flush=True)
        time.sleep(60)
    finally:
        print("stopped what it started", flush=True)

main.modules_for = lambda argv: ()
main.build_parser = lambda modules: argparse.ArgumentParser()
argparse.ArgumentParser.parse_args = lambda self, argv: argparse.Namespace(_run=run)
sys.argv = ["kairos"]
sys.exit(main.main())
"""


def test_sigterm_ends_a_command_as_ctrl_c_does():
    """Before, a proof that was ended left its stack and its visitors running."""
    program = subprocess.Popen(
        [sys.executable, "-c", ENDED], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "working\n"
    program.send_signal(signal.SIGTERM)
    assert program.communicate(timeout=20)[0] == "stopped what it started\n"
    assert program.returncode == main.INTERRUPTED
