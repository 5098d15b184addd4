"""What an exported ensemble's folder has beside the graphs in the layout of the Hugging Face hub.

Nothing is sent anywhere, and no library of the hub is needed: these are files of text.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_ensemble.artifact.manifest import Manifest, StoredFile, installed_version, read_verified
from fer_ensemble.artifact.model_card import is_fer2013, make_model_card, plain
from fer_ensemble.ensemble import DYNAMIC_RULES, BaseEnsemble
from fer_ensemble.ensemble.meta_features import FEATURE_FLOOR
from fer_ensemble.onnx_graph import OnnxGraph, open_session

if TYPE_CHECKING:
    from jinja2 import Template

#: The card of a repository on the hub.
README = "README.md"
CONFIG, ATTRIBUTES, LICENSE = "config.json", ".gitattributes", "LICENSE"

#: That of the models which come with the package. Its other license is of the face detector alone.
SHIPPED_LICENSE = "mit"

# What the hub takes for ``license``; any other is "other", with a name.
_KNOWN = """
    afl-3.0 agpl-3.0 apache-2.0 artistic-2.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear
    bsl-1.0 c-uda cc cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0
    cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0
    cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0
    ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 gfdl gpl gpl-2.0 gpl-3.0 isc lgpl lgpl-2.1
    lgpl-3.0 lgpl-lr lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1 openrail osl-3.0 pddl
    postgresql unknown unlicense wtfpl zlib
