"""Outer products of vectors that learn to match: two toys of circuits that need each other, many seeds in a call.

Both are of A. Singh's thesis, "Learning dynamics of emergent in-context learning in transformers" (UCL 2025):
`three` of its section 4.4.2 (https://arxiv.org/abs/2404.07129), `four` of 5.7 (https://arxiv.org/abs/2503.05631).
Gradient descent of one small loss; all that differs between seeds is the start and the truth.

The gradient of a vector v is a multiple of v plus one of its truth v*, so v stays in the plane of its start and
v*. Two numbers per vector are therefore exact, and all that is computed: its length `along` v*, and that `across`.

Shapes: V vectors, S seeds.
"""

import numpy as np

FORMULAS = {"code": (0.5, 0.5, True), "thesis": (0.5, 1.0, False), "without halves": (1.0, 1.0, True)}
"""What stands before ‖·‖² in `three`, in `four`, and whether ‖·‖² is the mean of the squares or their sum."""
NEXT, LAST = [1, 2, 0], [2, 0, 1]
"""The two others of each of three."""


def three(dimension, formula, clamped, learning_rate, steps, init_seeds, data_seeds, report):
    """Descend ½‖a*⊗b*⊗c* − a⊗b⊗c‖², with the vectors that are `clamped` at their truth."""
    along, across, truth = start([dimension] * 3, init_seeds, data_seeds)
    fixed = [number for number, vector in enumerate("abc") if vector in clamped]
    if len(fixed) < len(clamped):
        raise ValueError(f"clamped is {clamped!r}; give some of a, b, c, or []")
    along[fixed], across[fixed] = truth[fixed], 0
    rate = np.full((3, 1), learning_rate)
    rate[fixed] = 0
    factor = factors(formula, 0, [dimension**3])[0]
    fine, coarse = schedule(steps)
    with np.errstate(over="ignore", invalid="ignore"):  # a rate that is too large ends in NaN, which is told
        for step in range(steps + 1):
            loss, of_along, of_across = mismatch(factor, along, across, truth)
            if step in fine:
                report(step, relative_loss=loss / null(factor, truth))
            if step in coarse:
                report_progress(report, step, along, across, truth)
            if step in (0, steps):
                report(step, loss=loss)
            along -= rate * of_along
            across -= rate * of_across


def four(mu, alpha, dimensions, formula, learning_rate, steps, init_seeds, data_seeds, report):
    """Descend (M1 + mu)·M2 + alpha·½‖a⊗d‖², where M1 = ½‖a*⊗b*⊗c* − a⊗b⊗c‖² and M2 is the same of b, c, d."""
    along, across, truth = start(dimensions, init_seeds, data_seeds)
    a, b, c, d = dimensions
    first, second, together = factors(formula, 1, [a * b * c, b * c * d, a * d])
    fine, coarse = schedule(steps)
    lowest, rise = np.full(len(init_seeds), np.inf), np.zeros(len(init_seeds))
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(steps + 1):
            m1, *of_m1 = mismatch(first, along[:3], across[:3], truth[:3])
            m2, *of_m2 = mismatch(second, along[1:], across[1:], truth[1:])
            relative = m2 / null(second, truth[1:])
            lowest = np.minimum(lowest, relative)
            rise = np.maximum(rise, relative - lowest)  # is over too soon to be seen in what is reported alone
            if step in fine:
                report(step, split="M1", relative_loss=m1 / null(first, truth[:3]))
                report(step, split="M2", relative_loss=relative)
            if step in coarse:
                report(step, split="M2", largest_rise=rise)
            pull = 2 * alpha * together * (along**2 + across**2)[[3, 0]]  # of a by d's length, and of d by a's
            for part, of_first, of_second in zip((along, across), of_m1, of_m2, strict=True):
                gradient = np.zeros_like(part)
                gradient[:3] = m2 * of_first
                gradient[1:] += (m1 + mu) * of_second
                gradient[[0, 3]] += pull * part[[0, 3]]
                part -= learning_rate * gradient


def start(dimensions, init_seeds, data_seeds):
    """Vectors and truths of standard normal numbers: lengths along the truth, across it, of it, each (V, S)."""
    lengths = []
    for number, dimension in enumerate(dimensions):
        vector, truth = drawn(init_seeds, [0, number], dimension), drawn(data_seeds, [1, number], dimension)
        length = np.sqrt((truth**2).sum(-1))
        along = (vector * truth).sum(-1) / length
        rest = vector - (along / length)[:, None] * truth
        lengths.append([along, np.sqrt((rest**2).sum(-1)), length])
    return np.array(lengths).swapaxes(0, 1)


def drawn(seeds, key, dimension):
    return np.stack([np.random.default_rng([seed, *key]).normal(size=dimension) for seed in seeds])


def factors(formula, toy, elements):
    """What stands before the sum of the squares of so many elements, of every term."""
    if formula not in FORMULAS:
        raise ValueError(f"formula is {formula!r}; give one of {', '.join(FORMULAS)}")
    mean = FORMULAS[formula][2]
    return [FORMULAS[formula][toy] / (number if mean else 1) for number in elements]


def mismatch(factor, along, across, truth):
    """How far the product of three vectors is from that of their truths (S,), and its gradients (3, S)."""
    squares, met = along**2, truth * along
    whole = squares + across**2
    away = (product(truth) - product(along)) ** 2 + (product(whole) - product(squares))  # neither is ever negative
    others = whole[NEXT] * whole[LAST]
    of_along = along * others - truth * met[NEXT] * met[LAST]
    return factor * away, 2 * factor * of_along, 2 * factor * across * others


def null(factor, truth):
    """What `mismatch` is where the product is zero."""
    return factor * product(truth) ** 2


def product(lengths):
    return lengths[0] * lengths[1] * lengths[2]


def report_progress(report, step, along, across, truth):
    """What may tell progress before the loss does (thesis, 4.4.3)."""
    cosine = along / np.sqrt(along**2 + across**2)
    report(step, cosine=product(cosine))
    for number, vector in enumerate("abc"):
        report(step, split=vector, unaligned=1 - cosine[number] ** 2)
    # With b and c at their truths, or one of them at minus its truth, whichever is better.
    alone = (truth[0] - np.abs(along[0])) ** 2 + across[0] ** 2
    report(step, split="a", relative_loss_alone=alone / truth[0] ** 2)


def schedule(steps):
    """Steps to report: 1, 2, 5, 10, 20, …; and with them, from 10 on, all round ones and 20 to a factor of ten."""
    tens = [10**power for power in range(len(str(steps)))]
    coarse = {digit * ten for ten in tens for digit in (1, 2, 5)}
    fine = {round(ten * 10 ** (part / 20)) for ten in tens[1:] for part in range(20)}
    fine |= coarse | {digit * ten for ten in tens[1:] for digit in range(1, 10)}
    return tuple({step for step in found if step <= steps} | {0, steps} for found in (fine, coarse))
