"""Record what DESlib answers: ``python tests/ensemble/ask_deslib.py tests/recorded/deslib.npz``.

DESlib 0.3.7 runs with scikit-learn up to 1.2, in an environment of its own: this file imports
nothing of ours.
"""

import sys

import numpy as np
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

N_NEIGHBORS = 5


def main(path):
    """Fit weak members on few columns each, and ask three methods about the same samples."""
    # Here, since pytest looks for doctests in this file where DESlib is not installed.
    from deslib.des import KNORAE, KNORAU, METADES

    X, y = make_classification(
        260, 6, n_informative=6, n_redundant=0, n_classes=3, n_clusters_per_class=2, random_state=4
    )
    # DESlib gives members columns by its own way; here they are cut out by those that see others 0.
    fit, held, query = slice(0, 120), slice(120, 200), slice(200, 260)
    members = []
    for number in range(5):
        masked = np.zeros_like(X)
        columns = [number, (number + 2) % 6]
        masked[:, columns] = X[:, columns]
        tree = number == 4
        member = DecisionTreeClassifier(max_depth=4, min_samples_leaf=7, random_state=0)
        members.append((member if tree else LogisticRegression()).fit(masked[fit], y[fit]))
    arrays = {"X": X[held], "labels": y[held], "queries": X[query], "n_neighbors": N_NEIGHBORS}
    arrays["probabilities"] = np.stack([m.predict_proba(X[held]) for m in members], axis=1)
    arrays["said"] = np.stack([m.predict_proba(X[query]) for m in members], axis=1)
    for voting in ("hard", "soft"):
        for name, method in (
            ("knora_e", KNORAE(members, k=N_NEIGHBORS, voting=voting)),
            ("knora_u", KNORAU(members, k=N_NEIGHBORS, voting=voting)),
            (
                "meta_des",
                METADES(members, LogisticRegression(max_iter=1000), N_NEIGHBORS, voting=voting),
            ),
        ):
            method.fit(X[held], y[held])
            arrays[f"{name}_{voting}"] = method.predict_proba(X[query])
    _, neighbors = method.get_competence_region(X[query])
    _, profiles = method._get_similar_out_profiles(arrays["said"])
    arrays["neighbors"] = neighbors
    arrays["described"] = method.compute_meta_features(arrays["said"], neighbors, profiles)
    arrays["competences"] = method.estimate_competence_from_proba(neighbors, arrays["said"])
    np.savez_compressed(path, **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
