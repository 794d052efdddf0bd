"""The handwritten digits that scikit-learn ships."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

Part = tuple[np.ndarray, np.ndarray]


def load() -> tuple[Part, Part]:
    """Return images (n, 64) between 0 and 1 with their labels (n,): what to train with, and a quarter to test with."""
    images, labels = load_digits(return_X_y=True)
    scaled = (images / 16).astype("float32")
    train_x, test_x, train_y, test_y = train_test_split(scaled, labels, test_size=0.25, random_state=0)
    return (train_x, train_y), (test_x, test_y)
