"""The course on one page: every experiment run, its claims judged, its figures shown."""
