//! MongoDB, if documents are kept there: whether it answers, and whether it is new enough.

use mongodb::{Client, bson::doc};
use secrecy::{ExposeSecret as _, SecretString};

use super::{database::limited, programs::version};
use crate::{checks::Finding, config::Settings};

const CHECK: &str = "mongodb";

/// The oldest version of MongoDB.
const OLDEST: (u32, u32, u32) = (4, 4, 0);

pub(super) async fn check(settings: &Settings) -> Vec<Finding> {
    let Some(url) = &settings.databases.mongodb else {
        return Vec::new();
    };
    let (major, minor, _) = OLDEST;
    let finding = match limited(ask(url)).await {
        Ok(text) if version(&text).is_some_and(|found| found < OLDEST) => Finding::error(
            CHECK,
            format!("MongoDB {text} is older than {major}.{minor}"),
            format!("use MongoDB {major}.{minor} or newer"),
        ),
        Ok(text) => Finding::fine(CHECK, format!("MongoDB {text} answers")),
        Err(error) => Finding::error(
            CHECK,
            format!("MongoDB does not answer: {error:#}"),
            "start it, or correct `MONGODB_URL`",
        ),
    };
    vec![finding]
}

async fn ask(url: &SecretString) -> anyhow::Result<String> {
    // The driver's errors can repeat the URL, which holds a password.
    let client = Client::with_uri_str(url.expose_secret()).await;
    let client = client.map_err(|_| anyhow::anyhow!("its URL is not valid"))?;
    let admin = client.database("admin");
    let answer = admin.run_command(doc! { "buildInfo": 1 }).await;
    let answer = answer.map_err(|_| anyhow::anyhow!("it refuses the connection or the user"))?;
    Ok(answer
        .get_str("version")
        .unwrap_or("of an unknown version")
        .to_owned())
}
