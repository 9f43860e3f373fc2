//! From settings to each component's capabilities: the one place that knows both.

mod documents;
mod health;
mod postgres;
mod sessions;

use std::{collections::HashMap, sync::Arc};

use anyhow::Context as _;
use sessions::Sessions;
use sqlx::postgres::PgConnectOptions;

use adapter_capabilities::{
    Capabilities, EnvelopeGrant, Grants, TokenGrant,
    dispatch::{Dispatch, Peers},
    documents::Store,
    outbox::{Outbox, Relay},
    postgres::Pool,
    sessions::{Listener, Revocations},
    vault::{CLIENT, Envelopes, KeyRing, KeyWatcher, Passwords, Tokens},
};
use adapter_contract::Adapter;

use crate::config::{self, Settings, TokenUse};

pub use documents::existing_documents;
pub(crate) use sessions::shares_opened;

/// Everything that runs beside the components.
pub struct Assembly {
    /// By component id.
    pub capabilities: HashMap<String, Capabilities>,
    /// Where the peers are; `up` completes it.
    pub peers: Arc<Peers>,
    /// Deliver the components' messages. The caller must run them.
    pub relays: Vec<Relay>,
    /// The outboxes, by component.
    pub outboxes: HashMap<String, Outbox>,
    /// Receives which sessions other adapters end. The caller must run it.
    pub sessions: Option<Listener>,
    /// Takes up keys that are added later. The caller must run it.
    pub keys: Option<KeyWatcher>,
    /// The document store, if at least one component is granted a collection.
    pub documents: Option<Store>,
    /// To be closed at the end.
    pub pools: Vec<Pool>,
}

impl Assembly {
    /// What is given to each component, by its id.
    #[must_use]
    pub fn adapters(&self) -> HashMap<String, Arc<dyn Adapter>> {
        let adapter = |(name, capabilities): (&String, &Capabilities)| {
            (
                name.clone(),
                adapter_bindings::adapter(capabilities.clone()),
            )
        };
        self.capabilities.iter().map(adapter).collect()
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pools.iter().for_each(Pool::close);
        if let Some(store) = &self.documents {
            store.close().await;
        }
    }
}

/// The keys of all components and of outside callers.
///
/// # Errors
///
/// See [`KeyRing::load`].
pub fn keys(settings: &Settings) -> anyhow::Result<KeyRing> {
    let directory = &settings.keys.directory;
    let keys = KeyRing::load(directory, &owners(settings), &settings.key_policy);
    Ok(keys?)
}

/// The owners of envelope keys: all components and outside callers.
fn owners(settings: &Settings) -> Vec<&str> {
    let components = settings.components.keys().map(String::as_str);
    components.chain([CLIENT]).collect()
}

/// Prepares the databases and connects everything.
///
/// `admin` is the administrative connection.
///
/// # Errors
///
/// What is wrong with a setting or a database, for the person who starts it.
pub async fn assemble(
    settings: &Settings,
    admin: &PgConnectOptions,
    keys: &KeyRing,
) -> anyhow::Result<Assembly> {
    let builder = Builder {
        settings,
        admin,
        keys,
    };
    let shared = builder.shared().await?;
    let mut assembly = Assembly {
        capabilities: HashMap::new(),
        peers: shared.peers.clone(),
        relays: vec![],
        outboxes: HashMap::new(),
        sessions: None,
        keys: Some(KeyWatcher::new(
            &settings.keys,
            &owners(settings),
            settings.key_policy.clone(),
            keys,
            (shared.envelopes.clone(), shared.tokens.clone()),
        )),
        documents: shared.documents.clone(),
        pools: vec![],
    };
    assembly.pools.extend(
        shared
            .sessions
            .as_ref()
            .map(|sessions| sessions.pool.clone()),
    );
    assembly.pools.extend(shared.opened.clone());
    for (name, grants) in &settings.components {
        let capabilities = builder
            .component(name, grants, &shared, &mut assembly)
            .await?;
        assembly.capabilities.insert(name.clone(), capabilities);
    }
    assembly.sessions = shared.sessions.map(|sessions| sessions.listener);
    Ok(assembly)
}

struct Builder<'a> {
    settings: &'a Settings,
    admin: &'a PgConnectOptions,
    keys: &'a KeyRing,
}

/// What all components share.
struct Shared {
    peers: Arc<Peers>,
    http: reqwest::Client,
    envelopes: Arc<Envelopes>,
    tokens: Arc<Tokens>,
    sessions: Option<Sessions>,
    /// The pool of opened envelopes.
    opened: Option<Pool>,
    passwords: Arc<Passwords>,
    documents: Option<Store>,
}

impl Builder<'_> {
    async fn shared(&self) -> anyhow::Result<Shared> {
        let settings = self.settings;
        let ended = Arc::new(Revocations::new(
            settings.tokens.lifetime,
            settings.sessions.ended_sessions_max_age,
        ));
        let peers = Arc::new(Peers::default());
        for (name, peer) in &settings.peers {
            if let Some(url) = &peer.url {
                peers.set(
                    name,
                    url.parse().with_context(|| format!("`peers.{name}.url`"))?,
                );
            }
        }
        let role = self.own_role().await?;
        let (opened, opened_pool) = self.opened(role.as_ref()).await?.unzip();
        let envelopes = Envelopes::new(settings.envelopes.clone(), self.keys)?;
        Ok(Shared {
            peers,
            http: Dispatch::http_client()?,
            envelopes: Arc::new(envelopes.with_opened(opened)),
            sessions: self.sessions(&ended, role.as_ref()).await?,
            opened: opened_pool,
            tokens: Arc::new(
                Tokens::new(settings.tokens.clone(), self.keys)?.with_revocations(ended),
            ),
            passwords: Arc::new(Passwords::new(&settings.passwords)?),
            documents: self.documents().await?,
        })
    }

    async fn component(
        &self,
        name: &str,
        grants: &config::Grants,
        shared: &Shared,
        assembly: &mut Assembly,
    ) -> anyhow::Result<Capabilities> {
        let dispatch = Dispatch::new(
            name,
            &grants.peers,
            shared.peers.clone(),
            shared.envelopes.clone(),
            self.settings.dispatch,
            shared.http.clone(),
        );
        let postgres = if grants.postgres {
            Some(self.postgres(name, grants).await?)
        } else {
            None
        };
        if let Some(postgres) = &postgres {
            assembly.pools.push(postgres.pool().clone());
            if !grants.peers.is_empty() {
                let outbox = Outbox::new(postgres);
                let settings = self.settings.outbox;
                let relay = Relay::new(outbox.clone(), dispatch.clone(), settings);
                assembly.relays.push(relay);
                assembly.outboxes.insert(name.to_owned(), outbox);
            }
        }
        let documents = self.granted_documents(name, grants, shared)?;
        Ok(Capabilities::new(
            name,
            Grants {
                health: self.health(grants, postgres.as_ref(), shared),
                postgres,
                documents,
                dispatch,
                passwords: grants.passwords.then(|| shared.passwords.clone()),
                tokens: TokenGrant {
                    tokens: shared.tokens.clone(),
                    sessions: shared
                        .sessions
                        .as_ref()
                        .map(|sessions| sessions.ended.clone()),
                    issue: grants.may(TokenUse::Issue),
                    verify: grants.may(TokenUse::Verify),
                },
                envelopes: EnvelopeGrant {
                    envelopes: shared.envelopes.clone(),
                    allowed_peers: grants.envelopes.clone(),
                },
            },
        ))
    }
}
