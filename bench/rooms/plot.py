"""Curves on two logarithmic axes, as an SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 860, 480, 60, 50, 340, 60
COLOURS = ("#b3412e", "#d98c2b", "#7a6a00", "#2a6f97", "#52489c", "#2f7d4f")

Labelled = tuple[str, float, Sequence[int], Sequence[float]]
"""A curve's name, its exponent, its sizes and its values."""


def draw(title: str, curves: Sequence[Labelled]) -> str:
    """All curves in one picture. Each begins at (1, 1): both axes say how many times the smallest size or cost."""
    widest = max(max(sizes) / min(sizes) for _, _, sizes, _ in curves)
    decades = max(1, math.ceil(math.log10(widest) - 0.01))

    def place(times_x: float, times_y: float) -> tuple[float, float]:
        x = LEFT + math.log10(times_x) / decades * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - (math.log10(times_y) + 0.5) / (decades + 0.5) * (HEIGHT - TOP - BOTTOM)
        return x, min(max(y, TOP), HEIGHT - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="15">{escape(title)}</text>',
        *_grid(decades, place),
    ]
    for at, (name, exponent, sizes, values) in enumerate(curves):
        colour = COLOURS[at % len(COLOURS)]
        points = [place(s / sizes[0], v / values[0]) for s, v in zip(sizes, values, strict=True)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        y = TOP + 20 + 22 * at
        parts.append(f'<rect x="{WIDTH - RIGHT + 20}" y="{y - 9}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 38}" y="{y + 1}">{escape(name)}: {exponent:.2f}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _grid(decades: int, place: Callable[[float, float], tuple[float, float]]) -> list[str]:
    parts: list[str] = []
    for decade in range(decades + 1):
        times = 10**decade
        x, bottom = place(times, 10**-0.5)
        _, top = place(times, 10**decades)
        parts.append(f'<line x1="{x:.1f}" y1="{bottom:.1f}" x2="{x:.1f}" y2="{top:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18:.1f}" text-anchor="middle">×{times:,}</text>')
        left, y = place(1, times)
        right, _ = place(10**decades, times)
        parts.append(f'<line x1="{left:.1f}" y1="{y:.1f}" x2="{right:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">×{times:,}</text>')
    (x1, y1), (x2, y2) = place(1, 1), place(10**decades, 10**decades)
    parts.append(f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#999" stroke-dasharray="6 4"/>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 16}" text-anchor="middle">times the smallest size</text>')
    parts.append(f'<text x="{LEFT}" y="{TOP - 8}">times the cost there; dashed: linear</text>')
    return parts
