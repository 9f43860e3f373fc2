//! The capabilities of one component. A component has no other access to the outside.

use std::sync::Arc;

use super::{
    denied::{Denied, denied},
    dispatch::Dispatch,
    documents::Documents,
    health::Health,
    postgres::Postgres,
    sessions::RevokedSessions,
    vault::{Claims, Envelopes, Passwords, TokenError, Tokens},
};

/// The capabilities that one component is granted. Denials name the component.
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

/// The token service, and the operations that are granted.
#[derive(Clone)]
pub struct TokenGrant {
    /// The token service.
    pub tokens: Arc<Tokens>,
    /// The revoked sessions. Present if any component is granted tokens.
    pub sessions: Option<RevokedSessions>,
    /// Whether the component may issue tokens and end their sessions.
    pub issue: bool,
    /// Whether the component may verify tokens and read the public keys.
    pub verify: bool,
}

/// Verifies the tokens that name one component in their audience.
pub struct TokenVerifier<'a> {
    tokens: &'a Tokens,
    component: &'a str,
}

impl TokenVerifier<'_> {
    /// Verifies a token and returns its claims.
    ///
    /// # Errors
    ///
    /// Those of [`Tokens::verify`].
    pub fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        self.tokens.verify(token, self.component)
    }

    /// The keys that verify tokens: a JWK Set (RFC 7517) as JSON text.
    #[must_use]
    pub fn public_keys(&self) -> String {
        self.tokens.public_keys()
    }
}

/// The envelope service, and the peers that are granted.
#[derive(Clone)]
pub struct EnvelopeGrant {
    /// The envelope service.
    pub envelopes: Arc<Envelopes>,
    /// The peers whose envelopes the component may open, and which it may answer.
    pub allowed_peers: Vec<String>,
}

/// The parts of [`Capabilities`].
pub struct Grants {
    /// SQL, if it is granted.
    pub postgres: Option<Postgres>,
    /// Documents, if any collection is granted. They check the collection of each call.
    pub documents: Option<Documents>,
    /// Calls to peers. They check the peer of each call.
    pub dispatch: Dispatch,
    /// Password hashing, if it is granted.
    pub passwords: Option<Arc<Passwords>>,
    /// Tokens, and the operations that are granted.
    pub tokens: TokenGrant,
    /// Envelopes, and the peers that are granted.
    pub envelopes: EnvelopeGrant,
    /// The health of the component's dependencies.
    pub health: Health,
}

impl Capabilities {
    /// Creates the capabilities of `component`. The log names the component in every denial.
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

    /// Returns capabilities for the serving thread `number`, which use the database connections of that
    /// thread.
    #[must_use]
    pub fn on_thread(&self, number: usize) -> Self {
        let tokens = TokenGrant {
            sessions: self.tokens.sessions.as_ref().map(|it| it.on_thread(number)),
            ..self.tokens.clone()
        };
        // Every field is named, so that a new capability has to decide.
        Self {
            component: self.component.clone(),
            postgres: self.postgres.as_ref().map(|it| it.on_thread(number)),
            documents: self.documents.as_ref().map(|it| it.on_thread(number)),
            dispatch: self.dispatch.clone(),
            passwords: self.passwords.clone(),
            tokens,
            envelopes: self.envelopes.clone(),
            health: self.health.on_thread(number),
        }
    }

    /// The component's name.
    #[must_use]
    pub fn component(&self) -> &str {
        &self.component
    }

    /// SQL on the component's schema.
    ///
    /// # Errors
    ///
    /// [`Denied`] if the component is not granted `postgres`.
    pub fn postgres(&self) -> Result<&Postgres, Denied> {
        self.postgres
            .as_ref()
            .ok_or_else(|| self.denied("`postgres`"))
    }

    /// Documents. Each call checks the grant of its collection.
    ///
    /// # Errors
    ///
    /// [`Denied`] if the component is not granted any collection.
    pub fn documents(&self) -> Result<&Documents, Denied> {
        self.documents
            .as_ref()
            .ok_or_else(|| self.denied("any collection of `documents`"))
    }

    /// Calls to peers. Each call checks the grant of its peer.
    #[must_use]
    pub fn dispatch(&self) -> &Dispatch {
        &self.dispatch
    }

    /// Password hashing.
    ///
    /// # Errors
    ///
    /// [`Denied`] if the component is not granted `passwords`.
    pub fn passwords(&self) -> Result<&Passwords, Denied> {
        self.passwords
            .as_deref()
            .ok_or_else(|| self.denied("`passwords`"))
    }

    /// The token service, to issue tokens.
    ///
    /// # Errors
    ///
    /// [`Denied`] if the component is not granted `tokens.issue`.
    pub fn token_issuer(&self) -> Result<&Tokens, Denied> {
        if self.tokens.issue {
            Ok(&self.tokens.tokens)
        } else {
            Err(self.denied("`tokens.issue`"))
        }
    }

    /// The revoked sessions, to end further sessions.
    ///
    /// # Errors
    ///
    /// [`Denied`] if the component is not granted `tokens.issue`.
    pub fn revoked_sessions(&self) -> Result<&RevokedSessions, Denied> {
        let sessions = self.tokens.sessions.as_ref();
        sessions
            .filter(|_| self.tokens.issue)
            .ok_or_else(|| self.denied("`tokens.issue`"))
    }

    /// The token service, to verify tokens that are for the component.
    ///
    /// # Errors
    ///
    /// [`Denied`] if the component is not granted `tokens.verify`.
    pub fn token_verifier(&self) -> Result<TokenVerifier<'_>, Denied> {
        if self.tokens.verify {
            Ok(TokenVerifier {
                tokens: &self.tokens.tokens,
                component: &self.component,
            })
        } else {
            Err(self.denied("`tokens.verify`"))
        }
    }

    /// Envelopes to and from the allowed peers.
    ///
    /// # Errors
    ///
    /// [`Denied`] if the component has no allowed peers.
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
    /// [`Denied`] if `audience` is not an allowed peer.
    pub fn envelopes_to(&self, audience: &str) -> Result<&EnvelopeGrant, Denied> {
        let granted = self.envelopes()?;
        let allowed = granted.allowed_peers.iter().any(|name| name == audience);
        if allowed {
            Ok(granted)
        } else {
            Err(self.denied(&format!("`envelopes` to `{audience}`")))
        }
    }

    /// The health of the component's dependencies.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    fn denied(&self, grant: &str) -> Denied {
        denied(&self.component, grant)
    }
}
