import numpy as np
import pytest

from client.local_moments import answer_moments
from server.federated_moments import Columns, request_of
from shared.aggregation.fixed_point import add_words
from shared.cohort.analysis_columns import EVENT, site_columns
from shared.errors import MessageError
from shared.messages.moments import Moment
from shared.messages.sums import SumReply
from simulations.clinical.cohort_file import divide
from simulations.clinical.masked_sites import MaskedSites

REQUEST = request_of(Columns(("ast_u_l", "albumin_g_l"), group=EVENT), Moment.TOTAL)


@pytest.fixture(scope="module")
def tables(cohort):
    return {name: site_columns(part) for name, part in divide(cohort.table, 4, 1).items()}


def total(replies):
    words = np.zeros(next(iter(replies.values())).words.size, dtype=np.int64)
    for reply in replies.values():
        words = add_words(words, reply.words)
    return words


def test_masks_hide_every_share_and_cancel_in_the_total(tables):
    masked = MaskedSites(tables, 1)(REQUEST, SumReply)
    plain = {n: answer_moments(REQUEST, t, n, masked=True) for n, t in tables.items()}
    np.testing.assert_array_equal(total(masked), total(plain))
    assert all(not np.any(masked[name].words == plain[name].words) for name in tables)


def test_masks_differ_from_exchange_to_exchange(tables):
    sites = MaskedSites(tables, 1)
    first, second = sites(REQUEST, SumReply), sites(REQUEST, SumReply)
    assert all(not np.any(first[name].words == second[name].words) for name in tables)
    assert sites.exchanges == 2


def test_the_sites_outside_the_folds_hold_every_patient_four_times(tables):
    sites = MaskedSites(tables, 1)
    asked = request_of(Columns(("age_years",)), Moment.PRESENT)
    words = [total(sites.outside(fold)(asked, SumReply))[0] for fold in range(5)]
    assert sum(words) == 4 * 127
    assert max(words) - min(words) < 12


def test_an_unknown_request_is_refused(tables):
    with pytest.raises(MessageError, match="known request"):
        MaskedSites(tables, 1)("rows, please", SumReply)
