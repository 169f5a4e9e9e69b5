"""Handwritten digits by deep and narrow ReLU networks in numpy, as many seeds in a call as are given.

The digits are scikit-learn's: 1797 pictures of 8 × 8 pixels, the test set of E. Alpaydin and C. Kaynak, "Optical
Recognition of Handwritten Digits" (UCI Machine Learning Repository, CC BY 4.0, https://doi.org/10.24432/C50P49).

Shapes: S seeds, B pictures, I inputs and O outputs of a layer.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np

TEST = 360
DECAY, DECAY_OF_SQUARES, TINY = 0.9, 0.999, 1e-8
"""Adam's, as its authors suggest (https://arxiv.org/abs/1412.6980)."""


def train(width, depth, learning_rate, steps, batch, init_seeds, data_seeds, report):
    """Train networks of `depth` hidden layers and report 21 times how each does on the test pictures."""
    train_x, train_y, test_x, test_y = digits()
    sizes = [train_x.shape[1], *[width] * depth, 10]
    layers = [layer(init_seeds, number, *edge) for number, edge in enumerate(pairwise(sizes))]
    adam = [(np.zeros_like(array), np.zeros_like(array)) for array in arrays(layers)]
    orders = [np.random.default_rng([seed, 1]) for seed in data_seeds]
    for step in range(steps + 1):
        if step % (steps // 20) == 0:
            report(step, split="test", examples_seen=step * batch, **measured(layers, test_x, test_y))
        chosen = np.stack([order.integers(len(train_x), size=batch) for order in orders])
        gradients = backward(layers, train_x[chosen], train_y[chosen])
        update(layers, gradients, adam, learning_rate, step + 1)


def digits():
    """Pixels from 0 to 1 and labels, of training and of test: the same for every seed."""
    with np.load(Path(__file__).with_name("digits.npz")) as file:
        x, y = (file["pixels"] / 16).astype(np.float32), file["labels"].astype(np.int64)
    order = np.random.default_rng(0).permutation(len(x))
    test, train = order[:TEST], order[TEST:]
    return x[train], y[train], x[test], y[test]


def layer(seeds, number, inputs, outputs):
    """Weights (S, I, O) as He et al. draw them for ReLU (https://arxiv.org/abs/1502.01852), biases (S, 1, O)."""
    drawn = [np.random.default_rng([seed, 0, number]).normal(size=(inputs, outputs)) for seed in seeds]
    weights = np.stack(drawn) * np.sqrt(2 / inputs)
    return weights.astype(np.float32), np.zeros((len(seeds), 1, outputs), np.float32)


def forward(layers, x):
    """What enters every layer, each (S, B, I), and the scores (S, B, 10) at last."""
    entering = [x]
    for number, (weights, biases) in enumerate(layers, start=1):
        x = entering[-1] @ weights + biases
        entering.append(np.maximum(x, 0) if number < len(layers) else x)
    return entering


def backward(layers, x, y):
    """Gradients of the mean cross-entropy of each seed, in the order of `arrays`."""
    entering = forward(layers, x)
    error = np.exp(log_probabilities(entering.pop()))
    np.put_along_axis(error, y[..., None], np.take_along_axis(error, y[..., None], -1) - 1, -1)
    error /= y.shape[1]
    gradients = []
    for (weights, _), into in zip(reversed(layers), reversed(entering), strict=True):
        gradients[:0] = [into.swapaxes(1, 2) @ error, error.sum(1, keepdims=True)]
        error = (error @ weights.swapaxes(1, 2)) * (into > 0)
    return gradients


def update(layers, gradients, adam, learning_rate, step):
    """One step of Adam, in place."""
    rate = np.float32(learning_rate * np.sqrt(1 - DECAY_OF_SQUARES**step) / (1 - DECAY**step))
    for array, gradient, (mean, square) in zip(arrays(layers), gradients, adam, strict=True):
        mean += np.float32(1 - DECAY) * (gradient - mean)
        square += np.float32(1 - DECAY_OF_SQUARES) * (gradient * gradient - square)
        array -= rate * mean / (np.sqrt(square) + np.float32(TINY))


def arrays(layers):
    return [array for both in layers for array in both]


def log_probabilities(scores):
    scores = scores - scores.max(-1, keepdims=True)
    return scores - np.log(np.exp(scores).sum(-1, keepdims=True))


def measured(layers, x, y):
    """Per seed: accuracy, cross-entropy, and the share of pictures of which anything reaches the last layer."""
    *_, last, scores = forward(layers, np.broadcast_to(x, (len(layers[0][0]), *x.shape)))
    right = np.take_along_axis(log_probabilities(scores), np.broadcast_to(y, scores.shape[:2])[..., None], -1)
    return {
        "accuracy": (scores.argmax(-1) == y).mean(-1),
        "loss": -right[..., 0].astype(np.float64).mean(-1),
        "signal": (last > 0).any(-1).mean(-1),
    }
