//! The model of Anatome: volumes, scenes, images and the Renderer trait.
