"""The handwritten digits that scikit-learn ships, or others of their form."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

Part = tuple[np.ndarray, np.ndarray]


def load(file: Path | None = None) -> tuple[Part, Part]:
    """Return images (n, 64) between 0 and 1 with their labels (n,): what to train with, and a quarter to test with.

    Args:
        file: lines of 64 shades of grey from 0 to 16 and the digit; None for what scikit-learn ships.
    """
    if file is None:
        images, labels = load_digits(return_X_y=True)
    else:
        table = np.loadtxt(file, delimiter=",", dtype=int)
        images, labels = table[:, :-1], table[:, -1]
    scaled = (images / 16).astype("float32")
    train_x, test_x, train_y, test_y = train_test_split(scaled, labels, test_size=0.25, random_state=0)
    return (train_x, train_y), (test_x, test_y)
