"""The log of a container of ours: lines for people, on standard output, none of which holds a secret."""


def say(text: str) -> None:
    """Write a line that is seen at once."""
    print(text, flush=True)
