"""What the package offers, read from its doors without importing anything.

What a door offers, its ``__all__`` says, and where a name comes from, its imports.
"""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "fer_ensemble"


def read_doors(package: Path = PACKAGE) -> dict[str, dict[str, str]]:
    """Read what each door offers.

    Parameters
    ----------
    package : Path
        The folder of the package.

    Returns
    -------
    dict of dict
        By the door's full name, the module that defines each public name.
    """
    doors = {}
    for door in [package, *sorted(path.parent for path in package.rglob("*/__init__.py"))]:
        name = ".".join(door.relative_to(package.parent).parts)
        stub = door / "__init__.pyi"
        tree = ast.parse((stub if stub.exists() else door / "__init__.py").read_text("utf-8"))
        homes = {}
        for step in ast.walk(tree):
            if isinstance(step, ast.ImportFrom):
                module = f"{name}.{step.module}" if step.level else str(step.module)
                homes |= {alias.asname or alias.name: module for alias in step.names}
        for step in tree.body:
            if isinstance(step, ast.Assign) and ast.unparse(step.targets[0]) == "__all__":
                offered = ast.literal_eval(step.value)
                doors[name] = {member: homes.get(member, name) for member in offered}
    return doors


def read_topics(doors: dict[str, dict[str, str]]) -> dict[str, list[tuple[str, list[str]]]]:
    """Group the names of each door by the module that defines them.

    Parameters
    ----------
    doors : dict of dict
        As `read_doors` gives them.

    Returns
    -------
    dict of list
        By the door's full name, pairs of what a module is about and the names that it defines;
        names from other packages come first, under no title.
    """
    topics = {}
    for door, homes in doors.items():
        own = dict.fromkeys(home for home in homes.values() if home.startswith(door + "."))
        if door == PACKAGE.name:
            own = {}  # it offers what others define
        by_module: dict[str, list[str]] = {"": [], **{home: [] for home in sorted(own)}}
        for member, home in homes.items():
            by_module[home if home in own else ""].append(member)
        topics[door] = [(_read_summary(home), found) for home, found in by_module.items() if found]
    return topics


def _read_summary(module: str) -> str:
    if not module:
        return ""
    path = PACKAGE.parent.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or module
    return docstring.partition("\n\n")[0].replace("\n", " ").partition(". ")[0].rstrip(".")


def full_names(doors: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return the full name of every public name; of those that two doors offer, the longer one.

    Parameters
    ----------
    doors : dict of dict
        As `read_doors` gives them.

    Returns
    -------
    dict of str to str
        Full names by names.
    """
    return {member: f"{door}.{member}" for door, homes in doors.items() for member in homes}


def page_names(doors: dict[str, dict[str, str]]) -> dict[str, str]:
    """Name the page of every public name: no two differ by case alone, as some systems need.

    Parameters
    ----------
    doors : dict of dict
        As `read_doors` gives them.

    Returns
    -------
    dict of str to str
        Names of files, without their ending, by full names.
    """
    pages: dict[str, str] = {}
    taken: set[str] = set()
    for full_name in (f"{door}.{name}" for door, homes in doors.items() for name in homes):
        page = full_name if full_name.lower() not in taken else f"{full_name}-function"
        taken.add(page.lower())
        pages[full_name] = page
    return pages
