"""What falls due by the clock: the end of an endpoint's lease, and schedules."""
