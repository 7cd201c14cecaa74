//! Whether an adapter keeps samples and makes pictures as it should.
