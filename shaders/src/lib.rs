//! The WGSL compute shaders of Anatome, resolved, validated and reflected at build time.
