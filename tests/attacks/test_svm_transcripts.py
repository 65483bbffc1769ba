"""What a curious server can make of a fit's transcript: no patient's row.

The server knows every constant, sees every total (and, without masks, every site's share), but not
the rotation secret. Each attack is first shown to work on a transcript that lacks the protection.
"""

import numpy as np
import pytest

from client.local_moments import answer_moments
from client.local_svm import answer_svm
from server.federated_moments import Columns
from server.federated_svm import SvmSettings, fit_svm
from shared.aggregation.fixed_point import decode_sums
from shared.fusion.lbfgs import Evaluation, lbfgs
from shared.fusion.rotation import rotation
from shared.fusion.standardize import prepare
from shared.fusion.svm import Rows, lift, loss_and_gradient
from shared.messages.moments import MomentsRequest
from shared.messages.svm import SvmRequest, SvmStep

SECRET = b"thirty-two random bytes, or more"
FEATURES = 32
SAME_DIRECTION = 0.999
"""Of 33 coordinates, two unrelated rows are at most about 0.8 alike."""


def cohort(patients: int, seed: int):
    rng = np.random.default_rng(seed)
    table = {f"x{j}": rng.normal(size=patients) for j in range(FEATURES)}
    logit = 1.2 * table["x0"] + table["x1"] - 1.2
    table["event"] = (rng.random(patients) < 1 / (1 + np.exp(-logit))).astype(float)
    return table


def recorded_fit(table, settings):
    """Fit over three sites and give the fit with the server's whole transcript."""
    transcript = []
    parts = {f"s{k}": {n: column[k::3] for n, column in table.items()} for k in range(3)}

    def ask(request, _):
        def answer(site, own):
            if isinstance(request, MomentsRequest):
                return answer_moments(request, own, site)
            return answer_svm(request, own, site, rotation_secret=SECRET)

        replies = {site: answer(site, own) for site, own in parts.items()}
        transcript.append((request, replies))
        return replies

    columns = Columns(tuple(n for n in table if n != "event"), event="event")
    return fit_svm(ask, columns, settings), transcript


def descents(transcript):
    """Give points and gradients of each fit: of the total, and of every site's share."""
    found = {}
    for request, replies in transcript:
        if not isinstance(request, SvmRequest) or request.step is not SvmStep.GRADIENT:
            continue
        shares = {s: decode_sums(request.sums, r.words)["gradient"] for s, r in replies.items()}
        shares["total"] = sum(shares.values())
        for row, label in enumerate(request.labels):
            for who, gradients in shares.items():
                points, seen = found.setdefault((label, who), ([], []))
                points.append(request.points[row])
                seen.append(gradients[row])
    return {key: (np.array(p), np.array(g)) for key, (p, g) in found.items()}


def recovered(candidates, rows):
    """Count the patients whose row points the way of some candidate, whatever its scale."""
    candidates = np.atleast_2d(candidates)
    length = np.linalg.norm(candidates, axis=1)
    candidates = candidates[length > 0] / length[length > 0, np.newaxis]
    alike = np.abs(candidates @ (rows / np.linalg.norm(rows, axis=1, keepdims=True)).T)
    return int((alike.max(axis=0, initial=0) > SAME_DIRECTION).sum())


def hessian_differences(hessians):
    """Read a row off every difference of Hessians that has rank one."""
    rows = []
    for i, later in enumerate(hessians):
        for earlier in hessians[:i]:
            values, vectors = np.linalg.eigh(later - earlier)
            top = np.argmax(np.abs(values))
            if abs(values[top]) > 0.999 * np.abs(values).sum() > 0:
                rows.append(vectors[:, top])
    return np.array(rows).reshape(-1, len(hessians[0]))


def joint_diagonalisation(matrices):
    """Split pairs of sums c_i z_i z_i' into their rows (Jennrich's algorithm)."""
    rows = []
    for i, second in enumerate(matrices):
        for first in matrices[max(0, i - 2) : i]:
            values, vectors = np.linalg.eigh(second)
            order = np.argsort(-np.abs(values))
            for rank in range(2, len(second) + 1):
                u = vectors[:, order[:rank]]
                inner = u.T @ second @ u
                if abs(np.linalg.eigvalsh(inner)).min() < 1e-12:
                    continue
                _, mixed = np.linalg.eig(u.T @ first @ u @ np.linalg.inv(inner))
                rows.append((u @ mixed.real).T)
    return np.concatenate(rows)


def affine_residuals(points, gradients, fewest=None):
    """Fit an affine map to the last evaluations, which share a region; read the residuals.

    With fewer evaluations than coordinates the map is a guess: the smallest that fits.
    """
    rows = []
    size = points.shape[1]
    for last in range(fewest or size + 1, len(points) + 1):
        moved = points - points[-1]
        known = np.column_stack([moved[-last:], np.ones(last)])
        fitted, *_ = np.linalg.lstsq(known, gradients[-last:], rcond=1e-15)
        residual = gradients - np.column_stack([moved, np.ones(len(points))]) @ fitted
        if np.abs(residual[-last:]).max() > 1e-9 * np.abs(gradients).max():
            break
        rows.extend(residual[: len(points) - last])
    return np.array(rows).reshape(-1, size)


