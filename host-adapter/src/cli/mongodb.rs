//! MongoDB for a command: the one that the settings name, or a private one.

use super::{Invocation, database::PRIVATE_DATABASE};
use crate::dev::{MongoDbOptions, PrivateMongoDb};

/// Where the project keeps the private server's data.
const DIRECTORY: &str = ".spindle/mongodb";

/// Whether to keep documents in MongoDB although no variable names one.
#[derive(Debug, clap::Args)]
pub(super) struct MongoDb {
    /// Keep documents in MongoDB: in that of `MONGODB_URL`, or in a private one, for which there must be
    /// a `mongod` in the path; its data is in `.spindle/mongodb`.
    #[arg(long)]
    mongodb: bool,
}

impl MongoDb {
    /// Starts a private MongoDB if requested, unless the settings name one, and sets its URL there.
    pub(super) async fn start(
        &self,
        invocation: &mut Invocation,
    ) -> anyhow::Result<Option<PrivateMongoDb>> {
        if !self.mongodb || invocation.settings.databases.mongodb.is_some() {
            return Ok(None);
        }
        anyhow::ensure!(
            !invocation.settings.production,
            "with `PRODUCTION=true` there is no private MongoDB: set `MONGODB_URL`"
        );
        let directory = invocation.project.join(DIRECTORY);
        let private = PrivateMongoDb::start(&directory, &MongoDbOptions::default()).await?;
        invocation.settings.databases.mongodb = Some(private.url(PRIVATE_DATABASE));
        Ok(Some(private))
    }
}
