import pytest
import torch

from shared.errors import SettingsError
from shared.models.attention import SelfAttention


def tokens(batch=2, phases=3, features=16):
    return torch.randn(batch, phases, features, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("heads", [1, 4])
def test_the_shape_of_the_tokens_is_kept(heads):
    assert SelfAttention(16, heads)(tokens()).shape == (2, 3, 16)


def test_permuting_the_phases_permutes_the_answer():
    attention = SelfAttention(16)
    order = [2, 0, 1]
    torch.testing.assert_close(attention(tokens())[:, order], attention(tokens()[:, order]))


def test_it_agrees_with_torchs_attention_plus_the_residual():
    ours = SelfAttention(16, heads=4)
    reference = torch.nn.MultiheadAttention(16, 4, batch_first=True)
    with torch.no_grad():
        reference.in_proj_weight.copy_(
            torch.cat([ours.query.weight, ours.key.weight, ours.value.weight])
        )
        reference.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key.bias, ours.value.bias]))
        reference.out_proj.load_state_dict(ours.output.state_dict())
    x = tokens()
    torch.testing.assert_close(ours(x), x + reference(x, x, x)[0], atol=1e-6, rtol=1e-5)


def test_a_token_changes_with_what_the_other_phases_say():
    attention = SelfAttention(16)
    changed = tokens()
    changed[:, 2] += 1
    assert not torch.allclose(attention(tokens())[:, 0], attention(changed)[:, 0])


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(SettingsError, match="divides 16, got 3"):
        SelfAttention(16, heads=3)
