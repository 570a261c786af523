"""`attempt.parsed`: what a check of one's own reads of a structured answer."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from tests.servers import Reply


class City(BaseModel):
    """A city."""

    name: str
    people: int


@pytest.mark.parametrize(
    ("said", "passes"),
    [
        ('{"name": "Bonn", "people": 330000}', True),
        ('Here it is:\n```json\n{"name": "Bonn", "people": 330000}\n```', True),
        ('{"name": "Bonn", "people": -1}', False),
    ],
)
def test_a_check_reads_the_parsed_answer(make, small, frontier, said, passes):
    def plausible(attempt):
        return attempt.parsed.people > 0

    small.script(Reply(said))
    frontier.default = '{"name": "Bonn", "people": 1}'
    router = make(verify=plausible).with_structured_output(City)
    city = router.invoke("A city?")
    assert (city.people == 330000) is passes


def test_there_is_none_where_nothing_fits(make, small, frontier):
    seen = []

    def look(attempt):
        seen.append(attempt.parsed)
        return False

    small.script(Reply("no JSON"), Reply("no schema"))
    frontier.default = '{"name": "Bonn", "people": 1}'
    make(verify=look).with_structured_output(City).invoke("A city?")
    make(verify=look).invoke("A city?")
    assert seen == [None, None]
