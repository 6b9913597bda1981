//! Nothing is lost, whatever fails or dies between any two steps: a proxy stands before each backend and, at one call
//! of one upload, fails it, loses its answer, throttles, stalls or kills the process.

mod matrix;
mod poison;
mod proxy;
mod races;
mod system;
