"""
Export to ONNX, and run without this package
============================================

An exported ensemble is a folder of graphs in ONNX with a manifest. It predicts without the
libraries that it was trained with, and any runtime of ONNX runs the graphs: in another language, on
a telephone, or in a browser.
"""

# %%
# A graph alone
# -------------
# The models of the package are such folders. The network of ``fast`` takes faces as they are:
# ``uint8``, 48 by 48 pixels, any number at once.
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime

from fer_ensemble import load_pretrained
from fer_ensemble.artifact import resolve_model
from fer_ensemble.datasets import make_faces

graph = resolve_model("fast") / "fast_cnn.onnx"
session = onnxruntime.InferenceSession(graph.read_bytes(), providers=["CPUExecutionProvider"])
[taken] = session.get_inputs()
print(f"{graph.stat().st_size / 1e3:,.0f} kB; takes {taken.name}: {taken.type}")

# %%
# onnxruntime alone gives what the package gives, up to rounding.
faces = make_faces(200, random_state=0)
[alone] = session.run(None, {taken.name: faces.images})
package = load_pretrained("fast").predict_member_proba(faces.images)[:, 0]
print(f"largest difference: {np.abs(alone - package).max():.1e}")

# %%
# An ensemble of one's own
# ------------------------
# :func:`~fer_ensemble.export_ensemble` converts what was saved. Faces are drawn here, and what is
# learned from them says nothing about real ones.
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fer_ensemble import export_ensemble, load_ensemble, save_ensemble
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.features import HOG, Landmarks

ensemble = VotingEnsemble(
    [
        (
            "edges",
            make_pipeline(
                HOG(), PCA(50, svd_solver="randomized", random_state=0), LogisticRegression()
            ),
        ),
        ("points", make_pipeline(Landmarks(), StandardScaler(), LogisticRegression(C=0.01))),
    ],
    rule="weighted",
    random_state=0,
)
train = make_faces(600, random_state=1)
ensemble.fit(train.images, train.labels)

working_folder = tempfile.TemporaryDirectory()
saved, exported = Path(working_folder.name, "model"), Path(working_folder.name, "onnx")
save_ensemble(ensemble, saved)
export = export_ensemble(saved, exported, faces=train.images)
for file in sorted(exported.iterdir()):
    print(f"{file.name:16}{file.stat().st_size / 1e3:6,.0f} kB")

# %%
# HOG and landmarks are computed in front of the graphs, by this package; the graphs are the
# classifiers behind them. On faces that neither has seen, both ensembles say the same.
before = ensemble.predict_proba(faces.images)
after = load_ensemble(exported).predict_proba(faces.images)

fig, ax = plt.subplots(figsize=(5, 5), layout="constrained")
ax.plot([0, 1], [0, 1], color="gray", linestyle="--")
ax.plot(before.ravel(), after.ravel(), ".", color="#0072B2", markersize=4)
ax.set(xlabel="probability before the export", ylabel="probability by the graphs", aspect="equal")
ax.set_title(f"largest difference {np.abs(before - after).max():.1e}", fontsize="medium")
plt.show()

# %%
# ``fer-ensemble predict photos/ --model onnx/`` labels photographs by it, without scikit-learn.
working_folder.cleanup()
