//! Short programs that an integrator would copy.