def unprotected_newton(rows, penalty):
    """Fit by Newton's method and give the Hessians a server would see."""
    point, hessians = np.zeros(rows.design.shape[1]), []
    for _ in range(30):
        margin = 1 - rows.signs * (rows.design @ point)
        active = rows.design[margin > 0]
        _, gradient = loss_and_gradient(rows, point, penalty)
        if np.abs(gradient + point).max() < 1e-10:
            break
        hessians.append(2 * penalty * active.T @ active)
        step = np.linalg.solve(hessians[-1] + np.eye(point.size), gradient + point)
        size = 1.0
        while (
            loss_and_gradient(rows, point - size * step, penalty)[0]
            + 0.5 * np.sum((point - size * step) ** 2)
            > loss_and_gradient(rows, point, penalty)[0] + 0.5 * point @ point
            and size > 1e-6
        ):
            size /= 2
        point = point - size * step
    return hessians


def unprotected_descent(rows, penalty, most):
    search = lbfgs(np.zeros(rows.design.shape[1]), 1e-3, most, 1e-13)
    points, gradients = [next(search)], []
    while True:
        loss, gradient = loss_and_gradient(rows, points[-1], penalty)
        gradients.append(gradient)
        value = loss + 0.5 * points[-1] @ points[-1]
        try:
            points.append(search.send(Evaluation(value, gradient + points[-1])))
        except StopIteration:
            return np.array(points), np.array(gradients)


def rows_of(table, basis=None):
    features = np.stack([table[f"x{j}"] for j in range(FEATURES)], axis=1)
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    design, widths = lift(features, 1)
    turned = design if basis is None else design @ basis.T
    signs = np.where(table["event"] == 1, 1.0, -1.0)
    return Rows(turned, widths, signs, np.ones(len(signs))), design


@pytest.fixture(scope="module")
def fits():
    """Three recorded fits with their patients' rows in the clinical basis."""
    recorded = []
    for seed in range(3):
        table = cohort(127, seed)
        settings = SvmSettings(penalties=(0.1,), folds=2, salt=f"run {seed}")
        result, transcript = recorded_fit(table, settings)
        order = np.concatenate([np.arange(127)[k::3] for k in range(3)])
        features = prepare(table, result.model.preparation)[order]
        recorded.append((np.column_stack([features, np.ones(127)]), transcript))
    return recorded


def test_hessian_differences_give_patients_away_without_protection():
    exposed = 0
    for seed in range(4):
        rows, design = rows_of(cohort(127, seed))
        exposed += recovered(hessian_differences(unprotected_newton(rows, 1.0)), design)
    assert exposed > 0


def test_hessian_differences_in_a_secret_basis_show_no_clinical_row():
    basis = rotation(SECRET, "fit", FEATURES + 1)
    with_secret = 0
    for seed in range(4):
        turned, design = rows_of(cohort(127, seed), basis)
        rows = hessian_differences(unprotected_newton(turned, 1.0))
        assert recovered(rows, design) == 0
        with_secret += recovered(rows @ basis, design)
    # The same rows, turned back: the secret is what protected them.
    assert with_secret > 0


def test_affine_regions_give_patients_away_when_gradients_are_not_capped():
    exposed = 0
    for seed in range(6):
        rows, design = rows_of(cohort(127, seed))
        exposed += recovered(affine_residuals(*unprotected_descent(rows, 1.0, 400)), design)
    assert exposed > 0


def test_capped_gradients_are_too_few_to_solve_for_a_region(fits):
    for _, transcript in fits:
        for points, _ in descents(transcript).values():
            assert len(points) <= points.shape[1] == FEATURES + 1


def test_guessed_affine_regions_show_no_clinical_row(fits):
    for design, transcript in fits:
        for points, gradients in descents(transcript).values():
            residuals = affine_residuals(points, gradients, fewest=3)
            assert len(residuals) > 0
            assert recovered(residuals, design) == 0


def test_differences_of_gradients_show_no_clinical_row(fits):
    for design, transcript in fits:
        for _, gradients in descents(transcript).values():
            differences = (gradients[:, np.newaxis] - gradients[np.newaxis]).reshape(
                -1, FEATURES + 1
            )
            assert recovered(differences, design) == 0


def outer_sums(rows, weights):
    return [(rows.T * weight) @ rows for weight in weights]


