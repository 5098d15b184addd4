import numpy as np

from fer_ensemble.datasets import EMOTIONS, PROTOCOLS, synthetic_dataset
from fer_ensemble.models.training_data import augment_copies
from fer_ensemble.splitting import copy_groups


def test_copies_are_changed_by_the_seed(faces):
    images = faces[0][:20]
    changed = augment_copies(images, 0)
    assert changed.shape == images.shape
    assert changed.dtype == np.uint8
    assert (changed != images).any(axis=(1, 2)).all()
    np.testing.assert_array_equal(changed, augment_copies(images, 0))
    assert (changed != augment_copies(images, 1)).any()


def test_balanced_protocol_with_changed_copies():
    data = synthetic_dataset(210, random_state=0)
    parts = PROTOCOLS["balanced"].split(
        data, 0, target=dict.fromkeys(EMOTIONS, 40), augment=augment_copies
    )
    images = np.concatenate([parts.train.images, parts.test.images])
    assert len(images) == 280
    # Few copies come out as they went in: most are changed.
    assert len(np.unique(copy_groups(images))) > 250
