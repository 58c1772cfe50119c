"""Rules of matrix products, linear algebra and Fourier transforms."""

import numpy as np
import pytest
from highlevel_numpy import backend

rng = np.random.default_rng(0)


def array(*shape):
    return rng.normal(size=shape)


SHAPES = [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)),
          ((5, 2, 3), (5, 3, 4)), ((2, 3), (5, 3, 4)), ((5, 2, 3), (3,)), ((3,), (5, 3, 4)),
          ((5, 1, 2, 3), (6, 3, 4)), ((1, 2, 3), (5, 3, 4))]  # fmt: skip


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_matmul(check, shapes):
    check(np.matmul, array(*shapes[0]), array(*shapes[1]))


@pytest.mark.parametrize("shapes", [((3,), (3,)), ((2, 3), (3, 4)), ((2, 3), (3,)), ((), (2, 3)),
                                    ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4))], ids=str)  # fmt: skip
def test_dot(check, shapes):
    x, y = array(*shapes[0]), array(*shapes[1])
    check(np.dot, x, y)
    np.testing.assert_allclose(backend.vjp(np.dot, x, y)[0], np.dot(x, y))


OTHERS = {
    "inner": (np.inner, (2, 3), (4, 3)),
    "outer": (np.outer, (3,), (4,)),
    "vdot": (np.vdot, (2, 3), (2, 3)),
    "vecdot": (np.vecdot, (2, 3), (2, 3)),
    "matvec": (lambda x, y: np.matvec(x, y), (5, 2, 3), (5, 3)),
    "vecmat": (lambda x, y: np.vecmat(x, y), (5, 2), (5, 2, 3)),
    "kron": (np.kron, (2, 3), (3, 2)),
    "cross": (np.cross, (5, 3), (5, 3)),
    "cross axis": (lambda x, y: np.cross(x, y, axis=0), (3, 2), (3, 2)),
    "tensordot": (lambda x, y: np.tensordot(x, y, 1), (2, 3), (3, 4)),
    "tensordot 0": (lambda x, y: np.tensordot(x, y, 0), (2, 3), (4,)),
    "tensordot axes": (lambda x, y: np.tensordot(x, y, ((0, 2), (1, 0))), (2, 3, 4), (4, 2, 5)),
    "multi_dot": (lambda x, y: np.linalg.multi_dot([x, y, x, y]), (2, 3), (3, 2)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_products(check, name):
    function, *shapes = OTHERS[name]
    x, y = (array(*s) for s in shapes)
    check(function, x, y)
    np.testing.assert_allclose(backend.vjp(function, x, y)[0], function(x, y))


EINSUMS = ["ij,jk->ik", "ij,jk", "bij,bjk->bik", "ij->ji", "ij->", "ii->i", "ii", "i,j->ij",
           "ij,ij->i", "...ij,...jk->...ik", "...i->...", "ij,jk,kl->il", "bhqd,bhkd->bhqk",
           "ij,k->k", "iji->j", "i...,i...->..."]  # fmt: skip


@pytest.mark.parametrize("subscripts", EINSUMS)
@pytest.mark.parametrize("optimize", [False, True])
def test_einsum(check, subscripts, optimize):
    terms = subscripts.partition("->")[0].split(",")
    sizes = dict(zip("bhijklqd", (2, 3, 3, 3, 4, 2, 3, 2)))
    arrays = [array(*[sizes[c] for c in t.replace("...", "bh")]) for t in terms]
    if subscripts == "...i->...":
        arrays = [array(2, 3, 4)]
    check(lambda *a: np.einsum(subscripts, *a, optimize=optimize), *arrays)


def test_einsum_with_lists_and_constants(check):
    check(lambda x: np.einsum(x, [0, 1], np.ones((3, 2)), [1, 2], [0, 2]), array(4, 3))
    check(lambda x: np.einsum("ij,jk->ik", np.arange(6).reshape(2, 3), x), array(3, 2))


SQUARE = array(3, 3) + 3 * np.eye(3)
BATCH = array(2, 3, 3) + 3 * np.eye(3)


def symmetric(x):
    return x + np.swapaxes(x, -1, -2)


def positive(x):
    return x @ np.swapaxes(x, -1, -2) + np.eye(x.shape[-1])


DECOMPOSITIONS = {
    "inv": np.linalg.inv,
    "det": np.linalg.det,
    "slogdet": lambda x: np.linalg.slogdet(x)[1],
    "solve": lambda x: np.linalg.solve(x, np.swapaxes(x, -1, -2)[..., :2]),
    "cholesky": lambda x: np.linalg.cholesky(positive(x)),
    "cholesky upper": lambda x: np.linalg.cholesky(positive(x), upper=True),
    "eigvalsh": lambda x: np.linalg.eigvalsh(symmetric(x)),
    "eigh": lambda x: np.abs(np.linalg.eigh(symmetric(x)).eigenvectors),
    "eigh both": lambda x: (lambda w, v: (v * w[..., None, :]) @ np.swapaxes(v, -1, -2))(
        *np.linalg.eigh(symmetric(x))
    ),
    "qr": lambda x: tuple(np.linalg.qr(x)),
    "qr r": lambda x: np.linalg.qr(x, mode="r"),
    "svd": lambda x: (lambda u, s, v: (np.abs(u), s, np.abs(v)))(
        *np.linalg.svd(x, full_matrices=False)
    ),
    "singular values": lambda x: np.linalg.svd(x, compute_uv=False),
    "svdvals": lambda x: np.linalg.svdvals(x),
    "matrix_power": lambda x: np.linalg.matrix_power(x, 5),
    "matrix_power -2": lambda x: np.linalg.matrix_power(x, -2),
    "pinv": np.linalg.pinv,
    "norm": np.linalg.norm,
    "norm axis": lambda x: np.linalg.norm(x, axis=-1, keepdims=True),
    "norm 1": lambda x: np.linalg.norm(x, 1, axis=0),
    "norm 3": lambda x: np.linalg.norm(x, 3, axis=-1),
    "norm inf": lambda x: np.linalg.norm(x, np.inf, axis=-1),
    "matrix norm 1": lambda x: np.linalg.norm(x, 1, axis=(-2, -1)),
    "matrix norm inf": lambda x: np.linalg.norm(x, np.inf, axis=(-2, -1), keepdims=True),
    "matrix norm 2": lambda x: np.linalg.norm(x, 2, axis=(-2, -1)),
    "nuclear norm": lambda x: np.linalg.norm(x, "nuc", axis=(-2, -1)),
    "vector_norm": lambda x: np.linalg.vector_norm(x, axis=-1),
    "matrix_norm": lambda x: np.linalg.matrix_norm(x),
    "cond": np.linalg.cond,
}


@pytest.mark.parametrize("name", DECOMPOSITIONS)
@pytest.mark.parametrize("x", [SQUARE, BATCH], ids=["one", "batch"])
def test_linear_algebra(check, name, x):
    function = DECOMPOSITIONS[name]
    check(function, x, tolerance=1e-5)
    out = backend.vjp(function, x)[0]
    expected = function(x)
    for a, b in zip(out if isinstance(out, tuple) else [out],
                    expected if isinstance(expected, tuple) else [expected]):  # fmt: skip
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


RECTANGULAR = {
    "qr": lambda x: tuple(np.linalg.qr(x)),
    "qr complete": lambda x: tuple(np.linalg.qr(x, "complete"))[1],
    "svd": DECOMPOSITIONS["svd"],
    "singular values": DECOMPOSITIONS["svdvals"],
    "pinv": np.linalg.pinv,
    "lstsq": lambda x: np.linalg.lstsq(x, np.arange(1.0, 1 + x.shape[0]))[0],
}


@pytest.mark.parametrize("name", RECTANGULAR)
@pytest.mark.parametrize("shape", [(5, 3), (3, 5)], ids=str)
def test_rectangular_matrices(check, name, shape):
    check(RECTANGULAR[name], array(*shape), tolerance=1e-5)


def test_solve_of_vectors_and_batches(check):
    check(np.linalg.solve, SQUARE, array(3))
    check(np.linalg.solve, SQUARE, array(3, 2))
    check(np.linalg.solve, BATCH, array(3, 2))
    check(np.linalg.solve, BATCH, array(3))
    check(np.linalg.solve, SQUARE, array(4, 3, 2))
    check(np.linalg.tensorsolve, array(2, 3, 6) + np.eye(6).reshape(2, 3, 6) * 3, array(2, 3))
    check(lambda x: np.linalg.tensorinv(x, 1), array(6, 2, 3) + 3 * np.eye(6).reshape(6, 2, 3))


def test_determinant_of_a_singular_matrix(check):
    x = np.array([[1.0, 2.0], [2.0, 4.0]])
    check(np.linalg.det, x, order=1)


TRANSFORMS = {
    "fft": lambda x: np.fft.fft(x),
    "fft longer": lambda x: np.fft.fft(x, 6, axis=0),
    "ifft shorter": lambda x: np.fft.ifft(x, 3, norm="ortho"),
    "rfft": lambda x: np.fft.rfft(x),
    "rfft odd": lambda x: np.fft.rfft(x, 5, norm="forward"),
    "irfft": lambda x: np.fft.irfft(x * (1 + 0.3j)),
    "irfft odd": lambda x: np.fft.irfft(x * (1 + 0.3j), 7),
    "hfft": lambda x: np.fft.hfft(x * (1 + 0.3j)),
    "ihfft": lambda x: np.fft.ihfft(x),
    "fft2": lambda x: np.fft.fft2(x),
    "ifftn": lambda x: np.fft.ifftn(x, (2, 6), (0, 1)),
    "rfft2": lambda x: np.fft.rfft2(x),
    "rfftn": lambda x: np.fft.rfftn(x, axes=(0,)),
    "irfft2": lambda x: np.fft.irfft2(x * (1 + 0.3j)),
    "irfftn": lambda x: np.fft.irfftn(x * (1 + 0.3j), (3, 5), (0, 1)),
    "shifts": lambda x: np.fft.fftshift(x) + np.fft.ifftshift(x, axes=1),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_fourier_transforms(check, name):
    x = array(3, 4)
    check(TRANSFORMS[name], x)
    np.testing.assert_allclose(backend.vjp(TRANSFORMS[name], x)[0], TRANSFORMS[name](x), atol=1e-12)
