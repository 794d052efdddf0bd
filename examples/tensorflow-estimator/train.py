"""Train a classifier of handwritten digits with tf.estimator; each process learns its part from TF_CONFIG.

Workers and chief compute gradients, the parameter server keeps the weights, the evaluator scores every checkpoint that
the chief writes. The chief's checkpoints reach the evaluator through `--model-dir`, a folder that every pod mounts. At
the end the chief exports the last one.
"""

import argparse
import os
import time
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

BATCH_SIZE = 64
OUTPUTS = Path(os.environ.get("TRAININGJOB_OUTPUTS", "outputs"))


class AccuracyReport(tf.estimator.Exporter):
    """Print the accuracy of each evaluated checkpoint, the last one as `accuracy=…`."""

    name = "accuracy-report"

    def export(
        self,
        estimator: tf.estimator.Estimator,  # noqa: ARG002 - the base class says what is passed
        export_path: str,  # noqa: ARG002
        checkpoint_path: str,  # noqa: ARG002
        eval_result: Mapping[str, float],
        is_the_final_export: bool,
    ) -> None:
        """Print one line; nothing is written to `export_path`."""
        label = "accuracy" if is_the_final_export else f"step={eval_result['global_step']} accuracy_so_far"
        print(f"{label}={eval_result['accuracy']:.4f}", flush=True)


def wait_for_chief(model_dir: str) -> None:
    """Wait for the chief's first checkpoint: a worker that meets untouched weights sleeps for 30 seconds."""
    while tf.train.latest_checkpoint(model_dir) is None:
        time.sleep(0.2)


def main() -> None:
    """Run this process's part of the training; a parameter server serves until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model-dir", required=True)
    parser.add_argument("--steps", type=int, default=2000)
    arguments = parser.parse_args()
    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.INFO)
    # Every call of tf.estimator says that it is deprecated; the figures would be hard to find among that.
    tf.get_logger().addFilter(lambda record: "Instructions for updating" not in record.getMessage())

    images, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        (images / 16).astype("float32"), labels.astype("int64"), test_size=0.25, random_state=0
    )

    def training_data() -> tf.data.Dataset:
        return (
            tf.data.Dataset.from_tensor_slices(({"pixels": train_x}, train_y)).shuffle(2000).repeat().batch(BATCH_SIZE)
        )

    def test_data() -> tf.data.Dataset:
        return tf.data.Dataset.from_tensor_slices(({"pixels": test_x}, test_y)).batch(BATCH_SIZE)

    config = tf.estimator.RunConfig(
        model_dir=arguments.model_dir,
        save_checkpoints_steps=500,
        log_step_count_steps=100,
        experimental_max_worker_delay_secs=0,
    )
    if config.task_type == "worker":
        wait_for_chief(arguments.model_dir)

    pixels = tf.feature_column.numeric_column("pixels", shape=(64,))
    estimator = tf.estimator.DNNClassifier(
        hidden_units=[64],
        feature_columns=[pixels],
        n_classes=10,
        optimizer=lambda: tf.keras.optimizers.legacy.Adam(0.003),
        config=config,
    )
    tf.estimator.train_and_evaluate(
        estimator,
        tf.estimator.TrainSpec(training_data, max_steps=arguments.steps),
        tf.estimator.EvalSpec(
            test_data,
            steps=None,
            start_delay_secs=0,
            throttle_secs=1,
            exporters=[AccuracyReport()],
        ),
    )
    if config.is_chief:
        serving_input = tf.estimator.export.build_parsing_serving_input_receiver_fn(
            tf.feature_column.make_parse_example_spec([pixels])
        )
        estimator.export_saved_model(str(OUTPUTS / "digits"), serving_input)


if __name__ == "__main__":
    main()
