"""Self-attention over phase tokens, from plain linear layers."""

import math

from jaxtyping import Float
from torch import Tensor, nn

from shared.errors import SettingsError


class SelfAttention(nn.Module):
    """Scaled dot-product self-attention with a residual connection.

    Source: Vaswani 2017, "Attention Is All You Need", section 3.2; the placement over phase
    vectors follows Liao 2024, section 2.4. The projections are separate ``nn.Linear`` layers,
    which per-sample gradients (Opacus) understand, unlike ``nn.MultiheadAttention``.
    """

    def __init__(self, features: int, heads: int = 1) -> None:
        """Build the four projections.

        Args:
            features: Width of a token.
            heads: Parallel attentions, each over ``features / heads``.

        Raises:
            SettingsError: When the heads do not divide the width.
        """
        super().__init__()
        if heads < 1 or features % heads:
            raise SettingsError(
                f"Expected a number of attention heads that divides {features}, got {heads}. "
                "Choose 1, 2 or 4."
            )
        self.heads = heads
        self.query = nn.Linear(features, features)
        self.key = nn.Linear(features, features)
        self.value = nn.Linear(features, features)
        self.output = nn.Linear(features, features)

    def forward(
        self, tokens: Float[Tensor, "batch phase feature"]
    ) -> Float[Tensor, "batch phase feature"]:
        """Let every token read the others and add what it read to itself."""
        batch, phases, features = tokens.shape
        split = (batch, phases, self.heads, features // self.heads)
        query = self.query(tokens).reshape(split).transpose(1, 2)
        key = self.key(tokens).reshape(split).transpose(1, 2)
        value = self.value(tokens).reshape(split).transpose(1, 2)
        affinity = query @ key.transpose(-2, -1) / math.sqrt(features // self.heads)
        read = affinity.softmax(dim=-1) @ value
        read_out: Tensor = self.output(read.transpose(1, 2).reshape(batch, phases, features))
        return tokens + read_out
