"""Process infrastructure: settings, metrics, tasks, errors."""
