//! Password hashing with argon2id (RFC 9106).
//!
//! The hard decision: a hash is made to be slow and large, so how many run and how many wait is
//! bounded, and whoever comes on top of that is refused at once. Otherwise a burst of logins takes
//! all processors and all memory from everything else.

mod argon2id;
mod memory;
mod settings;

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

pub use adapter_contract::passwords::Verdict;

use self::argon2id::{Parameters, Stored};
use self::memory::Memory;
pub use self::settings::PasswordSettings;
use super::errors::{PasswordError, SettingError};

/// The longest password, in bytes of UTF-8. Longer ones cost time and protect nothing.
pub const MAX_PASSWORD_BYTES: usize = 1_024;

/// Hashes and checks passwords on the blocking threads of the runtime it is called from.
pub struct Passwords {
    hasher: Arc<Hasher>,
    running: Arc<Semaphore>,
    /// One permit for everyone inside, running or waiting.
    places: Arc<Semaphore>,
}

impl Passwords {
    /// # Errors
    ///
    /// A setting outside its limits.
    pub fn new(settings: &PasswordSettings) -> Result<Self, SettingError> {
        settings.check()?;
        let parameters = Parameters::new(settings)?;
        Ok(Self {
            hasher: Arc::new(Hasher {
                memory: Memory::new(parameters.blocks(), settings.threads),
                parameters,
                #[cfg(test)]
                computed: tests::Counter::default(),
            }),
            running: Arc::new(Semaphore::new(settings.threads)),
            places: Arc::new(Semaphore::new(settings.threads + settings.queue)),
        })
    }

    /// Hash a password with a fresh salt and give the PHC text to store, about 100 characters.
    ///
    /// # Errors
    ///
    /// [`PasswordError::Invalid`] for a password above [`MAX_PASSWORD_BYTES`],
    /// [`PasswordError::Unavailable`] when the queue is full.
    pub async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        check_length(&password)?;
        self.run(move |hasher| hasher.hash(&password)).await
    }

    /// Compare a password with a stored hash, or with none when there is no such account: that
    /// takes as long, so that nobody can find out by the clock which accounts exist.
    ///
    /// # Errors
    ///
    /// As [`Passwords::hash`], and [`PasswordError::Invalid`] for a hash that is not argon2id or
    /// asks for more work than 65,536 KiB, 10 passes and 16 lanes.
    pub async fn verify(
        &self,
        password: SecretString,
        hash: Option<String>,
    ) -> Result<Verdict, PasswordError> {
        check_length(&password)?;
        let stored = hash.as_deref().map(Stored::parse).transpose()?;
        self.run(move |hasher| hasher.verify(&password, stored))
            .await
    }

    /// Wait for a thread and work there. A caller that stops waiting gives its place back; work
    /// that has begun keeps its place to the end, because it keeps its processor too.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Hasher) -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| PasswordError::Unavailable)?;
        let thread = Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(|_| PasswordError::Unavailable)?;
        let hasher = Arc::clone(&self.hasher);
        let working = tokio::task::spawn_blocking(move || {
            let _until_done = (place, thread);
            work(&hasher)
        });
        working.await.unwrap_or_else(|error| {
            tracing::error!(error = %error, "hashing a password did not finish");
            Err(PasswordError::Unavailable)
        })
    }
}

/// What the blocking threads share.
struct Hasher {
    parameters: Parameters,
    memory: Memory,
    #[cfg(test)]
    computed: tests::Counter,
}

impl Hasher {
    fn hash(&self, password: &SecretString) -> Result<String, PasswordError> {
        let mut fresh = self.unmatchable()?;
        fresh.output = self.compute(password, &fresh)?;
        Ok(fresh.to_phc())
    }

    fn verify(
        &self,
        password: &SecretString,
        stored: Option<Stored>,
    ) -> Result<Verdict, PasswordError> {
        let (known, stored) = match stored {
            Some(stored) => (true, stored),
            None => (false, self.unmatchable()?),
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

    /// A hash with today's parameters, a fresh salt and random bytes in place of the result.
    fn unmatchable(&self) -> Result<Stored, PasswordError> {
        Stored::random(self.parameters.clone()).map_err(internal)
    }

    fn compute(
        &self,
        password: &SecretString,
        stored: &Stored,
    ) -> Result<argon2id::Output, PasswordError> {
        let mut blocks = self.memory.take(stored.parameters.blocks());
        let output = stored.compute(password.expose_secret().as_bytes(), &mut blocks);
        self.memory.give_back(blocks);
        #[cfg(test)]
        self.computed.add_one();
        output.map_err(internal)
    }
}

fn internal(reason: &'static str) -> PasswordError {
    tracing::error!(reason, "hashing a password failed");
    PasswordError::Unavailable
}

fn check_length(password: &SecretString) -> Result<(), PasswordError> {
    if password.expose_secret().len() <= MAX_PASSWORD_BYTES {
        return Ok(());
    }
    Err(PasswordError::Invalid(
        "the password is longer than 1024 bytes",
    ))
}

#[cfg(test)]
mod tests;
