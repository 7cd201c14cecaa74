//! Pictures of small volumes whose every pixel is known beforehand.
