"""What is wrong with the simulator itself, never with what it simulates."""


class SimulationError(Exception):
    """The simulator was asked for something that it cannot do."""
