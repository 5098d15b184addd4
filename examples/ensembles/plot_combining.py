"""
What combining brings
=====================

An ensemble is worth its cost only if it is better than its best member, on faces that nothing was
learned from, by more than chance. First two trained models that err alike are combined, then three
quick members that do not.
"""

# %%
# Two models that err alike
# -------------------------
# With the models of the package comes what they say of 2,569 faces of FER2013 that neither was
# trained on: real figures without the faces. On one half of them the combination is learned, on
# the other half it is measured.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

from fer_ensemble.artifact import load_answers
from fer_ensemble.datasets import EMOTIONS
from fer_ensemble.ensemble import RULES, combine, learn_weights, measure_diversity
from fer_ensemble.evaluation import compare_predictions, evaluate_predictions
from fer_ensemble.evaluation.plots import plot_rules, plot_weights

models = ("ensemble", "fast")
answers = [load_answers(name)[0] for name in models]
y = answers[0].labels
probabilities = np.stack([said.probabilities for said in answers], axis=1)
probabilities.shape  # faces, models, expressions

# %%
# The weight of each model is learned from the first half; the other rules need none.
learned, shown = train_test_split(np.arange(len(y)), test_size=0.5, stratify=y, random_state=0)
classes = np.arange(len(EMOTIONS))
weights = learn_weights(probabilities[learned], y[learned], classes)
combined = {
    rule: combine(probabilities[shown], rule, weights if known.takes_weights else None)
    for rule, known in RULES.items()
}


def evaluate(said):
    """Measure probabilities of the second half."""
    return evaluate_predictions(y[shown], probabilities=said, classes=classes)


alone = {name: evaluate(probabilities[shown, i]) for i, name in enumerate(models)}
fig, ax = plt.subplots(figsize=(8, 4.2), layout="constrained")
plot_rules(alone, {rule: evaluate(said) for rule, said in combined.items()}, ax=ax)
plt.show()

# %%
# All these intervals overlap, and yet that settles nothing: each says how far an accuracy would be
# off on other faces, but all systems were measured on the *same* faces. What tells two systems
# apart are the faces that one of them gets right and the other wrong; an interval of the
# difference, by the paired bootstrap, is far narrower.
best = probabilities[shown, 0].argmax(axis=1)
gains = {
    rule: compare_predictions(y[shown], said.argmax(axis=1), best)
    for rule, said in combined.items()
}


def plot_gains(gains, ax):
    """Draw differences of accuracy in points, with their intervals."""
    for place, found in enumerate(gains.values()):
        low, high = (100 * end for end in found.interval)
        ax.plot([low, high], [place, place], color="#0072B2", linewidth=2)
        ax.plot(100 * found.difference, place, "o", color="#0072B2")
    ax.axvline(0, color="gray", linestyle=":")
    ax.set_yticks(range(len(gains)), gains)
    ax.invert_yaxis()
    ax.set_xlabel("accuracy gained over the best member, in points, and 95 % interval")
    ax.grid(axis="x", alpha=0.3)


fig, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
plot_gains(gains, ax)
plt.show()

# %%
# No rule gains beyond chance, and some that let both models count alike lose. The two are too much
# alike: where one errs, the other mostly errs too. Yule's Q is 1 for models that err on the same
# faces and 0 for independent ones.
diversity = measure_diversity(probabilities[shown], y[shown], classes)
print(
    f"Q {diversity.q_statistic[0, 1]:.2f}, one of both is right on {diversity.oracle_accuracy:.3f}"
)

# %%
# Three members that differ
# -------------------------
# Now members of one's own, small enough to be fitted in seconds: one sees the directions of edges,
# one where eyes, brows and lips are, one nothing but pixels. Each is a pipeline of scikit-learn.
# Where the environment variable ``FER2013_PATH`` says where FER2013 is, they are fitted on faces of
# its Training, and elsewhere on drawn ones, which say nothing about people.
import os

from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from fer_ensemble.datasets import open_faces
from fer_ensemble.ensemble import VotingEnsemble, score_ensemble, to_stacking
from fer_ensemble.features import HOG, Landmarks
from fer_ensemble.splitting import distinct_holdout_split

