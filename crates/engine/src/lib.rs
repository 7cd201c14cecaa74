//! Anatome, a medical-imaging post-processing engine: load, render, write.
