"""The page's style sheet: ``style.css``, light and dark, on screen and on paper; and a rule for each named colour."""

from importlib.resources import files

_COLOURED = (
    *(f"r{number}" for number in range(9)),
    *(f"l{number}" for number in range(3)),
    *("good", "sick", "late", "gone", "unknown"),
)


def style_sheet() -> str:
    """All of it; each named colour for areas, lines, dots and legends."""
    rules = [
        f".area.{name}{{fill:var(--{name})}}.line.{name}{{stroke:var(--{name})}}"
        f".dot.{name}{{fill:var(--{name})}}i.{name}{{background:var(--{name})}}"
        for name in _COLOURED
    ]
    # Vantage points have the regions' colours from the other end, so that nobody takes one for the other.
    rules += [f".area.p{n}{{fill:var(--r{7 - n})}}i.p{n}{{background:var(--r{7 - n})}}" for n in range(8)]
    return files(__package__).joinpath("style.css").read_text(encoding="utf-8") + "\n".join(rules)
