//! What a laptop needs beside the services, so that a first run needs nothing installed but
//! programs: a private PostgreSQL, and on request a private MongoDB.

mod mongodb;
mod postgres;

pub use self::mongodb::{MongoDbError, MongoDbOptions, PrivateMongoDb};
pub use postgres::{DevError, Options, PrivatePostgres};
