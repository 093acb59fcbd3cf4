"""What a process needs, whatever it serves: settings, counters, tasks, errors."""
