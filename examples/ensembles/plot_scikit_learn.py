"""
Members from scikit-learn, and searches over them
=================================================

Everything here is an estimator of scikit-learn: features go into pipelines, pipelines into
ensembles, and all of it can be cloned, cross-validated and searched.
"""

# %%
# Faces of FER2013's Training where the environment variable ``FER2013_PATH`` says where that is,
# and drawn ones elsewhere, which say nothing about people. What is chosen is chosen on one part,
# and measured on another.
import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from fer_ensemble.datasets import open_faces
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.evaluation import evaluate_predictions
from fer_ensemble.features import HOG, Landmarks
from fer_ensemble.splitting import distinct_holdout_split

faces, description = open_faces(os.environ.get("FER2013_PATH"))
faces = faces.select("train")
faces = faces.take(np.random.default_rng(0).permutation(len(faces))[:1500])
fitted, tested = distinct_holdout_split(faces.images, faces.labels, test_size=0.5, random_state=0)
train, test = faces.take(fitted), faces.take(tested)
print(f"{description}: {len(train):,} faces to choose on, {len(test):,} to measure on")

# %%
# A search over HOG's cells
# -------------------------
# :class:`~fer_ensemble.features.HOG` is a transformer, and its parameters are searched as those of
# any other step.
edges = Pipeline(
    [("hog", HOG()), ("classifier", LinearDiscriminantAnalysis("lsqr", shrinkage=0.5))]
)
search = GridSearchCV(
    edges,
    {
        "hog__pixels_per_cell": [(8, 8), (12, 12), (16, 16)],
        "hog__orientations": [4, 8],
    },
    cv=3,
)
search.fit(train.images, train.labels)
print(search.best_params_)

fig, ax = plt.subplots(figsize=(6.5, 4), layout="constrained")
results = search.cv_results_
for count, colour, marker in ((4, "#D55E00", "s"), (8, "#0072B2", "o")):
    rows = np.asarray(results["param_hog__orientations"] == count, bool)
    sides = [cell[0] for cell in results["param_hog__pixels_per_cell"][rows]]
    ax.errorbar(
        sides,
        results["mean_test_score"][rows],
        results["std_test_score"][rows],
        color=colour,
        marker=marker,
        capsize=3,
        label=f"{count} directions",
    )
ax.set(xlabel="side of a cell, in pixels", ylabel="accuracy, mean and deviation of 3 folds")
ax.set_xticks([8, 12, 16])
ax.grid(alpha=0.3)
ax.legend()
plt.show()

# %%
# Any classifier as a member
# --------------------------
# A member is any classifier with ``predict_proba``. The ensemble holds faces out itself, to learn
# how much each member counts.
ensemble = VotingEnsemble(
    [
        ("edges", search.best_estimator_),
        (
            "points",
            make_pipeline(
                Landmarks(), StandardScaler(), LinearDiscriminantAnalysis("lsqr", shrinkage=0.3)
            ),
        ),
        ("bayes", make_pipeline(HOG(pixels_per_cell=(12, 12)), GaussianNB())),
    ],
    rule="weighted",
    validation_fraction=0.25,
    random_state=0,
)
print(f"3 folds: {cross_val_score(ensemble, train.images, train.labels, cv=3).round(3)}")

# %%
# ``name__parameter`` reaches into the members, whole members are replaced by their names or dropped
# from the list, and a clone is unfitted again. A rule is a parameter that needs no new fit.
ensemble.fit(train.images, train.labels)
scores = {}
for rule in ("weighted", "average", "geometric", "majority"):
    ensemble.set_params(rule=rule)
    scores[rule] = evaluate_predictions(
        test.labels, probabilities=ensemble.predict_proba(test.images), classes=ensemble.classes_
    )
smaller = clone(ensemble).set_params(points__lineardiscriminantanalysis__shrinkage=0.5)
print(
    smaller.get_params()["points__lineardiscriminantanalysis__shrinkage"],
    hasattr(smaller, "members_"),
)

# %%
# Measured on the faces that had no part in any choice:
from fer_ensemble.evaluation.plots import plot_accuracies

fig, ax = plt.subplots(figsize=(8, 2.8), layout="constrained")
plot_accuracies(scores, ax=ax)
ax.set_title(f"{description}, n = {len(test):,}", fontsize="medium")
plt.show()

# %%
# The other way round, an ensemble is an estimator as well, to stand in a pipeline, a
# ``StackingClassifier`` or a search of its own: over ``rule`` and ``weighting``, for instance.
ensemble
