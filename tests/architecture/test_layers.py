"""Imports point down the layers of docs/architecture.md; modules are short; what is public is listed and sorted."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

import rungwise

SOURCE = Path(rungwise.__file__).parent
ARCHITECTURE = SOURCE.parents[1] / "docs" / "architecture.md"
MODULES = sorted(SOURCE.rglob("*.py"))
MAX_LINES = 400

SIDEWAYS = {
    ("rungs", "preprocessing"),
    ("training", "preprocessing"),
    ("artifacts", "estimators"),
    ("estimators", "artifacts"),  # `save`, within the method
}
"""Imports within a layer that are meant."""


def layers() -> dict[str, int]:
    """Folder or module → its layer, from the table in docs/architecture.md."""
    rows = re.findall(r"^\| (\d) \| (.+) \|$", ARCHITECTURE.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        name.removesuffix(".py"): int(layer)
        for layer, names in rows
        for name in re.findall(r"`(.+?)`", names)
    }


LAYERS = layers()


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def imports(file: Path) -> set[str]:
    """The modules of rungwise that a file imports, named from below `rungwise`, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.removeprefix("rungwise.") for name in found if name.startswith("rungwise.")}


def ids(file: Path) -> str:
    return str(file.relative_to(SOURCE))


INSIDE = [file for file in MODULES if file.parent != SOURCE or not file.name.startswith("__")]
"""Every module but the package's two entrances."""


def test_every_folder_and_module_has_a_layer():
    found = {file.relative_to(SOURCE).parts[0].removesuffix(".py") for file in INSIDE}
    assert found == set(LAYERS)


@pytest.mark.parametrize("file", INSIDE, ids=ids)
def test_imports_point_down(file):
    home = module_name(file).split(".")[0]
    for imported in imports(file):
        target = imported.split(".")[0]
        if target in LAYERS and target != home and (home, target) not in SIDEWAYS:
            same_ground = LAYERS[home] == LAYERS[target] == 1
            assert LAYERS[target] < LAYERS[home] or same_ground, f"{home} imports {imported}"


@pytest.mark.parametrize("file", sorted(SOURCE.glob("rungs/*/[!_]*.py")), ids=ids)
def test_a_rung_imports_no_other_rung_no_task_and_no_training(file):
    for imported in imports(file):
        parts = imported.split(".")
        assert parts[0] not in ("tasks", "training"), imported
        if parts[0] == "rungs":
            assert any(part.startswith("_") for part in parts[1:]), f"{imported} is another rung"


@pytest.mark.parametrize("file", MODULES, ids=ids)
def test_a_module_is_short(file):
    num_lines = file.read_text(encoding="utf-8").count("\n")
    assert num_lines <= MAX_LINES


def order(name: str) -> tuple[int, str]:
    """CONSTANTS, then Classes, then functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("file", MODULES, ids=ids)
def test_what_a_module_exports_exists_and_is_sorted(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    targets = [node.targets[0] for node in tree.body if isinstance(node, ast.Assign)]
    if not any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
        return
    module = importlib.import_module(f"rungwise.{module_name(file)}".removesuffix(".__init__"))
    assert module.__all__ == sorted(module.__all__, key=order)
    for name in module.__all__:
        assert hasattr(module, name), name
