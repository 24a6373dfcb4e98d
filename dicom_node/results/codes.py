"""Every code the node writes, once, with what speaks for it."""

from enum import StrEnum

from pydicom.sr.coding import Code

PRIVATE_SCHEME = "99OSTEON"
PRIVATE_SCHEME_NAME = "Osteon fracture concepts"


class Evidence(StrEnum):
    """How sure we are that a code means what we write it for."""

    STANDARD = "in the code dictionary of PS3.16"
    EHDSI = "in the eHDSI value sets"
    SNOMED_PAGES = "on SNOMED's public template pages"
    RADLEX_COPY = "in a public copy of RadLex"
    SCHEME_RULE = "formed by the rules of its scheme"
    EXAMPLE = "in public example data only"
    PRIVATE = "ours, identified in CodingSchemeIdentificationSequence"


EVIDENCE: dict[Code, Evidence] = {}


def _code(value: str, scheme: str, meaning: str, evidence: Evidence = Evidence.STANDARD) -> Code:
    code = Code(value, scheme, meaning)
    EVIDENCE[code] = evidence
    return code


def _private(value: str, meaning: str) -> Code:
    return _code(value, PRIVATE_SCHEME, meaning, Evidence.PRIVATE)


# The finding
FRACTURE = _code("72704001", "SCT", "Fracture", Evidence.EHDSI)
PRESENT = _code("52101004", "SCT", "Present")
ABSENT = _code("272519000", "SCT", "Absent")
UNDETERMINED = _code("373068000", "SCT", "Undetermined")
CERTAINTY_OF_FINDING = _code("111012", "DCM", "Certainty of Finding")
CERTAINTY_OF_FEATURE = _code("111011", "DCM", "Certainty of Feature")
PERCENT = _code("%", "UCUM", "Percent")
ASSOCIATED_MORPHOLOGY = _code("116676008", "SCT", "Associated morphology")
SEVERITY = _code("246112005", "SCT", "Severity")
BOUNDED_BY = _code("75958009", "SCT", "Bounded by")
CONCLUSION = _code("121077", "DCM", "Conclusion")
COMMENT = _code("121106", "DCM", "Comment")

# How the analysis went (CID 6047)
SUMMARY = _code("111017", "DCM", "CAD Processing and Findings Summary")
ALL_WITH_FINDINGS = _code("111242", "DCM", "All algorithms succeeded; with findings")
ALL_WITHOUT_FINDINGS = _code("111241", "DCM", "All algorithms succeeded; without findings")
SOME_WITH_FINDINGS = _code("111244", "DCM", "Not all algorithms succeeded; with findings")
SOME_WITHOUT_FINDINGS = _code("111243", "DCM", "Not all algorithms succeeded; without findings")
NONE_SUCCEEDED = _code("111245", "DCM", "No algorithms succeeded; without findings")

# Why an image was not analysed (CID 6044, CID 6135)
QUALITY_ASSESSMENT = _code("111050", "DCM", "Quality Assessment")
UNUSABLE = _code("111235", "DCM", "Unusable - Quality renders image unusable")
QUALITY_FINDING = _code("111052", "DCM", "Quality Finding")
_NO_IMAGE = _code("111213", "DCM", "No image")
# By how the reason begins; what follows a colon is detail.
QUALITY_REASONS = {
    "the image is blurred": _code("111210", "DCM", "Motion blur"),
    "the image is blank": _NO_IMAGE,
    "no pixel data": _NO_IMAGE,
    "no rows or no columns": _NO_IMAGE,
    "blank image": _NO_IMAGE,
}

# The document
REPORT_TITLE = _code("126000", "DCM", "Imaging Measurement Report")
ENGLISH = _code("en", "RFC5646", "English", Evidence.SCHEME_RULE)
OBSERVER_DEVICE = _code("121007", "DCM", "Device")
ARTIFICIAL_INTELLIGENCE = _code("123110", "DCM", "Artificial Intelligence")
RADIOGRAPHY = _code("43468-8", "LN", "XR unspecified body region")
SOURCE = _code("260753009", "SCT", "Source")
IMAGE_LIBRARY = _code("111028", "DCM", "Image Library")
IMAGE_LIBRARY_GROUP = _code("126200", "DCM", "Image Library Group")
MODALITY = _code("121139", "DCM", "Modality")
IMAGE_LATERALITY = _code("111027", "DCM", "Image Laterality")
PIXEL_DATA_ROWS = _code("110910", "DCM", "Pixel Data Rows")
PIXEL_DATA_COLUMNS = _code("110911", "DCM", "Pixel Data Columns")
PIXELS = _code("{pixels}", "UCUM", "Pixels", Evidence.SCHEME_RULE)
HORIZONTAL_PIXEL_SPACING = _code("111026", "DCM", "Horizontal Pixel Spacing")
VERTICAL_PIXEL_SPACING = _code("111066", "DCM", "Vertical Pixel Spacing")
MILLIMETER = _code("mm", "UCUM", "mm")

