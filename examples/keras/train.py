"""Train a classifier of handwritten digits with Keras 3, which the job installs: the image has no part of it."""

import argparse
import os
from pathlib import Path

import keras
from digits import load

OUTPUTS = Path(os.environ.get("TRAININGJOB_OUTPUTS", "outputs"))


def build_model() -> keras.Model:
    """Return an untrained network of one convolution and one hidden layer."""
    layers = [
        keras.layers.Input((64,)),
        keras.layers.Reshape((8, 8, 1)),
        keras.layers.Conv2D(16, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(10),
    ]
    model = keras.Sequential(layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    return model


def main() -> None:
    """Train for the given number of epochs, keep the model, and print how well it reads unseen digits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=8)
    epochs: int = parser.parse_args().epochs
    print(f"Keras {keras.version()} on {keras.config.backend()}", flush=True)

    (train_x, train_y), (test_x, test_y) = load()
    model = build_model()
    model.fit(train_x, train_y, epochs=epochs, verbose=2)
    OUTPUTS.mkdir(exist_ok=True)
    model.save(OUTPUTS / "digits.keras")
    read = model.predict(test_x, verbose=0).argmax(axis=1)
    print(f"misread={(read != test_y).nonzero()[0].tolist()}")
    print(f"accuracy={(read == test_y).mean():.4f}", flush=True)


if __name__ == "__main__":
    main()
