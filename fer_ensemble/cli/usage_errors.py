"""What errors of usage say, beside what is wrong: what was probably meant."""

from __future__ import annotations

from typing import Any

from fer_ensemble.cli.console import visible
from fer_ensemble.suggestions import did_you_mean

# What other tools call it; what is only misspelled is found without them.
_OTHER_VERBS = {
    "benchmark": "evaluate",
    "check": "doctor",
    "classify": "predict",
    "convert": "export",
    "detect": "predict",
    "ensemble": "combine",
    "eval": "evaluate",
    "infer": "predict",
    "info": "doctor",
    "join": "merge",
    "label": "predict",
    "learn": "fit",
    "list": "members",
    "measure": "evaluate",
    "models": "members",
    "plot": "curves",
    "recognize": "predict",
    "search": "tune",
    "server": "serve",
    "test": "evaluate",
    "train": "fit",
    "web": "serve",
}
_OTHER_OPTIONS = {
    "--cpu": "--device",
    "--debug": "--verbose",
    "--ensemble": "--model",
    "--force": "--overwrite",
    "--gpu": "--device",
    "--n-jobs": "--jobs",
    "--output": "--out",
    "--output-dir": "--out",
    "--param": "--set",
    "--random-state": "--seed",
    "--settings": "--config",
    "--silent": "--quiet",
    "--threads": "--jobs",
    "--weights": "--model",
    "--workers": "--jobs",
}


def explain(error: Any, hint: str) -> str:
    """Put into words what is wrong with a command line.

    Parameters
    ----------
    error : click exception
        What typer says of it; what it may have found similar itself is forgotten.
    hint : str
        What else has taken part, such as a configuration file.

    Returns
    -------
    str
    """
    text = visible(str(error.message))
    ctx = getattr(error, "ctx", None)
    if ctx is not None:
        if getattr(error, "option_name", None) and hasattr(error, "possibilities"):
            error.possibilities = []
            text += _similar_option(error.option_name, ctx)
        elif text.startswith("No such command"):
            text = text.split(" Did you mean")[0].rstrip(".?") + "."
            text += did_you_mean(_quoted(text), ctx.command.commands, synonyms=_OTHER_VERBS)
        choices = getattr(getattr(getattr(error, "param", None), "type", None), "choices", None)
        if choices:
            text += did_you_mean(_quoted(text), [getattr(one, "value", one) for one in choices])
    return f"{text} {hint}".rstrip()


def _similar_option(option: str, ctx: Any) -> str:
    """Say which option was probably meant, and which verbs have one of that name."""
    if ctx.parent is not None:
        verbs = ctx.parent.command.commands.items()
        others = [
            name for name, verb in verbs if any(option in param.opts for param in verb.params)
        ]
        if others:
            return f". It is an option of {', '.join(others)}."
    words = [word for param in ctx.command.params for word in param.opts + param.secondary_opts]
    words = [word for word in words if word.startswith("-")]
    return "." + did_you_mean(option, words, synonyms=_OTHER_OPTIONS)


def _quoted(text: str) -> str:
    parts = text.split("'")
    return parts[1] if len(parts) > 2 else ""
