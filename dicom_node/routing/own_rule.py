"""The node's own rule, before all that are written: its self-test is analysed and sent nowhere."""

from db.self_test import SELF_TEST_RULE
from dicom_node.routing.conditions import Condition, Exact, Fact
from dicom_node.routing.rules import Rule

SELF_TEST_PATIENT_ID = "OSTEON-SELF-TEST"


def self_test_rule(own_ae_title: str) -> Rule:
    """Hits that patient's images where our own AE title sends them; anybody else's are routed."""
    return Rule(
        SELF_TEST_RULE,
        conditions=(
            Condition(Fact.CALLING_AE_TITLE, (Exact(own_ae_title),)),
            Condition(Fact.PATIENT_ID, (Exact(SELF_TEST_PATIENT_ID),)),
        ),
        destinations=(),
    )
