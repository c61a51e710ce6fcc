"""Draws every plot of a report from its data folder, with matplotlib alone: `python plot.py` beside `data/`."""

from __future__ import annotations

import csv
import itertools
import json
import math
import re
import sys
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

Plot = Mapping[str, Any]

INK, FAINT, LINES = "#1b1f24", "#5b6470", "#dfe3e8"
"""Text and axes, captions, grid."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""The palette of Okabe and Ito, which colour-blind readers tell apart (jfly.uni-koeln.de/color)."""
SHAPES = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
WIDTH, HEIGHT, DPI = 6.4, 4.0, 144
STEPS = (1, 2, 2.5, 5, 10)
"""Between two ticks of a plain axis lies one of these, times a power of ten."""
MANY = 1500
"""Dots beyond which an SVG holds them as an image."""
STYLE: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "axes.axisbelow": True,
    "grid.color": LINES,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "fairtrial",
    "path.simplify": False,
}


def draw(folder: Path) -> dict[str, str]:
    """Draw the plots of `folder/data` into `folder/plots`, as PNG and SVG; return the SVG text by name."""
    (folder / "plots").mkdir(exist_ok=True)
    made = {}
    for plot in read(folder / "data"):
        vector, raster = render(plot)
        (folder / "plots" / f"{plot['name']}.svg").write_text(vector, encoding="utf-8")
        (folder / "plots" / f"{plot['name']}.png").write_bytes(raster)
        made[plot["name"]] = vector
    return made


