"""The numbers and the words behind each figure: its CSV and its alternative text."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

from shared.report.run_record import RunRecord
from shared.report.wording import bytes_text, duration_text, interval_text, number_text


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Give a small CSV, lines ended by a newline, None as an empty cell."""
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


def roc_csv(record: RunRecord) -> str:
    """Give every operating point of every arm."""
    return csv_text(
        ("arm", "false_alarm_rate", "sensitivity"),
        ((a.name, p.false_alarm_rate, p.sensitivity) for a in record.arms for p in a.roc),
    )


def loss_csv(record: RunRecord) -> str:
    """Give the losses by round, one site per line; ``federated`` is the validation loss."""
    rows: list[tuple[object, ...]] = []
    for item in record.rounds:
        rows.append((item.round, "federated", "inner_validation", item.validation_loss))
        rows.extend((item.round, s, "training", v) for s, v in item.site_training_losses.items())
    return csv_text(("round", "site", "split", "cross_entropy"), rows)


def forest_csv(record: RunRecord) -> str:
    """Give each arm's area with its interval, and the best possible area."""
    rows: list[tuple[object, ...]] = [
        (a.name, a.auc.value, a.auc.lower, a.auc.upper) for a in record.arms
    ]
    if record.bayes_auc is not None:
        rows.append(("best possible", record.bayes_auc, None, None))
    return csv_text(("arm", "auc", "lower", "upper"), rows)


def traffic_csv(record: RunRecord) -> str:
    """Give bytes and seconds by round."""
    return csv_text(
        ("round", "bytes_sent", "bytes_received", "seconds"),
        ((r.round, r.bytes_sent, r.bytes_received, r.seconds) for r in record.rounds),
    )


def roc_words(record: RunRecord) -> str:
    """Say what the ROC figure shows."""
    areas = "; ".join(f"{a.name} {interval_text(a.auc)}" for a in record.arms if a.roc)
    return f"ROC curves for {record.endpoint.event}. AUC with 95% interval: {areas}."


def loss_words(record: RunRecord) -> str:
    """Say what the loss figure shows."""
    scored = [r for r in record.rounds if r.validation_loss is not None]
    if not scored:
        return "Training loss per site by round."
    return (
        "Training loss per site and federated validation loss by round. The validation loss "
        f"begins at {number_text(scored[0].validation_loss)} and ends at "
        f"{number_text(scored[-1].validation_loss)}; the weights of round {record.best_round} "
        "were kept."
    )


def forest_words(record: RunRecord) -> str:
    """Say what the forest plot shows."""
    areas = "; ".join(f"{a.name} {interval_text(a.auc)}" for a in record.arms)
    best = "" if record.bayes_auc is None else f" Best possible: {number_text(record.bayes_auc)}."
    return f"AUC of each arm with 95% interval: {areas}.{best}"


def traffic_words(record: RunRecord) -> str:
    """Say what the traffic figure shows."""
    if not record.rounds:
        return "No round was completed."
    count = len(record.rounds)
    sent = bytes_text(sum(r.bytes_sent for r in record.rounds) // count)
    received = bytes_text(sum(r.bytes_received for r in record.rounds) // count)
    seconds = duration_text(sum(r.seconds for r in record.rounds) / count)
    return (
        f"Bars of bytes and seconds by round. On average a round sent {sent} to the sites, "
        f"received {received} from them and took {seconds}."
    )
