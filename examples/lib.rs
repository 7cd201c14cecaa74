//! Short programs that an integrator would copy. Each runs without arguments and without data:
//! `cargo run -p anatome-examples --example oblique_slice`.
