"""What can go wrong, for whoever wants to catch all of it."""


class ClusterError(Exception):
    """What was asked for cannot be done; the message says why and what to do instead."""
