"""Names of images: what a Dockerfile builds upon, in full, and a tag as part of a file's name."""

import re

_FROM = re.compile(
    r"^\s*FROM\s+(?:--\S+\s+)*(?P<image>\S+)(?:\s+AS\s+(?P<stage>\S+))?\s*$", re.IGNORECASE | re.MULTILINE
)


def base_images(dockerfile: str) -> list[str]:
    """Return the full names of the images that a Dockerfile starts from, in order and without repetition.

    Its own stages, `scratch` and names made from build arguments are left out.
    """
    stages: set[str] = set()
    found: dict[str, None] = {}
    for match in _FROM.finditer(dockerfile):
        image, stage = match["image"], match["stage"]
        if image != "scratch" and image.lower() not in stages and "$" not in image:
            found[full_name(image)] = None
        if stage:
            stages.add(stage.lower())
    return list(found)


def full_name(image: str) -> str:
    """Return an image's name with the registry and the tag that a short form leaves out."""
    first, slash, _ = image.partition("/")
    if not slash:
        image = f"docker.io/library/{image}"
    elif "." not in first and ":" not in first and first != "localhost":
        image = f"docker.io/{image}"
    last = image.rpartition("/")[2]
    return image if ":" in last else f"{image}:latest"


def slug(tag: str) -> str:
    """Return a tag as a word that a file's name may hold, with a plus sign between the image's name and its version."""
    folder, slash, last = tag.rpartition("/")
    name, _, version = last.partition(":")
    return "+".join(re.sub(r"[^A-Za-z0-9.]+", "-", word).strip("-.") for word in (folder + slash + name, version))
