"""What a run-config key may say: its words, its range, and what each task's publication says."""

CLICI_CT = "clici-ct"
HAIC_MRI = "haic-mri"
CLINICAL_STATISTICS = "clinical-statistics"
TASKS = (CLICI_CT, HAIC_MRI, CLINICAL_STATISTICS)
"""A network on CT; a network on MRI whose features join the clinical table in a support vector
machine; statistics and such a machine on the clinical tables alone."""

STRATEGIES = (
    "FedAvg",
    "FedProx",
    "FedAvgM",
    "FedAdam",
    "FedYogi",
    "FedAdagrad",
    "FedMedian",
    "FedTrimmedAvg",
    "Krum",
    "MultiKrum",
    "Bulyan",
)
"""Flower's own strategies, by the names of ``flwr.serverapp.strategy``."""

NORMS = ("batch", "group")
NETWORKS = ("resnet18", "inception_v4", "resnet50", "alexnet")
READINGS = ("shared", "per_sequence", "five_channel")
OPTIMIZERS = ("adam", "sgd")
LOSSES = ("softmax", "summed")
SCHEDULES = ("halving", "plateau")

PUBLISHED = "published"
"""Stands in a text key for what the task's publication says."""
AS_PUBLISHED = -1
"""Stands in a number key for what the task's publication says."""

PUBLISHED_VALUES: dict[str, dict[str, int | float | str]] = {
    CLICI_CT: {
        "network": "resnet18",
        "rounds": 50,
        "batch_size": 20,
        "learning_rate": 1e-4,
        "schedule": "halving",
        "optimizer": "adam",
        "weight_decay": 0.0,
        "loss": "softmax",
        "augmented_copies": 1,
        "patience": 10,
    },
    HAIC_MRI: {
        "network": "inception_v4",
        "rounds": 200,
        "batch_size": 1,
        "learning_rate": 0.01,
        "schedule": "plateau",
        "optimizer": "sgd",
        "weight_decay": 1e-4,
        "loss": "summed",
        "augmented_copies": 10,
        "patience": 0,
    },
}
"""What the two publications say, by task and field."""

DEFERRING = frozenset(PUBLISHED_VALUES[CLICI_CT])
"""Fields that may say ``PUBLISHED`` or ``AS_PUBLISHED``."""

RANGES: dict[str, tuple[float, float]] = {
    "image_size": (32, 1024),
    "image_height": (32, 1024),
    "image_width": (32, 1024),
    "network_width": (0.05, 1.0),
    "slices_per_patient": (0, 2000),
    "rounds": (1, 10_000),
    "local_epochs": (1, 1000),
    "batch_size": (1, 4096),
    "learning_rate": (1e-8, 10.0),
    "halve_every": (1, 100_000),
    "plateau_rounds": (1, 100_000),
    "momentum": (0.0, 0.999),
    "weight_decay": (0.0, 1.0),
    "augmented_copies": (1, 1000),
    "folds": (2, 20),
    "patience": (0, 10_000),
    "server_learning_rate": (1e-8, 10.0),
    "proximal_mu": (0.0, 1e3),
    "malicious_sites": (0, 1000),
    "held_out_fraction": (0.0, 0.9),
    "inner_validation_fraction": (0.0, 0.9),
    "min_sites": (1, 10_000),
    "wait_seconds": (1, 604_800),
    "round_timeout_seconds": (1, 604_800),
    "seed": (0, 2**31 - 1),
}
"""Smallest and largest permitted value; one outside is a slip of the keyboard."""

CHOICES: dict[str, tuple[str, ...]] = {
    "task": TASKS,
    "norm": NORMS,
    "network": (PUBLISHED, *NETWORKS),
    "reading": READINGS,
    "schedule": (PUBLISHED, *SCHEDULES),
    "optimizer": (PUBLISHED, *OPTIMIZERS),
    "loss": (PUBLISHED, *LOSSES),
    "strategy": STRATEGIES,
}
"""Words of a text field."""
