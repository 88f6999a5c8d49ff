//! The writer's tests.
