"""Columns that a model of image and clinic may use, in an order that sites and server share."""

from shared.cohort.analysis_columns import MODEL_COLUMNS

IMAGE_FEATURES = tuple(f"image_feature_{number}" for number in range(1, 6))
"""Five features from five sequences (Quan 2024). Where each sequence has its own score, the n-th is
the logit of the event in the n-th sequence, averaged over the patient's slices."""

IMAGE_SCORE = "image_score"
"""The network's own logit of the event: the mean over sequences and slices."""

READERS = ("reader_1_call", "reader_2_call")
"""Whether a radiologist called progressive disease: 1 or 0; columns that a table may have."""

FUSION_COLUMNS = (*MODEL_COLUMNS, *IMAGE_FEATURES, IMAGE_SCORE, *READERS)
