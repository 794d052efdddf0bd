"""Jobs that read digits with the models that the examples' jobs have left."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path

import obstore

from devtools.deploy import example_image
from tests.support.artifact_jobs import SECRET, Keeper
from tests.support.node_jobs import Spec

_READ = """
import hashlib, json, os
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def loaded(folder):
    (kept,) = [*folder.glob("*.keras"), *folder.glob("*.joblib"), *folder.glob("digits/*/saved_model.pb")]
    if kept.suffix == ".joblib":
        import joblib

        return joblib.load(kept).predict
    if kept.suffix == ".pb":
        return saved(kept.parent)
    try:
        from tensorflow import keras
    except ImportError:
        import keras
    model = keras.models.load_model(kept, compile=False)
    return lambda images: model.predict(images, verbose=0).argmax(axis=1)


def saved(folder):
    import tensorflow as tf

    predict = tf.saved_model.load(str(folder)).signatures["predict"]

    def example(image):
        pixels = tf.train.Feature(float_list=tf.train.FloatList(value=image))
        return tf.train.Example(features=tf.train.Features(feature={"pixels": pixels})).SerializeToString()

    return lambda images: predict(examples=tf.constant([*map(example, images)]))["class_ids"].numpy().flatten()


images, labels = load_digits(return_X_y=True)
_, test_x, _, test_y = train_test_split((images / 16), labels, test_size=0.25, random_state=0)
for folder in sorted(Path(os.environ["INPUT_MODELS"]).iterdir()):
    for manifest in sorted(folder.glob("manifest-*.json"))[-1:]:
        print(folder.name, "manifest", digest(manifest))
        for file in json.loads(manifest.read_bytes())["files"]:
            assert digest(folder / file["path"]) == file["sha256"], file
            print(folder.name, "has", file["path"])
    predict = loaded(folder / "outputs")
    read = predict(test_x if any(folder.glob("*/*.joblib")) else test_x.astype("float32"))
    wrong = read != test_y
    print(folder.name, f"misread={wrong.nonzero()[0].tolist()} accuracy={1 - wrong.mean():.4f}", flush=True)
"""
_READ_TORCH = """
import os, sys
from pathlib import Path

sys.path.insert(0, "/app")
import torch
from torch import nn
from train import digits

_, test_x, test_y = digits()
for folder in sorted(Path(os.environ["INPUT_MODELS"]).iterdir()):
    network = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    network.load_state_dict(torch.load(folder / "outputs" / "digits.pt"))
    wrong = network(test_x).argmax(dim=1) != test_y
    right = 1 - wrong.float().mean().item()
    print(folder.name, f"misread={wrong.nonzero().flatten().tolist()} accuracy={right:.4f}", flush=True)
"""

Read = tuple[list[int], str]
"""Which of the unseen digits a model misreads, and its accuracy as a program prints it."""


def reading(models: Spec, image: str, **spec: object) -> Spec:
    """Return the spec of a job that reads with all models of an input, where each lies in a folder of its own.

    Where such a folder has a manifest, its files are compared with it.

    Args:
        models: where the input comes from.
        image: the example whose image can load them.
    """
    python, program = ("/usr/bin/python3", _READ_TORCH) if image == "pytorch-ddp" else ("python", _READ)
    return {
        "image": example_image(image),
        "imagePullPolicy": "IfNotPresent",
        "command": [python, "-c", program],
        "inputs": [{"name": "models", **models}],
        "resources": {"requests": {"cpu": "100m", "memory": "300Mi"}, "limits": {"memory": "1500Mi"}},
        **spec,
    }


def told(log: str) -> dict[str, Read]:
    """Return what such a job prints: for each model what it reads."""
    lines = re.findall(r"^(\S+) misread=(\[.*\]) accuracy=(\S+)$", log, re.MULTILINE)
    return {name: (ast.literal_eval(misread), accuracy) for name, misread, accuracy in lines}


def put_models(keeper: Keeper, folder: str, copies: Mapping[str, Path]) -> Spec:
    """Put downloaded artifacts, by name, into a folder of the store, and return it as an input."""
    for name, copy in copies.items():
        for file in (path for path in copy.rglob("*") if path.is_file()):
            obstore.put(keeper.store.store, f"{folder}/{name}/{file.relative_to(copy)}", file)
    return {"uri": f"s3://{keeper.store.bucket}/{folder}/", "secretRef": {"name": SECRET}}
