"""Sites without images at the Flower boundary: a real ClientApp that pulls weights to a target.

Also a script: ``toy_sites.py RUN_DIR ROUNDS [KILL_IN_ROUND]`` runs a whole study over three toy
sites; with a third argument the process kills itself while the sites work on that round.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from client.local_evaluation import answer_evaluation
from server.events import EventStore
from server.run_folder import events_file
from server.schedule import Study, run_schedule
from server.transport import SiteExchange
from shared.cohort.endpoint import OBJECTIVE_RESPONSE
from shared.messages.census import CensusReply, CensusRequest
from shared.messages.evaluation import (
    CellsRequest,
    PatientScores,
    PlacementRequest,
    ScoreRequest,
    SiteResultRequest,
)
from shared.messages.training import TrainingReply, TrainingRequest, Weights
from shared.messages.weights_digest import weights_digest
from shared.settings import RunSettings, parse_run_settings
from shared.wire.codec import decode, encode, message_name
from simulations.in_process import InProcessGrid

Alter = Callable[[object, Message], Message | object]
"""Turns a site's honest reply into what it sends instead; may raise."""

CODE = "c0de" * 16
PATIENTS = {"east": 10, "north": 20, "west": 30}
EVALUATION = {
    kind.__name__: kind
    for kind in (ScoreRequest, CellsRequest, PlacementRequest, SiteResultRequest)
}


def first_weights() -> Weights:
    return {"w": np.zeros(3, np.float32), "b": np.ones((2, 2), np.float32)}


def toy_app(alter: Mapping[str, Alter] | None = None) -> ClientApp:
    """Make a ClientApp; ``alter`` maps a site to its misbehaviour in training."""
    app = ClientApp()

    @app.query("census")
    def census(message: Message, context: Context) -> Message:
        decode(message.content, CensusRequest)
        site = str(context.node_config["site"])
        n = PATIENTS.get(site, 10)
        reply = CensusReply(site, CODE, n + 10, n // 2, n, 5, 5, 4 * n, 0, 0.1)
        return answer(f"census/{site}", reply, message)

    @app.train()
    def train(message: Message, context: Context) -> Message:
        request = decode(message.content, TrainingRequest)
        site = str(context.node_config["site"])
        target = len(site) + len(site) % 3
        loss = float(sum(np.square(array - target).sum() for array in request.weights.values()))
        weights = {
            name: (array + request.learning_rate * (target - array)).astype(np.float32)
            for name, array in request.weights.items()
        }
        kept = weights if request.local_epochs else {}
        reply = TrainingReply(kept, PATIENTS.get(site, 10), loss, 5 * loss, 5, 3, 0.5)
        return answer(site, reply, message)

    @app.query("evaluation")
    def evaluation(message: Message, context: Context) -> Message:
        request = decode(message.content, EVALUATION[message_name(message.content)])
        rng = np.random.default_rng(len(str(context.node_config["site"])))
        events = rng.random(40) < 0.5
        scores = np.clip(0.3 * events + 0.7 * rng.random(40), 0, 1)
        patients = PatientScores(scores, scores > 0.5, events)
        reply = answer_evaluation(request, lambda _: patients)
        return Message(encode(reply), reply_to=message)

    def answer(key: str, reply: object, message: Message) -> Message:
        sent = (alter or {}).get(key, lambda honest, _: honest)(reply, message)
        return sent if isinstance(sent, Message) else Message(encode(sent), reply_to=message)

    return app


def toy_grid(
    alter: Mapping[str, Alter] | None = None, sites: tuple[str, ...] = tuple(PATIENTS)
) -> InProcessGrid:
    return InProcessGrid(toy_app(alter), [{"site": site} for site in sites], {})


def toy_settings(**changes: object) -> RunSettings:
    config = {"min-sites": 2, "wait-seconds": 1, "learning-rate": 0.5, "rounds": 3, **changes}
    return parse_run_settings(config)  # type: ignore[arg-type]


def run_toy_study(
    run_dir: Path,
    settings: RunSettings,
    alter: Mapping[str, Alter] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> None:
    with closing(EventStore(events_file(run_dir))) as events:
        exchange = SiteExchange(toy_grid(alter), settings, events, CODE, progress)
        study = Study(
            settings=settings,
            config={},
            endpoint=OBJECTIVE_RESPONSE,
            initial_weights=first_weights,
            digest_of=weights_digest,
            traffic=lambda: exchange.traffic,
            progress=progress,
        )
        run_schedule(exchange, study, events, run_dir)


def killing(round_number: int) -> Alter:
    """Make a site in whose hands the whole process dies in one round."""

    def alter(reply: object, message: Message) -> object:
        if decode(message.content, TrainingRequest).round == round_number:
            os.kill(os.getpid(), signal.SIGKILL)
        return reply

    return alter


if __name__ == "__main__":
    folder, rounds, *kill = sys.argv[1:]
    run_toy_study(
        Path(folder),
        toy_settings(rounds=int(rounds), strategy="FedAdam"),
        {"north": killing(int(kill[0]))} if kill else None,
    )
