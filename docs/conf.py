"""How Sphinx builds the site; CONTRIBUTING.md says by which command.

Nothing is fetched while it is built, and its pages ask for nothing from elsewhere.
"""

import os
import sys
import tomllib
from pathlib import Path

DOCS = Path(__file__).parent
REPOSITORY = DOCS.parent
sys.path.insert(0, str(DOCS / "extensions"))

from public_names import full_names, page_names, read_doors, read_topics  # noqa: E402 - it stands beside this file

import fer_ensemble  # noqa: E402

_project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = _project["name"]
version = release = fer_ensemble.__version__
author = _project["authors"][0]["name"]
project_copyright = author
language = "en"
smartquotes = False  # words are typeset as they are written: "weighted" is what one types

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    # Our own, in docs/extensions:
    "cli_reference",
    "doors",
    "mathml",
    "repository_links",
]
root_doc = "index"
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "extensions", "templates"]
templates_path = ["templates"]

# -- Pages in Markdown --------------------------------------------------------

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4  # every heading has the anchor that it has in the repository's browser

# -- Links to the repository --------------------------------------------------

repository_home = _project["urls"]["Homepage"]
# Files that are shown as pages, by page. A page that has `{include}` alone shows it whole.
repository_pages = {
    "contributing": "CONTRIBUTING.md",
    "changelog": "CHANGELOG.md",
    "model_cards/ensemble": "fer_ensemble/pretrained/MODEL_CARD.md",
    "model_cards/fast": "fer_ensemble/pretrained/fast/MODEL_CARD.md",
    "gallery/index": "examples",
}

# -- The API ------------------------------------------------------------------

autosummary_generate = True
autosummary_ignore_module_all = False  # what a door offers is what it lists
_doors = read_doors()
autosummary_filename_map = page_names(_doors)
autosummary_context = {"topics": read_topics(_doors)}
autodoc_typehints = "none"  # types stand in the docstrings
numpydoc_show_class_members = False
# Types of ours that docstrings name are links.
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = full_names(_doors)
default_role = "public"
# What a docstring documents has to be there, in numpydoc's sections and their order.
numpydoc_validation_checks = {"GL05", "GL06", "GL07", "PR02", "PR05", "PR06", "PR10"}

# -- The gallery --------------------------------------------------------------

# `-D plot_gallery=0` builds the site without running an example.
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "subsection_order": [
        f"../examples/{section}"
        for section in ("start", "ensembles", "doubt", "seeing", "shipping")
    ],
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "gallery/backreferences",
    "doc_module": ("fer_ensemble",),
    "reference_url": {"fer_ensemble": None},
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "remove_config_comments": True,
    "reset_modules": ("matplotlib",),
    "matplotlib_animations": False,
    "plot_gallery": "True",
    # What fails in an example fails the build.
    "abort_on_example_error": True,
    "only_warn_on_example_error": False,
}

# -- HTML ---------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = project
html_favicon = "static/logo.svg"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {"*": []}  # pages of the top have no section to navigate in
html_context = {"default_mode": "auto"}  # light or dark, as the system is
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "logo": {
        "text": project,
        "image_light": "_static/logo.svg",
        "image_dark": "_static/logo_dark.svg",
        "alt_text": "",  # the name stands beside it
    },
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
}

# -- References, and links to elsewhere ---------------------------------------

# Every reference has to lead somewhere, but for those to other projects. Where these can be
# reached, DOCS_INVENTORIES=1 fetches what they offer, and such references become links.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(collections|keras|numpy|os|skimage|sklearn|xgboost)\..*")]
intersphinx_mapping = {
    "numpy": ("https://numpy.org/doc/stable/", None),
    "python": ("https://docs.python.org/3/", None),
    "sklearn": ("https://scikit-learn.org/stable/", None),
}
if os.environ.get("DOCS_INVENTORIES"):
    extensions.append("sphinx.ext.intersphinx")
linkcheck_timeout = 20
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Examples factor small matrices: with more threads that share the processors with other work, they
# took four times as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