# Key objects (TID 2010, CID 7010)
OF_INTEREST = _code("113000", "DCM", "Of Interest")
REJECTED_FOR_PATIENT_SAFETY = _code("113037", "DCM", "Rejected for Patient Safety Reasons")
KEY_OBJECT_DESCRIPTION = _code("113012", "DCM", "Key Object Description")

# The heatmap (CID 7150, CID 7203)
MORPHOLOGICALLY_ABNORMAL = _code("49755003", "SCT", "Morphologically Abnormal Structure")
SEGMENTATION = _code("113076", "DCM", "Segmentation")

# Purposes in the header
PROCESSING_EQUIPMENT = _code("109102", "DCM", "Processing Equipment")
SOURCE_IMAGE = _code("121322", "DCM", "Source image for image processing operation")

MODALITIES = {
    "CR": _code("CR", "DCM", "Computed Radiography"),
    "DX": _code("DX", "DCM", "Digital Radiography"),
    "RF": _code("RF", "DCM", "Radiofluoroscopy"),
    "RG": _code("RG", "DCM", "Radiographic imaging"),
    "XA": _code("XA", "DCM", "X-Ray Angiography"),
    "OT": _code("OT", "DCM", "Other"),
}

SIDES = {
    "R": _code("24028007", "SCT", "Right"),
    "L": _code("7771000", "SCT", "Left"),
    "B": _code("51440002", "SCT", "Bilateral"),
}

# "leg" is the whole limb below the hip, as the classifier learned it.
REGIONS = {
    "upper_limb": _code("53120007", "SCT", "Upper limb"),
    "finger": _code("7569003", "SCT", "Finger"),
    "thumb": _code("76505004", "SCT", "Thumb"),
    "hand": _code("85562004", "SCT", "Hand"),
    "wrist": _code("74670003", "SCT", "Wrist joint"),
    "forearm": _code("14975008", "SCT", "Forearm"),
    "elbow": _code("16953009", "SCT", "Elbow joint"),
    "upper_arm": _code("40983000", "SCT", "Upper arm"),
    "shoulder": _code("16982005", "SCT", "Shoulder"),
    "clavicle": _code("51299004", "SCT", "Clavicle"),
    "scapula": _code("79601000", "SCT", "Scapula"),
    "rib": _code("113197003", "SCT", "Rib"),
    "hip": _code("29836001", "SCT", "Hip"),
    "pelvis": _code("816092008", "SCT", "Pelvis"),
    "thigh": _code("68367000", "SCT", "Thigh"),
    "femur": _code("71341001", "SCT", "Femur"),
    "knee": _code("72696002", "SCT", "Knee"),
    "patella": _code("64234005", "SCT", "Patella"),
    "leg": _code("61685007", "SCT", "Lower limb"),
    "lower_leg": _code("30021000", "SCT", "Lower leg"),
    "ankle": _code("70258002", "SCT", "Ankle joint"),
    "calcaneus": _code("80144004", "SCT", "Calcaneus"),
    "foot": _code("56459004", "SCT", "Foot"),
    "toe": _code("29707007", "SCT", "Toe"),
    "cervical_spine": _code("122494005", "SCT", "Cervical spine"),
    "thoracic_spine": _code("122495006", "SCT", "Thoracic spine"),
    "lumbar_spine": _code("122496007", "SCT", "Lumbar spine"),
}

SEVERITIES = {
    "mild": _code("255604002", "SCT", "Mild"),
    "moderate": _code("6736007", "SCT", "Moderate"),
    "severe": _code("24484000", "SCT", "Severe"),
}

# Hairline is not coded as a stress fracture: that is another cause, not another word.
FRACTURE_TYPES = {
    "avulsion": _code("RID4653", "RADLEX", "avulsion fracture", Evidence.RADLEX_COPY),
    "comminuted": _code("13321001", "SCT", "Comminuted fracture", Evidence.EXAMPLE),
    "fracture_dislocation": _code(
        "RID4665", "RADLEX", "fracture dislocation", Evidence.RADLEX_COPY
    ),
    "greenstick": _code("442085002", "SCT", "Greenstick fracture", Evidence.EHDSI),
    "hairline": _private("HAIRLINE", "Hairline fracture"),
    "impacted": _private("IMPACTED", "Impacted fracture"),
    "longitudinal": _private("LONGITUDINAL", "Longitudinal fracture"),
    "oblique": _private("OBLIQUE", "Oblique fracture"),
    "pathological": _code("22640007", "SCT", "Pathological fracture", Evidence.EHDSI),
    "spiral": _code("73737008", "SCT", "Spiral fracture", Evidence.EXAMPLE),
}


def find_code(table: dict[str, Code], word: str | None) -> Code | None:
    """The code of a word, whatever its case, hyphens and spaces; None where there is none."""
    if word is None:
        return None
    plain = _plain(word)
    return next((code for name, code in table.items() if _plain(name) == plain), None)


def _plain(word: str) -> str:
    return word.casefold().replace("-", " ").replace("_", " ").strip()
