"""The pages of the API: what autodoc and numpydoc would get wrong about public names."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from public_names import full_names, read_doors
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.ext.autodoc import Options
from sphinx.pycode import ModuleAnalyzer

# Links by label or term, with or without words of their own.
_GUIDE = re.compile(r":(?:ref|term):`(.+?)(?:\s*<[^`]*>)?`", re.DOTALL)

_DOORS = read_doors()


def setup(app: Sphinx) -> dict[str, Any]:
    """Describe names by what stands beside them where they are defined, and link to them."""
    app.add_role("public", _refer)
    app.connect("autodoc-process-docstring", _mend)
    app.connect("autodoc-skip-member", _skip)
    app.connect("builder-inited", _link_own_types)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


_FULL_NAMES = full_names(_DOORS)


def _refer(
    role: str, raw: str, text: str, line: int, inliner: Inliner, *more: Any
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """Make what stands in single backticks a link if it is public, and code in any case."""
    code = nodes.literal(raw, text)
    target = _FULL_NAMES.get(text.removesuffix("()"))
    if target is None:
        return [code], []
    env = inliner.document.settings.env
    link = addnodes.pending_xref(
        raw, refdomain="py", reftype="obj", reftarget=target, refdoc=env.current_document.docname
    )
    link += code
    return [link], []


def _mend(
    app: Sphinx, kind: str, name: str, value: Any, options: Options, lines: list[str]
) -> None:
    """Mend what Sphinx makes of data and of what scikit-learn's classes hand down.

    Data is described by what stands beside it where it is defined, and not by its type. Links to
    scikit-learn's user guide are left out: there is no such page here.
    """
    if str(getattr(value, "__module__", "")).startswith("sklearn."):
        lines[:] = _GUIDE.sub(r"\1", "\n".join(lines)).split("\n")
    door, _, member = name.rpartition(".")
    home = _DOORS.get(door, {}).get(member)
    if kind == "data" and home is not None:
        found = ModuleAnalyzer.for_module(home).find_attr_docs()
        lines[:] = found.get(("", member), [])


def _link_own_types(app: Sphinx) -> None:
    """Link the types of this package alone: numpydoc would link those of NumPy and Python too."""
    app.config.numpydoc_xref_aliases_complete = dict(app.config.numpydoc_xref_aliases)


def _skip(
    app: Sphinx, kind: str, name: str, value: Any, skip: bool, options: Options
) -> bool | None:
    """Leave out what scikit-learn generates for metadata routing, of which nothing here is told."""
    return True if name == "get_metadata_routing" or name.endswith("_request") else None
