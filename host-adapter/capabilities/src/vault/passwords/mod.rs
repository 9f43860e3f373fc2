//! Password hashing with argon2id (RFC 9106).
//!
//! A hash is slow and uses much memory on purpose. The number of running and waiting hashes is
//! therefore limited, and a call beyond the limit fails at once. Otherwise a burst of logins would
//! take the processors and the memory from all other work. The places are shared by clients, so that a
//! burst of one client does not take those of the others.

mod argon2id;
mod attempts;
mod client;
mod common;
mod memory;
mod settings;
mod turns;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Handle;

pub use adapter_contract::passwords::Verdict;

use self::argon2id::{Parameters, StoredHash};
use self::attempts::Attempts;
use self::client::Client;
use self::memory::MemoryPool;
pub use self::settings::PasswordSettings;
use self::turns::Turns;
use super::errors::{PasswordError, SettingError};
use crate::metrics::{Counted, METRICS};

/// The longest password, in bytes of UTF-8. Longer passwords cost time and add no security.
pub const MAX_PASSWORD_BYTES: usize = 1_024;

/// Hashes and checks passwords on the blocking threads of the runtime it is called from.
pub struct Passwords {
    hasher: Arc<Hasher>,
    turns: Arc<Turns>,
    attempts: Attempts,
}

impl Passwords {
    /// Creates the hasher. It allocates no memory for hashes yet.
    ///
    /// # Errors
    ///
    /// [`SettingError`] for a setting outside its limits.
    pub fn new(settings: &PasswordSettings) -> Result<Self, SettingError> {
        settings.check()?;
        let parameters = Parameters::new(settings)?;
        Ok(Self {
            hasher: Arc::new(Hasher {
                memory: Arc::new(MemoryPool::new(parameters.blocks(), settings.threads)),
                parameters,
                #[cfg(test)]
                computed: tests::Counter::default(),
            }),
            turns: Turns::new(settings.threads, settings.queue),
            attempts: Attempts::new(settings.attempts_per_minute),
        })
    }

    /// Counts an attempt to log in or to register of the client at `address`.
    ///
    /// # Errors
    ///
    /// [`PasswordError::TooManyAttempts`] if the client has made too many in the last minute.
    pub fn admit(&self, address: Option<&str>) -> Result<(), PasswordError> {
        let counted = self
            .attempts
            .count(Client::from_address(address), Instant::now());
        counted.map_err(|wait| {
            METRICS.passwords_rejected.inc();
            PasswordError::TooManyAttempts(whole_seconds(wait))
        })
    }

    /// Whether the password is one of the most common ones, without regard to case.
    ///
    /// # Errors
    ///
    /// [`PasswordError::Invalid`] for a password longer than [`MAX_PASSWORD_BYTES`].
    pub fn is_common(&self, password: &SecretString) -> Result<bool, PasswordError> {
        check_length(password)?;
        Ok(common::is_common(password))
    }

    /// Hashes a password with a new random salt and returns the PHC text to store, about 100 characters.
    /// The call waits for the turn of the client at `address`.
    ///
    /// # Errors
    ///
    /// [`PasswordError::Invalid`] for a password longer than [`MAX_PASSWORD_BYTES`],
    /// [`PasswordError::Unavailable`] if the queue is full or hashing fails.
    pub async fn hash(
        &self,
        password: SecretString,
        address: Option<&str>,
    ) -> Result<String, PasswordError> {
        check_length(&password)?;
        let client = Client::from_address(address);
        self.run(client, move |hasher| hasher.hash(&password)).await
    }

