//! The float64 reference renderer and the comparison of images.
