"""From a job to the children it should have: pure functions, the same job gives the same bytes."""
