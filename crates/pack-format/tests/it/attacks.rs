//! Every attack of the project's list, built byte by byte, and the problem that it gets.

mod clashes;
mod end;
mod extensions;
mod gzip;
mod headers;
mod kinds;
mod names;
