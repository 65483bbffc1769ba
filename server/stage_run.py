"""One stage of a run: its result, or the reason why it has none, and what it cost."""

import time
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar, runtime_checkable

from server.clinical_results import StageRecord, StageState
from server.stage_exchange import StageExchange
from server.traffic import Traffic
from shared.errors import HepafedError, QuorumError, Refusal, RefusedError
from shared.messages.exchange import Ask
from shared.settings import RunSettings

Result = TypeVar("Result")


@runtime_checkable
class Staged(Protocol):
    """What a stage needs of a study."""

    @property
    def settings(self) -> RunSettings:
        """Give the settings of the run."""
        ...

    @property
    def traffic(self) -> Callable[[], Traffic]:
        """Tell what the last exchange cost."""
        ...

    @property
    def refusals(self) -> Callable[[], Mapping[str, Refusal]]:
        """Tell who refused the last exchange on purpose."""
        ...


def run_stage(
    name: str, ask: Ask, study: Staged, work: Callable[[Ask], Result]
) -> tuple[Result | None, StageRecord]:
    """Run one stage; what the sites refuse, or what has no answer, is withheld with the reason.

    Args:
        name: Of the stage.
        ask: The road to the sites.
        study: Whose stage it is.
        work: Gives the result, over the road it is given.

    Returns:
        The result, None where withheld, and the record.

    Raises:
        QuorumError: If sites are missing: the run can go on when they are back.
    """
    road = StageExchange(ask, study.traffic, study.refusals, study.settings.min_sites)
    started = time.monotonic()
    result, reason = None, ""
    try:
        result = work(road)
    except RefusedError as error:
        reason = error.message
    except QuorumError:
        raise
    except HepafedError as error:
        reason = error.message
    record = StageRecord(
        name=name,
        state=StageState.WITHHELD if result is None else StageState.DONE,
        reason=reason,
        sites=road.sites if result is not None else (),
        left_out={
            site: why.value if why else "failed" for site, why in sorted(road.left_out.items())
        },
        exchanges=road.exchanges,
        bytes_sent=road.bytes_sent,
        bytes_received=road.bytes_received,
        seconds=time.monotonic() - started,
    )
    return result, record


def stage_line(record: StageRecord, number: int, count: int) -> str:
    """Say in a sentence how a stage ended."""
    if record.state is StageState.WITHHELD:
        return f"Stage {number}/{count} {record.name}: withheld. {record.reason}"
    gone = "".join(f", without {site} ({why})" for site, why in record.left_out.items())
    return (
        f"Stage {number}/{count} {record.name}: {len(record.sites)} sites{gone}, "
        f"{record.exchanges} exchanges, {record.seconds:.1f} s."
    )