def test_joint_diagonalisation_gives_patients_away_without_protection():
    _, design = rows_of(cohort(127, 0))
    near = np.argsort(np.abs(design @ np.arange(33.0)))[:20]
    weights = np.zeros((3, 127))
    weights[:, near] = np.random.default_rng(0).uniform(0.2, 5, (3, 20))
    assert recovered(joint_diagonalisation(outer_sums(design, weights)), design) >= 18
    basis = rotation(SECRET, "fit", FEATURES + 1)
    turned = joint_diagonalisation(outer_sums(design @ basis.T, weights))
    assert recovered(turned, design) == 0
    assert recovered(turned @ basis, design) >= 18


def as_outer_sums(gradients, features):
    """Read gradients of second-order features as sums of c_i z_i z_i', z = (x, 1)."""
    gamma = 1 / features
    rows, columns = np.triu_indices(features)
    matrices = []
    for gradient in gradients:
        matrix = np.zeros((features + 1, features + 1))
        matrix[-1, -1] = gradient[0]
        matrix[:-1, -1] = matrix[-1, :-1] = gradient[1 : features + 1] / np.sqrt(2 * gamma)
        pairs = gradient[features + 1 : -1] / (np.sqrt(2) * gamma)
        pairs = pairs / np.where(rows == columns, 1, np.sqrt(2))
        matrix[rows, columns] = matrix[columns, rows] = pairs
        matrices.append(matrix)
    return matrices


def second_order_cohort(seed: int, patients: int = 60, features: int = 8):
    full = cohort(patients, seed)
    return {name: full[name] for name in (*(f"x{j}" for j in range(features)), "event")}


def test_second_order_gradients_give_patients_away_without_rotation():
    exposed = 0
    for seed in range(4):
        table = second_order_cohort(seed)
        features = np.stack([table[f"x{j}"] for j in range(8)], axis=1)
        features = (features - features.mean(axis=0)) / features.std(axis=0)
        design, widths = lift(features, 2)
        signs = np.where(table["event"] == 1, 1.0, -1.0)
        _, gradients = unprotected_descent(Rows(design, widths, signs, np.ones(60)), 1.0, 150)
        sums = as_outer_sums(np.diff(gradients, axis=0), 8)
        # Few features: unrelated rows are more alike, so only near-exact rows count.
        exposed += exact_rows(joint_diagonalisation(sums), features)
    assert exposed > 0


def test_second_order_gradients_in_secret_bases_show_no_clinical_row():
    for seed in range(2):
        table = second_order_cohort(seed)
        settings = SvmSettings(
            penalties=(1.0,), folds=2, degree=2, balanced=False, gradients=40, salt=f"d{seed}"
        )
        result, transcript = recorded_fit(table, settings)
        features = prepare(table, result.model.preparation)
        for _, gradients in descents(transcript).values():
            sums = as_outer_sums(np.diff(gradients, axis=0), 8)
            assert exact_rows(joint_diagonalisation(sums), features) == 0


def exact_rows(candidates, features):
    """Count the patients of whom some candidate, scaled to end in 1, is a copy to 0.01."""
    usable = candidates[np.abs(candidates[:, -1]) > 1e-12]
    scaled = usable[:, :-1] / usable[:, -1:]
    distance = np.abs(scaled[:, np.newaxis] - features[np.newaxis]).max(axis=2)
    return int((distance.min(axis=0, initial=np.inf) < 0.01).sum())


def test_no_reply_has_second_order_or_patient_size(fits):
    for _, transcript in fits:
        for request, replies in transcript:
            if isinstance(request, SvmRequest) and request.step is SvmStep.GRADIENT:
                expected = len(request.parts) * (FEATURES + 2)
                assert {reply.words.size for reply in replies.values()} == {expected}


def test_transcripts_of_other_cohorts_have_the_same_shapes():
    shapes = []
    for patients in (90, 91):
        settings = SvmSettings(penalties=(0.1,), folds=2, gradients=3)
        _, transcript = recorded_fit(cohort(patients, 1), settings)
        shapes.append(
            [
                {name: array.shape for name, array in vars(reply).items() if name == "words"}
                for request, replies in transcript
                for reply in replies.values()
                if not (isinstance(request, SvmRequest) and request.step is SvmStep.CELLS)
            ]
        )
    assert shapes[0][:9] == shapes[1][:9]
    assert {tuple(shape.items()) for shape in shapes[0]} == {
        tuple(shape.items()) for shape in shapes[1]
    }


def test_every_fit_has_a_basis_of_its_own():
    settings = SvmSettings(penalties=(0.03, 0.1), folds=2, gradients=3)
    _, transcript = recorded_fit(cohort(90, 1), settings)
    labels = {label for label, _ in descents(transcript)}
    assert len(labels) == 2 * 2 + 1
    bases = [rotation(SECRET, label, FEATURES + 1) for label in sorted(labels)]
    assert all(np.abs(a @ b.T).max() < 0.9 for i, a in enumerate(bases) for b in bases[:i])
