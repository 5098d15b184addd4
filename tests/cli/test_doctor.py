"""``fer-ensemble doctor``: what it finds broken, what it tells, and what it keeps to itself."""

import importlib.metadata
import json
import os
import platform
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

from fer_ensemble.artifact import pretrained
from fer_ensemble.diagnosis import Check, Diagnosis, diagnose, examination, installed, working
from fer_ensemble.diagnosis.apart import run_apart
from fer_ensemble.diagnosis.checks import survive
from fer_ensemble.diagnosis.private import hide_private
from fer_ensemble.diagnosis.trial import KNOWN_ANSWERS
from fer_ensemble.models import describe_device
from tests.record_answers import answer_known_faces


def one(checks, name):
    (found,) = [check for check in checks if check.name == name]
    return found


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A copy of the weights of the package, in their place."""
    folder = tmp_path / "pretrained"
    shutil.copytree(pretrained.SHIPPED, folder)
    monkeypatch.setattr(pretrained, "SHIPPED", folder)
    return folder


@pytest.fixture
def distributions(monkeypatch):
    """Let chosen distributions count as installed in a version, or not at all (None)."""
    real, told = importlib.metadata.version, {}

    def version(name):
        if name not in told:
            return real(name)
        if told[name] is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return told[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    return told


@pytest.fixture
def broken_library(tmp_path, monkeypatch):
    """Put a library that cannot be imported in the place of one that can, for new processes."""

    def put(name, code):
        (tmp_path / "broken" / name).mkdir(parents=True)
        (tmp_path / "broken" / name / "__init__.py").write_text(code)
        monkeypatch.syspath_prepend(str(tmp_path / "broken"))

    return put


@pytest.fixture
def only(monkeypatch):
    """Make no other checks than these, in the verb."""

    def choose(*groups):
        chosen = tuple(entry for entry in examination._CHECKS if entry[0] in groups)
        assert len(chosen) == len(groups)
        monkeypatch.setattr(examination, "_CHECKS", chosen)

    return choose


@pytest.mark.slow
@pytest.mark.no_cover
def test_a_whole_installation_works_and_nothing_private_is_told(run_apart, tmp_path):
    file = tmp_path / "doctor.json"
    done = run_apart("doctor", "--json", file, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Predicting works" in done.stderr
    assert "  ok   ensemble: 4 files are whole" in done.stdout
    assert done.stdout.count("answers for 7 known faces as they should be") == 2
    told = json.loads(file.read_text())
    assert told["works"]
    groups = list(dict.fromkeys(check["group"] for check in told["checks"]))
    assert groups == [group for group, _, _ in examination._CHECKS]
    backends = {check["name"]: check for check in told["checks"] if check["group"] == "device"}
    assert describe_device() in backends[describe_device().rpartition("(")[2][:-1]]["message"]
    text = done.stdout + file.read_text()
    for private in (platform.node(), str(Path.home()), sys.prefix, str(tmp_path), os.sep + "tmp"):
        assert private not in text


def test_json_can_go_to_standard_output_alone(run, only):
    only("files")
    code, out, _ = run("doctor", "--json", "-")
    assert code == 0
    assert [check["name"] for check in json.loads(out)["checks"]] == ["temporary", "encoding"]


def damage(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_a_damaged_and_a_missing_file_are_named(run, only, shipped):
    only("weights")
    assert run("doctor")[0] == 0  # the copy is whole
    damage(shipped / "fast" / "fast_cnn.onnx")
    (shipped / "validation.npz").unlink()
    code, out, err = run("doctor")
    assert code == 1
    assert "  fail fast: fast_cnn.onnx is damaged: it was altered or cut short" in out
    assert "  fail ensemble: validation.npz is missing" in out
    assert "→ Install fer-ensemble again from a release" in out
    assert "Broken: weights: ensemble, weights: fast" in err
    assert str(shipped) not in out


def test_without_weights_it_says_so(shipped):
    shutil.rmtree(shipped / "fast")
    found = one(working.check_weights(), "fast")
    assert found.status == "fail"
    assert "no pretrained weights" in found.message
    assert str(shipped) not in found.message


def test_the_files_beside_the_models_are_looked_at(tmp_path, monkeypatch):
    from fer_ensemble.faces import blazeface
    from fer_ensemble.features import landmark_weights

    for module, name in ((blazeface, "GRAPH"), (landmark_weights, "SHIPPED")):
        copied = shutil.copy(getattr(module, name), tmp_path)
        monkeypatch.setattr(module, name, Path(copied))
        damage(Path(copied))
    found = working.check_weights()
    assert {check.name for check in found if check.status == "fail"} == {
        "face detector",
        "landmarks",
    }


def test_a_wrong_answer_is_a_failure(shipped):
    right = {check.name: check for check in working.check_predictions()}
    assert [right[name].status for name in ("ensemble", "fast")] == ["ok", "ok"]
    assert right["fast"].facts["cold_start_ms"] > 50
    assert right["fast"].facts["faces_per_second"] > right["ensemble"].facts["faces_per_second"]
    for file in (shipped / "fast").iterdir():  # whole files, but of another model
        shutil.copy(file, shipped)
    wrong = one(working.check_predictions(), "ensemble")
    assert wrong.status == "fail"
    assert wrong.facts["largest_difference"] > working.TOLERANCE
    assert "answers for 7 known faces WRONG" in wrong.message


def test_a_damaged_model_does_not_predict(shipped):
    damage(shipped / "fast" / "fast_cnn.onnx")
    found = one(working.check_predictions(), "fast")
    assert found.status == "fail"
    assert "…/fast_cnn.onnx is not what its manifest says" in found.message


def test_the_known_answers_are_those_of_the_shipped_models():
    with np.load(KNOWN_ANSWERS) as kept:
        for name, recorded in answer_known_faces().items():
            np.testing.assert_allclose(kept[name], recorded, atol=2e-5, rtol=0)
            assert name == "faces" or np.ptp(recorded, axis=0).max() > 100 * working.TOLERANCE


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("raise OSError('/home/ann/lib/libx.so: no such file')", "OSError: …/libx.so: no such"),
        ("raise ImportError('libGL.so.1 is missing')", "ImportError: libGL.so.1 is missing"),
        ("import os; os.abort()", "it crashed (signal SIGABRT)"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
    ],
)
def test_a_broken_library_is_told_and_survived(code, told, broken_library, monkeypatch):
    monkeypatch.setattr(
        working, "installed_modules", lambda: {"packaging": "packaging", "onnxruntime": "ort"}
    )
    assert [check.status for check in working.check_imports()] == ["ok"]
    broken_library("onnxruntime", code)
    found = one(working.check_imports(), "onnxruntime")
    assert found.status == "fail"
    assert told in found.message
    assert found.remedy == "pip install --force-reinstall ort"
    predictions = list(working.check_predictions())
    assert {check.status for check in predictions} == {"fail"}


def test_what_hangs_is_ended():
    ran = run_apart("print(1, flush=True); import time; time.sleep(600)", seconds=3)
    assert ran.lines == [1]
    assert "took longer than 3 s" in ran.error


def test_opencv_with_windows_on_a_server_has_a_remedy(broken_library, monkeypatch):
    monkeypatch.setattr(working, "installed_modules", lambda: {"cv2": "opencv-python"})
    broken_library("cv2", "raise ImportError('libGL.so.1: cannot open shared object file')")
    found = one(working.check_imports(), "cv2")
    assert "pip uninstall opencv-python, then" in found.remedy


def test_a_missing_library_makes_its_extras_incomplete(distributions):
    before = {check.name: check.status for check in installed.check_extras()}
    distributions.update({"pyarrow": None, "fsspec": None})
    found = {check.name: check for check in installed.check_extras()}
    assert found["parquet"].status == found["ray"].status == "note"
    assert "would bring pyarrow >=17" in found["parquet"].message
    assert found["parquet"].remedy.startswith("pip install '.[parquet]'")
    lacking = [name.split()[0] for name in found["ray"].facts["lacking"]]
    assert lacking == ["fsspec", "pyarrow"]  # that of parquet, which ray takes in
    assert found["serve"].status == before["serve"]


def test_what_an_extra_brings_is_what_the_metadata_say():
    named = {
        name: {installed._normal(one.name) for one in installed.requirements(name)}
        for name in ("train", "tune")
    }
    asked = [Requirement(line) for line in importlib.metadata.requires("fer-ensemble")]
    report = {one.name for one in asked if str(one.marker) == 'extra == "report"'}
    assert report == {"matplotlib"}
    assert report < named["train"] < named["tune"]
    assert named["tune"] - named["train"] == {"keras-tuner"}
    assert "numpy" not in named["train"]
    assert ("xgboost" in named["train"]) == (sys.platform == "darwin")


def test_base_dependencies_that_are_missing_or_of_another_version(distributions):
    distributions.update({"jinja2": None, "numpy": "1.20.0"})
    found = {check.name: check for check in installed.check_dependencies()}
    assert found["jinja2"].status == "fail"
    assert found["jinja2"].remedy == "pip install 'jinja2>=3.1'"
    assert found["numpy"].status == "warn"
    assert found["numpy"].message == "1.20.0, and >=2.0 is asked for"
    assert found["rich"].status == "ok"


def test_one_distribution_stands_in_for_another(distributions):
    distributions.update(
        {
            "xgboost-cpu": None,
            "xgboost": "3.0.0",
            "opencv-python-headless": None,
            "opencv-python": "4.13.0",
        }
    )
    cv2 = one(installed.check_dependencies(), "opencv-python-headless")
    assert (cv2.status, cv2.message) == ("ok", "opencv-python 4.13.0 in its place")
    lacking = one(installed.check_extras(), "train").facts["lacking"]
    assert not [name for name in lacking if name.startswith("xgboost")]
    assert {check.status for check in installed.check_conflicts()} == {"ok"}


@pytest.mark.parametrize(
    ("others", "name", "told"),
    [
        ({"xgboost": "3.0.0", "xgboost-cpu": "3.0.0"}, "xgboost", "both bring the module xgboost"),
        ({"opencv-python": "4.10.0"}, "cv2", "opencv-python 4.10.0: both bring the module cv2"),
        ({"opencv-python-headless": "5.0.1"}, "OpenCV 5", "opencv-python-headless 5.0.1: from"),
    ],
)
def test_libraries_in_each_others_way_are_told(others, name, told, distributions):
    assert name not in {check.name for check in installed.check_conflicts() if check.remedy}
    distributions.update(others)
    found = one(installed.check_conflicts(), name)
    assert found.status == "warn"
    assert told in found.message
    assert found.remedy.startswith("pip ")


def test_a_folder_of_the_source_that_is_not_installed_is_told(distributions, monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "metadata", missing)
    found = {check.name: check.status for check in installed.check_package()}
    assert found["fer-ensemble"] == "warn"
    assert found["Python"] == "ok"


def test_code_of_another_version_than_the_metadata_tell_is_told(monkeypatch):
    assert one(installed.check_package(), "fer-ensemble").status == "ok"
    monkeypatch.setattr(installed, "__version__", "99.0")
    found = one(installed.check_package(), "fer-ensemble")
    assert found.status == "warn"
    assert found.message.startswith("99.0 is imported, and ")


def test_without_keras_no_backend_is_asked(monkeypatch):
    monkeypatch.setattr(working, "find_spec", lambda module: None)
    monkeypatch.setattr(working, "run_apart", None)
    found = {check.name: check for check in working.check_devices()}
    assert list(found) == ["prediction", "training"]
    assert found["training"].status == "note"
    assert "pip install '.[train]'" in found["training"].remedy


def test_a_backend_that_is_set_and_not_there_is_told(monkeypatch):
    monkeypatch.setattr(working, "find_spec", lambda module: True if module == "keras" else None)
    monkeypatch.setattr(working, "keras_backend", lambda: "jax")
    (_, found) = working.check_devices()
    assert found.status == "warn"
    assert "'jax', which is not installed" in found.message


def test_a_backend_that_cannot_be_imported_ends_nothing(broken_library, monkeypatch):
    broken_library("jax", "raise OSError('libcudart.so.12: cannot open shared object file')")
    monkeypatch.setattr(working, "KERAS_BACKENDS", ("jax",))
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    found = one(working.check_devices(), "jax")
    assert found.status == "warn"
    assert "libcudart.so.12" in found.message


def test_a_full_or_forbidden_temporary_folder_is_told(monkeypatch):
    def forbidden():
        raise PermissionError(13, "Permission denied", "/home/ann/tmp/x")

    monkeypatch.setattr(working.tempfile, "TemporaryFile", forbidden)
    found = one(working.check_surroundings(), "temporary")
    assert found.status == "warn"
    assert "'…/x'" in found.message
    monkeypatch.undo()
    monkeypatch.setattr(working, "_LITTLE_SPACE", 1 << 62)
    assert one(working.check_surroundings(), "temporary").status == "warn"


def test_a_check_that_ends_in_an_error_keeps_what_it_found_and_the_others(monkeypatch):
    def look():
        yield Check("a", "first", "ok", "found")
        raise RuntimeError("cannot go on in /home/ann/secret/file.txt")

    first, second = survive("a", "rest", look)
    assert first.message == "found"
    assert second == Check("a", "rest", "fail", "RuntimeError: cannot go on in …/file.txt")
    rest = [entry for entry in examination._CHECKS if entry[0] == "files"]
    monkeypatch.setattr(examination, "_CHECKS", (("a", "rest", look), *rest))
    found = diagnose()
    assert not found.works
    assert [check.name for check in found.checks] == ["first", "rest", "temporary", "encoding"]
    assert Diagnosis([first]).works


def test_what_is_private_is_cut_out(monkeypatch):
    monkeypatch.setenv("USER", "anneliese")
    monkeypatch.setattr(platform, "node", lambda: "box17.example.org")
    text = (
        "anneliese on box17: /home/anneliese/My Models/fast (of ~/x/y.npz) "
        r"C:\Users\anneliese\z.txt \\server\share\w.txt and ratio 3/4, numpy/core"
    )
    told = hide_private(text)
    assert "anneliese" not in told
    assert "box17" not in told
    assert "server" not in told
    for kept in ("y.npz)", "z.txt", "w.txt", "ratio 3/4, numpy/core"):
        assert kept in told
    assert hide_private(f"in {Path.cwd()}/a/b.txt") == "in …/b.txt"
