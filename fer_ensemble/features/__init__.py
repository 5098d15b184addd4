"""Features: scikit-learn transformers from faces to vectors."""

from fer_ensemble.features.hog import HOG

__all__ = ["HOG"]
