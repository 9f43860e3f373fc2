//! Password hashing with argon2id (RFC 9106).
//!
//! A hash is slow and uses much memory on purpose. The number of running and waiting hashes is
//! therefore limited, and a call beyond the limit fails at once. Otherwise a burst of logins would
//! take the processors and the memory from all other work.

mod argon2id;
mod memory;
mod settings;

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

pub use adapter_contract::passwords::Verdict;

use self::argon2id::{Parameters, StoredHash};
use self::memory::MemoryPool;
pub use self::settings::PasswordSettings;
use super::errors::{PasswordError, SettingError};
use crate::metrics::{Counted, METRICS};

/// The longest password, in bytes of UTF-8. Longer passwords cost time and add no security.
pub const MAX_PASSWORD_BYTES: usize = 1_024;

/// Hashes and checks passwords on the blocking threads of the runtime it is called from.
pub struct Passwords {
    hasher: Arc<Hasher>,
    running: Arc<Semaphore>,
    /// One permit for each call, running or waiting.
    slots: Arc<Semaphore>,
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
                memory: MemoryPool::new(parameters.blocks(), settings.threads),
                parameters,
                #[cfg(test)]
                computed: tests::Counter::default(),
            }),
            running: Arc::new(Semaphore::new(settings.threads)),
            slots: Arc::new(Semaphore::new(settings.threads + settings.queue)),
        })
    }

    /// Hashes a password with a new random salt and returns the PHC text to store, about 100 characters.
    ///
    /// # Errors
    ///
    /// [`PasswordError::Invalid`] for a password longer than [`MAX_PASSWORD_BYTES`],
    /// [`PasswordError::Unavailable`] if the queue is full or hashing fails.
    pub async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        check_length(&password)?;
        self.run(move |hasher| hasher.hash(&password)).await
    }

    /// Compares a password with a stored hash.
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
    ) -> Result<Verdict, PasswordError> {
        check_length(&password)?;
        let stored = hash.as_deref().map(StoredHash::parse).transpose()?;
        self.run(move |hasher| hasher.verify(&password, stored))
            .await
    }

    /// Waits for a thread and does the work there.
    ///
    /// A caller that stops waiting frees its slot. Work that has started keeps its slot until it ends,
    /// because it occupies a processor until then.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Hasher) -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let slot = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| {
            METRICS.passwords_rejected.inc();
            PasswordError::Unavailable
        })?;
        let waiting = Counted::new(&METRICS.passwords_waiting);
        let thread = Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(|_| PasswordError::Unavailable)?;
        drop(waiting);
        let running = Counted::new(&METRICS.passwords_running);
        let hasher = Arc::clone(&self.hasher);
        let working = tokio::task::spawn_blocking(move || {
            let _until_done = (slot, thread, running);
            work(&hasher)
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
    memory: MemoryPool,
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
