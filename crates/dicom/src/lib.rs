//! DICOM files to series and volumes, and volumes to DICOM files.