def read(folder: Path) -> Iterator[Plot]:
    """Read the plots of a data folder: `figures.json` says what they look like, `NAME.csv` holds the values."""
    for plot in json.loads((folder / "figures.json").read_text(encoding="utf-8"))["figures"]:
        with (folder / f"{plot['name']}.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                _append(plot["series"][int(row["series"])], row)
        yield plot


def _append(series: dict[str, Any], row: Mapping[str, str]) -> None:
    for name in ("x", "y", "low", "high"):
        series.setdefault(name, []).append(float(row[name]) if row[name] else None)


def render(plot: Plot) -> tuple[str, bytes]:
    """Draw a plot; return it as SVG and as PNG. The same plot gives the same bytes, whatever the user's settings."""
    with _style():
        figure = picture(plot)
        vector, raster = BytesIO(), BytesIO()
        figure.savefig(raster, format="png", dpi=DPI, metadata={"Software": None})
        figure.savefig(vector, format="svg", dpi=DPI, transparent=True, metadata={"Date": None, "Creator": "fairtrial"})
    return vector.getvalue().decode(), raster.getvalue()


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib

    style: Any = STYLE
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(style)
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", category=RuntimeWarning)  # numbers near the largest float
        yield


def picture(plot: Plot) -> Any:
    """Return a matplotlib figure of a plot, made without pyplot, so that nothing is left behind."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    rows = len(plot["y"]["ticks"])
    height = max(2.2, 1.6 + 0.27 * rows) if rows else HEIGHT
    figure = Figure(figsize=(WIDTH, height), layout=ConstrainedLayoutEngine(h_pad=0.07), facecolor="white")
    axes = figure.add_subplot()
    axes.grid(visible=True, axis="x" if rows else "both")
    for which in ("x", "y"):
        _set_axis(axes, which, plot[which], _is_log(plot, which))
    groups = _groups(plot["series"])
    for series in plot["series"]:
        _draw_series(axes, series, groups.index(series["group"] or series["label"]), lying=bool(rows))
    _frame(axes, plot)
    _draw_marks(axes, plot["marks"])
    _name_groups(axes, plot["series"], groups)
    _words(figure, plot)
    return figure


def _groups(series: Sequence[Plot]) -> list[str]:
    return list(dict.fromkeys(each["group"] or each["label"] for each in series))


def _words(figure: Any, plot: Plot) -> None:
    title = "\n".join(textwrap.wrap(_plain(plot["title"]), 76)[:3])
    figure.suptitle(title, x=0.012, ha="left", fontsize=10.5, fontweight="bold")
    caption = "\n".join(textwrap.wrap(_plain(plot["caption"]), 124)[:4])
    if caption:
        figure.supxlabel(caption, x=0.012, ha="left", fontsize=7.2, color=FAINT)


def _is_log(plot: Plot, which: str) -> bool:
    """Say whether an axis is logarithmic: as asked, unless nothing on it has a logarithm."""
    values = (value for series in plot["series"] for value in series.get(which, ()) if value is not None)
    return bool(plot[which]["log"]) and any(value > 0 for value in values)


def _set_axis(axes: Any, which: str, words: Plot, log: bool) -> None:
    from matplotlib import ticker

    if log:
        getattr(axes, f"set_{which}scale")("log", nonpositive="clip" if which == "y" else "mask")
    axis = getattr(axes, f"{which}axis")
    axis.set_label_text(_plain(words["label"]))
    axis.set_minor_formatter(ticker.NullFormatter())
    if words["ticks"]:
        _name_places(axis, words["ticks"], slanted=which == "x")
    else:
        axis.set_major_formatter(ticker.FuncFormatter(_number))
        axis.set_major_locator(_decades() if log else ticker.MaxNLocator(6, steps=STEPS))
    axis.set_tick_params(which="minor", length=0)
    axis.set_tick_params(which="major", length=3, labelsize=8.5)


def _name_places(axis: Any, ticks: Sequence[tuple[float, str]], *, slanted: bool) -> None:
    from matplotlib import ticker

    names = [_short(_plain(name), 22 if slanted else 40) for _, name in ticks]
    axis.set_major_locator(ticker.FixedLocator([place for place, _ in ticks]))
    axis.set_minor_locator(ticker.NullLocator())
    axis.set_major_formatter(ticker.FixedFormatter(names))
    if slanted and sum(map(len, names)) + 2 * len(names) > 80:
        axis.set_tick_params(labelrotation=35)
        for label in axis.get_ticklabels():
            label.set_horizontalalignment("right")
            label.set_rotation_mode("anchor")


def _decades() -> Any:
    """Return a locator for a log axis: decades; where there are few, 1, 2 and 5 of each; within one, plain steps."""
    from matplotlib import ticker

    class Decades(ticker.LogLocator):
        def tick_values(self, vmin: float, vmax: float) -> Any:
            decades = math.log10(vmax / vmin) if 0 < vmin < vmax else 1
            if decades < 1:
                return ticker.MaxNLocator(6, steps=STEPS).tick_values(vmin, vmax)
            self.set_params(subs=(1.0, 2.0, 5.0) if decades <= 3 else (1.0,))
            return super().tick_values(vmin, vmax)

    return Decades(numticks=9)


def _draw_series(axes: Any, series: Plot, number: int, *, lying: bool) -> None:
    colour = COLOURS[number % len(COLOURS)]
    columns = {name: [math.nan if v is None else v for v in series.get(name, ())] for name in ("x", "y", "low", "high")}
    if not columns["x"]:
        return
    drawer = {"points": _points, "dots": _dots, "line": _line, "dashes": _dashes, "bars": _bars, "steps": _steps}[
        series["kind"]
    ]
    drawer(axes, columns, {"colour": colour, "shape": SHAPES[number % len(SHAPES)], "lying": lying})


def _points(axes: Any, columns: Plot, look: Plot) -> None:
    x, y = columns["x"], columns["y"]
    middle = x if look["lying"] else y
    errors = {"xerr" if look["lying"] else "yerr": _reach(middle, columns["low"], columns["high"])}
    colour = look["colour"]
    axes.errorbar(
        x, y, **errors, fmt=look["shape"], ms=5, color=colour, mec="white", mew=0.6, elinewidth=1.3, capsize=2.5,
        zorder=4,
    )  # fmt: skip


def _reach(middle: Sequence[float], low: Sequence[float], high: Sequence[float]) -> list[list[float]]:
    """Return how far the interval reaches below and above; a middle outside its interval is no reason to fail."""
    below = [max(m - end, 0.0) if end == end else math.nan for m, end in zip(middle, low, strict=True)]
    above = [max(end - m, 0.0) if end == end else math.nan for m, end in zip(middle, high, strict=True)]
    return [below, above]


def _dots(axes: Any, columns: Plot, look: Plot) -> None:
    """Draw single values, a little aside, so that means and intervals do not hide them."""
    from matplotlib.lines import Line2D
    from matplotlib.transforms import offset_copy

    many = len(columns["x"]) > MANY
    right, up = (0, -5) if look["lying"] else (5, 0)
    dots = Line2D(
        columns["x"], columns["y"], ls="", marker="o", ms=2.2 if many else 3.2, mew=0, color=look["colour"],
        alpha=0.15 if many else 0.32, zorder=2, rasterized=many,
        transform=offset_copy(axes.transData, axes.figure, right, up, units="points"),
    )  # fmt: skip
    axes.add_artist(dots)
    axes.update_datalim(list(zip(columns["x"], columns["y"], strict=True)))
    axes.autoscale_view()


def _line(axes: Any, columns: Plot, look: Plot) -> None:
    axes.plot(columns["x"], columns["y"], "-", lw=1.6, color=look["colour"], zorder=3)
    if any(end == end for end in columns["low"]):
        axes.fill_between(
            columns["x"], columns["low"], columns["high"], color=look["colour"], alpha=0.16, lw=0, zorder=1
        )


def _dashes(axes: Any, columns: Plot, look: Plot) -> None:
    axes.plot(columns["x"], columns["y"], ls=(0, (3.5, 2)), lw=1.2, color=look["colour"], zorder=2.5)


def _steps(axes: Any, columns: Plot, look: Plot) -> None:
    axes.plot(columns["x"], columns["y"], "-", drawstyle="steps-mid", lw=1.4, color=look["colour"], zorder=3)


def _bars(axes: Any, columns: Plot, look: Plot) -> None:
    x, y = columns["x"], columns["y"]
    place, value = (y, x) if look["lying"] else (x, y)
    gaps = [abs(b - a) for a, b in itertools.pairwise(place) if a != b]
    thick = 0.62 * min(gaps, default=1.0)
    errors = {"xerr" if look["lying"] else "yerr": _reach(value, columns["low"], columns["high"])}
    bars = axes.barh if look["lying"] else axes.bar
    bars(place, value, thick, color=look["colour"], alpha=0.85, zorder=2)
    axes.errorbar(x, y, **errors, fmt="none", color=INK, ecolor=INK, elinewidth=1.1, capsize=2.5, zorder=4)


def _frame(axes: Any, plot: Plot) -> None:
    """Give named places 0, 1, 2 … half a step of room; those along y are read from the top."""
    for which, turn in (("x", 1), ("y", -1)):
        places = [place for place, _ in plot[which]["ticks"]]
        if places and places == list(range(len(places))) and not plot[which]["log"]:
            getattr(axes, f"set_{which}lim")((-0.6, len(places) - 0.4)[::turn])
        if plot[which].get("zero") and getattr(axes, f"get_{which}scale")() == "linear":
            farthest = getattr(axes.dataLim, f"{which}1")
            getattr(axes, f"set_{which}lim")(0, max(getattr(axes, f"get_{which}lim")()[1], 1.05 * farthest))
    if plot["y"]["ticks"]:
        axes.tick_params(axis="y", length=0)


def _draw_marks(axes: Any, marks: Sequence[Plot]) -> None:
    """Draw a line at each marked place, a band for its interval and its name at the end of the line."""
    for number, mark in enumerate(marks):
        upright = mark["axis"] == "x"
        if mark["at"] <= 0 and getattr(axes, f"get_{mark['axis']}scale")() == "log":
            continue
        span, line = (axes.axvspan, axes.axvline) if upright else (axes.axhspan, axes.axhline)
        if mark["low"] is not None and mark["high"] is not None:
            span(mark["low"], mark["high"], color=FAINT, alpha=0.14, lw=0, zorder=0.5)
        line(mark["at"], color=FAINT, lw=1.1, ls=(0, (4, 2.5)), zorder=1.5)
        text = {
            "fontsize": 8, "color": FAINT, "textcoords": "offset points", "zorder": 5, "annotation_clip": True,
            "in_layout": False,
        }  # fmt: skip
        if upright:
            left = _is_left(axes, mark["at"])
            place, shift = (mark["at"], 1.0), (4 if left else -4, -3 - 11 * (number % 4))
            axes.annotate(
                _plain(mark["label"]), place, xytext=shift, xycoords=("data", "axes fraction"), va="top",
                ha="left" if left else "right", **text,
            )  # fmt: skip
        else:
            axes.annotate(
                _plain(mark["label"]), (1.0, mark["at"]), xytext=(-2, 3), xycoords=("axes fraction", "data"),
                va="bottom", ha="right", **text,
            )  # fmt: skip


def _is_left(axes: Any, at: float) -> bool:
    """Say whether a place lies in the left part of the plot, where its name has room to the right."""
    where = axes.transData.transform((at, 1.0))[0]
    return bool(axes.transAxes.inverted().transform((where, 0.0))[0] < 0.6)


def _name_groups(axes: Any, series: Sequence[Plot], groups: Sequence[str]) -> None:
    """Name the groups above the plot, each in its colour; a single one needs no name."""
    from matplotlib.lines import Line2D

    if len(groups) < 2:
        return
    kinds = {each["group"] or each["label"]: each["kind"] for each in sorted(series, key=_rank)}
    handles = [Line2D([], [], **_sample(kinds[name], number)) for number, name in enumerate(groups)]
    names = [_short(_plain(name), 34) for name in groups]
    legend = axes.legend(
        handles, ["·"] * len(names), loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False, fontsize=8.5,
        ncols=_columns(names), borderaxespad=0.2, handletextpad=0.4, columnspacing=1.4, handlelength=1.4,
    )  # fmt: skip
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)


def _columns(names: Sequence[str]) -> int:
    """Return how many names stand beside each other: all where there is room, else in columns as wide as the widest."""
    room = [len(name) + 4 for name in names]
    return len(names) if sum(room) <= 80 else max(1, 72 // max(room))


def _rank(series: Plot) -> int:
    """Say which series of a group stands for it in the names: the last of these."""
    return ("dots", "dashes", "line", "steps", "bars", "points").index(series["kind"])


def _sample(kind: str, number: int) -> dict[str, Any]:
    """Return the look of a group's sample beside its name."""
    colour, shape = COLOURS[number % len(COLOURS)], SHAPES[number % len(SHAPES)]
    if kind in ("line", "dashes", "steps"):
        return {"color": colour, "lw": 1.8}
    if kind == "dots":
        return {"color": colour, "marker": "o", "ls": "", "ms": 4, "alpha": 0.5}
    return {"color": colour, "marker": "s" if kind == "bars" else shape, "ls": "", "ms": 5.5}


def _plain(text: str) -> str:
    """Replace what no picture can hold: control characters and halves of characters."""
    return re.sub("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", " ", text)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _number(value: float, _: Any = None) -> str:
    """Write a tick: plain, without a dangling sign or digits that floating point left."""
    text = f"{value:.10g}"
    return "0" if text == "-0" else text.replace("-", "−", 1) if text.startswith("-") else text


if __name__ == "__main__":
    for name in draw(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent):
        print(name)  # noqa: T201
