"""Keeps the C library from holding on to memory that is no longer needed."""

import ctypes

#: What mallopt(3) calls M_TRIM_THRESHOLD, M_MMAP_THRESHOLD and M_ARENA_MAX.
_TRIM, _MMAP, _ARENAS = -1, -3, -8
_LARGE = 128 << 10


def give_memory_back() -> None:
    """Return what is freed to the system: call this before memory is used and threads are started.

    By itself glibc takes a page of /metrics that was freed, tens of megabytes, for a sign to keep such pieces for
    later, among small things that then hold them in place; and it gives each thread a heap of its own. With 5,000
    probes that was 44 MiB. Other C libraries do neither, and know no mallopt.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in ((_TRIM, _LARGE), (_MMAP, _LARGE), (_ARENAS, 2)):
            mallopt(option, value)
