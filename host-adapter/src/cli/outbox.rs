//! `host-adapter outbox`.

use std::collections::BTreeMap;

use anyhow::Context as _;
use clap::Subcommand;
use sqlx::{postgres::PgConnectOptions, types::Uuid};

use super::{Invocation, database::Database, print};
use adapter_capabilities::{
    outbox::{ListedMessage, Message, Outbox},
    postgres::{Pool, PostgresSettings},
};

use crate::database::quoted;

/// Messages that are not delivered yet.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the oldest messages that wait and the oldest that are not deliverable, 50 of each per component.
    List,
    /// Show everything about a message, its body included.
    Show {
        /// Its id.
        id: Uuid,
    },
    /// Deliver a message again that was not deliverable. The running program does so at its next look at the
    /// outbox (`dispatch.outbox_interval`).
    Retry {
        /// Its id.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<Uuid>,
        /// All messages of all components that were not deliverable.
        #[arg(long)]
        all: bool,
    },
    /// Delete a message that was not deliverable.
    Discard {
        /// Its id.
        id: Uuid,
    },
}

type Outboxes = BTreeMap<String, Outbox>;

pub(super) async fn run(command: Command, invocation: Invocation) -> anyhow::Result<()> {
    let database = Database::open(&invocation).await?;
    let result = with_database(command, &invocation, &database.admin).await;
    database.close().await;
    result
}

async fn with_database(
    command: Command,
    invocation: &Invocation,
    admin: &PgConnectOptions,
) -> anyhow::Result<()> {
    let outboxes = outboxes(invocation, admin).await?;
    match command {
        Command::List => list(&outboxes).await,
        Command::Show { id } => show(&outboxes, id).await,
        Command::Discard { id } => discard(&outboxes, id).await,
        Command::Retry { id: Some(id), .. } => retry(&outboxes, id).await,
        Command::Retry { id: None, .. } => retry_all(&outboxes).await,
    }
}

/// The outboxes of all components that may send messages. Nothing is created.
async fn outboxes(invocation: &Invocation, admin: &PgConnectOptions) -> anyhow::Result<Outboxes> {
    let settings = PostgresSettings {
        connections: 1,
        ..invocation.settings.postgres
    };
    let mut found = Outboxes::new();
    for (name, grants) in &invocation.settings.components {
        if !grants.postgres || grants.peers.is_empty() {
            continue;
        }
        let schema = quoted(name);
        let options = admin.clone().options([("search_path", schema.as_str())]);
        let pool = Pool::new(options, &settings, 1, &format!("PostgreSQL for `{name}`"))?;
        let outbox = Outbox::of_other_process(name, pool);
        let exists = outbox.exists().await;
        if exists.with_context(|| format!("the outbox of `{name}`"))? {
            found.insert(name.clone(), outbox);
        }
    }
    Ok(found)
}

async fn list(outboxes: &Outboxes) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for (component, outbox) in outboxes {
        let listed = outbox.list().await?;
        rows.extend(listed.iter().map(|message| row(component, message)));
    }
    if rows.is_empty() {
        return print("no message waits, and none is undeliverable");
    }
    rows.iter().try_for_each(|row| print(row))
}

fn row(component: &str, message: &ListedMessage) -> String {
    let (state, id) = (state(message), message.id);
    let ListedMessage {
        created,
        attempts,
        peer,
        path,
        ..
    } = message;
    let failure = message.failure.as_deref().unwrap_or_default();
    let row =
        format!("{component:<12} {id} {state:<7} {created} {attempts:>3} {peer} {path} {failure}");
    row.trim_end().to_owned()
}

fn state(message: &ListedMessage) -> &'static str {
    if message.dead { "dead" } else { "waiting" }
}

async fn show(outboxes: &Outboxes, id: Uuid) -> anyhow::Result<()> {
    for (component, outbox) in outboxes {
        if let Some(message) = outbox.find(id).await? {
            return print(&description(component, &message));
        }
    }
    anyhow::bail!("no component has a message `{id}`")
}

fn description(component: &str, message: &Message) -> String {
    let Message {
        listed,
        key,
        idempotency_key,
        body,
    } = message;
    let none = || "none".to_owned();
    [
        ("component", component.to_owned()),
        ("id", listed.id.to_string()),
        ("state", state(listed).to_owned()),
        ("to", format!("{} {}", listed.peer, listed.path)),
        ("written", format!("{} UTC", listed.created)),
        ("attempts", listed.attempts.to_string()),
        ("failure", listed.failure.clone().unwrap_or_else(none)),
        ("key", key.clone().unwrap_or_else(none)),
        ("idempotency", idempotency_key.clone()),
        ("body", body.clone()),
    ]
    .map(|(name, value)| format!("{name:<12} {value}"))
    .join("\n")
}

async fn retry(outboxes: &Outboxes, id: Uuid) -> anyhow::Result<()> {
    for outbox in outboxes.values() {
        if outbox.retry(id).await? {
            return print("it is delivered again");
        }
    }
    Err(not_dead(id))
}

async fn retry_all(outboxes: &Outboxes) -> anyhow::Result<()> {
    for (component, outbox) in outboxes {
        let count = outbox.retry_all().await?;
        print(&format!(
            "{component}: {count} messages are delivered again"
        ))?;
    }
    Ok(())
}

async fn discard(outboxes: &Outboxes, id: Uuid) -> anyhow::Result<()> {
    for outbox in outboxes.values() {
        if outbox.discard(id).await? {
            return print("it is deleted");
        }
    }
    Err(not_dead(id))
}

fn not_dead(id: Uuid) -> anyhow::Error {
    anyhow::anyhow!("no component has an undeliverable message `{id}`")
}
