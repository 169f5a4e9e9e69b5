"""Sparse parity: is the number of ones among three of 16 bits odd? A small network finds the three, or not."""

import argparse
import json
from pathlib import Path

import torch
from torch import nn

BITS, RELEVANT = 16, 3


def batch(size, generator):
    bits = torch.randint(0, 2, (size, BITS), generator=generator)
    return bits.float() * 2 - 1, bits[:, :RELEVANT].sum(1) % 2


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/parity"))
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    model = nn.Sequential(nn.Linear(BITS, args.width), nn.ReLU(), nn.Linear(args.width, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.01)
    data = torch.Generator().manual_seed(args.seed)
    test_x, test_y = batch(1000, torch.Generator().manual_seed(12345))

    args.out.mkdir(parents=True, exist_ok=True)
    with open(args.out / "metrics.jsonl", "w") as log:
        for step in range(args.steps + 1):
            if step % 100 == 0:
                with torch.no_grad():
                    accuracy = (model(test_x).argmax(1) == test_y).float().mean().item()
                print(f"step {step}: accuracy {accuracy:.3f}")
                log.write(json.dumps({"step": step, "accuracy": accuracy}) + "\n")
                log.flush()
            x, y = batch(64, data)
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


if __name__ == "__main__":
    main()
