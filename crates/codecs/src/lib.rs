//! Memory-safe decoders for the DICOM encodings that no kept Rust library decodes.
