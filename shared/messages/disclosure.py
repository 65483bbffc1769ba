"""The closed list of what leaves a hospital: every field of every reply, in words.

The release gate refuses a reply that is not listed here field by field; the README prints the
table, and tests hold the list equal to the message types.
"""

from collections.abc import Mapping

LEAVING: Mapping[str, Mapping[str, str]] = {
    "CensusReply": {
        "site": "display name of the site",
        "code_digest": "SHA-256 of the code that answered",
        "patients": "count of usable patients; withheld below the minimum",
        "events": "count of those with the event; withheld when it or its complement is small",
        "training_patients": "count; withheld below the minimum",
        "inner_validation_patients": "count; withheld below the minimum",
        "held_out_patients": "count; withheld below the minimum",
        "slices": "count of prepared slices",
        "excluded_patients": "count of patients left out; withheld when small but not zero",
        "seconds": "wall time of the preparation",
    },
    "TrainingReply": {
        "weights": "network weights after local training, float32",
        "training_patients": "count: the weight of this update in the average",
        "training_loss": "mean cross-entropy of the last local pass",
        "validation_loss_sum": "sum of the inner-validation patients' cross-entropy",
        "validation_patients": "count of patients in that sum",
        "steps": "optimiser steps taken",
        "seconds": "wall time of the local work",
    },
    "ImageFeaturesReply": {
        "patients": "count of patients whose features the site keeps; withheld below the minimum",
        "seconds": "wall time of the local work",
    },
    "SumReply": {
        "words": "the site's share of sums and counts over its patients, 64-bit fixed point",
    },
    "SiteResultReply": {
        "patients": "count of held-out patients; withheld below the minimum",
        "events": "count of those with the event; withheld when it or its complement is small",
        "called_rightly": "count; withheld when it or its complement is small",
        "event_called": "count; withheld unless all four cells of the table may be shown",
        "no_event_cleared": "count; withheld unless all four cells of the table may be shown",
        "auc": "area under the site's own ROC curve; needs the minimum in both classes",
        "auc_standard_error": "DeLong's; withheld with the area",
    },
    "SvmModelReply": {
        "check": "digest of the sites' rotation secret",
        "weights": "coefficients of the fitted machine, the same from every site",
    },
}
"""Reply type to field to meaning. What is not listed does not leave."""


def disclosure_table() -> str:
    """Give the closed list as a Markdown table."""
    rows = ["| message | field | what it is |", "|---|---|---|"]
    for message, listed in LEAVING.items():
        rows += [f"| {message} | `{name}` | {meaning} |" for name, meaning in listed.items()]
    return "\n".join(rows)
