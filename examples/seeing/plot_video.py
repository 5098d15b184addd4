"""
A video, face by face and over time
===================================

A camera never sees the same face twice in the same way: each frame is cut out, lit and blurred a
little differently, and labels flicker. Following faces and smoothing their probabilities over time
steadies them.
"""

# %%
# A clip
# ------
# Real clips go in by their path. This one is made here: a camera that pans and zooms over the
# portrait of an astronaut, with noise, and
# for a while in the dusk, in which it does not find its focus.
import tempfile
from itertools import pairwise
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
from skimage.data import astronaut

from fer_ensemble import predict_faces

photograph = np.ascontiguousarray(astronaut()[..., ::-1])
random = np.random.default_rng(0)
n_frames, rate = 50, 12.5
working_folder = tempfile.TemporaryDirectory()
clip = str(Path(working_folder.name, "clip.mp4"))
writer = cv2.VideoWriter(clip, cv2.VideoWriter_fourcc(*"mp4v"), rate, (240, 240))
frames = []
for number in range(n_frames):
    turn = 2 * np.pi * number / n_frames
    side = 300 - 60 * np.cos(turn)
    centre = (225 + 25 * np.sin(turn), 135 + 12 * np.sin(2 * turn))
    left, top = centre[0] - side / 2, centre[1] - min(side / 2, centre[1])
    move = np.float32([[240 / side, 0, -left * 240 / side], [0, 240 / side, -top * 240 / side]])
    frame = cv2.warpAffine(photograph, move, (240, 240)).astype(float)
    dusk = np.exp(-(((number - 26) / 9) ** 2)) * random.uniform(0.3, 1)
    frame = cv2.GaussianBlur(frame, None, 0.1 + 3.5 * dusk) * (1 - 0.6 * dusk)
    frame += random.normal(0, 12, frame.shape)
    frames.append(np.clip(frame, 0, 255).astype(np.uint8))
    writer.write(frames[-1])
writer.release()

# %%
# Without and with a memory
# -------------------------
# ``track=True`` follows each face by its box, gives it a number, and smooths its probabilities:
# within ``window`` seconds, older answers lose all but 37 % of their weight.
alone = predict_faces(clip, "fast")
followed = predict_faces(clip, "fast", track=True, window=0.5)
followed

# %%
# Frames in the light and in the dusk, with the boxes that were followed.
fig, axes = plt.subplots(1, 4, figsize=(9, 2.7), layout="constrained")
rows = {row.frame: row for row in followed if row.face is not None}
for ax, number in zip(axes, (4, 16, 26, 44), strict=True):
    ax.imshow(frames[number][..., ::-1])
    if number in rows:
        row = rows[number]
        box = plt.Rectangle((row.x, row.y), row.width, row.height, fill=False, color="#E69F00")
        ax.add_patch(box)
        ax.set_title(f"{row.time:.1f} s: {row.label} {row.confidence:.2f}", fontsize="medium")
    else:
        ax.set_title(f"{number / rate:.1f} s: no face", fontsize="medium")
    ax.set_axis_off()
plt.show()

# %%
# A line per expression over time: what is seen of each frame alone, and smoothed.
colours = ["#D55E00", "#CC79A7", "#000000", "#0072B2", "#56B4E9", "#E69F00", "#009E73"]

fig, axes = plt.subplots(2, 1, figsize=(8, 5.6), sharex=True, sharey=True, layout="constrained")
for ax, table, title in (
    (axes[0], alone, "each frame alone"),
    (axes[1], followed, "followed and smoothed"),
):
    seen = [row for row in table if row.face is not None]
    for name, colour in zip(table.class_names, colours, strict=True):
        values = [row.probabilities[name] for row in seen]
        ax.plot([row.time for row in seen], values, ".-", color=colour, linewidth=1, label=name)
    ax.axvspan(16 / rate, 37 / rate, color="gray", alpha=0.2)
    ax.set_title(title, fontsize="medium")
    ax.set(ylabel="probability", ylim=(0, 1.15))
axes[0].text(16.3 / rate, 1.03, "in the dusk", fontsize="small")
axes[1].set_xlabel("seconds")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside right center")
plt.show()

# %%
# How often the label changes from one frame to the next:
for title, table in (("alone", alone), ("followed", followed)):
    labels = [row.label for row in table if row.face is not None]
    changes = sum(one != other for one, other in pairwise(labels))
    print(f"{title}: {changes} changes in {len(labels)} frames with a face")
working_folder.cleanup()

# %%
# ``fer-ensemble predict clip.mp4 --track --annotate copies/`` writes the same as a table and a
# video with boxes and bars; ``predict 0`` looks through a camera.

# sphinx_gallery_thumbnail_number = 2
