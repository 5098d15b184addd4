"""Starting is instant: nothing heavy is imported before it is needed."""

import subprocess
import sys

import pytest

HEAVY = ("tensorflow", "keras", "jax", "xgboost", "skimage", "sklearn", "cv2")


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


@pytest.mark.parametrize(
    "code",
    [
        "import fer_ensemble",
        "import sys; sys.argv = ['fer-ensemble', '--help']\n"
        "from fer_ensemble.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass",
    ],
    ids=["import", "help"],
)
def test_nothing_heavy_is_imported(code):
    loaded = python(f"{code}\nimport sys; print('\\n', sorted(sys.modules))").stdout.splitlines()
    assert not [name for name in HEAVY if f"'{name}'" in loaded[-1]]


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
