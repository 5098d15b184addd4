"""
Label the faces in a photograph
===============================

The package comes with two trained models: an ensemble, which is the default, and a small network
called ``fast``. Both work offline, as soon as the package is installed. Here they label a
photograph, and a few faces that are cut out already.
"""

# %%
# The photograph is NASA's portrait of the astronaut Eileen Collins, in the public domain, which
# scikit-image brings along. :func:`~fer_ensemble.predict_faces` takes paths, folders, videos and
# arrays; the latter in the order blue, green, red, as OpenCV reads pictures.
import matplotlib.pyplot as plt
from skimage.data import astronaut

from fer_ensemble import annotate, predict_faces

photograph = astronaut()[..., ::-1]
table = predict_faces(photograph)
table

# %%
# One face was found, and it is labelled *happy*. A row holds more than is shown: the face's box,
# and a probability for each of the seven expressions. :func:`~fer_ensemble.annotate` draws them.
annotated = annotate(photograph, table)

fig, ax = plt.subplots(figsize=(6, 6), layout="constrained")
ax.imshow(annotated[..., ::-1])
ax.set_axis_off()
plt.show()

# %%
# Every value is at hand in Python; ``table.write("rows.csv")`` writes them to a file, and
# ``to_frame`` makes a data frame of pandas.
table.to_frame().round(3).T

# %%
# The quick model
# ---------------
# ``fast`` is one small network. It takes a fraction of the time, and is right a little less often;
# :ref:`sphx_glr_gallery_ensembles_plot_combining.py` says by how much.
models = {"ensemble": table[0], "fast": predict_faces(photograph, "fast")[0]}

fig, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
names = list(table.class_names)
for (name, row), offset, colour in zip(
    models.items(), (-0.2, 0.2), ("#0072B2", "#D55E00"), strict=True
):
    places = [place + offset for place in range(len(names))]
    bars = ax.barh(places, row.probabilities.values(), 0.38, label=name, color=colour)
    ax.bar_label(bars, fmt="{:.3f}", padding=3, fontsize="small")
ax.set_yticks(range(len(names)), names)
ax.invert_yaxis()
ax.set(xlabel="probability", xlim=(0, 1.1))
ax.legend(loc="lower right")
plt.show()

# %%
# Faces that are cut out already
# ------------------------------
# Small gray pictures are taken for faces themselves, so that no detector stands in between. These
# are drawn by :func:`~fer_ensemble.datasets.make_faces`, two of each expression. The models were
# trained on photographs alone, and yet they read many drawings as they were meant; how many says
# nothing about real faces.
from fer_ensemble.datasets import EMOTIONS, make_faces

faces = make_faces(14, random_state=3)
found = predict_faces(list(faces.images))

fig, axes = plt.subplots(2, 7, figsize=(9, 3.4), layout="constrained")
for ax, face, meant, row in zip(axes.flat, faces.images, faces.labels, found, strict=True):
    ax.imshow(face, cmap="gray", vmin=0, vmax=255)
    ax.set_title(f"{row.label} {row.confidence:.2f}", fontsize="medium")
    ax.set_xlabel(f"drawn as {EMOTIONS[meant]}", fontsize="small")
    ax.set(xticks=[], yticks=[])
plt.show()
