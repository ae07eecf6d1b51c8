"""The house rules of DESIGN.md that a program can check, over every file that git would take.

Rules of this file: a check names the file, the line and the rule, so that a failure needs no
explanation. To allow a new arrow between layers, change ARROWS and say why in the DESIGN.md of the
package concerned.
"""

import ast
import importlib.metadata
import re
import subprocess
import tomllib
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PACKAGES = ("erasure", "metadata", "node", "coordinator", "benchmarks", "trilith")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70

RECORDS = "node.errors node.record node.protocol"
NODE_WIRE = f"{RECORDS} node.logs node.client"
CLUSTER = f"coordinator.cluster coordinator.metrics {NODE_WIRE} metadata"
OBJECTS = f"coordinator.objects coordinator.crypto erasure {CLUSTER}"
SURFACE = f"coordinator.access coordinator.auth coordinator.http coordinator.settings {OBJECTS}"

# What each unit may import besides itself. A module belongs to the longest unit that fits it.
ARROWS = {
    "erasure": "",
    "metadata": "",
    "node.errors": "",
    "node.record": "node.errors",
    "node.protocol": "node.errors node.record",
    "node.logs": "",
    "node.batching": RECORDS,
    "node.connection": RECORDS,
    "node.caller": f"{RECORDS} node.connection",
    "node.client": f"{RECORDS} node.batching node.caller node.connection",
    "node.settings": "",
    "node.conversation": "node.record",
    "node.listener": "node.conversation",
    "node": RECORDS,
    "node.server": f"{RECORDS} node node.conversation",
    "node.app": "node node.errors node.listener node.logs node.server node.settings",
    "coordinator": "",
    "coordinator.http": "node.record",
    "coordinator.settings": "",
    "coordinator.metrics": "",
    "coordinator.healing": "",
    "coordinator.credentials": "coordinator.settings",
    "coordinator.crypto": "coordinator.credentials node.record",
    "coordinator.access": "metadata",
    "coordinator.auth": "coordinator.access metadata",
    "coordinator.cluster": CLUSTER,
    "coordinator.objects": OBJECTS,
    # What proves a repair must not share code with what repairs, nor with what it repairs.
    "coordinator.audit": f"erasure {CLUSTER}",
    "coordinator.repair": f"{OBJECTS} coordinator.healing",
    "coordinator.lifecycle": "metadata",
    "coordinator.lifecycle.worker": f"{OBJECTS} coordinator.lifecycle coordinator.repair",
    "coordinator.iam": "coordinator.access coordinator.auth metadata",
    "coordinator.iam.query": f"{SURFACE} coordinator.iam",
    "coordinator.s3": f"{SURFACE} coordinator.lifecycle",
    "coordinator.api": f"{SURFACE} coordinator.iam coordinator.audit coordinator.healing",
    "coordinator.app": f"{SURFACE} coordinator.s3 coordinator.api coordinator.repair"
    " coordinator.iam coordinator.iam.query coordinator.credentials coordinator.lifecycle.worker",
    "benchmarks": "erasure",
    # A million keys by PUT take too long: what lists them is filled from below.
    "benchmarks.listing_fill": "benchmarks metadata",
    "benchmarks.listing_command": "benchmarks benchmarks.listing_fill",
    "benchmarks.__main__": "benchmarks benchmarks.listing_command benchmarks.listing_fill",
    "trilith": "coordinator.app coordinator.settings coordinator.auth node.app node.settings",
}

# SQL belongs to metadata; the node's index is a local file that can be thrown away.
SQL_HOMES = ("metadata/", "tests/", "node/index.py", "node/schema.py", "node/catalog.py")
SQL_HOMES += ("node/relocation.py",)
SQL = re.compile(
    r"\b(SELECT\s.+\sFROM|INSERT\s+(OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+TABLE"
    r"|PRAGMA\s+\w+)\b",
    re.DOTALL,
)

