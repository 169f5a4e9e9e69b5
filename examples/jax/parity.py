"""Sparse parity in JAX: one compiled step trains all seeds of a call, their parameters stacked by `vmap`."""

from functools import partial

import jax
import jax.numpy as jnp

BITS, RELEVANT, BATCH, EVERY = 16, 3, 64, 100


def initial(key, width):
    inner, outer = jax.random.split(key)
    return {
        "w": jax.random.normal(inner, (BITS, width)) * (2 / BITS) ** 0.5,
        "b": jnp.zeros(width),
        "v": jax.random.normal(outer, (width,)) * width**-0.5,
    }


def answer(parameters, x):
    return jax.nn.relu(x @ parameters["w"] + parameters["b"]) @ parameters["v"]


def batch(key, size):
    bits = jax.random.bernoulli(key, shape=(size, BITS))
    return jnp.where(bits, 1.0, -1.0), jnp.where(bits[:, :RELEVANT].sum(1) % 2, 1.0, -1.0)


def loss(parameters, x, y):
    return jnp.maximum(0, 1 - y * answer(parameters, x)).mean()


def some_steps(parameters, key, lr, first):
    """EVERY steps of one seed. What it draws depends on the seed and the step alone."""

    def step(parameters, number):
        gradient = jax.grad(loss)(parameters, *batch(jax.random.fold_in(key, number), BATCH))
        return jax.tree.map(lambda p, g: p - lr * g, parameters, gradient), None

    return jax.lax.scan(step, parameters, first + jnp.arange(EVERY))[0]


@partial(jax.jit, static_argnames="width")
def start(seeds, width):
    keys = jax.vmap(jax.random.key)(seeds)
    return jax.vmap(partial(initial, width=width))(keys), jax.vmap(partial(jax.random.fold_in, data=1))(keys)


@jax.jit
def advance(parameters, keys, lr, first):
    return jax.vmap(some_steps, (0, 0, None, None))(parameters, keys, lr, first)


@jax.jit
def accuracy(parameters):
    x, y = batch(jax.random.key(12345), 1000)
    return jax.vmap(lambda own: ((answer(own, x) > 0) == (y > 0)).mean())(parameters)


def train(width, lr, steps, seeds, report):
    parameters, keys = start(seeds, width)
    for step in range(0, steps + 1, EVERY):
        report(step, accuracy=accuracy(parameters))
        parameters = advance(parameters, keys, lr, step)
