"""Ask onnxruntime what scikit-learn was asked in the training run, and say whether both answer the same.

Usage: python check.py FOLDER, where FOLDER is a downloaded artifact; needs `pip install onnxruntime`.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime


def main() -> int:
    """Return 0 when every digit is read as it was, and no probability differs by more than rounding does."""
    outputs = Path(sys.argv[1], "outputs")
    session = onnxruntime.InferenceSession(outputs / "digits.onnx", providers=["CPUExecutionProvider"])
    with np.load(outputs / "answers.npz") as answers:
        read, probabilities = session.run(None, {session.get_inputs()[0].name: answers["images"]})
        same = read == answers["read"]
        distance = np.abs(probabilities - answers["probabilities"]).max()
        misread = (read != answers["labels"]).nonzero()[0]
    print(f"misread={misread.tolist()}")
    print(f"accuracy={1 - len(misread) / len(read):.4f}")
    print(f"{same.sum()} of {len(same)} digits are the same, and probabilities differ by at most {distance:.1e}")
    return 0 if same.all() and distance < 1e-4 else 1


if __name__ == "__main__":
    sys.exit(main())
