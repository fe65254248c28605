"""Small inline charts: one line of numbers as SVG, with a mark where the thing was down."""

from collections.abc import Sequence

from markupsafe import Markup

_WIDTH, _HEIGHT, _MARGIN = 120.0, 24.0, 2.0

#: (seconds since the epoch, value); None where there was nothing to measure.
Points = Sequence[tuple[float, float | None]]


def sparkline(points: Points, start: float, end: float, down: Sequence[float] = (), label: str = "") -> Markup:
    """The values from `start` to `end` as a line from zero up, and a red mark at each second in `down`."""
    span = max(end - start, 1e-9)
    top = max((value for _, value in points if value is not None), default=0.0) or 1.0

    def x(at: float) -> float:
        return (at - start) / span * _WIDTH

    def y(value: float) -> float:
        return _HEIGHT - _MARGIN - value / top * (_HEIGHT - 2 * _MARGIN)

    path, pen_down = [], False
    for at, value in points:
        if value is None:
            pen_down = False
            continue
        path.append(f"{'L' if pen_down else 'M'}{x(at):.1f} {y(value):.1f}")
        pen_down = True
    marks = "".join(f'<rect x="{x(at) - 0.75:.1f}" y="0" width="1.5" height="{_HEIGHT:.0f}"/>' for at in down)
    drawing = Markup(marks + f'<path d="{"".join(path)}"/>')  # noqa: S704 - numbers of ours, nothing else
    size = f"0 0 {_WIDTH:.0f} {_HEIGHT:.0f}"
    frame = Markup('<svg class="spark" viewBox="{}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>')
    return frame.format(size, label, drawing)
