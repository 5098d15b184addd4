"""Artifacts come from strangers: what is in them is checked, and none of it is run."""

import io
import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from fer_ensemble import load_ensemble, save_ensemble
from fer_ensemble.artifact import ArtifactError, ExportedEnsemble, read_manifest
from fer_ensemble.artifact.manifest import sha256
from fer_ensemble.artifact.member_files import dump_member, load_member
from fer_ensemble.datasets import make_faces
from fer_ensemble.features import HOG
from fer_ensemble.models import MemberPipeline
from tests.artifact.stand_ins import change_manifest, small_voting, table
from tests.record_answers import RECORDED

EXPORTED = RECORDED / "exported_by_2af0a99"
SAVED = RECORDED / "saved_by_2e706e3"


def change_schema(content: bytes, change: Any, **further: bytes) -> bytes:
    """Change what a stored member says of itself, as whoever forges one can."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(stream, "w") as target,
    ):
        for name in source.namelist():
            packed = further.get(name, source.read(name))
            if name == "schema.json":
                schema = json.loads(packed)
                change(schema)
                packed = json.dumps(schema).encode()
            target.writestr(name, packed)
    return stream.getvalue()


def attributes(schema: Any, class_name: str) -> Any:
    """Find the attributes of the first estimator of a class."""
    if isinstance(schema, dict):
        if schema.get("__class__") == class_name and schema.get("__loader__") == "ObjectNode":
            return schema["content"]["content"]
        schema = list(schema.values())
    found = (attributes(entry, class_name) for entry in schema if isinstance(entry, dict | list))
    return next(filter(None, found), None)


def plain(value: Any) -> dict[str, str]:
    return {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": json.dumps(value),
    }


@pytest.fixture(scope="module")
def hog_member() -> bytes:
    images, labels, _ = make_faces(14, random_state=0)
    member = MemberPipeline([("hog", HOG()), ("classifier", SGDClassifier(loss="log_loss"))])
    for _, step in member.steps:
        images = step.fit(images, labels).transform(images) if step is member.steps[0][1] else 0
    member.steps[1][1].fit(HOG().fit_transform(make_faces(14, random_state=0).images), labels)
    return dump_member("hog", member)


class Trap:
    """Runs when it is unpickled."""

    def __reduce__(self) -> Any:
        return (os.mkdir, ("sprung",))


def test_a_cache_of_pickles_beside_the_model_is_never_read(
    hog_member: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    faces = make_faces(3, random_state=0).images
    # An attacker knows the faces, and puts a pickle where their features would be kept.
    HOG(memory="cache").fit(faces).transform(faces)
    for file in Path("cache").rglob("output.pkl"):
        joblib.dump(Trap(), file)

    def point(schema: Any) -> None:
        attributes(schema, "HOG")["memory"] = plain("cache")
        attributes(schema, "MemberPipeline")["memory"] = plain("cache")

    loaded = load_member("hog", change_schema(hog_member, point))
    assert loaded.memory is None
    assert loaded.named_steps["hog"].memory is None
    loaded.predict_proba(faces)
    assert not Path("sprung").exists()
    HOG(memory="cache").fit(faces).transform(faces)
    assert Path("sprung").exists()  # so the trap was one


@pytest.mark.parametrize("name", ["memory", "n_jobs", "verbose"])
def test_places_and_processes_are_neither_stored_nor_loaded(name: str) -> None:
    X, y = table()
    value = {"memory": "/tmp/somewhere", "n_jobs": -1, "verbose": True}[name]
    member = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    target = member[-1] if name == "n_jobs" else member
    target.set_params(**{name: value})
    content = dump_member("lr", member)
    assert b"somewhere" not in zipfile.ZipFile(io.BytesIO(content)).read("schema.json")
    class_name = type(target).__name__
    forged = change_schema(
        content, lambda schema: attributes(schema, class_name).update({name: plain(value)})
    )
    for loaded in (load_member("lr", content), load_member("lr", forged)):
        found = (loaded[-1] if name == "n_jobs" else loaded).get_params(deep=False)[name]
        assert found == type(target)(**({"steps": []} if name != "n_jobs" else {})).get_params(
            deep=False
        ).get(name)
    assert target.get_params(deep=False)[name] == value  # the user's own stays as it was


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("orientations", 10**9, "HOG: orientations is 1000000000, and must be a whole number"),
        ("block_norm", "L3", "HOG: block_norm is 'L3', and must be one of L1"),
        ("transform_sqrt", "yes", "must be true or false"),
        ("n_features_out_", -1, "n_features_out_ is -1"),
        ("callback", "os.system", "HOG has an unknown entry 'callback'"),
        ("pixels_per_cell", [1, 2, 3], "HOG: pixels_per_cell is list"),
        ("face_shape_", None, "face_shape_ is None"),
    ],
)
def test_attributes_are_of_their_type_and_within_bounds(
    hog_member: bytes, attribute: str, value: Any, message: str
) -> None:
    forged = change_schema(
        hog_member, lambda schema: attributes(schema, "HOG").update({attribute: plain(value)})
    )
    # The types of the keys stand beside them.
    if attribute == "callback":
        forged = change_schema(hog_member, _add_callback)
    with pytest.raises(ArtifactError, match=message):
        load_member("hog", forged)


def _add_callback(schema: Any) -> None:
    def find(node: Any) -> Any:
        if isinstance(node, dict):
            if node.get("__class__") == "HOG":
                return node["content"]
            node = list(node.values())
        found = (find(entry) for entry in node if isinstance(entry, dict | list))
        return next(filter(None, found), None)

    content = find(schema)
    content["content"]["callback"] = plain("os.system")
    content["key_types"]["content"].append(content["key_types"]["content"][0])


@pytest.mark.parametrize("kind", ["FunctionNode", "PartialNode", "MethodNode", "TypeNode"])
def test_nodes_that_name_code_are_refused(hog_member: bytes, kind: str) -> None:
    node = {"__class__": "system", "__module__": "os", "__loader__": kind, "content": {}}
    forged = change_schema(
        hog_member, lambda schema: attributes(schema, "HOG").update(orientations=node)
    )
    with pytest.raises(ArtifactError, match=r"os\.system.*no artifact may hold"):
        load_member("hog", forged)


def test_one_identity_for_two_nodes_gains_nothing(hog_member: bytes) -> None:
    def forge(schema: Any) -> None:
        # Checked as a number, and taken for the path where skops finds the same identity.
        attributes(schema, "SGDClassifier")["alpha"] = plain("cache") | {"__id__": 7}
        attributes(schema, "HOG")["memory"] = plain(None) | {"__id__": 7}

    with pytest.raises(ArtifactError, match="alpha"):
        load_member("hog", change_schema(hog_member, forge))


@pytest.mark.parametrize(
    "member",
    [GradientBoostingClassifier(n_estimators=1), make_pipeline(FunctionTransformer(np.exp), SVC())],
)
def test_what_hands_arrays_or_functions_to_native_code_is_not_stored(member: Any) -> None:
    with pytest.raises(ArtifactError, match="cannot be saved"):
        dump_member("x", member.fit(*table()))


@pytest.mark.parametrize("member", [SVC(), KNeighborsClassifier(algorithm="brute")])
def test_arrays_that_native_code_would_believe_are_checked(member: Any) -> None:
    X, y = table()
    content = dump_member("x", member.fit(X, y))
    np.testing.assert_array_equal(load_member("x", content).predict(X), member.predict(X))
    name = "_n_support" if isinstance(member, SVC) else "_y"
    array = getattr(member, name).copy()
    array[0] = 10**6
    stream = io.BytesIO()
    np.save(stream, array)
    schema = json.loads(zipfile.ZipFile(io.BytesIO(content)).read("schema.json"))
    file = attributes(schema, type(member).__name__)[name]["file"]
    with pytest.raises(ArtifactError, match=r"_n_support|beyond its classes"):
        load_member("x", change_schema(content, lambda schema: None, **{file: stream.getvalue()}))


def test_networks_larger_than_their_weights_are_refused_before_they_take_memory() -> None:
    content = (SAVED / "voting" / "network.skops").read_bytes()
    assert load_member("network", content).network == "se_resnet"

    def deepen(schema: Any) -> None:
        given = attributes(schema, "KerasClassifier")["network_params"]["content"]
        given["blocks"]["content"] = [plain(10_000)] * 4

    with pytest.raises(ArtifactError, match="blocks is more than its weights"):
        load_member("network", change_schema(content, deepen))


def test_a_member_that_would_expand_without_end_is_refused(
    hog_member: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer_ensemble.artifact.member_files.MOST_EXPANDED", 2**20)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", zipfile.ZipFile(io.BytesIO(hog_member)).read("schema.json"))
        archive.writestr("bomb.npy", bytes(2**24))
    assert len(stream.getvalue()) < 2**16
    with pytest.raises(ArtifactError, match=r"expand to 16 MiB, and 1 MiB is the limit"):
        load_member("hog", stream.getvalue())


# Manifests.


@pytest.fixture(scope="module")
def saved_voting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fitted = small_voting(rule="weighted", calibrate=True).fit(*table())
    free = {"free": {"of": ["anything", 7, None]}}
    return save_ensemble(fitted, tmp_path_factory.mktemp("voting") / "model", data=free)


@pytest.fixture
def voting(saved_voting: Path, tmp_path: Path) -> Path:
    return shutil.copytree(saved_voting, tmp_path / "model")


def test_a_manifest_vouches_for_itself(voting: Path) -> None:
    file = voting / "manifest.json"
    text = file.read_text()
    assert read_manifest(voting).data == {"free": {"of": ["anything", 7, None]}}
    for before, after in (('"up"', '"up "'), ("0.3,", "0.4,"), ('"sha256": "', '"sha257": "')):
        file.write_text(text.replace(before, after))
        assert file.read_text() != text
        with pytest.raises(ArtifactError, match=r"manifest\.json is damaged: (?!.*\n)"):
            read_manifest(voting)
    file.write_text(json.dumps(json.loads(text), sort_keys=True))  # other spaces, the same words
    read_manifest(voting)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m["ensemble"].update(rule="dictator"), "rule is 'dictator', and must be one of"),
        (lambda m: m["ensemble"].update(ties="coin"), "ties is 'coin'"),
        (lambda m: m["ensemble"].update(weights=[1.0]), "weights are not one for each member"),
        (lambda m: m["ensemble"].update(weights=[0, 0]), "above 0 in sum"),
        (lambda m: m["ensemble"].update(weights=[1, float("nan")]), "weights is list"),
        (lambda m: m["ensemble"].update(weights=None), "has no weights"),
        (lambda m: m["ensemble"].update(random_state="x"), "random_state is 'x'"),
        (
            lambda m: m["ensemble"]["calibration"]["weighted"].update(ensemble_temperature=0),
            "ensemble_temperature is 0",
        ),
        (
            lambda m: m["ensemble"]["calibration"]["weighted"].update(member_temperatures=[1.0]),
            "member_temperatures are not one for each member",
        ),
        (lambda m: m.update(class_names=["one"] * 2), "class_names are the same"),
        (lambda m: m.update(classes=["up", "down"]), "sorted"),
        (lambda m: m.update(classes=["down", 1]), "one type"),
        (lambda m: m.update(classes=["a", "b", "c"]), "3 classes and 2 class_names"),
        (lambda m: m["members"][1].update(name="lr"), "two of its members share a name"),
        (lambda m: m["members"][1].update(name="../x"), "name is '../x'"),
        (lambda m: m["members"][0].update(fit_seconds="long"), "fit_seconds is 'long'"),
        (lambda m: m["members"][0].update(parameters=None), "parameters is None"),
        (lambda m: m["members"][0]["stored"].update(sha256=None), "64 hexadecimal digits"),
        (lambda m: m.update(members=[]), "members is list"),
        (lambda m: m["preprocessing"].update(size=100_000), "size is 100000.*1 to 1,024"),
        (lambda m: m["preprocessing"].update(size=None), "size is None"),
        (lambda m: m["preprocessing"].update(color="rgb"), "color is 'rgb'"),
        (lambda m: m.update(versions=None), "versions is None"),
        (lambda m: m.update(data=None), "data is None"),
        (lambda m: m.update(run="this"), "unknown entry 'run'"),
        (lambda m: m.update(schema_version=None), "schema_version is None"),
        (lambda m: m.update(schema_version=True), "schema_version is True"),
    ],
)
def test_all_that_a_manifest_says_is_checked_when_it_is_read(
    voting: Path, change: Any, message: str
) -> None:
    change_manifest(voting, change)
    with pytest.raises(ArtifactError, match=rf"manifest\.json is damaged: .*{message}"):
        read_manifest(voting)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"format": "fer-ensemble", "format": "fer-ensemble"}', "names 'format' twice"),
        ("[" * 100_000, "nested too deeply"),
        ('{"data": ' * 5000 + "1" + "}" * 5000, "nested too deeply|unknown"),
        ('{"data": ' * 50 + "1" + "}" * 50, "nested too deeply"),
        ("null", "it is no object"),
        ("{", "Expecting property name"),
    ],
)
def test_manifests_that_are_no_plain_object_take_one_line(
    voting: Path, text: str, message: str
) -> None:
    (voting / "manifest.json").write_text(text)
    with pytest.raises(ArtifactError, match=rf"manifest\.json is damaged: .*({message})") as error:
        read_manifest(voting)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["manifest.json", "lr.skops", "validation.npz"])
def test_pipes_and_devices_in_an_artifact_are_not_waited_for(voting: Path, name: str) -> None:
    (voting / name).unlink()
    os.mkfifo(voting / name)
    with pytest.raises(ArtifactError, match=rf"{name} cannot be read: not a regular file"):
        load_ensemble(voting)
    (voting / name).unlink()
    (voting / name).symlink_to("/dev/zero")
    with pytest.raises(ArtifactError, match=rf"{name} cannot be read: not a regular file"):
        load_ensemble(voting)


def test_held_out_arrays_that_expand_without_end_or_do_not_fit_are_refused(
    voting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer_ensemble.artifact.storage.MOST_ARRAYS", 2**20)

    def replace(**arrays: np.ndarray) -> None:
        np.savez_compressed(voting / "validation.npz", **arrays)
        digest = sha256((voting / "validation.npz").read_bytes())
        change_manifest(voting, lambda m: m["validation"].update(sha256=digest))

    replace(validation_probabilities_=np.zeros((5, 3, 2)))
    with pytest.raises(ArtifactError, match="not those of its members and classes"):
        load_ensemble(voting)
    replace(zeros=np.zeros(2**17 + 1))
    with pytest.raises(ArtifactError, match=r"validation\.npz.*1 MiB is the limit"):
        load_ensemble(voting)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e["features"][0]["parameters"].update(orientations=10**9), "orientations"),
        (lambda e: e["features"][0]["parameters"].update(memory="cache"), "unknown entry 'memory'"),
        (
            lambda e: e["features"][0]["parameters"].update(
                orientations=64, pixels_per_cell=[1, 1], cells_per_block=[24, 24]
            ),
            "features of a face",
        ),
        (lambda e: e.update(mirror="no"), "mirror is 'no'"),
        (lambda e: e.update(features=None), "features is None"),
    ],
)
def test_what_stands_before_a_graph_is_checked(tmp_path: Path, change: Any, message: str) -> None:
    (tmp_path / "manifest.json").write_bytes((EXPORTED / "voting" / "manifest.json").read_bytes())

    def first_with_features(manifest: Any) -> None:
        change(next(m["exported"] for m in manifest["members"] if "hog" in m["name"]))

    change_manifest(tmp_path, first_with_features)
    with pytest.raises(ArtifactError, match=message):
        ExportedEnsemble(tmp_path)
