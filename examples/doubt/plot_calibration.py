"""
Calibration, and answering only when sure
=========================================

A probability of 0.8 is worth something only if four in five of such answers are right. This page
measures that, mends it where it is not so, and leaves out labels that are too unsure. All figures
are of 2,569 real faces of FER2013 that nothing was trained on; what the models of the package say
of them comes along.
"""

# %%
# Is 0.8 right four times in five?
# --------------------------------
# A reliability diagram puts answers into bins by their confidence, and asks how many of each are
# right. On the diagonal, confidence is honest.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

from fer_ensemble.artifact import load_answers
from fer_ensemble.ensemble import apply_temperature, combine, fit_temperature
from fer_ensemble.evaluation import coverage_curve, evaluate_predictions, reliability
from fer_ensemble.evaluation.plots import plot_coverage, plot_reliability

(ensemble, y), classes = load_answers("ensemble")
(fast, _), _ = load_answers("fast")

fig, axes = plt.subplots(1, 2, figsize=(9, 4.6), layout="constrained")
for ax, name, said in zip(axes, ("ensemble", "fast"), (ensemble, fast), strict=True):
    plot_reliability(reliability(y, said, classes), ax=ax)
    ax.set_title(name)
plt.show()

# %%
# Both models were calibrated before they were shipped, and keep to the diagonal within the chance
# that some hundred faces a bin leave.
#
# How confidence goes wrong
# -------------------------
# Multiply the probabilities of both, as would be right if they were independent. They are not: they
# mostly err on the same faces, so that the product is far too sure. One number mends it: the
# temperature, by which the logarithms of probabilities are divided. It is learned on one half of
# the faces and shown on the other.
learned, shown = train_test_split(np.arange(len(y)), test_size=0.5, stratify=y, random_state=0)
# The geometric mean of two is the root of their product; a temperature of 1/2 squares it.
product = apply_temperature(combine(np.stack([ensemble, fast], axis=1), "geometric"), 0.5)
temperature = fit_temperature(product[learned], y[learned], classes)
tempered = apply_temperature(product[shown], temperature)

fig, axes = plt.subplots(1, 2, figsize=(9, 4.6), layout="constrained")
titles = ("product of both", f"tempered by {temperature:.2f}")
for ax, title, said in zip(axes, titles, (product[shown], tempered), strict=True):
    plot_reliability(reliability(y[shown], said, classes), ax=ax)
    ax.set_title(title)
plt.show()

# %%
# The temperature changes no label, so that accuracy stays; what improves is every figure that looks
# at the probabilities themselves.
for title, said in zip(titles, (product[shown], tempered), strict=True):
    found = evaluate_predictions(y[shown], probabilities=said, classes=classes)
    print(
        f"{title:17}  accuracy {found.accuracy:.3f}  log loss {found.log_loss:.3f}  "
        f"calibration error {found.calibration_error:.3f}"
    )

# %%
# An ensemble of one's own is calibrated by ``VotingEnsemble(..., calibrate=True)``, or, once it is
# fitted, by ``fer-ensemble combine MODEL --calibrate``: that learns a temperature for each member
# and one for the rule.
#
# Answering only when sure
# ------------------------
# Whoever leaves out the faces that the model is least sure of is right more often on the others.
# ``predict_faces(..., min_confidence=0.7)`` does so, as ``fer-ensemble predict --min-confidence
# 0.7``. What share of the faces remains, and how many of these labels are right:
fig, ax = plt.subplots(figsize=(7, 4.4), layout="constrained")
plot_coverage(coverage_curve(y, ensemble, classes), ax=ax)
curve = coverage_curve(y, fast, classes)
ax.plot(curve.coverage, curve.accuracy, color="#009E73", linestyle="--")
ax.annotate("ensemble", (0.66, 0.862), color="#0072B2")
ax.annotate("fast", (0.5, 0.85), color="#009E73")
ax.set_ylim(0.65, 1.02)
plt.show()

# %%
# With its interval, for the ensemble at the least confidences that are marked:
for score in evaluate_predictions(y, probabilities=ensemble, classes=classes).coverage:
    low, high = score.accuracy_interval
    print(
        f"at least {score.min_confidence}: {score.coverage:.2f} of the faces answered, "
        f"{score.accuracy:.3f} ({low:.3f}–{high:.3f}) of these right"
    )

# %%
# So half of the faces can be labelled with nine in ten right, where all of them come to seven in
# ten. Faces of another kind than FER2013's may be judged as surely and less rightly: calibration
# holds for faces taken and cut out as those were that it was learned from.
