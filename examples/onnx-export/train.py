"""Train a classifier of handwritten digits with scikit-learn and export it as ONNX, with answers to check it by."""

import argparse
import os
from pathlib import Path

import numpy as np
from skl2onnx import to_onnx
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

OUTPUTS = Path(os.environ.get("TRAININGJOB_OUTPUTS", "outputs"))


def main() -> None:
    """Train, export, and print what scikit-learn's own model reads in digits that it has never seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=100)
    epochs: int = parser.parse_args().epochs

    images, labels = load_digits(return_X_y=True)
    # Models of ONNX take numbers of 32 bits; with others the two would round differently.
    train_x, test_x, train_y, test_y = train_test_split(
        images.astype("float32"), labels, test_size=0.25, random_state=0
    )
    network = MLPClassifier((64,), max_iter=epochs, early_stopping=True, random_state=0, verbose=True)
    model = make_pipeline(StandardScaler(), network).fit(train_x, train_y)

    OUTPUTS.mkdir(exist_ok=True)
    exported = to_onnx(model, train_x[:1], options={"zipmap": False})
    (OUTPUTS / "digits.onnx").write_bytes(exported.SerializeToString())
    read, probabilities = model.predict(test_x), model.predict_proba(test_x)
    np.savez_compressed(OUTPUTS / "answers.npz", images=test_x, labels=test_y, read=read, probabilities=probabilities)
    print(f"misread={(read != test_y).nonzero()[0].tolist()}")
    print(f"accuracy={(read == test_y).mean():.4f}", flush=True)


if __name__ == "__main__":
    main()
