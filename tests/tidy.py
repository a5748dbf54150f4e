"""The house rules as functions: a file's path and text in, broken rules out."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

PURE = ("models", "schemas", "evidence")
PURE_PACKAGES = frozenset({"numpy", "msgspec", *PURE})
# Submodules that only compute, of modules that otherwise act.
PURE_MODULES = frozenset({"urllib.parse"})
# Standard modules that read a clock, the machine, the network or chance, or act on them.
IMPURE = frozenset(
    "asyncio concurrent glob http io logging multiprocessing os pathlib platform random secrets "
    "select selectors shutil signal socket socketserver sqlite3 ssl subprocess sys tempfile "
    "threading time urllib uuid".split()
)
IMPURE_CALLS = frozenset(
    "datetime.now datetime.utcnow datetime.today date.today np.random numpy.random open input "
    "print eval exec hash".split()
)
PRODUCT = frozenset(
    "jobs operators models schemas evidence connectors gateway sdk console cli infra "
    "benchmarks".split()
)
FUNCTION_LINES_MAX = 40
FILE_LINES_MAX = 300
COLUMNS_MAX = 100
CODE = (".py", ".ts", ".mjs", ".js", ".java", ".sh", ".css")
MADE = frozenset(("node_modules", "dist", "target", "__pycache__", "build"))
SHAPELESS = frozenset(("utils", "util", "helpers", "common", "misc"))
# What is left over, where it may stand, and what to write instead. The words are put together
# here so that this file does not break its own rule.
LEFTOVERS: tuple[tuple[str, str, str], ...] = (
    (r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b", r"", "do it, or say in docs/limits.md"),
    (r"\bbreak" + r"point\(|\bpdb\b|\bdebugger;", r"", "a test that shows the fault"),
    (r"^\s*except\s*" + r":", r"\.py$", "the exception that is meant"),
    (r"\bpytest\.mark\.sk" + r"ip\b", r"\.py$", "a test that runs, or none"),
    (r"\bconsole\.l" + r"og\(", r"^sdk/src/", "an error handler of the caller"),
    (r"\bdatetime\.utc" + r"now\(", r"\.py$", "datetime.now(UTC)"),
    (r"\binner" + r"HTML\b", r"^sdk/src/", "textContent: a decision is text, never markup"),
)
MACHINE_PATH = re.compile(
    r"(?<![\w.\-/}$*])/(?:wo" + r"rk|ro" + r"ot|tm" + r"p|home/\w+|Users/\w+)/"
)
HOSTS = re.compile(
    r"\b(?:py" + r"pi\.org|files\.python" + r"hosted\.org|registry\.np" + r"mjs\.org|"
    r"repo1?\.maven\.(?:apache\.)?o" + r"rg|deb\.deb" + r"ian\.org|crates\.i" + r"o)\b"
)


def files(root: Path) -> list[Path]:
    """Every text file of the checkout that a person wrote, relative, in order."""
    return sorted(_walk(root, root))


def _walk(root: Path, folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        hidden = path.name.startswith(".") and path.name not in (".ci", ".gitignore")
        if hidden or path.name in MADE:
            continue
        if path.is_dir():
            yield from _walk(root, path)
        elif b"\0" not in path.read_bytes()[:4096]:
            yield path.relative_to(root)


def problems(path: Path, text: str) -> list[str]:
    """All rules that one file breaks, each with its line and what to do instead."""
    found = [*_text_problems(path, text)]
    if path.suffix == ".py":
        tree = ast.parse(text)
        if path.parts[0] in PURE:
            found += purity(tree)
        if path.parts[0] in PRODUCT:
            found += long_functions(tree)
        if path.name.startswith("test_"):
            found += tests_without_assert(tree)
            found += sleeps(tree)
    return [f"{path}:{problem}" for problem in found]


def _text_problems(path: Path, text: str) -> Iterator[str]:
    name = path.as_posix()
    lines = text.splitlines()
    if path.suffix in CODE:
        if path.parts[0] in PRODUCT and len(lines) > FILE_LINES_MAX:
            yield f"1: {len(lines)} lines; split it by concept, at most {FILE_LINES_MAX}"
        if path.stem in SHAPELESS:
            yield f"1: {path.stem} names no concept; name the file for what it holds"
    for number, line in enumerate(lines, start=1):
        if path.suffix in CODE and len(line) > COLUMNS_MAX:
            yield f"{number}: {len(line)} columns, at most {COLUMNS_MAX}"
        if MACHINE_PATH.search(line):
            yield f"{number}: a path of one machine; take it from an argument or the environment"
        if HOSTS.search(line):
            yield f"{number}: a package registry's host; name the package, the client knows where"
        for pattern, where, instead in LEFTOVERS if path.suffix in CODE else ():
            if re.search(pattern, line) and re.search(where, name):
                yield f"{number}: {line.strip()[:50]!r}; write instead: {instead}"


def purity(tree: ast.AST) -> Iterator[str]:
    """Imports and calls by which a rule would depend on more than its arguments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name in _imported(node):
                if not _is_pure(name):
                    yield f"{node.lineno}: imports {name}; pass what it gives as an argument"
        if isinstance(node, ast.Call | ast.Attribute):
            called = ast.unparse(node.func if isinstance(node, ast.Call) else node)
            if called in IMPURE_CALLS:
                yield f"{node.lineno}: {called}; pass time, chance and data as arguments"


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names]


def _is_pure(module: str) -> bool:
    top = module.split(".")[0]
    standard = top in sys.stdlib_module_names and top not in IMPURE
    return standard or top in PURE_PACKAGES or module in PURE_MODULES


def long_functions(tree: ast.AST) -> Iterator[str]:
    """Functions over the limit, without their docstring."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if ast.get_docstring(node):
                lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{node.lineno}: {node.name} has {lines} lines, at most {FUNCTION_LINES_MAX}"


def tests_without_assert(tree: ast.AST) -> Iterator[str]:
    """Tests that cannot fail: no assert, no expected error, no check by another name."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if node.name.startswith("test_") and not any(map(_asserts, ast.walk(node))):
            yield f"{node.lineno}: {node.name} asserts nothing"


def sleeps(tree: ast.AST) -> Iterator[str]:
    """Waits for a length of time, which is either too short or too long."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("time.sleep", "sleep"):
            yield f"{node.lineno}: sleeps; poll a condition with a deadline"


def _asserts(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return True
    if not isinstance(node, ast.Call):
        return False
    called = ast.unparse(node.func)
    return called == "pytest.raises" or called.split(".")[-1].startswith(("assert_", "check_"))
