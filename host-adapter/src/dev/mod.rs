//! What a laptop needs beside the services, so that a first run needs nothing installed but
//! programs: a private PostgreSQL.

mod postgres;

pub use postgres::{DevError, Options, PrivatePostgres};
