"""Measures real worlds, started by the real command line, against the budgets: ``make bench``.

One file a figure (or a few that belong together): each offers ``run(context) -> list[Figure]`` and is listed, in the
order in which it runs, in ``__main__``. ``docs/benchmarks.md`` says how each figure is taken.
"""
