"""Real processes under real SIGKILLs and cuts while clients write; afterwards the stores are read and judged.

``python -m tests.chaos --kills 100 --seed 7``: prints what was done and found, and keeps the world where a rule broke.
"""
