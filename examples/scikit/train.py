"""scikit-learn's multi-layer perceptron on its handwritten digits, one line of a CSV per epoch."""

import argparse
import csv
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

parser = argparse.ArgumentParser()
parser.add_argument("--width", type=int, required=True)
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--seed", type=int, required=True)
parser.add_argument("--out", type=Path, required=True)
args = parser.parse_args()

images, labels = load_digits(return_X_y=True)
train_x, test_x, train_y, test_y = train_test_split(images / 16, labels, test_size=360, random_state=0)
model = MLPClassifier(
    hidden_layer_sizes=(args.width,), learning_rate_init=0.01, batch_size=64, random_state=args.seed
)

with open(args.out / "metrics.csv", "w", newline="") as file:
    log = csv.writer(file)
    log.writerow(["epoch", "train/loss", "test/accuracy"])
    for epoch in range(1, args.epochs + 1):
        model.partial_fit(train_x, train_y, classes=np.arange(10))
        log.writerow([epoch, model.loss_, model.score(test_x, test_y)])
        file.flush()
