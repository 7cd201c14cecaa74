//! The CPU renderer of Anatome.
