"""The generated ledger is one that the node itself could have written."""

from benchmarks.ledger_of_many import fill_ledger
from db.results import study_results
from db.session import open_ledger, reading
from db.worklist import WorklistQuery, count_worklist, read_worklist
from db.worklist_refresh import refresh_worklist
from tests.db.ledger import receive, received


def test_every_study_went_its_whole_way_and_is_on_the_worklist(ledger_url: str) -> None:
    engine = open_ledger(ledger_url)
    fill_ledger(engine, 30)
    with reading(engine) as session:
        page = read_worklist(session, WorklistQuery(limit=100))
        results = study_results(session)
    assert len(page.rows) == len(results) == 30
    states = [row.state for row in page.rows]
    assert states.count("reported") == 3
    assert {*states} == {"reported", "delivered", "committed"}
    assert {row.finding for row in page.rows} == {"fracture", "possible", "none", "not_analysed"}
    assert [row["state"] for row in results] == states[::-1]
    receive(engine, received(1))
    refresh_worklist(engine)
    with reading(engine) as session:
        assert count_worklist(session) == 31
    engine.dispose()
