"""Networks as torchvision and others write them, at a size for tests."""

from __future__ import annotations

import torch
from torch import nn


def conv_norm(c_in, c_out, kernel, stride=1, groups=1, activation=nn.ReLU):
    layers = [
        nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(c_out),
    ]
    return nn.Sequential(*layers, *([activation(inplace=True)] if activation else []))


class Basic(nn.Module):
    """The block of ResNet-18."""

    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.body = nn.Sequential(
            conv_norm(c_in, c_out, 3, stride), conv_norm(c_out, c_out, 3, activation=None)
        )
        changes = stride != 1 or c_in != c_out
        self.shortcut = conv_norm(c_in, c_out, 1, stride, activation=None) if changes else None

    def forward(self, x):
        shortcut = x if self.shortcut is None else self.shortcut(x)
        return torch.relu(self.body(x) + shortcut)


def resnet18(classes=10, width=64):
    w = width
    layers = [conv_norm(3, w, 7, 2), nn.MaxPool2d(3, 2, 1)]
    for c_in, c_out, stride in ((w, w, 1), (w, 2 * w, 2), (2 * w, 4 * w, 2), (4 * w, 8 * w, 2)):
        layers += [Basic(c_in, c_out, stride), Basic(c_out, c_out, 1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8 * w, classes))


class Inverted(nn.Module):
    """The block of MobileNetV2."""

    def __init__(self, c_in, c_out, stride, expand):
        super().__init__()
        c = c_in * expand
        first = [conv_norm(c_in, c, 1, activation=nn.ReLU6)] if expand != 1 else []
        self.body = nn.Sequential(
            *first,
            conv_norm(c, c, 3, stride, groups=c, activation=nn.ReLU6),
            conv_norm(c, c_out, 1, activation=None),
        )
        self.adds = stride == 1 and c_in == c_out

    def forward(self, x):
        return x + self.body(x) if self.adds else self.body(x)


def mobilenet_v2(classes=10, width=1.0):
    def scaled(c):
        return max(8, int(c * width))

    c_in = scaled(32)
    layers = [conv_norm(3, c_in, 3, 2, activation=nn.ReLU6)]
    for expand, c, count, stride in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
        (6, 320, 1, 1),
    ):  # fmt: skip
        for i in range(count):
            layers.append(Inverted(c_in, scaled(c), stride if i == 0 else 1, expand))
            c_in = scaled(c)
    last = scaled(1280)
    layers += [conv_norm(c_in, last, 1, activation=nn.ReLU6), nn.AdaptiveAvgPool2d(1)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(last, classes))


class UNet(nn.Module):
    """Ronneberger's, with padding and batch normalisation."""

    def __init__(self, channels=(32, 64, 128), classes=2):
        super().__init__()

        def double(c_in, c_out):
            return nn.Sequential(conv_norm(c_in, c_out, 3), conv_norm(c_out, c_out, 3))

        ins = (3, *channels[:-1])
        self.down = nn.ModuleList(double(a, b) for a, b in zip(ins, channels, strict=True))
        pairs = list(zip(channels[:0:-1], channels[-2::-1], strict=True))
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, 2) for a, b in pairs)
        self.join = nn.ModuleList(double(2 * b, b) for _, b in pairs)
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Conv2d(channels[0], classes, 1)

    def forward(self, x):
        skips = []
        for block in self.down:
            x = block(x if not skips else self.pool(x))
            skips.append(x)
        skips.pop()
        for up, join in zip(self.up, self.join, strict=True):
            x = join(torch.cat([skips.pop(), up(x)], 1))
        return self.head(x)


class Causal(nn.Module):
    """The residual block of a TCN (Bai, Kolter and Koltun), without dropout."""

    def __init__(self, c_in, c_out, kernel, dilation):
        super().__init__()
        self.pad = nn.ConstantPad1d((dilation * (kernel - 1), 0), 0.0)
        self.first = nn.Conv1d(c_in, c_out, kernel, dilation=dilation)
        self.second = nn.Conv1d(c_out, c_out, kernel, dilation=dilation)
        self.shortcut = nn.Conv1d(c_in, c_out, 1) if c_in != c_out else nn.Identity()

    def forward(self, x):
        y = torch.relu(self.first(self.pad(x)))
        y = torch.relu(self.second(self.pad(y)))
        return torch.relu(y + self.shortcut(x))


def tcn(channels=64, levels=5, kernel=3, classes=10):
    blocks = [Causal(1 if i == 0 else channels, channels, kernel, 2**i) for i in range(levels)]
    return nn.Sequential(
        *blocks, nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(channels, classes)
    )
