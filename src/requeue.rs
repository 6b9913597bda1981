//! The use case that looks after outstanding builds: enqueue again what no job answered for, give up what is hopeless.
