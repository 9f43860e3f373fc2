//! Who calls: by a token of its own, or by a client certificate.

use std::{collections::HashMap, sync::Arc};

use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

use adapter_contract::Adapter;

use crate::{ApiSettings, token_variable};

/// A component that may call, and how much at once.
pub(super) struct Caller {
    pub(super) adapter: Arc<dyn Adapter>,
    /// Calls in flight, on all threads.
    pub(super) calls: Arc<Semaphore>,
    /// SHA-256 of its token. Of equal length for all, and nothing can be learnt about a token by
    /// being near to one.
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
                token.with_context(|| missing(name))?;
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

    /// The same callers for the serving thread `number`, with connections of that thread.
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

    /// The component whose certificate carries one of `names`.
    pub(super) fn certified<'n>(
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

    /// The component that `authorization` (a header's value) is the token of. Where certificates
    /// identify, no token does: whoever stole one must not get round them.
    pub(super) fn authorized(&self, authorization: &[u8]) -> Option<Arc<Caller>> {
        let token = authorization.strip_prefix(b"Bearer ")?;
        if self.by_certificate {
            return None;
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        // All are compared, so that the time tells nothing about which.
        let mut found = None;
        for caller in &self.callers {
            let same = caller
                .token
                .is_some_and(|known| bool::from(known.ct_eq(&digest)));
            if same {
                found = Some(caller.clone());
            }
        }
        found
    }
}

fn missing(component: &str) -> String {
    let variable = token_variable(component);
    format!(
        "`{component}` has no token: set `{variable}`, and the same value as `SPIN_VARIABLE_{variable}` for Spin; `host-adapter adapter-tokens` makes them"
    )
}
