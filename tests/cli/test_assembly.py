"""What settings come to."""

from cli.assembly import answerable_peers
from dicom_node.peer import Destination
from settings import load_settings


def test_who_can_be_called_back_is_who_has_one_host_and_a_port() -> None:
    settings = load_settings(
        peers="NAMELESS,HOSTED@10.0.0.1,WARD@10.0.0.0/24:104,CR1@10.0.0.2:104,PACS@10.0.0.3:104",
        destinations="PACS@10.0.0.9:11112,ARCHIVE@10.0.0.4:104,mllp://10.0.0.5:2575",
    )
    assert set(answerable_peers(settings)) == {
        Destination("CR1", "10.0.0.2", 104),
        Destination("PACS", "10.0.0.3", 104),
        Destination("ARCHIVE", "10.0.0.4", 104),
    }
