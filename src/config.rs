//! The environment, read once into typed settings.
