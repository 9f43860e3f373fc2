//! Identifies the calling component by its token or its client certificate.

use std::{collections::HashMap, sync::Arc};

use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

use adapter_contract::Adapter;

use crate::{ApiSettings, token_variable};

/// A component that may call, and its limit of concurrent calls.
pub(super) struct Caller {
    pub(super) adapter: Arc<dyn Adapter>,
    /// Permits for calls in flight, shared by all threads.
    pub(super) calls: Arc<Semaphore>,
    /// SHA-256 of its token. Digests have equal length, and a similar token has a different digest,
    /// so the comparison reveals nothing about the token.
    token: Option<[u8; 32]>,
}

/// All components that may call.
pub(super) struct Callers {
    callers: Vec<Arc<Caller>>,
    by_certificate: bool,
}

impl Callers {
    pub(super) fn new(
        settings: &ApiSettings,
        adapters: &HashMap<String, Arc<dyn Adapter>>,
    ) -> anyhow::Result<Self> {
        let by_certificate = settings.client_ca.is_some();
        let caller = |(name, adapter): (&String, &Arc<dyn Adapter>)| {
            let token = settings.tokens.get(name);
            if !by_certificate {
                token.with_context(|| describe_missing_token(name))?;
            }
            Ok(Arc::new(Caller {
                adapter: adapter.clone(),
                calls: Arc::new(Semaphore::new(settings.max_requests)),
                token: token.map(|token| Sha256::digest(token.expose_secret()).into()),
            }))
        };
        let callers = adapters.iter().map(caller).collect::<anyhow::Result<_>>()?;
        Ok(Self {
            callers,
            by_certificate,
        })
    }

    /// The same callers on the serving thread `number`, which uses its own connections.
    pub(super) fn on_thread(&self, number: usize) -> Self {
        let caller = |caller: &Arc<Caller>| {
            Arc::new(Caller {
                adapter: caller.adapter.on_thread(number),
                calls: caller.calls.clone(),
                token: caller.token,
            })
        };
        Self {
            callers: self.callers.iter().map(caller).collect(),
            by_certificate: self.by_certificate,
        }
    }

    /// The component that one of the certificate's `names` identifies.
    pub(super) fn find_by_certificate<'n>(
        &self,
        mut names: impl Iterator<Item = &'n str>,
    ) -> Option<Arc<Caller>> {
        names.find_map(|name| {
            let mut callers = self.callers.iter();
            callers
                .find(|caller| caller.adapter.component() == name)
                .cloned()
        })
    }

    /// The component that the token identifies. With client certificates, tokens are not accepted, so that a
    /// stolen token cannot replace a certificate.
    pub(super) fn find_by_token(&self, token: &[u8]) -> Option<Arc<Caller>> {
        if self.by_certificate {
            return None;
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        // Compares with all tokens, so that the time does not reveal which of them matches.
        let mut found = None;
        for caller in &self.callers {
            let matches = caller
                .token
                .is_some_and(|known| bool::from(known.ct_eq(&digest)));
            if matches {
                found = Some(caller.clone());
            }
        }
        found
    }
}

fn describe_missing_token(component: &str) -> String {
    let variable = token_variable(component);
    format!(
        "`{component}` has no token: set `{variable}`, and the same value as `SPIN_VARIABLE_{variable}` for Spin; `host-adapter adapter-tokens` generates tokens"
    )
}
