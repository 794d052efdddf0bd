"""What the operator and the containers that it puts into training pods tell one another, and leave in a store.

The operator writes a task into the environment of such a container, the container answers in its termination message,
and a manifest in the store says what an artifact consists of. Both sides import these shapes; neither imports the
other.
"""
