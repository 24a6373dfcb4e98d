"""Reports of the ledger as sources of FHIR resources."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from db.analyses import AnalysisRecord
from db.report_archive import ArchivedImage, ArchivedReport, algorithms_seen
from db.states import AnalysisState
from dicom_node.results.equipment import Equipment
from dicom_node.results.finding import AlgorithmIdentity, FindingState, ImageFinding, StudyFinding
from messages.fhir_source import FhirSite, FhirSource

FindingOf = Callable[[ArchivedImage, AnalysisRecord], ImageFinding]


@dataclass(frozen=True)
class FhirArchive:
    """How rows become findings; `algorithm` is the one in use, for images that none looked at."""

    site: FhirSite
    algorithm: AlgorithmIdentity
    finding_of: FindingOf

    def source(self, report: ArchivedReport) -> FhirSource:
        """The report's own answer: images it has not seen say nothing about it."""
        images = tuple(self.finding_of(image, image.analysis) for image in report.images)
        finding = StudyFinding(
            _state(report.state), report.probability, images, self._algorithm(report)
        )
        return FhirSource(report, finding, self.site)

    def equipments(self, session: Session) -> list[Equipment]:
        """Every algorithm that has answered, the one in use last."""
        seen = [self._named(*pair) for pair in algorithms_seen(session)]
        others = [one for one in seen if one is not self.algorithm]
        return [Equipment(one, self.site.serial_number) for one in (*others, self.algorithm)]

    def _algorithm(self, report: ArchivedReport) -> AlgorithmIdentity:
        """The network that looked, the one in use before others; where none did, that too."""
        analyses = [image.analysis for image in report.images if image.analysis.model_version]
        looked = [self._named(one.model_name, one.model_version) for one in analyses]
        return self.algorithm if self.algorithm in looked or not looked else looked[-1]

    def _named(self, name: str, version: str) -> AlgorithmIdentity:
        """With its operating points where it is the one in use."""
        if (name, version) == (self.algorithm.name, self.algorithm.version):
            return self.algorithm
        return AlgorithmIdentity(name, version)


def _state(state: AnalysisState) -> FindingState:
    if state is AnalysisState.NOT_ANALYSED:
        return FindingState.NOT_ASSESSABLE
    return FindingState(state.value)
