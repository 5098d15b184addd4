"""
Labels that are probably wrong
==============================

Every collection has wrong labels. Models that have not seen a face say what they think of its
label, and confident learning tells whose labels they have good reason to doubt. Here some labels
are changed on purpose, so that it is known what there is to find.
"""

# %%
# Labels changed on purpose
# -------------------------
# Faces of FER2013's Training, where the environment variable ``FER2013_PATH`` says where that is,
# and drawn ones elsewhere. One label in twenty is changed to another at random. FER2013 has wrong
# labels of its own, which count as false alarms here.
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline

from fer_ensemble import find_suspect_labels
from fer_ensemble.datasets import EMOTIONS, open_faces
from fer_ensemble.features import Landmarks
from fer_ensemble.report import write_contact_sheet

random = np.random.default_rng(0)
faces, description = open_faces(os.environ.get("FER2013_PATH"))
faces = faces.select("train")
faces = faces.take(np.sort(random.permutation(len(faces))[:800]))
changed = np.zeros(len(faces), bool)
changed[random.permutation(len(faces))[:40]] = True
labels = faces.labels.copy()
labels[changed] = (labels[changed] + random.integers(1, 7, changed.sum())) % 7
spoilt = replace(faces, labels=labels)
print(f"{description}: {len(spoilt):,} faces, of which {changed.sum()} labels were changed")

# %%
# Look for them
# -------------
# :func:`~fer_ensemble.find_suspect_labels` deals the faces into folds, copies into one, and has
# each fold judged by models that were fitted on the others. Without ``members`` it takes two that
# find more and take longer; any classifier of faces will do.
judge = make_pipeline(Landmarks("hog"), LinearDiscriminantAnalysis("lsqr", shrinkage=0.5))
found = find_suspect_labels(spoilt, members=[("points", judge)], n_folds=3, seed=0)
doubted = [suspect for suspect in found.suspects if "doubted" in suspect.kinds]
print(f"{len(doubted)} labels are doubted; {found.n_wrong} are wrong by the estimate")
for suspect in doubted[:5]:
    print(f"{faces.names[suspect.row]}: {suspect.reason}")

# %%
# Looking through the list from the most suspect on, how many of the changed labels come to light?
# By chance it would be one in twenty looks.
hits = np.cumsum([changed[suspect.row] for suspect in doubted])
looks = np.arange(1, len(doubted) + 1)

fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.plot(looks, hits, color="#0072B2", label="most suspect first")
ax.plot(looks, looks * changed.mean(), color="gray", linestyle="--", label="by chance")
ax.axhline(changed.sum(), color="#D55E00", linestyle=":", label="all changed labels")
ax.set(xlabel="faces looked at", ylabel="changed labels found", ylim=(0, None))
ax.set_title(f"{description}, n = {len(spoilt):,}", fontsize="medium")
ax.grid(alpha=0.3)
ax.legend()
plt.show()

# %%
# What was said of the label, for the labels that were changed and for the others: the probability
# that models which had not seen the face gave to the label it carries.
given = found.probabilities[np.arange(len(labels)), np.searchsorted(found.classes, labels)]

fig, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
bins = np.linspace(0, 1, 21)
ax.hist(given[~changed], bins, density=True, color="#56B4E9", label="label as it was")
ax.hist(
    given[changed],
    bins,
    density=True,
    histtype="step",
    color="#D55E00",
    linewidth=2,
    label="changed",
)
ax.set(xlabel="probability of the label that the face carries", ylabel="density")
ax.legend()
plt.show()

# %%
# Decide
# ------
# People decide, not the list. The page is one file that shows each suspect with its reason, and on
# which it is kept, dropped or relabelled by mouse or keys; it saves a CSV that
# ``fit_ensemble(..., labels=...)`` and ``fer-ensemble fit --labels`` follow.
with tempfile.TemporaryDirectory() as folder:
    page = write_contact_sheet(found, Path(folder, "suspects.html"))
    print(f"{page.name}: {page.stat().st_size / 1e3:,.0f} kB, {len(found):,} suspects")

# %%
# Only drawn faces are shown here; of FER2013, charts must do.
if "FER2013_PATH" not in os.environ:
    fig, axes = plt.subplots(2, 5, figsize=(9, 4.6), layout="constrained")
    for ax, suspect in zip(axes.flat, doubted, strict=False):
        ax.imshow(faces.images[suspect.row], cmap="gray", vmin=0, vmax=255)
        suggested = EMOTIONS[suspect.suggested]
        ax.set_title(f"{EMOTIONS[suspect.given]} → {suggested}?", fontsize="medium")
        ax.set_xlabel("changed" if changed[suspect.row] else "was so", fontsize="small")
        ax.set(xticks=[], yticks=[])
    plt.show()