    /// Compares a password with a stored hash. The call waits for the turn of the client at `address`.
    ///
    /// Pass `None` if there is no such account. The call then takes as long as with a hash, so a client
    /// cannot learn from the response time which accounts exist.
    ///
    /// # Errors
    ///
    /// Those of [`Passwords::hash`], and [`PasswordError::Invalid`] for a hash that is not argon2id or
    /// needs more than 65,536 KiB, 10 passes or 16 lanes.
    pub async fn verify(
        &self,
        password: SecretString,
        hash: Option<String>,
        address: Option<&str>,
    ) -> Result<Verdict, PasswordError> {
        check_length(&password)?;
        let stored = hash.as_deref().map(StoredHash::parse).transpose()?;
        let client = Client::from_address(address);
        self.run(client, move |hasher| hasher.verify(&password, stored))
            .await
    }

    /// Waits for a thread and does the work there.
    ///
    /// A caller that stops waiting frees its place. Work that has started keeps its place until it ends,
    /// because it occupies a processor until then.
    async fn run<T: Send + 'static>(
        &self,
        client: Client,
        work: impl FnOnce(&Hasher) -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let waiting = Counted::new(&METRICS.passwords_waiting);
        let place = self.turns.place(client).await.ok_or_else(|| {
            METRICS.passwords_rejected.inc();
            PasswordError::Unavailable
        })?;
        drop(waiting);
        let running = Counted::new(&METRICS.passwords_running);
        let hasher = Arc::clone(&self.hasher);
        let working = tokio::task::spawn_blocking(move || {
            let _until_done = (place, running);
            let done = work(&hasher);
            // Also if the caller has gone.
            Handle::current().spawn(Arc::clone(&hasher.memory).free_when_idle());
            done
        });
        working.await.unwrap_or_else(|error| {
            tracing::error!(error = %error, "the task that hashes a password did not finish");
            Err(PasswordError::Unavailable)
        })
    }
}

/// The state that the blocking threads share.
struct Hasher {
    parameters: Parameters,
    memory: Arc<MemoryPool>,
    #[cfg(test)]
    computed: tests::Counter,
}

impl Hasher {
    fn hash(&self, password: &SecretString) -> Result<String, PasswordError> {
        let mut hash = self.placeholder()?;
        hash.output = self.compute(password, &hash)?;
        Ok(hash.to_phc())
    }

    fn verify(
        &self,
        password: &SecretString,
        stored: Option<StoredHash>,
    ) -> Result<Verdict, PasswordError> {
        let (known, stored) = match stored {
            Some(stored) => (true, stored),
            None => (false, self.placeholder()?),
        };
        let computed = self.compute(password, &stored)?;
        // The output type compares in constant time.
        let same = computed == stored.output;
        Ok(
            match (same && known, stored.parameters == self.parameters) {
                (false, _) => Verdict::Mismatch,
                (true, true) => Verdict::Match,
                (true, false) => Verdict::Outdated,
            },
        )
    }

    /// A hash with the current parameters, a new salt and random bytes in place of the output.
    fn placeholder(&self) -> Result<StoredHash, PasswordError> {
        StoredHash::random(self.parameters.clone()).map_err(log_failure)
    }

    fn compute(
        &self,
        password: &SecretString,
        stored: &StoredHash,
    ) -> Result<argon2id::Output, PasswordError> {
        let mut blocks = self.memory.take(stored.parameters.blocks());
        let output = stored.compute(password.expose_secret().as_bytes(), &mut blocks);
        self.memory.give_back(blocks);
        #[cfg(test)]
        self.computed.add_one();
        output.map_err(log_failure)
    }
}

/// Rounded up, so that a client that waits so long is not too early.
fn whole_seconds(time: Duration) -> u32 {
    let seconds = u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
    seconds.saturating_add(u32::from(time.subsec_nanos() > 0))
}

fn log_failure(reason: &'static str) -> PasswordError {
    tracing::error!(reason, "hashing a password failed");
    PasswordError::Unavailable
}

fn check_length(password: &SecretString) -> Result<(), PasswordError> {
    if password.expose_secret().len() <= MAX_PASSWORD_BYTES {
        return Ok(());
    }
    Err(PasswordError::Invalid(
        "the password is longer than 1,024 bytes",
    ))
}

#[cfg(test)]
mod tests;
