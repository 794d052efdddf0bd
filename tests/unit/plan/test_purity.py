"""The plan is a pure function: what it imports can neither look at the world nor change it."""

import ast
from pathlib import Path

import trainingjob.plan

ALLOWED = {"bisect", "collections", "dataclasses", "decimal", "hashlib", "json", "re", "typing"}
ALLOWED_OF_OURS = ("trainingjob.api", "trainingjob.contract", "trainingjob.plan")
FOLDER = Path(trainingjob.plan.__file__).parent


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def test_the_plan_imports_nothing_that_is_not_pure() -> None:
    found = {name for path in FOLDER.rglob("*.py") for name in imported(path)}
    assert found
    foreign = {n for n in found if not n.startswith(ALLOWED_OF_OURS) and n.partition(".")[0] not in ALLOWED}
    assert foreign == set()


def test_the_plan_keeps_no_state() -> None:
    statements = [node for path in FOLDER.rglob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    assert not [node for node in statements if isinstance(node, ast.Global | ast.Nonlocal)]
