"""PyTorch: eager, and with `torch.compile`. Images are channels first, as it likes them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from workloads import WORKLOADS, batches, data


def _as_keras(module: nn.Module) -> nn.Module:
    """Weights as Keras's defaults draw them, so that losses start alike."""
    for each in module.modules():
        if isinstance(each, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.xavier_uniform_(each.weight)
            if each.bias is not None:
                nn.init.zeros_(each.bias)
        elif isinstance(each, nn.Embedding):
            nn.init.uniform_(each.weight, -0.05, 0.05)
        elif isinstance(each, nn.LSTM):
            nn.init.xavier_uniform_(each.weight_ih_l0)
            nn.init.orthogonal_(each.weight_hh_l0)
            nn.init.zeros_(each.bias_ih_l0)
            nn.init.zeros_(each.bias_hh_l0)
            nn.init.ones_(each.bias_ih_l0[64:128])
    return module


def _stack(*units: int) -> nn.Module:
    parts: list[nn.Module] = []
    for n, m in itertools.pairwise(units):
        parts += [nn.Linear(n, m), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def _cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 128), nn.ReLU(),
        nn.Linear(128, 10),
    )


def _conv(n: int, m: int, size: int = 3, stride: int = 1, groups: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(n, m, size, stride, size // 2, groups=groups, bias=False), nn.BatchNorm2d(m)
    )


class _Block(nn.Module):
    def __init__(self, n: int, m: int, stride: int) -> None:
        super().__init__()
        self.first, self.second = _conv(n, m, 3, stride), _conv(m, m)
        self.shortcut = _conv(n, m, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: Any) -> Any:
        return F.relu(self.second(F.relu(self.first(x))) + self.shortcut(x))


class _Head(nn.Module):
    def __init__(self, n: int) -> None:
        super().__init__()
        self.out = nn.Linear(n, 10)

    def forward(self, x: Any) -> Any:
        return self.out(x.mean((2, 3)))


def _resnet() -> nn.Module:
    return nn.Sequential(
        _conv(3, 16), nn.ReLU(), _Block(16, 16, 1), _Block(16, 32, 2), _Block(32, 64, 2),
        _Head(64),
    )


def _separable() -> nn.Module:
    parts: list[nn.Module] = [_conv(3, 32, 3, 2), nn.ReLU()]
    width = 32
    for filters, stride in ((64, 1), (128, 2), (128, 1)):
        parts += [_conv(width, width, 3, stride, width), nn.ReLU(), _conv(width, filters, 1),
                  nn.ReLU()]
        width = filters
    return nn.Sequential(*parts, _Head(128))


class _Lstm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.lstm = nn.Embedding(1000, 64), nn.LSTM(64, 64, batch_first=True)
        self.head = nn.Linear(64, 2)

    def forward(self, tokens: Any) -> Any:
        return self.head(self.lstm(self.table(tokens))[0][:, -1])


class _TransformerBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(64, 1e-6), nn.LayerNorm(64, 1e-6)])
        self.qkv, self.o = nn.Linear(64, 192), nn.Linear(64, 64)
        self.up, self.down = nn.Linear(64, 256), nn.Linear(256, 64)

    def forward(self, x: Any) -> Any:
        shape = (*x.shape[:2], 4, 16)
        parts = self.qkv(self.norms[0](x)).chunk(3, -1)
        q, k, v = (part.reshape(shape).transpose(1, 2) for part in parts)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.o(y.transpose(1, 2).reshape(x.shape))
        return x + self.down(F.gelu(self.up(self.norms[1](x))))


class _Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(256, 64), nn.Embedding(64, 64)
        self.blocks = nn.Sequential(_TransformerBlock(), _TransformerBlock())
        self.norm, self.head = nn.LayerNorm(64, 1e-6), nn.Linear(64, 256)

    def forward(self, tokens: Any) -> Any:
        x = self.tokens(tokens) + self.positions.weight
        return self.head(self.norm(self.blocks(x)))


class _UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()

        def twice(n: int, m: int) -> nn.Module:
            return nn.Sequential(
                nn.Conv2d(n, m, 3, padding=1), nn.ReLU(), nn.Conv2d(m, m, 3, padding=1), nn.ReLU()
            )

        self.down = nn.ModuleList([twice(1, 16), twice(16, 32)])
        self.middle = twice(32, 64)
        self.ups = nn.ModuleList(
            [nn.ConvTranspose2d(64, 32, 2, 2), nn.ConvTranspose2d(32, 16, 2, 2)]
        )
        self.up = nn.ModuleList([twice(64, 32), twice(32, 16)])
        self.head = nn.Conv2d(16, 1, 1)

    def forward(self, x: Any) -> Any:
        kept = []
        for part in self.down:
            x = part(x)
            kept.append(x)
            x = F.max_pool2d(x, 2)
        x = self.middle(x)
        for wider, part in zip(self.ups, self.up):
            x = part(torch.cat([kept.pop(), wider(x)], 1))
        return self.head(x)


class _Towers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList([nn.Embedding(50_000, 32), nn.Embedding(20_000, 32)])
        self.sides = nn.ModuleList([_stack(32, 64, 32), _stack(32, 64, 32)])

    def forward(self, users: Any, items: Any) -> Any:
        a, b = (side(table(x)) for side, table, x in zip(self.sides, self.tables, (users, items)))
        return (a * b).sum(-1, keepdim=True)


MODELS = {
    "tabular": lambda: _stack(32, 64, 64, 1),
    "mlp": lambda: _stack(784, 256, 256, 10),
    "cnn": _cnn,
    "resnet": _resnet,
    "lstm": _Lstm,
    "transformer": _Transformer,
    "separable": _separable,
    "unet": _UNet,
    "towers": _Towers,
}


def torch_eager(name: str) -> dict:
    return _activities(name, lambda model: model)


def torch_compile(name: str) -> dict:
    return _activities(name, torch.compile)


def _activities(name: str, prepare: Any) -> dict:
    torch.manual_seed(0)
    work = WORKLOADS[name]
    x, y = data(name)

    def tensor(array: np.ndarray) -> Any:
        if array.ndim == 4:
            array = np.ascontiguousarray(array.transpose(0, 3, 1, 2))
        return torch.from_numpy(array)

    xs = [tensor(part) for part in x]
    ys = tensor(y).long() if work.loss == "classes" else tensor(y)
    model = _as_keras(MODELS[name]())
    run = prepare(model)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    rng = np.random.default_rng(1)

    def loss_of(out: Any, y: Any) -> Any:
        if work.loss == "mse":
            return F.mse_loss(out, y)
        if work.loss == "binary":
            return F.binary_cross_entropy_with_logits(out, y)
        return F.cross_entropy(out.flatten(0, -2), y.flatten())

    def epoch() -> float:
        model.train()
        losses = []
        for rows in batches(name, rng):
            rows = torch.from_numpy(rows)
            optimizer.zero_grad()
            loss = loss_of(run(*(part[rows] for part in xs)), ys[rows])
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return float(torch.stack(losses).mean())

    def call() -> np.ndarray:
        model.eval()
        with torch.inference_mode():
            return run(*(part[:1] for part in xs)).numpy()

    return {
        "epoch": epoch,
        "call": call,
        "parameters": lambda: sum(p.numel() for p in model.parameters()),
    }
