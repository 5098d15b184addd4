"""Features by the name of their transformer, without scikit-learn."""
