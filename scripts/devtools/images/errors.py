"""What a caller has to expect."""


class ImageError(Exception):
    """An image cannot be built; the message says why and what would help."""
