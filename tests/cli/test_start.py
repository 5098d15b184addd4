"""Starting is instant: nothing heavy is imported before it is needed."""

import subprocess
import sys

# Each takes a tenth of a second to several seconds to import.
HEAVY = (
    "fastapi",
    "jax",
    "joblib",
    "keras",
    "matplotlib",
    "pandas",
    "pydantic",
    "scipy",
    "skimage",
    "sklearn",
    "skops",
    "tensorflow",
    "uvicorn",
    "xgboost",
)

# What a prediction goes through, and what looks whether it works.
LIGHT = (
    "fer_ensemble.artifact.exported",
    "fer_ensemble.artifact.kept_answers",
    "fer_ensemble.artifact.manifest",
    "fer_ensemble.artifact.pretrained",
    "fer_ensemble.artifact.set_rules",
    "fer_ensemble.cli.doctor",
    "fer_ensemble.datasets.labels",
    "fer_ensemble.diagnosis",
    "fer_ensemble.diagnosis.examination",
    "fer_ensemble.ensemble.evidence",
    "fer_ensemble.ensemble.meta_features",
    "fer_ensemble.ensemble.prediction_sets",
    "fer_ensemble.ensemble.rules",
    "fer_ensemble.ensemble.temperature",
    "fer_ensemble.ensemble.ties",
    "fer_ensemble.faces",
    "fer_ensemble.explaining",
    "fer_ensemble.explanation",
    "fer_ensemble.features",
    "fer_ensemble.features.extraction",
    "fer_ensemble.libraries",
    "fer_ensemble.models",
    "fer_ensemble.onnx_graph",
    "fer_ensemble.predicting",
    "fer_ensemble.prediction_run",
    "fer_ensemble.processors",
)


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def quickest(code, repeats=5):
    """Seconds of the quickest of several runs, less those of an empty one beside each."""
    import time

    spent = []
    for _ in range(repeats):
        start = time.perf_counter()
        python("pass")
        middle = time.perf_counter()
        python(code)
        spent.append((time.perf_counter() - middle) - (middle - start))
    return min(spent)


def loaded_by(code):
    """Return which of the heavy libraries are imported by some code."""
    return (
        python(f"{code}\nimport sys; print('\\n', *sorted(sys.modules.keys() & set({HEAVY})))")
        .stdout.splitlines()[-1]
        .split()
    )


def test_nothing_heavy_is_imported_by_the_package():
    assert loaded_by("import fer_ensemble; import sys; assert 'cv2' not in sys.modules") == []


def test_nothing_heavy_is_imported_by_the_help():
    code = (
        "import sys; sys.argv = ['fer-ensemble', '--help']\n"
        "from fer_ensemble.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    assert 'cv2' not in sys.modules"
    )
    assert loaded_by(code) == []


def test_nothing_heavy_is_imported_by_what_a_prediction_goes_through():
    assert loaded_by("import " + ", ".join(LIGHT)) == []
    # The test can fail: this is no part of a prediction.
    assert "sklearn" in loaded_by("import fer_ensemble.ensemble.voting")


def test_nothing_heavy_is_imported_to_explain_what_was_exported():
    code = (
        "import numpy as np; from fer_ensemble import explain; "
        "explain(np.zeros((1, 48, 48), np.uint8), 'fast')[0].draw()"
    )
    assert loaded_by(code) == []


def test_import_takes_under_half_a_second():
    assert quickest("import fer_ensemble") < 0.5


def test_help_takes_under_0_8_seconds():
    code = (
        "import sys; sys.argv = ['fer-ensemble', '--help']; "
        "from fer_ensemble.cli import main; main()"
    )
    assert quickest(code) < 0.8


def test_classical_members_need_no_tensorflow():
    code = (
        "import sys\n"
        "from fer_ensemble.datasets import make_faces\n"
        "from fer_ensemble.models import create_member\n"
        "faces = make_faces(70, random_state=0)\n"
        "member = create_member('boosted_hog', classifier__n_estimators=1)\n"
        "member.fit(faces.images, faces.labels).predict(faces.images)\n"
        "create_member('cnn_2')\n"
        "print('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert python(code).stdout.strip() == "False"
