"""Several searches side by side: all their questions of one step travel in one exchange."""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")
Result = TypeVar("Result")


def run_together(
    searches: Sequence[Generator[Question, Answer, Result]],
    answer: Callable[[Mapping[int, Question]], Mapping[int, Answer]],
) -> list[Result]:
    """Run searches to their ends, answering the questions of all unfinished ones at once.

    Args:
        searches: Generators that yield a question, receive its answer, and return a result.
        answer: Answers the questions of one step, by number of the search.

    Returns:
        The results, in the order of the searches.
    """
    results: dict[int, Result] = {}
    open_searches = dict(enumerate(searches))
    answers: Mapping[int, Answer | None] = dict.fromkeys(open_searches)
    while open_searches:
        questions: dict[int, Question] = {}
        for number, search in list(open_searches.items()):
            try:
                questions[number] = search.send(answers[number])  # type: ignore[arg-type]  # None starts a generator
            except StopIteration as end:
                results[number] = end.value
                del open_searches[number]
        answers = answer(questions) if questions else {}
    return [results[number] for number in range(len(searches))]
