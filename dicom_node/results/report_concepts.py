"""The concept names that PS3.16 prescribes in the templates of a report."""

from pydicom.sr.codedict import codes as dictionary
from pydicom.sr.coding import Code

# TID 1500 and what it includes at its head: TID 1204, TID 1002, TID 1004
LANGUAGE: Code = dictionary.DCM.LanguageOfContentItemAndDescendants
OBSERVER_TYPE: Code = dictionary.DCM.ObserverType
DEVICE_UID: Code = dictionary.DCM.DeviceObserverUID
DEVICE_NAME: Code = dictionary.DCM.DeviceObserverName
DEVICE_MANUFACTURER: Code = dictionary.DCM.DeviceObserverManufacturer
DEVICE_MODEL_NAME: Code = dictionary.DCM.DeviceObserverModelName
DEVICE_SERIAL_NUMBER: Code = dictionary.DCM.DeviceObserverSerialNumber
PROCEDURE_REPORTED: Code = dictionary.DCM.ProcedureReported
IMAGING_MEASUREMENTS: Code = dictionary.DCM.ImagingMeasurements

# TID 1501 and TID 1410, TID 1419 within it
MEASUREMENT_GROUP: Code = dictionary.DCM.MeasurementGroup
TRACKING_IDENTIFIER: Code = dictionary.DCM.TrackingIdentifier
TRACKING_UID: Code = dictionary.DCM.TrackingUniqueIdentifier
FINDING: Code = dictionary.DCM.Finding
FINDING_SITE: Code = dictionary.SCT.FindingSite
LATERALITY: Code = dictionary.SCT.Laterality
SOURCE_OF_MEASUREMENT: Code = dictionary.DCM.SourceOfMeasurement
GEOMETRIC_PURPOSE: Code = dictionary.DCM.GeometricPurposeOfRegion
IMAGE_REGION: Code = dictionary.DCM.ImageRegion

# TID 4019
ALGORITHM_NAME: Code = dictionary.DCM.AlgorithmName
ALGORITHM_VERSION: Code = dictionary.DCM.AlgorithmVersion
ALGORITHM_MANUFACTURER: Code = dictionary.DCM.AlgorithmManufacturer
ALGORITHM_PARAMETERS: Code = dictionary.DCM.AlgorithmParameters
ALGORITHM_FAMILY: Code = dictionary.DCM.AlgorithmFamily
