//! HTTP requests to `local`, and events to the Lambdas' own binaries.

mod clients;
mod faults;
mod image;
mod lambda;
mod large;
mod memory;
mod reads;
mod rejections;
mod restart;
mod script;
mod sessions;
mod start;
mod uploads;
