"""DeLong's covariance of AUROCs on the same images: no redraws, but images taken for independent.

E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988) 837–845, by the midranks of
X. Sun, W. Xu, IEEE Signal Process. Lett. 21 (2014) 1389–1393.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

Values = NDArray[np.float64]


def delong_covariance(scores: Values, labels: Values) -> tuple[Values, Values]:
    """AUROCs [k] of k rankings, scores [k, n], and their covariance [k, k]."""
    fractured, others = scores[:, labels > 0], scores[:, labels <= 0]
    count, other_count = fractured.shape[1], others.shape[1]
    together = rankdata(np.concatenate([fractured, others], axis=1), axis=1)
    # For each image the share of the other class that it is ranked right against.
    above = (together[:, :count] - rankdata(fractured, axis=1)) / other_count
    below = 1 - (together[:, count:] - rankdata(others, axis=1)) / count
    covariance = np.cov(above) / count + np.cov(below) / other_count
    return above.mean(axis=1), np.atleast_2d(covariance)


def delong_test(first: Values, second: Values, labels: Values) -> tuple[float, float] | None:
    """z and the two-sided p of a difference between two AUROCs; 0 and 1 where they rank alike.

    None where a class has a single image: it has no variance.
    """
    if min((labels > 0).sum(), (labels <= 0).sum()) < 2:
        return None
    aurocs, covariance = delong_covariance(np.stack([first, second]), labels)
    difference = float(aurocs[0] - aurocs[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    if variance <= 0:
        return 0.0, 1.0
    z = difference / float(np.sqrt(variance))
    return z, float(2 * norm.sf(abs(z)))
