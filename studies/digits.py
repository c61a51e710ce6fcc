"""How well a support-vector classifier reads handwritten digits, on one random split of scikit-learn's bundled set."""

from __future__ import annotations

from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC


def evaluate(C: float, gamma: float, test_share: float = 0.5, *, seed: int) -> dict[str, float]:  # noqa: N803
    """Train on one part of the 1,797 images of 8 x 8 grey values, test on the rest; the seed draws the split.

    C is the penalty of a wrong side, gamma the width of the radial kernel (grey values scaled to 0 to 1), test_share
    the share of the images that is held back. Returns the accuracy and the mean F1 score of the ten digits.
    """
    images, digits = load_digits(return_X_y=True)
    train, test, known, truth = train_test_split(
        images / 16, digits, test_size=test_share, random_state=seed % 2**32, stratify=digits
    )
    said = SVC(C=C, gamma=gamma).fit(train, known).predict(test)
    return {"accuracy": accuracy_score(truth, said), "macro_f1": f1_score(truth, said, average="macro")}
