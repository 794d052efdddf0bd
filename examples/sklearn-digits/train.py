"""Train a classifier of handwritten digits in one process and print how well it reads digits it has never seen."""

import argparse
import os
import time
from pathlib import Path

import joblib
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

OUTPUTS = Path(os.environ.get("TRAININGJOB_OUTPUTS", "outputs"))


def main() -> None:
    """Train for the given number of epochs, one line per epoch, keep the model, then print the accuracy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    epochs: int = parser.parse_args().epochs

    images, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(images / 16, labels, test_size=0.25, random_state=0)
    model = MLPClassifier(hidden_layer_sizes=(64,), learning_rate_init=0.005, random_state=0)
    begun = time.monotonic()
    for epoch in range(1, epochs + 1):
        model.partial_fit(train_x, train_y, classes=range(10))
        print(f"epoch={epoch} loss={model.loss_:.4f} elapsed={time.monotonic() - begun:.1f}s", flush=True)
    OUTPUTS.mkdir(exist_ok=True)
    joblib.dump(model, OUTPUTS / "digits.joblib")
    read = model.predict(test_x)
    print(f"misread={(read != test_y).nonzero()[0].tolist()}")
    print(f"accuracy={(read == test_y).mean():.4f}", flush=True)


if __name__ == "__main__":
    main()
