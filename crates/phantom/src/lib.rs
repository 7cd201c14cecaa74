//! Generated studies: the demo thorax, closed-form and quality-assurance phantoms.
