"""Each component's share of the process's file descriptors, so that none starves the others."""

import sys

if sys.platform != "win32":
    import resource


def share(parts: int, *, most: int) -> int:
    """One in `parts` of the descriptors that the process may open; from 16 to `most`."""
    if sys.platform == "win32":
        return most  # no limit for the process
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most if limit == resource.RLIM_INFINITY else min(most, max(16, limit // parts))
