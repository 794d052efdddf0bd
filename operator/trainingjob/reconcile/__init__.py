"""From a job, its observed children and the time to a decision: pure functions without memory."""
