"""Train a classifier of handwritten digits in one process; go on from the last checkpoint when there is one.

The model goes to `outputs/`, which is kept at the end; checkpoints to `checkpoints/` and event files for TensorBoard to
`logs/`, which are kept while the program runs, so that a node that dies takes none of them along.
"""

import argparse
import os
import re
import shutil
from pathlib import Path

import tensorflow as tf
from digits import load

OUTPUTS = Path(os.environ.get("TRAININGJOB_OUTPUTS", "outputs"))
LOGS = Path(os.environ.get("TRAININGJOB_LOGS", "logs"))
CHECKPOINTS = Path("checkpoints")


def build_model() -> tf.keras.Model:
    """Return an untrained network of one hidden layer."""
    layers = [
        tf.keras.layers.Input((64,)),
        tf.keras.layers.Dense(64, activation="relu"),
        tf.keras.layers.Dense(10),
    ]
    model = tf.keras.Sequential(layers)
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    return model


def bring_back() -> tuple[tf.keras.Model, int]:
    """Return the model of the last checkpoint and its epoch; a new model and 0 when there is none."""
    earlier = Path(os.environ.get("TRAININGJOB_RESUME", "/nonexistent")) / "checkpoints"
    if earlier.is_dir():
        # An artifact has what its own attempt wrote: the next one is whole only with a copy.
        shutil.copytree(earlier, CHECKPOINTS, dirs_exist_ok=True)
    found = sorted(CHECKPOINTS.glob("epoch-*.keras"))
    if not found:
        return build_model(), 0
    epoch = int(re.findall(r"\d+", found[-1].stem)[-1])
    print(f"going on after epoch {epoch}", flush=True)
    return tf.keras.models.load_model(found[-1]), epoch


def main() -> None:
    """Train for the given number of epochs in all, keep the model, and print how well it reads unseen digits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--data", type=Path, help="a file of digits (default: those of scikit-learn)")
    arguments = parser.parse_args()
    CHECKPOINTS.mkdir(parents=True, exist_ok=True)

    (train_x, train_y), (test_x, test_y) = load(arguments.data)
    model, done = bring_back()
    callbacks = [
        tf.keras.callbacks.TensorBoard(log_dir=str(LOGS)),
        tf.keras.callbacks.ModelCheckpoint(str(CHECKPOINTS / "epoch-{epoch:03d}.keras")),
    ]
    model.fit(train_x, train_y, epochs=arguments.epochs, initial_epoch=done, callbacks=callbacks, verbose=2)
    model.save(OUTPUTS / "digits.keras")
    read = model.predict(test_x, verbose=0).argmax(axis=1)
    print(f"misread={(read != test_y).nonzero()[0].tolist()}")
    print(f"accuracy={(read == test_y).mean():.4f}", flush=True)


if __name__ == "__main__":
    main()
