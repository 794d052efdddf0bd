"""Train a classifier of handwritten digits with MultiWorkerMirroredStrategy; TF_CONFIG tells each process its part.

Every worker holds the whole model, computes on its share of each batch, and all of them add their gradients up.
"""

import argparse
import os
from pathlib import Path

import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

BATCH_SIZE_PER_WORKER = 32
STEPS_PER_EPOCH = 40
OUTPUTS = Path(os.environ.get("TRAININGJOB_OUTPUTS", "outputs"))


def build_model() -> tf.keras.Model:
    """Return an untrained network of one hidden layer."""
    model = tf.keras.Sequential(
        [
            tf.keras.layers.Input((64,)),
            tf.keras.layers.Dense(64, activation="relu"),
            tf.keras.layers.Dense(10),
        ]
    )
    model.compile(
        optimizer=tf.keras.optimizers.legacy.Adam(0.005),
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=10,
    )
    return model


def main() -> None:
    """Train together with the other workers; each saves the model and prints the accuracy, the same everywhere."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=12)
    epochs: int = parser.parse_args().epochs
    strategy = tf.distribute.MultiWorkerMirroredStrategy()

    images, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        (images / 16).astype("float32"), labels, test_size=0.25, random_state=0
    )
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    batch = BATCH_SIZE_PER_WORKER * strategy.num_replicas_in_sync
    data = tf.data.Dataset.from_tensor_slices((train_x, train_y)).shuffle(2000, seed=0).repeat().batch(batch)

    with strategy.scope():
        model = build_model()
    model.fit(data.with_options(options), epochs=epochs, steps_per_epoch=STEPS_PER_EPOCH, verbose=2)
    trained = build_model()
    trained.set_weights(model.get_weights())
    OUTPUTS.mkdir(exist_ok=True)
    trained.save(OUTPUTS / "digits.keras")
    read = trained.predict(test_x, verbose=0).argmax(axis=1)
    print(f"misread={(read != test_y).nonzero()[0].tolist()}")
    print(f"accuracy={(read == test_y).mean():.4f}", flush=True)


if __name__ == "__main__":
    main()
