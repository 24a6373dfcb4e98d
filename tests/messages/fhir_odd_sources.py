"""Reports as no hospital would make them, for what is made of them in FHIR."""

from dataclasses import replace

from db.states import AnalysisState
from messages.fhir_archive import FhirArchive
from messages.fhir_source import FhirSource, PresentedForm
from tests.messages.fhir_cases import (
    ALGORITHM,
    BARE_SITE,
    BARE_STUDY,
    FOUND,
    FOUND_EARLIER,
    NOT_LOOKED_AT,
    image,
    plain_source,
    report,
    source,
)
from tests.messages.fhir_cases import (
    STUDY as STUDY_ROW,
)
from worker.findings import finding_of


def bare_source() -> FhirSource:
    """Nothing stated that could be left out, a region without a code, no object of ours."""
    strange = replace(FOUND, region="left antler", fracture_type="unheard of", severity=None)
    archived = report(
        image(1, strange, modality="", instance_number=None, series_number=-3),
        study=BARE_STUDY,
        reported_at=None,
        objects=(),
    )
    return FhirArchive(BARE_SITE, ALGORITHM, finding_of).source(archived)


def unseen_source() -> FhirSource:
    state = AnalysisState.NOT_ANALYSED
    return source(image(1, NOT_LOOKED_AT), state=state, probability=None)


def hostile_source() -> FhirSource:
    """What real headers hold: markup, control characters, blanks of every kind, absurd dates."""
    study = replace(
        STUDY_ROW,
        patient_name="山田　太郎^<b>&\x07\x0b^=  =^",
        patient_id=" 1\x002 ",
        patient_birth_date="00010101",
        patient_sex="?",
        study_date="18500101",
        study_time="120000",
        study_description="\x0c ",
    )
    return source(image(1, FOUND), study=study)


def documented_source() -> FhirSource:
    form = PresentedForm("application/pdf", b"%PDF-1.7 \xff", "AI fracture report")
    return replace(plain_source(), forms=(form,))


def mixed_source() -> FhirSource:
    """By the network in use nothing was found, by the one before it a fracture."""
    nothing = replace(FOUND, state=AnalysisState.NONE, probability=0.1)
    return source(image(1, nothing), image(2, FOUND_EARLIER), image(3, NOT_LOOKED_AT))
