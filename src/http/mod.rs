//! The edge: routes, the form, the error envelope. Knows HTTP and decides nothing.
