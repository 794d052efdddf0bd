"""Jobs that ask for a TensorBoard that could show nothing, or could not be called after them."""

from typing import Any

from tests.support.job_cases import Refused
from tests.support.refused_outputs import keeping

_NO_STREAM = (
    "it shows the event files that outputs keeps while the program runs; "
    "give outputs with the folder of the event files in stream, such as stream: [logs]"
)


def shown(**tensorboard: Any) -> dict[str, Any]:
    """Return the fields of a job with a TensorBoard."""
    return {**keeping(), "tensorboard": tensorboard}


REFUSED_TENSORBOARDS = [
    Refused("a TensorBoard without outputs", "spec.tensorboard", _NO_STREAM, {"tensorboard": {}}),
    Refused(
        "a TensorBoard of what is kept at the end alone",
        "spec.tensorboard",
        _NO_STREAM,
        {**keeping(stream=[]), "tensorboard": {"enabled": True}},
    ),
    Refused(
        "a name that is too long for a TensorBoard alone",
        "metadata.name",
        f"the name is too long by 1 for spec.tensorboard: its Service {'a' * 52}-tensorboard would have 64 characters, "
        "and one has at most 63",
        shown(),
        name="a" * 52,
    ),
]
