"""Searches side by side share exchanges and keep their own results."""

from shared.aggregation.lockstep import run_together


def halving(number):
    steps = 0
    while number > 1:
        number = yield number
        steps += 1
    return steps


def test_every_search_gets_its_own_answers_and_result():
    asked = []

    def answer(questions):
        asked.append(dict(questions))
        return {search: number // 2 for search, number in questions.items()}

    assert run_together([halving(8), halving(1), halving(2)], answer) == [3, 0, 1]
    assert asked == [{0: 8, 2: 2}, {0: 4}, {0: 2}]


def test_no_search_asks_nothing():
    assert run_together([], lambda questions: questions) == []
