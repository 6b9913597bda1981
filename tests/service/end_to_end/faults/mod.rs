//! Nothing is lost, whatever fails or dies between any two steps: the Lambdas' own binaries run with a proxy before each
//! backend, which at one call fails it, loses its answer, throttles, stalls or kills the process.

mod deadlines;
mod ledger;
mod matrix;
mod poison;
pub(crate) mod proxy;
mod races;
mod round_trips;
mod scenario;
mod script;
mod system;
mod words;

pub(crate) use self::{
    script::{Role, Script},
    system::{System, begin, submit, upload},
};