# Spelt in pieces, so that this file does not break its own rules.
MARKS = ("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK")
UNFINISHED = re.compile(rf"\b({'|'.join(MARKS)})\b")
MACHINE_PATHS = re.compile(rf"(?<![\w.])/({'|'.join(('work', 'root', 'farm'))})/")
REGISTRIES = re.compile(
    "|".join(
        re.escape(first + "." + second)
        for first, second in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("deb.debian", "org"),
            ("registry.npmjs", "org"),
            ("crates", "io"),
            ("proxy.golang", "org"),
        )
    )
)


@cache
def tracked() -> tuple[str, ...]:
    """Every file that is in git or would be added to it."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(sorted(name for name in set(listed.splitlines()) if (ROOT / name).is_file()))


def python_files(*, tests: bool = True) -> list[str]:
    """The tracked modules, with or without the tests."""
    roots = (*PACKAGES, "tests") if tests else PACKAGES
    return [name for name in tracked() if name.endswith(".py") and name.split("/")[0] in roots]


@cache
def tree(name: str) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse((ROOT / name).read_text())


def unit_of(module: str) -> str | None:
    """The unit of ARROWS that a module belongs to; None for a foreign one."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        unit = ".".join(parts[:length])
        if unit in ARROWS:
            return unit
    return None


