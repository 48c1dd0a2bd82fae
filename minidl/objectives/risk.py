"""The loss of a model on data, as an objective."""

from __future__ import annotations

from minidl.arguments import check_type
from minidl.batch import as_floats, samples
from minidl.data import as_weights, check_some_count
from minidl.modules import Layer, Loss, Objective, as_gradient, backward_without_dx, cached
from minidl.typing import Array, ArrayLike

__all__ = ["EmpiricalRisk"]


class EmpiricalRisk(Objective):
    """``R(θ) = (1/n) Σᵢ L(f_θ(xᵢ), yᵢ)``, a model's mean loss on data as a function of its parameters.

    With weights w it is ``Σ w · count · L / Σ w · count``, as in `Trainer.fit`.

    Args:
        model: f_θ.
        loss: L.
        x, y: the data (n, …), checked and cast to the model's dtype.
        sample_weight: the weight of each sample, (n,), at least 0. None means 1.

    Raises:
        DataError, ShapeError: data that the model or the loss cannot take. Weights that are negative or all 0.
        TypeError: a model that is not a Layer, or a loss that is not a Loss.

    >>> from minidl import Dense, MSELoss
    >>> risk = EmpiricalRisk(Dense(1, 1), MSELoss(), x=[[1.0], [2.0]], y=[[2.0], [4.0]])
    >>> risk.value([2.0, 0.0]), risk.gradient([0.0, 0.0])
    (0.0, array([-10.,  -6.]))
    """

    prediction: Array = cached()

    def __init__(
        self, model: Layer, loss: Loss, x: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> None:
        check_type("model", model, Layer, "EmpiricalRisk(model, loss, x, y)")
        check_type("loss", loss, Loss, "EmpiricalRisk(model, loss, x, y)")
        loss.check_model(model)
        self.model, self.loss = model, loss
        self.x, self.y = loss.check_data(model, x, y)
        self.sample_weight = None if sample_weight is None else as_weights(sample_weight, samples(self.y))
        check_some_count(self.sample_weight, "sample_weight")
        self._dtype = model.dtype

    def forward(self) -> float:
        if self._dtype != self.model.dtype:  # astype has turned the model to another dtype
            self._dtype = self.model.dtype
            self.x, self.y = self.model.as_input(self.x, "x", self._dtype), as_floats(self.y, self._dtype)
        self.prediction = self.model.forward(self.x)
        if self.sample_weight is None:
            return self.loss.forward(self.prediction, self.y)
        return self.loss.weighted(self.prediction, self.y, self.sample_weight)

    def backward(self) -> None:
        if self.sample_weight is None:
            grad = as_gradient(self.loss.backward(), self.prediction)
        else:
            grad = self.loss.weighted_gradient(self.prediction, self.y, self.sample_weight)
        getattr(self.model, backward_without_dx(type(self.model)))(grad)

    def __repr__(self) -> str:
        return f"EmpiricalRisk({self.model!r}, {self.loss!r}, {samples(self.x)} samples)"
