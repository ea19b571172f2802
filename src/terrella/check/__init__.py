"""The linter: multi-region rules on a template and its world, with nothing running."""
