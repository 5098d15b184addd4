"""Options that several verbs have: one word, one meaning and one place for each."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

# What Tab completes. The packages that decide take seconds to import; a test compares.
RULES = (
    "weighted",
    "average",
    "majority",
    "weighted_majority",
    "geometric",
    "median",
    "max",
    "borda",
)
DYNAMIC_RULES = ("knora_e", "knora_u", "meta_des")
WEIGHTING = ("log_loss", "accuracy", "greedy")
TIES = ("mean_probability", "priority", "random", "abstain")
PROTOCOLS = ("official", "kaggle", "random", "grouped", "balanced")
PARTS = ("train", "validation", "public_test", "private_test", "test", "all")
MODELS = ("ensemble", "fast")
DETECTORS = ("auto", "skip", "blazeface", "haar", "mtcnn", "yunet:")
ENGINES = ("local", "ray")
SET_METHODS = ("lac", "aps", "raps")
KNOWN_CLASSES = ("fer2013", "ferplus", "rafdb", "affectnet", "ckplus", "jaffe")

#: Words that options had before; what is written with them still runs.
OLD_WORDS = {
    "fit": {"--labels": "--decisions"},
    "report": {"--explain": "--explain-mistakes"},
    "serve": {"--seconds": "--max-seconds", "--seconds-to-send": "--max-seconds-to-send"},
    "suspects": {"--most": "--max-shown"},
}


def completing(*words: str) -> Any:
    """Make what completes an option's value.

    Parameters
    ----------
    *words : str

    Returns
    -------
    callable
    """
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


def complete_model(incomplete: str) -> list[str]:
    """Complete the name of a model, or the path of a folder.

    Parameters
    ----------
    incomplete : str

    Returns
    -------
    list of str
    """
    named = [word for word in MODELS if word.startswith(incomplete)]
    return named + complete_folder(incomplete)


def complete_folder(incomplete: str) -> list[str]:
    """Complete the path of a folder.

    Parameters
    ----------
    incomplete : str

    Returns
    -------
    list of str
    """
    folder, slash, _ = incomplete.rpartition("/")
    try:
        found = sorted(entry for entry in Path(folder + slash or ".").iterdir() if entry.is_dir())
    except OSError:
        return []
    paths = [f"{folder}{slash}{entry.name}/" for entry in found]
    return [path for path in paths if path.startswith(incomplete)]


def list_member_names() -> list[str]:
    """Read the members' names from the file of their recipes, which takes seconds to import.

    Returns
    -------
    list of str
    """
    import ast

    source = Path(__file__).parents[1] / "models" / "recipes.py"
    return [
        node.name
        for node in ast.parse(source.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and any("member" in ast.unparse(decorator) for decorator in node.decorator_list)
    ]


def complete_member(incomplete: str) -> list[str]:
    """Complete the name of a member.

    Parameters
    ----------
    incomplete : str

    Returns
    -------
    list of str
    """
    return [name for name in list_member_names() if name.startswith(incomplete)]


def complete_members(incomplete: str) -> list[str]:
    """Complete the last of several members between commas.

    Parameters
    ----------
    incomplete : str

    Returns
    -------
    list of str
    """
    before, comma, last = incomplete.rpartition(",")
    chosen = before.split(",")
    return [before + comma + name for name in complete_member(last) if name not in chosen]


def _to_standard_output(file: Path | None) -> Path | None:
    """Leave standard output to the JSON alone, where it goes there."""
    if file is not None and str(file) == "-":
        from fer_ensemble.cli.console import output

        output.step_aside()
    return file


# Made by what is not of this package: annotations are evaluated at every start.
out_option = partial(typer.Option, "--out", "-o")
model_option = partial(
    typer.Option, "--model", "-m", show_default=False, autocompletion=complete_model
)
split_option = partial(typer.Option, autocompletion=completing(*PARTS))

complete_rule = completing(*RULES, *DYNAMIC_RULES)
complete_any_rule = completing(*RULES, "stacking", *DYNAMIC_RULES)
complete_weighting = completing(*WEIGHTING)
complete_ties = completing(*TIES)
complete_protocol = completing(*PROTOCOLS)
complete_engine = completing(*ENGINES)
complete_detector = completing(*DETECTORS)
complete_set_method = completing(*SET_METHODS)
complete_decision = completing("drop", "relabel")
complete_rank = completing("self_confidence", "normalized_margin")
complete_classes = completing(*KNOWN_CLASSES)
complete_device = completing("auto", "cpu")

#: What every verb takes that reads labels.
ClassesOption = Annotated[
    str | None,
    typer.Option(
        help="What labels mean where they are numbers or not in English: fer2013, ferplus, rafdb, "
        "affectnet, ckplus or jaffe; or label by label, as in '1=surprise,2=fear,wütend=angry'. "
        "Faces that are contempt, other or none are left out.",
        metavar="NAMES",
        show_default=False,
        autocompletion=complete_classes,
    ),
]

StrictOption = Annotated[bool, typer.Option("--strict", help="Stop at a face that can't be used.")]

DeviceOption = Annotated[
    str,
    typer.Option(
        help="auto takes a GPU where there is one; cpu does not.",
        autocompletion=complete_device,
    ),
]

JobsOption = Annotated[
    int,
    typer.Option("--jobs", "-j", min=-1, help="Processes and threads; -1 takes all processors."),
]

JsonOption = Annotated[
    Path | None,
    typer.Option(
        "--json",
        help="File to write the figures to; - is standard output, and tables go to standard error.",
        metavar="FILE",
        show_default=False,
        callback=_to_standard_output,
    ),
]
