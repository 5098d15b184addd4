"""
Why this label?
===============

What speaks for a label: places of the face, found by covering one after the other; the members of
the ensemble; and traits of the face's shape. None of this tells whether the label is right, only
what moved the model.
"""

# %%
# :func:`~fer_ensemble.explain` finds the faces of a picture, and gives an explanation of each. One
# takes some hundred predictions. ``draw`` lays everything out in one picture.
import matplotlib.pyplot as plt
import numpy as np
from skimage.data import astronaut

from fer_ensemble import explain
from fer_ensemble.datasets import make_faces

photograph = astronaut()[..., ::-1]
[found] = explain(photograph)
picture = found.draw()

fig, ax = plt.subplots(figsize=(11, 11 * picture.shape[0] / picture.shape[1]), layout="constrained")
ax.imshow(picture[..., ::-1])
ax.set_axis_off()
plt.show()

# %%
# All that is drawn is also there as numbers, in nats of the label's log-odds: what covering a place
# takes from them, and what each member and each trait adds.
for voice in found.members:
    print(f"{voice.name:28}{voice.contribution:+.2f}")
for voice in found.landmarks[:5]:
    print(f"{voice.name:28}{voice.contribution:+.2f}")

# %%
# Why not another label?
# ----------------------
# ``label`` asks for what speaks for a label that was not given. Red speaks for it, blue against
# it: what makes the astronaut's face happy speaks against *neutral*, most of all the mouth.
labels = ("happy", "neutral", "surprise")
maps = [explain(photograph, "fast", label=label)[0] for label in labels]

fig, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained")
reach = max(np.abs(one.map).max() for one in maps)
for ax, one in zip(axes, maps, strict=True):
    ax.imshow(one.face, cmap="gray", vmin=0, vmax=255)
    drawn = ax.imshow(one.map, cmap="RdBu_r", vmin=-reach, vmax=reach, alpha=0.55)
    ax.set_title(f"{one.label}, {one.probability:.3f}")
    ax.set_axis_off()
fig.colorbar(drawn, ax=axes, label="nats that covering takes away", shrink=0.8)
plt.show()

# %%
# Faces that are cut out already are given as an array, here drawn ones.
faces = make_faces(14, random_state=3).images[[1, 3, 6, 7]]

fig, axes = plt.subplots(1, 4, figsize=(9, 2.8), layout="constrained")
for ax, one in zip(axes, explain(faces, "fast"), strict=True):
    reach = np.abs(one.map).max()
    ax.imshow(one.face, cmap="gray", vmin=0, vmax=255)
    ax.imshow(one.map, cmap="RdBu_r", vmin=-reach, vmax=reach, alpha=0.5)
    ax.set_title(f"{one.label} {one.probability:.2f}")
    ax.set_axis_off()
plt.show()
