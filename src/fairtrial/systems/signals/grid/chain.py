"""Masses, depths and their derivatives, cell by cell, as the cells around the spot show them at the end of each bin.

Every absolute cell that was ever touched has three masses (added, pulled, filled), two depths (bid, ask), and for each
of the five a velocity, an acceleration and a jerk. A touch moves them on by the time dt since they were last moved:

    mass' = mass exp(-dt/tau_mass) + delta
    v' = v + (1 - exp(-dt/tau_v)) (delta/dt - v)
    a' = a + (1 - exp(-dt/tau_a)) ((v' - v)/dt - a)
    j' = j + (1 - exp(-dt/tau_j)) ((a' - a)/dt - j)

delta is the size added, pulled or filled, or the change of the depth. What was settled:

* Every message of one instant at one cell is one touch, its delta their sum: what order a feed gives them does not
  matter, and an order that comes and goes within its nanosecond moves no depth.
* dt = 0 (a touch at the very start of a bin) is the limit dt -> 0: (1 - exp(-dt/tau))/dt becomes 1/tau.
* Every cell is moved on with delta = 0 at every boundary of a bin, near the spot or far from it. That is linear, and
  the same each time, so n boundaries are one product with the n-th power of a 4 x 4 matrix: a cell that nobody looks
  at is left alone until it is touched or comes into view, and is then what it would have been (within rounding).
* Boundaries lie at the first bin's start plus whole bins, before it too: earlier messages count as later ones do.
* A RESET (a CLEAR, a snapshot) sets the depth and is no touch: nobody added or pulled anything.
* rest_depth is bid_depth + ask_depth exactly, and its v, a and j are the sums of theirs: all of it is linear.
* Cell 0 is the spot's; while the book is not valid, that of the last valid bin. Before the first, all is 0. A column
  k of the result follows the cell k cells from the spot, so that a move of the spot shows as a change of the column.
* What has decayed below 1e-200 is 0.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from fairtrial.systems.signals.grid.columns import DEPTHS, FLOWS, ORDERS
from fairtrial.systems.signals.orders.record import RESET, Replayed, Touches
from fairtrial.systems.signals.record import LEVELS, REACH, Bytes, Floats, Integers
from fairtrial.systems.signals.words import Grid

KINDS = 5
"""Added, pulled, filled (as the kinds of a touch are numbered), bid, ask."""
BID_DEPTH, ASK_DEPTH, VELOCITY, ACCELERATION, JERK, SLOTS = 3, 4, 5, 10, 15, 20
"""Where a cell keeps what: three masses, two depths, then a velocity, an acceleration and a jerk for each kind."""
NONE = -(2**62)
"""No instant, no spot."""
TINY = 1e-200
POWERS = 40


class Clock(NamedTuple):
    """When bins end, and how fast all decays."""

    start_ns: int
    bin_ns: int
    mass_s: float
    velocity_s: float
    acceleration_s: float
    jerk_s: float


class Cells(NamedTuple):
    """What is known of each touched cell (c of them)."""

    at: Integers
    """To when its state was moved on."""
    due: Integers
    """Instant of the touch that its state lacks yet; NONE: none."""
    state: Floats
    """(c, SLOTS)."""
    delta: Floats
    """(c, KINDS) of that touch."""
    last: Integers
    """Number of the last message that touched it; -1: none."""


class Flow(NamedTuple):
    """The touches, as `orders.record.Touches` has them."""

    ts_ns: Integers
    message: Integers
    place: npt.NDArray[np.int32]
    kind: Bytes
    amount: Floats
    bid: Floats
    ask: Floats
    first: Integers


class View(NamedTuple):
    """What is looked at."""

    cells: Integers
    """(c,): the absolute cells that are touched, ascending."""
    spot: Integers
    """(n,): the absolute cell of the spot; NONE: not known yet."""
    slots: Integers
    """(f, 2): the slots whose sum a column is; the second may be -1."""
    columns: Floats
    """(f, n, LEVELS): is filled."""
    last: Integers
    """(n, LEVELS) or (0, LEVELS): the last message of each cell, where that is asked for; is filled."""


def chain(replayed: Replayed, grid: Grid, names: Collection[str]) -> dict[str, npt.NDArray[Any]]:
    """Return those of the columns of the stage "chain" that are in `names`, each (n, LEVELS)."""
    bins, touches = replayed.bins, replayed.touches
    wanted = [name for name in SLOTS_OF if name in names]
    count = len(bins)
    view = View(
        cells=touches.cells,
        spot=spots(bins.spot_ref_price_int, bins.book_valid, replayed.cell),
        slots=np.array([SLOTS_OF[name] for name in wanted], np.int64).reshape(-1, 2),
        columns=np.zeros((len(wanted), count, LEVELS)),
        last=np.full((count if "last_event_id" in names else 0, LEVELS), -1, np.int64),
    )
    if count:
        _run(_cells(len(touches.cells)), _flow(touches), view, _clock(grid, int(bins.bin_start_ns[0])))
    found: dict[str, npt.NDArray[Any]] = dict(zip(wanted, view.columns, strict=True))
    return found | ({"last_event_id": view.last} if "last_event_id" in names else {})


def spots(price: Integers, valid: npt.NDArray[np.bool_], cell: int) -> Integers:
    """Return the absolute cell of each bin's spot, (n,): that of the last valid bin; NONE before the first."""
    latest = np.maximum.accumulate(np.where(valid, np.arange(len(price)), -1), dtype=np.int64)
    return np.where(latest >= 0, price[latest] // cell, NONE)


def _slots() -> dict[str, tuple[int, int]]:
    single = {name: place for place, name in enumerate((*FLOWS, *DEPTHS[1:]))}
    both = {"rest_depth": (BID_DEPTH, ASK_DEPTH)}
    found = {f"{name}_mass": (single[name], -1) for name in FLOWS}
    found |= both | {name: (single[name], -1) for name in DEPTHS[1:]}
    for letter, base in zip(ORDERS, (VELOCITY, ACCELERATION, JERK), strict=True):
        found |= {f"{letter}_{name}": (base + place, -1) for name, place in single.items()}
        found[f"{letter}_rest_depth"] = (base + BID_DEPTH, base + ASK_DEPTH)
    return found


SLOTS_OF = _slots()
"""Column -> the slots whose sum it is; -1: only the first."""


def _cells(count: int) -> Cells:
    return Cells(
        at=np.full(count, NONE, np.int64),
        due=np.full(count, NONE, np.int64),
        state=np.zeros((count, SLOTS)),
        delta=np.zeros((count, KINDS)),
        last=np.full(count, -1, np.int64),
    )


def _flow(touches: Touches) -> Flow:
    return Flow(*(np.ascontiguousarray(getattr(touches, name)) for name in Flow._fields))


def _clock(grid: Grid, start_ns: int) -> Clock:
    return Clock(
        start_ns=start_ns,
        bin_ns=grid.cell_width_ms * 1_000_000,
        mass_s=grid.tau_mass_s,
        velocity_s=grid.tau_velocity_s,
        acceleration_s=grid.tau_acceleration_s,
        jerk_s=grid.tau_jerk_s,
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _run(cells: Cells, flow: Flow, view: View, clock: Clock) -> None:
    """Fill in what is looked at, bin by bin."""
    powers = _powers(clock)
    for touch in range(flow.first[0]):
        _touch(cells, flow, touch, clock, powers)
    for number in range(len(view.spot)):
        for touch in range(flow.first[number], flow.first[number + 1]):
            _touch(cells, flow, touch, clock, powers)
        if view.spot[number] != NONE:
            _show(cells, view, number, clock, powers)


@njit(cache=True, nogil=True, error_model="numpy")
def _touch(cells: Cells, flow: Flow, touch: int, clock: Clock, powers: Floats) -> None:
    """Take one change in: its delta joins that of its instant; what came before is settled first."""
    place, now, kind = flow.place[touch], flow.ts_ns[touch], flow.kind[touch]
    state, delta = cells.state[place], cells.delta[place]
    if kind != RESET:
        if cells.due[place] != now:
            _settle(cells, place, clock, powers)
            cells.due[place] = now
        delta[kind] += flow.amount[touch]
        delta[BID_DEPTH] += flow.bid[touch] - state[BID_DEPTH]
        delta[ASK_DEPTH] += flow.ask[touch] - state[ASK_DEPTH]
    state[BID_DEPTH], state[ASK_DEPTH] = flow.bid[touch], flow.ask[touch]
    cells.last[place] = flow.message[touch]


@njit(cache=True, nogil=True, error_model="numpy")
def _settle(cells: Cells, place: int, clock: Clock, powers: Floats) -> None:
    """Move a cell on to the touch that it lacks, and give it its delta."""
    due = cells.due[place]
    if due == NONE:
        return
    boundary = due - (due - clock.start_ns) % clock.bin_ns
    _idle(cells, place, boundary, clock, powers)
    _step(cells.state[place], cells.delta[place], (due - cells.at[place]) * 1e-9, clock)
    cells.at[place] = due
    cells.due[place] = NONE
    cells.delta[place] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _idle(cells: Cells, place: int, boundary: int, clock: Clock, powers: Floats) -> None:
    """Move a cell on to a boundary without input: to the next one, then over whole bins."""
    if cells.at[place] == NONE:  # all zero so far
        cells.at[place] = boundary
    if cells.at[place] >= boundary:
        return
    state, at = cells.state[place], cells.at[place]
    past = (at - clock.start_ns) % clock.bin_ns
    if past:
        _step(state, np.zeros(KINDS), (clock.bin_ns - past) * 1e-9, clock)
        at += clock.bin_ns - past
    bins, power = (boundary - at) // clock.bin_ns, 0
    while bins:
        if bins & 1:
            _decay(state, powers[power])
        bins >>= 1
        power += 1
    cells.at[place] = boundary


@njit(cache=True, nogil=True, error_model="numpy")
def _step(state: Floats, delta: Floats, dt_s: float, clock: Clock) -> None:
    """Apply the equations of this module's docstring once."""
    keep = np.exp(-dt_s / clock.mass_s)
    share_v, gain_v = _smoothing(dt_s, clock.velocity_s)
    share_a, gain_a = _smoothing(dt_s, clock.acceleration_s)
    share_j, gain_j = _smoothing(dt_s, clock.jerk_s)
    for kind in range(KINDS):
        if kind < BID_DEPTH:
            state[kind] = keep * state[kind] + delta[kind]
        change_v = gain_v * delta[kind] - share_v * state[VELOCITY + kind]
        change_a = gain_a * change_v - share_a * state[ACCELERATION + kind]
        state[VELOCITY + kind] += change_v
        state[ACCELERATION + kind] += change_a
        state[JERK + kind] += gain_j * change_a - share_j * state[JERK + kind]


@njit(cache=True, nogil=True, error_model="numpy")
def _smoothing(dt_s: float, tau_s: float) -> tuple[float, float]:
    """Return the factor 1 - exp(-dt/tau), and the same over dt, whose limit is 1/tau."""
    share = -np.expm1(-dt_s / tau_s)
    return share, share / dt_s if dt_s > 0.0 else 1.0 / tau_s


@njit(cache=True, nogil=True, error_model="numpy")
def _powers(clock: Clock) -> Floats:
    """Return the matrices that move mass, v, a and j over 1, 2, 4, 8 … bins without input, (POWERS, 4, 4)."""
    dt_s = clock.bin_ns * 1e-9
    found = np.zeros((POWERS, 4, 4))
    for column in range(4):
        state = np.zeros(SLOTS)
        state[KINDS * column] = 1.0  # of what is added: its mass, velocity, acceleration, jerk
        _step(state, np.zeros(KINDS), dt_s, clock)
        for row in range(4):
            found[0, row, column] = state[KINDS * row]
    for power in range(1, POWERS):
        found[power] = found[power - 1] @ found[power - 1]
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _decay(state: Floats, power: Floats) -> None:
    """Apply one of these matrices, which are triangular, to every kind."""
    for kind in range(KINDS):
        v, a, j = state[VELOCITY + kind], state[ACCELERATION + kind], state[JERK + kind]
        if kind < BID_DEPTH:
            state[kind] = _kept(power[0, 0] * state[kind])
        state[VELOCITY + kind] = _kept(power[1, 1] * v)
        state[ACCELERATION + kind] = _kept(power[2, 1] * v + power[2, 2] * a)
        state[JERK + kind] = _kept(power[3, 1] * v + power[3, 2] * a + power[3, 3] * j)


@njit(cache=True, nogil=True, error_model="numpy")
def _kept(value: float) -> float:
    """Return a value, or 0 for one so small that arithmetic with it would be slow."""
    return value if abs(value) > TINY else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _show(cells: Cells, view: View, number: int, clock: Clock, powers: Floats) -> None:
    """Move the cells around the spot on to the end of a bin, and write them down."""
    lowest = view.spot[number] - REACH
    end = clock.start_ns + (number + 1) * clock.bin_ns
    for place in range(np.searchsorted(view.cells, lowest), len(view.cells)):
        column = view.cells[place] - lowest
        if column >= LEVELS:
            break
        _settle(cells, place, clock, powers)
        _idle(cells, place, end, clock, powers)
        _write(view, number, column, cells.state[place])
        if len(view.last):
            view.last[number, column] = cells.last[place]


@njit(cache=True, nogil=True, error_model="numpy")
def _write(view: View, number: int, column: int, state: Floats) -> None:
    """Write down what is asked for of one cell."""
    for field in range(len(view.slots)):
        first, second = view.slots[field]
        view.columns[field, number, column] = state[first] + (state[second] if second >= 0 else 0.0)
