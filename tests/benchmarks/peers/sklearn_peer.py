"""scikit-learn's MLP: `partial_fit`, which is one epoch of batches with Adam."""

from __future__ import annotations

from workloads import WORKLOADS, data

from peers.raw_numpy import WIDTHS


def sklearn(name: str) -> dict:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    if name not in WIDTHS:
        raise NotImplementedError("scikit-learn has multi-layer perceptrons only")
    work = WORKLOADS[name]
    kind = MLPRegressor if work.loss == "mse" else MLPClassifier
    model = kind(
        hidden_layer_sizes=WIDTHS[name][1:-1], alpha=0.0, batch_size=work.batch, learning_rate_init=1e-3,
        random_state=0,
    )
    (x,), y = data(name)
    y = y.ravel()
    options = {} if work.loss == "mse" else {"classes": list(range(10))}
    half = 2 if work.loss == "mse" else 1  # its squared error is divided by two

    def epoch() -> float:
        model.partial_fit(x, y, **options)
        return half * float(model.loss_)

    return {
        "epoch": epoch,
        "call": lambda: model.predict(x[:1]),
        "parameters": lambda: sum(w.size for w in (*model.coefs_, *model.intercepts_)),
    }
