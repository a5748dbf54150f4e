"""The house rules hold in every file, and each rule is shown to find what it forbids."""

from __future__ import annotations

import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from jobs.main import DEFAULTS
from tests.tidy import PRODUCT, files, problems

ROOT = Path(__file__).resolve().parents[1]
LONG = "def f():\n" + "    x = 1\n" * 40


@pytest.mark.promise("C32")
def test_every_file_keeps_the_house_rules() -> None:
    found = [
        problem
        for path in files(ROOT)
        for problem in problems(path, (ROOT / path).read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


def test_the_rules_see_the_whole_product() -> None:
    seen = {path.parts[0] for path in files(ROOT) if path.suffix == ".py"}
    assert {"models", "schemas", "cli", "infra", "tests"} <= seen


def test_no_installed_package_shares_a_folders_name() -> None:
    ours = {path.name for path in ROOT.iterdir() if path.is_dir()} & (PRODUCT | {"tests", "docs"})
    shared = ours & packages_distributions().keys()
    assert not shared, f"{shared} would be imported from site-packages; remove that package"


def test_every_package_is_listed_by_name() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = settings["tool"]["setuptools"]["packages"]
    inits = [path for path in files(ROOT) if path.name == "__init__.py"]
    found = {".".join(path.parent.parts) for path in inits if path.parts[0] in PRODUCT}
    assert sorted(listed) == listed
    missing = found - set(listed)
    gone = {name for name in listed if not (ROOT / name.replace(".", "/")).is_dir()}
    assert (missing, gone) == (set(), set()), "correct [tool.setuptools] in pyproject.toml"


@pytest.mark.promise("D12")
def test_the_product_stands_on_the_packages_it_names() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    direct = {each.partition("==")[0] for each in settings["project"]["dependencies"]}
    assert {"apache-flink", "confluent-kafka", "onnxruntime", "fastavro", "redis"} <= direct
    assert DEFAULTS["state.backend.type"] == "rocksdb"


@pytest.mark.promise("D13")
def test_every_folder_is_where_a_reader_looks_for_it() -> None:
    for name in ("jobs", "operators", "models", "schemas", "connectors", "infra", "tests"):
        assert list((ROOT / name).glob("*.py")), name
    assert (ROOT / "Makefile").is_file() and (ROOT / "pyproject.toml").is_file()


@pytest.mark.parametrize(
    ("path", "text", "complaint"),
    [
        ("models/a.py", "import time\n", "imports time"),
        ("models/a.py", "from os import environ\n", "imports os"),
        ("models/a.py", "import pyflink.common\n", "imports pyflink.common"),
        ("schemas/a.py", "from connectors.avro import frame\n", "imports connectors.avro"),
        ("models/a.py", "import random as r\n", "imports random"),
        ("schemas/a.py", "import socket\n", "imports socket"),
        ("models/a.py", "from datetime import datetime\nx = datetime.now()\n", "datetime.now"),
        ("models/a.py", "import numpy as np\nx = np.random.rand()\n", "np.random"),
        ("models/a.py", "x = open('f')\n", "open; pass"),
        ("models/a.py", "x = hash('a')\n", "hash; pass"),
        ("gateway/a.py", LONG, "f has 41 lines"),
        ("gateway/a.py", "x = 1\n" * 301, "301 lines"),
        ("sdk/src/a.ts", "const x = 1;\n" * 301, "301 lines"),
        ("cli/a.py", "x = '" + "a" * 100 + "'\n", "106 columns"),
        ("gateway/utils.py", "x = 1\n", "names no concept"),
        ("gateway/a.py", "# TO" + "DO later\n", "docs/limits.md"),
        (
            "gateway/a.py",
            "try:\n    x = 1\nexcept" + ":\n    pass\n",
            "the exception that is meant",
        ),
        ("tests/test_a.py", "import time\ntime.sl" + "eep(1)\n", "poll a condition"),
        ("tests/test_a.py", "@pytest.mark.sk" + "ip\nclass A: ...\n", "a test that runs"),
        ("tests/test_a.py", "def test_nothing():\n    f()\n", "test_nothing asserts nothing"),
        ("sdk/src/a.ts", "console.l" + "og(1)\n", "an error handler"),
        ("sdk/src/a.ts", "e.inner" + "HTML = x\n", "textContent"),
        ("docs/a.md", "see /wo" + "rk/main\n", "a path of one machine"),
        ("cli/a.py", "x = '/tm" + "p/log'\n", "a path of one machine"),
        ("sdk/package-lock.json", '"https://registry.np' + 'mjs.org/a"\n', "registry's host"),
    ],
)
def test_a_planted_violation_is_found(path: str, text: str, complaint: str) -> None:
    found = problems(Path(path), text)
    assert any(complaint in problem for problem in found), found


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "models/a.py",
            "import math\nimport numpy as np\nimport msgspec\nfrom schemas import ids\n",
        ),
        ("models/a.py", "from urllib.parse import urlsplit\n"),
        ("connectors/a.py", "import time\nx = open('f')\n"),
        ("gateway/a.py", LONG.replace("    x = 1\n", '    """Says\n    what."""\n', 1)),
        ("tests/test_a.py", "def test_x():\n    with pytest.raises(ValueError):\n        f()\n"),
        ("docs/a.md", "POST https://shop.example/root/tmp/ and ../tmp/x\n" + "long " * 60),
    ],
)
def test_what_is_allowed_is_not_complained_about(path: str, text: str) -> None:
    assert problems(Path(path), text) == []
