"""
What HOG and landmarks see of a face
====================================

Classical members do not see pixels. One kind sees the directions of edges, cell by cell; another
where 68 points of the face are, and what can be measured between them.
"""

# %%
# Directions of edges
# -------------------
# :class:`~fer_ensemble.features.HOG` divides a face into cells, and counts for each in which
# directions brightness changes. scikit-image draws the same histograms: a bright stroke runs along
# the edges of its cell. Small cells keep detail, large ones forgive a shift of the face.
import matplotlib.pyplot as plt
import numpy as np
from skimage.data import astronaut
from skimage.feature import hog
from skimage.transform import resize

from fer_ensemble.datasets import EMOTIONS, make_faces
from fer_ensemble.faces import FaceFinder
from fer_ensemble.features import HOG, Landmarks, mirror_points

drawn = make_faces(200, random_state=1)
face = drawn.images[8]

fig, axes = plt.subplots(2, 2, figsize=(7.5, 8), layout="constrained")
axes = axes.ravel()
axes[0].imshow(face, cmap="gray", vmin=0, vmax=255)
axes[0].set_title("face", fontsize="medium")
for ax, cell in zip(axes[1:], (4, 6, 12), strict=True):
    length = HOG(pixels_per_cell=(cell, cell)).fit([face]).n_features_out_
    enlarged = resize(face, (288, 288), order=3)
    strokes = hog(enlarged, 8, (6 * cell, 6 * cell), (2, 2), block_norm="L2-Hys", visualize=True)[1]
    ax.imshow(strokes, cmap="gray", vmax=0.5 * strokes.max())
    ax.set_title(f"cells of {cell} px: {length:,} numbers", fontsize="small")
for ax in axes:
    ax.set_axis_off()
plt.show()

# %%
# 68 points
# ---------
# :class:`~fer_ensemble.features.Landmarks` finds the points of iBUG's annotation: jaw, brows, nose,
# eyes and lips. Of drawn faces it is known where the points are (crosses), so that one sees how
# near the found ones (dots) come; the package's regressor was trained on photographs.
landmarks = Landmarks().fit(drawn.images)
found = landmarks.find_points(drawn.images)

fig, axes = plt.subplots(1, 4, figsize=(9, 2.7), layout="constrained")
for ax, row in zip(axes, (3, 5, 8, 9), strict=True):
    ax.imshow(drawn.images[row], cmap="gray", vmin=0, vmax=255)
    ax.plot(*drawn.points[row].T, "x", color="#E69F00", markersize=4)
    ax.plot(*found[row].T, ".", color="#56B4E9", markersize=5)
    ax.set_title(f"drawn as {EMOTIONS[drawn.labels[row]]}", fontsize="small")
    ax.set(xlim=(-0.5, 47.5), ylim=(47.5, -0.5))
    ax.set_axis_off()
plt.show()

# %%
# A mirrored face has the mirrored points: that of the right eye's outer corner becomes that of the
# left eye's. :func:`~fer_ensemble.features.mirror_points` knows the pairs, here joined by lines.
points = found[8]
mirrored = mirror_points(points[None], 48)[0]

fig, axes = plt.subplots(1, 2, figsize=(7, 3.6), layout="constrained")
for ax, picture, places, title in (
    (axes[0], face, points, "face"),
    (axes[1], face[:, ::-1], mirrored, "mirror image"),
):
    ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
    for one, other in ((0, 16), (17, 26), (36, 45), (48, 54), (31, 35)):
        ax.plot(*places[[one, other]].T, "o-", color="#56B4E9", linewidth=1, markersize=4)
        ax.annotate(str(one), places[one], (-12, -2), textcoords="offset points", color="#E69F00")
    ax.set_title(title)
    ax.set(xlim=(-0.5, 47.5), ylim=(47.5, -0.5))
    ax.set_axis_off()
plt.show()

# %%
# From points to an expression
# ----------------------------
# What is measured between the points does not depend on where the face stands, how large it is, or
# how it is tilted. Two of these measures already tell some expressions apart.
measures = dict(
    zip(landmarks.get_feature_names_out(), landmarks.transform(drawn.images).T, strict=True)
)
shown = {"happy": "#0072B2", "surprise": "#D55E00", "sad": "#009E73"}

fig, ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
for (name, colour), marker in zip(shown.items(), "os^", strict=True):
    rows = drawn.labels == EMOTIONS.index(name)
    ax.scatter(
        measures["mouth_width"][rows],
        measures["mouth_openness"][rows],
        color=colour,
        marker=marker,
        label=name,
    )
ax.set(xlabel="width of the mouth, in distances of the eyes", ylabel="openness of the mouth")
ax.grid(alpha=0.3)
ax.legend()
plt.show()

# %%
# Of a photograph
# ---------------
# The same points on the astronaut's face, found and cut out of the photograph as
# :func:`~fer_ensemble.predict_faces` does it.
[astronaut_found] = FaceFinder(size=96).find(np.ascontiguousarray(astronaut()[..., ::-1]))
cut = astronaut_found.face
points = landmarks.find_points(cut[None])[0]

fig, ax = plt.subplots(figsize=(4.4, 4.4), layout="constrained")
ax.imshow(cut, cmap="gray", vmin=0, vmax=255)
ax.plot(*points.T, ".", color="#56B4E9")
ax.set_axis_off()
plt.show()
