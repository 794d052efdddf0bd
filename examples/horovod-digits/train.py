"""Train a classifier of handwritten digits with Horovod: every rank computes on its share and all average gradients."""

import argparse
import os
import socket
import sys
from pathlib import Path

import horovod.tensorflow.keras as hvd
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

BATCH_SIZE = 16
OUTPUTS = Path(os.environ.get("TRAININGJOB_OUTPUTS", "outputs"))


class AveragedLoss(tf.keras.callbacks.Callback):
    """Average each epoch's loss over all ranks; rank 0 prints it."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Keep the average, which is the same on every rank."""
        self.losses.append(float(hvd.allreduce(logs["loss"], name="loss")))
        if hvd.rank() == 0:
            print(f"epoch={epoch + 1} loss={self.losses[-1]:.4f} ranks={hvd.size()}", flush=True)


def build_model() -> tf.keras.Model:
    """Return an untrained network of one hidden layer."""
    return tf.keras.Sequential(
        [
            tf.keras.layers.Input((64,)),
            tf.keras.layers.Dense(64, activation="relu"),
            tf.keras.layers.Dense(10),
        ]
    )


def keep(weights: list[np.ndarray], file: Path) -> tf.keras.Model:
    """Save a model that can be loaded where there is no Horovod, and return it."""
    model = build_model()
    model.set_weights(weights)
    file.parent.mkdir(exist_ok=True)
    model.save(file)
    return model


def main() -> None:
    """Train on this rank's share; rank 0 keeps the model and scores it on digits that no rank has seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    epochs: int = parser.parse_args().epochs
    hvd.init()
    print(f"rank {hvd.rank()} of {hvd.size()} on {socket.gethostname()}", flush=True)
    if hvd.size() != int(os.environ["TRAININGJOB_PROCESSES"]):
        sys.exit(f"the job has {os.environ['TRAININGJOB_PROCESSES']} ranks, Horovod sees {hvd.size()}")

    images, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        (images / 16).astype("float32"), labels, test_size=0.25, random_state=0
    )
    # Each rank must take part in the same number of steps.
    steps = len(train_x) // hvd.size() // BATCH_SIZE
    mine = slice(hvd.rank(), None, hvd.size())
    options = tf.data.Options()
    options.autotune.enabled = False  # its thread may sleep for half a minute before it lets the process end
    data = tf.data.Dataset.from_tensor_slices((train_x[mine], train_y[mine])).shuffle(2000).repeat().batch(BATCH_SIZE)

    model = build_model()
    model.compile(
        # It averages the gradients of all ranks.
        optimizer=hvd.DistributedOptimizer(tf.keras.optimizers.Adam(0.005)),
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    averaged = AveragedLoss()
    same_start = hvd.callbacks.BroadcastGlobalVariablesCallback(0)
    model.fit(
        data.with_options(options),
        epochs=epochs,
        steps_per_epoch=steps,
        verbose=0,
        callbacks=[same_start, averaged],
    )
    if averaged.losses[-1] >= averaged.losses[0]:
        sys.exit(f"the loss did not fall: {averaged.losses}")
    if hvd.rank() == 0:
        read = keep(model.get_weights(), OUTPUTS / "digits.keras").predict_on_batch(test_x).argmax(axis=1)
        print(f"misread={(read != test_y).nonzero()[0].tolist()}")
        print(f"accuracy={(read == test_y).mean():.4f}", flush=True)


if __name__ == "__main__":
    main()
