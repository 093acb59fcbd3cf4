"""How many of the process's file descriptors each part may use, so that none starves the others."""

import sys

if sys.platform != "win32":
    import resource


def share(parts: int, *, most: int) -> int:
    """A part of the descriptors that the process may open; at least 16.

    Args:
        parts: 4 for a quarter.
        most: The result is at most this.
    """
    if sys.platform == "win32":
        return most  # which limits no process
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most if limit == resource.RLIM_INFINITY else min(most, max(16, limit // parts))
