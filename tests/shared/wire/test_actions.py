from shared.messages.census import CensusRequest
from shared.messages.training import TrainingRequest
from shared.wire.actions import flower_type_of, stage_of


def test_training_travels_as_flowers_train():
    assert flower_type_of(TrainingRequest) == "train"


def test_other_stages_travel_as_queries_named_after_their_module():
    assert stage_of(CensusRequest) == "census"
    assert flower_type_of(CensusRequest) == "query.census"
