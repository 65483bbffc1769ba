import torch
from torch import nn

from shared.training.batch_statistics import average_from_step, batch_norms


def run(layer: nn.BatchNorm2d, batches: list[torch.Tensor]) -> None:
    for step, batch in enumerate(batches, start=1):
        average_from_step((layer,), step)
        layer(batch)


def random_batches(count: int) -> list[torch.Tensor]:
    source = torch.Generator().manual_seed(0)
    return [torch.randn(8, 2, 3, 3, generator=source) + number for number in range(count)]


def test_a_few_steps_give_the_plain_mean_and_forget_what_was_there():
    layer = nn.BatchNorm2d(2)
    layer.running_mean.fill_(100)
    batches = random_batches(4)
    run(layer, batches)
    expected = torch.stack([batch.mean(dim=(0, 2, 3)) for batch in batches]).mean(dim=0)
    torch.testing.assert_close(layer.running_mean, expected)


def test_after_ten_steps_it_is_torchs_own_average():
    ours, torchs = nn.BatchNorm2d(2), nn.BatchNorm2d(2)
    batches = random_batches(30)
    run(ours, batches)
    run(torchs, batches[:10])
    torchs.running_mean.copy_(torch.stack([b.mean(dim=(0, 2, 3)) for b in batches[:10]]).mean(0))
    for batch in batches[10:]:
        torchs(batch)
    torch.testing.assert_close(ours.running_mean, torchs.running_mean)


def test_only_batch_norms_are_found():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.GroupNorm(1, 2))
    assert batch_norms(network) == (network[1],)
