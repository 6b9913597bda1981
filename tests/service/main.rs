//! The service through its public doors: HTTP requests to `local`, and events to the Lambdas' own binaries.

mod clients;
mod faults;
mod image;
mod lambda;
mod reads;
mod rejections;
mod restart;
mod support;
mod uploads;
