"""A classifier of digits in plain PyTorch, trained and used on fastconv's kernels.

    python examples/torch_digits.py

The model and its training are torch's, unchanged; `enabled()` around them is all that is added.
"""

from __future__ import annotations

from fastconv.interfaces import torch as fct  # isort: skip  # says what to install

import torch
from sklearn.datasets import load_digits
from torch import nn


def main() -> None:
    torch.manual_seed(0)
    digits = load_digits()
    x = torch.tensor(digits.images[:, None] / 16, dtype=torch.float32)
    target = torch.tensor(digits.target)
    order = torch.randperm(len(x))
    train, test = order[:1400], order[1400:]
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2),
        nn.Flatten(), nn.Linear(256, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    with fct.enabled():
        for _ in range(15):
            for batch in train[torch.randperm(len(train))].split(100):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(x[batch]), target[batch]).backward()
                optimizer.step()
        with torch.no_grad():
            right = (model(x[test]).argmax(1) == target[test]).float().mean().item()
    print(f"{right:.1%} of {len(test)} digits that it has not seen are right")
    print(fct.explain())


if __name__ == "__main__":
    main()
