"""
An ensemble of your own faces
=============================

From a folder of labelled pictures to a saved ensemble and its figures: read the pictures with
labels in your own words, look for copies, fit, and measure on faces that nothing was fitted on. The
faces are drawn here, so the figures say nothing about people; pictures of yours take the same
lines.
"""

# %%
# A folder of pictures
# --------------------
# Each class has a folder, and its name is the label. These names are not expressions as the package
# calls them, and one face was saved twice, another one mirrored, and a third in two classes: as
# happens in every collection.
import shutil
import tempfile
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np

from fer_ensemble.datasets import EMOTIONS, audit_faces, load_faces, make_faces

words = {"cheerful": "happy", "cross": "angry", "startled": "surprise", "down": "sad"}
drawn = make_faces(1400, random_state=0)
working_folder = tempfile.TemporaryDirectory()
folder = Path(working_folder.name, "faces")
for word, expression in words.items():
    (folder / word).mkdir(parents=True)
    for row in np.flatnonzero(drawn.labels == EMOTIONS.index(expression)):
        cv2.imwrite(str(folder / word / f"{row:04d}.png"), drawn.images[row])

first, second, third = sorted((folder / "cheerful").iterdir())[:3]
shutil.copy(first, folder / "cheerful" / "again.png")
shutil.copy(third, folder / "down" / "copied.png")
mirrored = cv2.imread(str(second))[:, ::-1]
written = cv2.imwrite(str(folder / "cheerful" / "mirrored.png"), mirrored)

# %%
# What the words mean is said once. Whatever can't be used, or is missing, is told and not passed
# over.
faces = load_faces(folder, classes=words)
print(f"{len(faces):,} faces:", {name: n for name, n in faces.class_counts().items() if n})
print(faces.report.summary())

# %%
# Copies
# ------
# A copy of a training face among the test faces makes any model look better than it is, so copies
# are looked for first: the same pixels, and pictures nearly alike, mirrored ones included. Drawn
# faces resemble each other more than people do, so that only the most similar count here. The last
# line names the pair that is labelled in two ways, of which one must be wrong.
audit = audit_faces(faces, threshold=0.95)
pairs = [*audit.exact.sets, *audit.near_pairs.pairs]

fig, axes = plt.subplots(2, len(pairs), figsize=(2.2 * len(pairs), 4.6), layout="constrained")
for column, pair in zip(axes.T, pairs, strict=True):
    for ax, row in zip(column, pair, strict=True):
        ax.imshow(faces.images[row], cmap="gray", vmin=0, vmax=255)
        ax.set_title(faces.names[row], fontsize="small")
        ax.set_axis_off()
plt.show()

for one, other in pairs:
    if faces.labels[one] != faces.labels[other]:
        print("labelled in two ways:", faces.names[one], faces.names[other])

# %%
# Fit
# ---
# :func:`~fer_ensemble.fit_ensemble` sets faces apart for the test, fits the members on the others,
# and saves everything in a folder. Under the protocol ``grouped``, copies stand on one side. Names
# such as ``"boosted_hog"`` stand for members with a recipe; these two are pipelines of
# scikit-learn, which are fitted in seconds.
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fer_ensemble import fit_ensemble
from fer_ensemble.features import HOG, Landmarks
from fer_ensemble.measuring import measure_model

members = [
    (
        "edges",
        make_pipeline(
            HOG(), PCA(60, svd_solver="randomized", random_state=0), LogisticRegression()
        ),
    ),
    (
        "points",
        make_pipeline(
            Landmarks(),
            StandardScaler(),
            PCA(60, svd_solver="randomized", random_state=0),
            LogisticRegression(C=0.1),
        ),
    ),
]
model = Path(working_folder.name, "model")
fitted = fit_ensemble(
    folder, model, classes=words, members=members, protocol="grouped", test_size=0.3, seed=0
)
print(
    f"fitted on {fitted.training.n_faces:,} faces:", [name for name, _ in fitted.ensemble.members_]
)

# %%
# Measure
# -------
# The folder remembers which faces were set apart and what the words mean.
from fer_ensemble.evaluation import wilson_interval
from fer_ensemble.evaluation.plots import plot_confusion

measured = measure_model(model, folder)
figures = measured.scores.rules["weighted"]
low, high = figures.accuracy_interval
print(f"accuracy {figures.accuracy:.3f} ({low:.3f}–{high:.3f}), n = {figures.n:,} drawn faces")

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
names = [row.name for row in figures.per_class]
plot_confusion(figures.confusion, names, ax=left)
for place, (row, right_ones) in enumerate(
    zip(figures.per_class, np.diag(figures.confusion), strict=True)
):
    ends = wilson_interval(int(right_ones), row.support)
    right.plot(ends, [place, place], color="#0072B2", linewidth=2)
    right.plot(row.recall, place, "o", color="#0072B2")
right.set_yticks(range(len(names)), [f"{row.name}, n = {row.support}" for row in figures.per_class])
right.invert_yaxis()
right.set(xlabel="share of the class that is found, and 95 % interval", xlim=(0.5, 1))
right.grid(axis="x", alpha=0.3)
plt.show()

# %%
# Some dozens of faces a class leave wide intervals: a difference of a few points between two is
# nothing yet. ``fer-ensemble report`` writes a page with these figures and many more, and
# ``predict_faces("photos/", model)`` labels photographs by what was fitted.
working_folder.cleanup()
