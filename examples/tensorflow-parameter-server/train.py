"""Train a classifier of handwritten digits with ParameterServerStrategy; each process learns its part from TF_CONFIG.

The chief runs the training loop and hands the steps out; workers and parameter servers only serve.
"""

import argparse
import os
from pathlib import Path

import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

BATCH_SIZE = 64
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


def serve(cluster: tf.distribute.cluster_resolver.TFConfigClusterResolver) -> None:
    """Lend this process to the chief, for good: it is stopped from outside when the chief has ended."""
    server = tf.distribute.Server(
        cluster.cluster_spec(), job_name=cluster.task_type, task_index=cluster.task_id, protocol="grpc"
    )
    print(f"serving as {cluster.task_type} {cluster.task_id} at {server.target}", flush=True)
    server.join()


def train(cluster: tf.distribute.cluster_resolver.TFConfigClusterResolver, epochs: int) -> None:
    """Train on the workers, then keep the model and score it here on digits that training has not seen."""
    images, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        (images / 16).astype("float32"), labels, test_size=0.25, random_state=0
    )

    def training_data(_: tf.distribute.InputContext) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensor_slices((train_x, train_y)).shuffle(2000).repeat().batch(BATCH_SIZE)

    strategy = tf.distribute.ParameterServerStrategy(cluster)
    with strategy.scope():
        model = build_model()
    model.fit(
        tf.keras.utils.experimental.DatasetCreator(training_data),
        epochs=epochs,
        steps_per_epoch=STEPS_PER_EPOCH,
        verbose=2,
    )
    trained = build_model()
    trained.set_weights(model.get_weights())
    OUTPUTS.mkdir(exist_ok=True)
    trained.save(OUTPUTS / "digits.keras")
    read = trained.predict(test_x, verbose=0).argmax(axis=1)
    print(f"misread={(read != test_y).nonzero()[0].tolist()}")
    print(f"accuracy={(read == test_y).mean():.4f}", flush=True)


def main() -> None:
    """Serve as worker or parameter server, or train as chief."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=15)
    epochs: int = parser.parse_args().epochs
    cluster = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    if cluster.task_type in ("worker", "ps"):
        serve(cluster)
    else:
        train(cluster, epochs)


if __name__ == "__main__":
    main()
