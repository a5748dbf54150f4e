"""The core's contract in a browser: the very tests that node runs, with no page around them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import SDK

BUNDLE = """
import { build } from 'esbuild';
import { readdirSync } from 'node:fs';
const tests = readdirSync('test/unit').filter((f) => f.endsWith('.test.ts'));
const contents = tests.map((f) => `import './test/unit/${f}';`).join('');
await build({
  stdin: { contents, resolveDir: '.' }, bundle: true, format: 'iife', outfile: process.argv.at(-1),
  alias: { 'node:test': './test/contract/nodeTest.ts',
           'node:assert/strict': './test/contract/nodeAssert.ts' },
});
"""


@pytest.fixture(scope="module")
def contract(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("contract") / "contract.js"
    command = ["node", "--input-type=module", "-e", BUNDLE, str(out)]
    subprocess.run(command, cwd=SDK, check=True)
    return out.read_text(encoding="utf-8")


@pytest.mark.promise("M48")
def test_the_core_keeps_its_contract_in_a_browser_as_in_node(
    browser: Browser, contract: str
) -> None:
    page = browser.new_page()
    page.add_script_tag(content=contract)
    results = page.evaluate("runContract()")
    page.close()
    in_node = sum(
        line.startswith("test(")
        for file in sorted((SDK / "test" / "unit").glob("*.test.ts"))
        for line in file.read_text(encoding="utf-8").splitlines()
    )
    assert [each for each in results if each["error"]] == []
    assert len(results) == in_node > 50


def test_a_broken_rule_is_seen_in_the_browser(browser: Browser, contract: str) -> None:
    """Planted: a queue without its bound."""
    assert contract.count("MAX_EVENTS") > 1
    page = browser.new_page()
    page.add_script_tag(content=contract.replace("= 500;", "= 5e4;"))
    failed = [each["name"] for each in page.evaluate("runContract()") if each["error"]]
    page.close()
    assert failed == ["the queue holds 500 events and drops the oldest"]
