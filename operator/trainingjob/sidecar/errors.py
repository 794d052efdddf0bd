"""The two ways in which a container of ours fails: it makes a difference to whether trying again helps."""


class RefusedError(Exception):
    """What was asked for does not exist or is not right; the text is one sentence for the user, without secrets."""


class UnavailableError(Exception):
    """A server did not answer in time, however often it was asked; the text is one sentence for the user."""