def imports(name: str) -> Iterator[tuple[int, str]]:
    """Line and name of every module that a file imports, wherever in it."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno}: import by the full name"
            assert node.module is not None
            yield node.lineno, node.module
            # `from node import store` names a module too.
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def test_imports_point_down_only() -> None:
    wrong = []
    for name in python_files(tests=False):
        module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        unit = unit_of(module)
        if unit is None or (unit == "coordinator" and module != unit):
            wrong.append(f"{name}: not in the table of layers (ARROWS in this file)")
            continue
        allowed = {unit, *ARROWS[unit].split()}
        for line, imported in imports(name):
            target = unit_of(imported) if imported.split(".")[0] in PACKAGES else None
            # A package's own __init__ says nothing about which part of it is meant.
            if target is None or target in allowed or is_mere_parent(imported, allowed):
                continue
            wrong.append(f"{name}:{line}: {unit} must not import {target} ({imported})")
    assert not wrong, "\n".join(wrong)


def is_mere_parent(imported: str, allowed: set[str]) -> bool:
    """Whether it only is the package in `from package import allowed_unit`."""
    return any(unit.startswith(imported + ".") for unit in allowed)


def test_the_layers_have_no_cycles() -> None:
    reached: dict[str, set[str]] = {}

    def below(unit: str, path: tuple[str, ...]) -> set[str]:
        assert unit not in path, f"layers in a circle: {' -> '.join([*path, unit])}"
        if unit not in reached:
            names = [name for name in ARROWS[unit].split() if name != unit]
            reached[unit] = set(names).union(*(below(name, (*path, unit)) for name in names))
        return reached[unit]

    for unit in ARROWS:
        below(unit, ())
    assert "node" not in below("coordinator.app", ()), "the coordinator must not know the engine"


def test_sql_stands_in_metadata_only() -> None:
    wrong = []
    for name in python_files():
        if name.startswith(SQL_HOMES):
            continue
        documentation = {id(text) for text in docstrings(tree(name))}
        wrong += [
            f"{name}:{node.lineno}: SQL outside metadata"
            for node in ast.walk(tree(name))
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in documentation
            and SQL.search(node.value)
        ]
        wrong += [
            f"{name}:{line}: a database outside metadata"
            for line, imported in imports(name)
            if imported in ("sqlite3", "aiosqlite")
        ]
    assert not wrong, "\n".join(wrong)


def docstrings(module: ast.Module) -> Iterator[ast.Constant]:
    """The nodes of all docstrings, those after attributes too."""
    for node in ast.walk(module):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "common", "helpers", "misc"}
    wrong = [name for name in python_files() if drawers & set(Path(name).with_suffix("").parts)]
    assert not wrong, f"name them after what they are for: {wrong}"


def test_each_module_opens_with_a_sentence() -> None:
    wrong = []
    for name in python_files():
        if not (ROOT / name).read_text().strip():
            continue
        opening = (ast.get_docstring(tree(name)) or "").split("\n\n")[0].strip()
        if not opening or opening[-1] not in ".:!?":
            wrong.append(f"{name}:1: open with one sentence that says what the file is for")
    assert not wrong, "\n".join(wrong)


def test_files_and_functions_are_short() -> None:
    wrong = []
    for name in python_files():
        lines = (ROOT / name).read_text().count("\n")
        if lines > MAX_FILE_LINES:
            wrong.append(f"{name}: {lines} lines, over {MAX_FILE_LINES}")
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                length = node.end_lineno - node.lineno + 1
                if length > MAX_FUNCTION_LINES:
                    wrong.append(f"{name}:{node.lineno}: {node.name} has {length} lines")
    assert not wrong, "\n".join(wrong)


def test_every_test_folder_is_a_package() -> None:
    folders = {str(Path(name).parent) for name in python_files() if name.startswith("tests/")}
    missing = [folder for folder in folders if f"{folder}/__init__.py" not in tracked()]
    assert not missing, f"without __init__.py tests/metadata would hide metadata: {missing}"


def test_no_test_sleeps() -> None:
    wrong = []
    for name in python_files():
        if not name.startswith("tests/"):
            continue
        # The simulation's loop has a virtual clock: asyncio.sleep lets that go on, at once.
        is_virtual = name.startswith("tests/simulation/")
        modules = ("time",) if is_virtual else ("time", "asyncio")
        wrong += [
            f"{name}:{node.lineno}: wait for a condition instead of sleeping"
            for node in ast.walk(tree(name))
            if isinstance(node, ast.Call) and sleeps(node, modules)
        ]
    assert not wrong, "\n".join(wrong)


def sleeps(call: ast.Call, modules: Collection[str]) -> bool:
    """Whether it is the `sleep` of one of them; asyncio.sleep(0) only lets others run."""
    function = call.func
    if not isinstance(function, ast.Attribute) or function.attr != "sleep":
        return False
    if not isinstance(function.value, ast.Name) or function.value.id not in modules:
        return False
    is_zero = len(call.args) == 1 and isinstance(call.args[0], ast.Constant)
    return not (function.value.id == "asyncio" and is_zero and call.args[0].value == 0)


@pytest.mark.parametrize(
    ("pattern", "rule"),
    [
        (UNFINISHED, "unfinished work belongs into an issue"),
        (MACHINE_PATHS, "a path of one machine"),
        (REGISTRIES, "the host name of a package registry"),
    ],
)
def test_no_file_contains(pattern: re.Pattern[str], rule: str) -> None:
    wrong = []
    for name in tracked():
        try:
            lines = (ROOT / name).read_text().splitlines()
        except UnicodeDecodeError:
            continue
        wrong += [
            f"{name}:{number}: {rule}: {line.strip()[:80]}"
            for number, line in enumerate(lines, 1)
            if pattern.search(line)
        ]
    assert not wrong, "\n".join(wrong)


def test_each_package_explains_itself() -> None:
    missing = [package for package in PACKAGES if f"{package}/DESIGN.md" not in tracked()]
    assert not missing, f"no DESIGN.md in {missing}"


def test_our_generic_package_names_are_nobody_elses() -> None:
    owners = importlib.metadata.packages_distributions()
    for package in PACKAGES:
        assert set(owners.get(package, ["trilith"])) == {"trilith"}, f"{package}: {owners[package]}"


def test_the_lock_holds_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    lock = (ROOT / "requirements.lock").read_text()
    locked: dict[str, list[str]] = {}
    for found in re.finditer(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock, re.MULTILINE):
        locked.setdefault(canonicalize_name(found[1]), []).append(found[2])
    for text in wanted:
        requirement = Requirement(text)
        versions = locked.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement.name} is not locked: run `make lock`"
        for version in versions:
            assert requirement.specifier.contains(version), f"{text} but {version} is locked"
    entries = re.split(r"\n(?=\S)", lock.strip())
    assert all("--hash=sha256:" in entry for entry in entries), "every entry needs its hashes"
    assert "://" not in lock
