"""Serve the review's page to one browser of this machine until it is interrupted."""

import socket
from collections.abc import Callable, Sequence
from contextlib import closing

import uvicorn

from client.catalogue import CatalogueStore
from client.catalogue_update import update_catalogue
from client.review_page import ReviewPage
from client.site_settings import SiteSettings
from shared.errors import SettingsError
from shared.vocabulary import ImageRole

HOST = "127.0.0.1"


def serve_review(
    site: SiteSettings,
    roles: Sequence[ImageRole],
    who: str,
    port: int,
    say: Callable[[str], None],
) -> None:
    """Serve the page; returns when the process is interrupted.

    Args:
        site: The hospital's settings.
        roles: Phases or sequences that the model needs.
        who: The reviewer.
        port: To listen on; 0 takes a free one.
        say: Tells the address, with the token that opens it once.

    Raises:
        SettingsError: If the port cannot be used.
    """
    with closing(CatalogueStore(site.work)) as store:
        catalogue = update_catalogue(store, site.dicom, site.images)
    page = ReviewPage(site, catalogue, roles, who)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"Expected a free port {port} on this machine, got '{error.strerror}'. Choose another "
            "one with --port, or 0 for any."
        ) from error
    say(f"Open http://{HOST}:{listener.getsockname()[1]}/?token={page.token}")
    say("The address works once, on this machine. End with Ctrl+C.")
    # No access log: its lines would be noise, and the first holds the token.
    config = uvicorn.Config(page.app(), access_log=False, log_level="warning")
    uvicorn.Server(config).run(sockets=[listener])