faces, description = open_faces(os.environ.get("FER2013_PATH"))
faces = faces.select("train")
faces = faces.take(np.random.default_rng(0).permutation(len(faces))[:3000])
# No copy of a face stands on both sides.
fitted, tested = distinct_holdout_split(faces.images, faces.labels, test_size=0.5, random_state=0)
train, test = faces.take(fitted), faces.take(tested)
print(f"{description}: {len(train):,} faces to fit on, {len(test):,} others to measure on")

# %%
# The ensemble holds a quarter of its faces out of every member's fit: from what members say of
# these, it learns the weights.
flatten = FunctionTransformer(lambda images: images.reshape(len(images), -1) / 255)
ensemble = VotingEnsemble(
    [
        (
            "edges",
            make_pipeline(
                HOG(), PCA(100, svd_solver="randomized", random_state=0), LogisticRegression()
            ),
        ),
        (
            "points",
            make_pipeline(
                Landmarks(), StandardScaler(), LinearDiscriminantAnalysis("lsqr", shrinkage=0.3)
            ),
        ),
        (
            "pixels",
            make_pipeline(
                flatten,
                PCA(80, svd_solver="randomized", random_state=0),
                LinearDiscriminantAnalysis("lsqr", shrinkage=0.2),
            ),
        ),
    ],
    rule="weighted",
    validation_fraction=0.25,
    random_state=0,
)
ensemble.fit(train.images, train.labels)

# %%
# Stacking needs no other fit: a further classifier learns from what the members said of the
# held-out faces. To the right of the dotted line, a rule is better than the best member.
said = ensemble.predict_member_proba(test.images)
scores = score_ensemble(ensemble, said, test.labels)
combined = {rule: ensemble.combine_for_scoring(said, rule) for rule in ensemble.rule_names}
combined["stacking"] = to_stacking(ensemble).combine(said)
rules = {
    rule: evaluate_predictions(test.labels, probabilities=answers, classes=classes)
    for rule, answers in combined.items()
}

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4.6), width_ratios=(3, 1), layout="constrained")
plot_rules(scores.members, rules, numbers=False, ax=left)
left.legend(loc="lower left", fontsize="small")
plot_weights(scores.weights, ax=right)
right.set_title("learned weights", fontsize="medium")
right.set_xlim(0, 1)
fig.suptitle(f"{description}, n = {scores.n:,}", fontsize="medium")
plt.show()

# %%
# Again it is the faces that tell two systems apart which decide: the gain of each rule over the
# best member, face by face.
best_name = max(scores.members, key=lambda name: scores.members[name].accuracy)
best = said[:, list(scores.members).index(best_name)].argmax(axis=1)
gains = {
    rule: compare_predictions(test.labels, answers.argmax(axis=1), best)
    for rule, answers in combined.items()
}

fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
plot_gains(gains, ax)
ax.set_xlabel(f"accuracy gained over {best_name}, in points, and 95 % interval")
plt.show()

# %%
# These members err on different faces much more often than the two models above: Q is far from 1.
# That leaves something to gain, though a member that is weak by itself may still add little. Beside
# it stands what each adds: the accuracy of all three less that of the other two.
diversity = measure_diversity(
    said, test.labels, classes, "weighted", weights=ensemble.member_weights
)
names = list(scores.members)

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
left.imshow(diversity.q_statistic, cmap="Blues", vmin=0, vmax=1)
for (i, j), value in np.ndenumerate(diversity.q_statistic):
    left.text(j, i, f"{value:.2f}", ha="center", va="center", color="white" if value > 0.6 else "k")
left.set_xticks(range(3), names)
left.set_yticks(range(3), names)
left.set_title("Yule's Q: 1 where two err alike", fontsize="medium")
plot_gains(dict(zip(names, diversity.contributions, strict=True)), right)
right.set_xlabel("accuracy that the member adds, in points")
plt.show()

# %%
# What was fitted is kept: ``ensemble.set_params(rule="geometric")`` combines in another way without
# a fit, and so does ``fer-ensemble combine`` with a saved ensemble.

# sphinx_gallery_thumbnail_number = 2
