//! MongoDB for a command: the one that the settings name, or a private one.

use super::{Invocation, database::PRIVATE_DATABASE};
use crate::dev::{MongoDbOptions, PrivateMongoDb};

/// The private server's place in the project, and where `./dev` builds a program for it.
const DIRECTORY: &str = ".spindle/mongodb";
const SERVER: &str = ".spindle/mongodb-server";

/// Whether to keep documents in MongoDB although no variable names one.
#[derive(Debug, clap::Args)]
pub(super) struct MongoDb {
    /// Keep documents in MongoDB: `MONGODB_URL`, or a private one in `.spindle/mongodb`, for tests
    /// and laptops.
    #[arg(long)]
    mongodb: bool,
}

impl MongoDb {
    /// Starts one and has the settings name it, if it is asked for and they name none.
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
        let options = MongoDbOptions {
            server: invocation.project.join(SERVER),
            ..MongoDbOptions::default()
        };
        let directory = invocation.project.join(DIRECTORY);
        let private = PrivateMongoDb::start(&directory, &options).await?;
        invocation.settings.databases.mongodb = Some(private.url(PRIVATE_DATABASE));
        Ok(Some(private))
    }
}