"""
_LICENSES = frozenset(_KNOWN.split())
_LARGE = ("*.onnx", "*.npz")
_TASK = "image-classification"
# Of a measurement, by the hub's names of metrics where it has one.
_METRICS = {
    "accuracy": ("accuracy", "Accuracy"),
    "macro_f1": ("f1", "Macro F1"),
    "balanced_accuracy": ("balanced_accuracy", "Balanced accuracy"),
    "log_loss": ("log_loss", "Log loss"),
    "calibration_error": ("calibration_error", "Expected calibration error"),
}
_TYPES = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}
# YAML takes these for something else than text; quoted it is safe.
_PLAIN_YAML = re.compile(r"(?!(?:true|false|yes|no|on|off|null|y|n)$)[a-z][a-z0-9_-]*")


def hub_files(
    folder: Path,
    ensemble: BaseEnsemble,
    manifest: Manifest,
    *,
    name: str,
    license: str | None = None,
    shipped: bool = False,
) -> dict[str, bytes]:
    """Make what a repository on the hub has beside an exported ensemble.

    Parameters
    ----------
    folder : Path
        Where the ensemble was exported to; its files are read, none is written.
    ensemble : VotingEnsemble or StackingEnsemble
        What was exported.
    manifest : Manifest
        Its manifest.
    name : str
        What to call the model.
    license : str, optional
        One that the hub knows, such as 'apache-2.0', or the name of another. Without one the card
        names none.
    shipped : bool, default=False
        Whether it is a model of the package, which has the package's license.

    Returns
    -------
    dict of str to bytes
        By file name: the card with its metadata, ``config.json``, ``.gitattributes``, and
        ``LICENSE`` of a model of the package.
    """
    files = {}
    if shipped:
        license = SHIPPED_LICENSE
        if text := _license_text():
            files[LICENSE] = text
    config = make_config(folder, manifest)
    own_license = LICENSE in files or (folder / LICENSE).is_file()
    metadata = make_metadata(manifest, name, license, has_license_file=own_license)
    card = _template().render(
        name=plain(name),
        metadata=to_yaml(metadata),
        card=make_model_card(ensemble, manifest, on_hub=True).partition("\n")[2].strip(),
        config=config,
        license=license,
        home=_home(),
        floor=f"{FEATURE_FLOOR:g}",
        **_what_runs_alone(folder, manifest),
    )
    return files | {
        README: (re.sub(r"\n{3,}", "\n\n", card).strip() + "\n").encode(),
        CONFIG: (json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode(),
        ATTRIBUTES: _attributes(folder).encode(),
    }


def make_config(folder: Path, manifest: Manifest) -> dict[str, Any]:
    """Describe an exported ensemble for programs, by the keys that transformers has for them.

    Parameters
    ----------
    folder : Path
        Where it lies.
    manifest : Manifest

    Returns
    -------
    dict
        For ``config.json``: names of classes, size of faces, how members are combined, and the
        inputs and outputs of every graph.
    """
    state = manifest.ensemble
    final = manifest.final_estimator
    rule = state.get("rule", "stacking")
    calibration = (state.get("calibration") or {}).get(rule)
    config: dict[str, Any] = {
        "model_type": "fer_ensemble",
        "architectures": ["ExportedEnsemble"],
        "problem_type": "single_label_classification",
        "id2label": {str(i): name for i, name in enumerate(manifest.class_names)},
        "label2id": {name: i for i, name in enumerate(manifest.class_names)},
        "image_size": manifest.preprocessing["size"],
        "num_channels": 1,
        "preprocessing": {
            "color": "gray",
            "dtype": "uint8",
            "range": [0, 255],
            "rescale": False,
            "normalize": False,
            "face": "cropped; fer_ensemble.predict_faces finds and crops faces of pictures",
        },
        "rule": rule,
        "weights": state.get("weights"),
        "temperatures": calibration and calibration["member_temperatures"],
        "ensemble_temperature": calibration and calibration["ensemble_temperature"],
        "members": [
            {
                "name": member.name,
                **_describe_graph(folder, member.stored),
                "features": [feature["name"] for feature in (member.exported or {})["features"]],
                "mirror": (member.exported or {})["mirror"],
            }
            for member in manifest.members
        ],
        "final_estimator": None if final is None else _describe_graph(folder, final),
        "fer_ensemble_version": installed_version("fer-ensemble"),
    }
    if manifest.classes != list(range(len(manifest.classes))):
        config["labels"] = manifest.classes
    return config


def make_metadata(
    manifest: Manifest, name: str, license: str | None = None, *, has_license_file: bool = False
) -> dict[str, Any]:
    """Give what the hub reads at the top of a card.

    Figures with a warning, and those on synthetic faces, are left out of ``model-index``: lists of
    figures show them without it. The card itself has them.

    Parameters
    ----------
    manifest : Manifest
    name : str
        What to call the model.
    license : str, optional
    has_license_file : bool, default=False
        Whether the text of another license than the hub knows stands beside the card.

    Returns
    -------
    dict
    """
    data = manifest.data
    of_fer2013 = is_fer2013(data)
    metadata: dict[str, Any] = {}
    if license is not None and license.lower() in _LICENSES:
        metadata["license"] = license.lower()
    elif license is not None:
        metadata |= {"license": "other", "license_name": _slug(license)}
        if has_license_file:
            metadata["license_link"] = LICENSE
    metadata |= {
        "library_name": "fer-ensemble",
        "pipeline_tag": _TASK,
        "tags": ["onnx", "facial-expression-recognition", "ensemble"],
    }
    if of_fer2013:
        metadata["datasets"] = ["fer2013"]
    results = list(_results(data))
    if results:
        metadata["metrics"] = ["accuracy", "f1"]
        metadata["model-index"] = [{"name": name, "results": results}]
    return metadata


def _results(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    tests = data.get("figures")
    for test in tests if isinstance(tests, list) else []:
        if test["warning"] or test["synthetic"]:
            continue
        for told, figures in (("", test["all"]), ("without copies", test["without_copies"])):
            if figures is None:
                continue
            of_fer2013 = is_fer2013({"source": test["data"]})
            source = "FER2013" if of_fer2013 else test["data"]
            split = test["test"].removeprefix("split ")
            parts = ", ".join(part for part in (split, told) if part)
            low, high = figures["accuracy_interval"]
            spread = f", 95 % interval {low:.3f}–{high:.3f}"
            dataset = {
                "name": f"{source} ({parts})" if parts else source,
                "type": _slug(source),
                "config": "without_copies_of_training_faces" if told else "all_faces",
            }
            if split:
                dataset["split"] = split
            yield {
                "task": {"type": _TASK, "name": "Facial expression recognition"},
                "dataset": dataset,
                "metrics": [
                    {
                        "type": kind,
                        "value": round(figures[key], 4),
                        "name": f"{title} (n = {figures['n']:,}"
                        + (spread if key == "accuracy" else "")
                        + ")",
                    }
                    for key, (kind, title) in _METRICS.items()
                    if figures[key] is not None
                ],
            }


def to_yaml(value: Any, depth: int = 0) -> str:
    """Write plain values as YAML, as far as the metadata of a card need it.

    Parameters
    ----------
    value : dict, list, str, int, float or bool
    depth : int, default=0
        How far to indent.

    Returns
    -------
    str

    Examples
    --------
    >>> print(to_yaml({"license": "mit", "tags": ["onnx", "no"], "results": [{"value": 0.5}]}))
    license: mit
    tags:
    - onnx
    - "no"
    results:
    - value: 0.5
    """
    pad = "  " * depth
    if isinstance(value, dict):
        lines = []
        for key, entry in value.items():
            nested = isinstance(entry, dict | list)
            inner = depth + isinstance(entry, dict)
            lines.append(
                f"{pad}{key}:" + (f"\n{to_yaml(entry, inner)}" if nested else f" {_scalar(entry)}")
            )
        return "\n".join(lines)
    entries = []
    for entry in value:
        nested = isinstance(entry, dict | list)
        text = to_yaml(entry, depth + 1).removeprefix(f"{pad}  ") if nested else _scalar(entry)
        entries.append(f"{pad}- {text}")
    return "\n".join(entries)


def _scalar(value: Any) -> str:
    if isinstance(value, str) and not _PLAIN_YAML.fullmatch(value):
        return json.dumps("".join(c if c.isprintable() else " " for c in value), ensure_ascii=False)
    return value if isinstance(value, str) else json.dumps(value)


def _describe_graph(folder: Path, stored: StoredFile) -> dict[str, Any]:
    session = open_session(read_verified(folder, stored), stored.file)
    return {
        "file": stored.file,
        **{
            kind: [
                {
                    "name": entry.name,
                    "dtype": _TYPES.get(entry.type, entry.type),
                    "shape": ["n", *entry.shape[1:]],
                }
                for entry in entries
            ]
            for kind, entries in (
                ("inputs", session.get_inputs()),
                ("outputs", session.get_outputs()),
            )
        },
    }


def _what_runs_alone(folder: Path, manifest: Manifest) -> dict[str, Any]:
    """Find what any runtime of ONNX computes: which member, and whether all of the ensemble."""
    state = manifest.ensemble

    def plainly(file: StoredFile, classes: list[Any]) -> bool:
        return OnnxGraph(read_verified(folder, file), file.file).classes == classes

    places = [
        place
        for place, member in enumerate(manifest.members)
        if (exported := member.exported)
        and not exported["features"]
        and not exported["mirror"]
        and plainly(member.stored, manifest.classes)
        and OnnxGraph(read_verified(folder, member.stored)).takes_faces
    ]
    rule = state.get("rule", "stacking")
    final = manifest.final_estimator
    if final is not None:
        numbers = list(range(len(manifest.classes)))
        combined = not state.get("passthrough") and plainly(final, numbers)
    else:
        known = rule in ("average", "weighted") and rule not in DYNAMIC_RULES
        combined = known and not (state.get("calibration") or {}).get(rule)
    everything = combined and len(places) == len(manifest.members)
    return {"runs_alone": places, "everything": everything, "rule": rule}


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("fer_ensemble.artifact", "."),
        autoescape=False,  # the card is no HTML; what users name goes through `plain`
        trim_blocks=True,
    )
    return environment.get_template("hub_card.md.j2")


def _attributes(folder: Path) -> str:
    """Have graphs and arrays kept by Git LFS; what stands in such a file already stays."""
    file = folder / ATTRIBUTES
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    kept = {line.split()[0] for line in lines if "filter=lfs" in line}
    lines += [f"{name} filter=lfs diff=lfs merge=lfs -text" for name in _LARGE if name not in kept]
    return "\n".join(lines) + "\n"


def _license_text() -> bytes | None:
    try:
        text = importlib.metadata.distribution("fer-ensemble").read_text("licenses/LICENSE")
    except importlib.metadata.PackageNotFoundError:
        text = None
    if text is not None:
        return text.encode()
    beside = Path(__file__).parents[2] / LICENSE  # of the source, which was not installed
    return beside.read_bytes() if beside.is_file() else None


def _home() -> str:
    try:
        urls = importlib.metadata.metadata("fer-ensemble").get_all("Project-URL") or []
    except importlib.metadata.PackageNotFoundError:
        urls = []
    named = dict(url.split(", ", 1) for url in urls if ", " in url)
    return str(named.get("Homepage", ""))


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.") or "other"
