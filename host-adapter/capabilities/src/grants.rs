//! One component's capabilities. What is not here, the component does not have.

use std::sync::Arc;

use super::{
    denied::{Denied, denied},
    dispatch::Dispatch,
    documents::Documents,
    health::Health,
    postgres::Postgres,
    sessions::EndedSessions,
    vault::{Envelopes, Passwords, Tokens},
};

/// Everything that one component was granted, under the component's name.
#[derive(Clone)]
pub struct Capabilities {
    component: Arc<str>,
    postgres: Option<Postgres>,
    documents: Option<Documents>,
    dispatch: Dispatch,
    passwords: Option<Arc<Passwords>>,
    tokens: TokenGrant,
    envelopes: EnvelopeGrant,
    health: Health,
}

/// Tokens, and what may be done with them.
#[derive(Clone)]
pub struct TokenGrant {
    /// The service behind the grant.
    pub tokens: Arc<Tokens>,
    /// The sessions that tokens belong to; there whenever anybody is granted tokens.
    pub sessions: Option<EndedSessions>,
    /// May issue tokens, and end their sessions.
    pub issue: bool,
    /// May check tokens, and read the public keys.
    pub verify: bool,
}

/// Envelopes, and with whom they are exchanged.
#[derive(Clone)]
pub struct EnvelopeGrant {
    /// The service behind the grant.
    pub envelopes: Arc<Envelopes>,
    /// Whose envelopes the component may open, and to whom it may answer.
    pub allowed_peers: Vec<String>,
}

/// Parts of [`Capabilities`], named.
pub struct Grants {
    /// SQL, if granted.
    pub postgres: Option<Postgres>,
    /// Documents, if any collection is granted; which ones, they know themselves.
    pub documents: Option<Documents>,
    /// Knows its peers itself.
    pub dispatch: Dispatch,
    /// Hashing, if granted.
    pub passwords: Option<Arc<Passwords>>,
    /// Tokens.
    pub tokens: TokenGrant,
    /// Envelopes.
    pub envelopes: EnvelopeGrant,
    /// What the component depends on.
    pub health: Health,
}

impl Capabilities {
    /// Binds `grants` to the component's name, which every denial is logged with.
    #[must_use]
    pub fn new(component: &str, grants: Grants) -> Self {
        let Grants {
            postgres,
            documents,
            dispatch,
            passwords,
            tokens,
            envelopes,
            health,
        } = grants;
        Self {
            component: component.into(),
            postgres,
            documents,
            dispatch,
            passwords,
            tokens,
            envelopes,
            health,
        }
    }

    /// The same for the serving thread `number`, with database connections of that thread.
    #[must_use]
    pub fn on_thread(&self, number: usize) -> Self {
        Self {
            postgres: self
                .postgres
                .as_ref()
                .map(|postgres| postgres.on_thread(number)),
            documents: self
                .documents
                .as_ref()
                .map(|documents| documents.on_thread(number)),
            ..self.clone()
        }
    }

    /// The component's name.
    #[must_use]
    pub fn component(&self) -> &str {
        &self.component
    }

    /// SQL.
    ///
    /// # Errors
    ///
    /// [`Denied`] without the grant, like all functions below.
    pub fn postgres(&self) -> Result<&Postgres, Denied> {
        self.postgres
            .as_ref()
            .ok_or_else(|| self.denied("`postgres`"))
    }

    /// Documents; deny per collection.
    ///
    /// # Errors
    ///
    /// [`Denied`] when no collection is granted.
    pub fn documents(&self) -> Result<&Documents, Denied> {
        self.documents
            .as_ref()
            .ok_or_else(|| self.denied("any collection of `documents`"))
    }

    /// Calls; denies per peer.
    #[must_use]
    pub fn dispatch(&self) -> &Dispatch {
        &self.dispatch
    }

    /// Password hashing.
    ///
    /// # Errors
    ///
    /// [`Denied`] without the grant.
    pub fn passwords(&self) -> Result<&Passwords, Denied> {
        self.passwords
            .as_deref()
            .ok_or_else(|| self.denied("`passwords`"))
    }

    /// Tokens, to issue them.
    ///
    /// # Errors
    ///
    /// [`Denied`] without the grant.
    pub fn issuing(&self) -> Result<&Tokens, Denied> {
        if self.tokens.issue {
            Ok(&self.tokens.tokens)
        } else {
            Err(self.denied("`tokens.issue`"))
        }
    }

    /// The sessions that tokens belong to, to end them.
    ///
    /// # Errors
    ///
    /// [`Denied`] without the grant, which is that of issuing.
    pub fn ending(&self) -> Result<&EndedSessions, Denied> {
        let sessions = self.tokens.sessions.as_ref();
        sessions
            .filter(|_| self.tokens.issue)
            .ok_or_else(|| self.denied("`tokens.issue`"))
    }

    /// Tokens, to check them.
    ///
    /// # Errors
    ///
    /// [`Denied`] without the grant.
    pub fn verifying(&self) -> Result<&Tokens, Denied> {
        if self.tokens.verify {
            Ok(&self.tokens.tokens)
        } else {
            Err(self.denied("`tokens.verify`"))
        }
    }

    /// Envelopes to and from anyone who is granted.
    ///
    /// # Errors
    ///
    /// [`Denied`] when nobody is.
    pub fn envelopes(&self) -> Result<&EnvelopeGrant, Denied> {
        if self.envelopes.allowed_peers.is_empty() {
            Err(self.denied("`envelopes`"))
        } else {
            Ok(&self.envelopes)
        }
    }

    /// Envelopes to `audience`.
    ///
    /// # Errors
    ///
    /// [`Denied`] when `audience` is not granted.
    pub fn envelopes_to(&self, audience: &str) -> Result<&EnvelopeGrant, Denied> {
        let granted = self.envelopes()?;
        let known = granted.allowed_peers.iter().any(|name| name == audience);
        if known {
            Ok(granted)
        } else {
            Err(self.denied(&format!("`envelopes` to `{audience}`")))
        }
    }

    /// The state of its dependencies.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    fn denied(&self, what: &str) -> Denied {
        denied(&self.component, what)
    }
}
