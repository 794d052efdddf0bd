"""Put this checkout's operator into a cluster: build its image, load it, install the chart."""

import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from devtools import images
from devtools.cluster import Cluster, up
from devtools.images.fingerprint import fingerprint
from devtools.paths import REPOSITORY
from devtools.progress import Progress
from devtools.shell import run

NAMESPACE = "trainingjob-system"
RELEASE = "trainingjob-operator"
CHART = REPOSITORY / "charts" / "trainingjob-operator"
TENSORBOARD_IMAGE = "trainingjob.dev/tensorboard:dev"
_IMAGE = "trainingjob-operator"


@functools.cache
def operator_tag() -> str:
    """Return a tag that names this checkout's very code as it was when this process first asked."""
    return f"dev-{fingerprint(REPOSITORY, REPOSITORY / 'Dockerfile', _IMAGE)[:12]}"


def build_images(examples: Sequence[str], *, tensorboard: bool = True) -> list[Path]:
    """Build the operator's image, TensorBoard's perhaps, and those of the named examples; return their archives."""
    wanted = [(REPOSITORY, f"{_IMAGE}:{operator_tag()}")]
    wanted += [(REPOSITORY / "images" / "tensorboard", TENSORBOARD_IMAGE)] if tensorboard else []
    wanted += [(REPOSITORY / "examples" / name, example_image(name)) for name in examples]
    return [images.build(context, tag) for context, tag in wanted]


def example_names() -> list[str]:
    """Return the names of all examples that have an image."""
    return sorted(path.parent.name for path in (REPOSITORY / "examples").glob("*/Dockerfile"))


def example_image(name: str) -> str:
    """Return the name of an example's image, as its manifest has it."""
    return f"trainingjob.dev/examples/{name}:dev"


def bring_up(
    name: str, nodes: int, examples: Sequence[str], progress: Progress, *, tensorboard: bool = True
) -> Cluster:
    """Start a cluster while the images are built, and load them into it."""
    with ThreadPoolExecutor() as pool:
        archives = pool.submit(build_images, examples, tensorboard=tensorboard)
        cluster = up(name=name, nodes=nodes)
        with progress.step("images", 300):
            built = archives.result()
    with progress.step("load the images into the cluster", 15 * len(built)):
        cluster.load_images(built)
    return cluster


def install(cluster: Cluster, progress: Progress, *settings: str) -> None:
    """Install or upgrade the chart with this checkout's image and wait until the operator is ready."""
    words: list[str | Path] = [
        *("helm", "upgrade", "--install", RELEASE, CHART, "--namespace", NAMESPACE, "--create-namespace"),
        *("--set", f"image.repository=docker.io/library/{_IMAGE}", "--set", f"image.tag={operator_tag()}"),
        *("--set", f"tensorboard.image={TENSORBOARD_IMAGE}"),
        *(word for setting in settings for word in ("--set", setting)),
        *("--wait", "--timeout", "3m"),
    ]
    with progress.step("helm upgrade --install trainingjob-operator", 15):
        run(words, env=cluster.environment())
