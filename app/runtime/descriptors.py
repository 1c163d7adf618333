"""How many files and connections this process may have open at a time."""

import resource
from contextlib import suppress


def raise_descriptor_limit() -> int:
    """Raise the soft limit to the hard one, which needs no right; return the limit. A shell and
    systemd hand down 1,024, which one office's browsers use up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # More than the kernel gives to anybody (fs.nr_open) is refused; the soft one holds then.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return 1 << 30 if soft == resource.RLIM_INFINITY else soft
