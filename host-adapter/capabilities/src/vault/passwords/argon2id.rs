//! One argon2id hash: its parameters, its PHC text, its computation.
//!
//! A stored hash brings its own parameters, and a database is not trusted to choose how much work
//! is done here: above the same limits that the settings have, it is refused unread.

use argon2::password_hash::phc::{PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};

use super::super::errors::{PasswordError, SettingError};
use super::settings::{Iterations, MemoryKib, Parallelism, PasswordSettings};

pub(super) use argon2::password_hash::phc::Output;

/// RFC 9106, section 4: a tag of 256 bits and a salt of 128.
const OUTPUT_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

/// PHC text of ours has about 100 characters.
const MAX_PHC_BYTES: usize = 256;

/// The cost of a hash, and the length of its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameters(Params);

impl Parameters {
    pub(super) fn new(settings: &PasswordSettings) -> Result<Self, SettingError> {
        let PasswordSettings {
            memory_kib,
            iterations,
            parallelism,
            ..
        } = *settings;
        Params::new(memory_kib, iterations, parallelism, Some(OUTPUT_BYTES))
            .map(Self)
            .map_err(|error| SettingError {
                name: "memory_kib",
                expected: "a combination that argon2 accepts".to_owned(),
                found: error.to_string(),
            })
    }

    pub(super) fn blocks(&self) -> usize {
        self.0.block_count()
    }

    /// A hash may be cheaper than anything the settings allow: it is then outdated, not refused.
    fn affordable(&self) -> bool {
        u64::from(self.0.m_cost()) <= MemoryKib::MOST
            && u64::from(self.0.t_cost()) <= Iterations::MOST
            && u64::from(self.0.p_cost()) <= Parallelism::MOST
    }

    fn plain(&self) -> bool {
        self.0.keyid().is_empty() && self.0.data().is_empty()
    }
}

/// A hash as it is stored.
pub(super) struct Stored {
    pub(super) parameters: Parameters,
    pub(super) output: Output,
    salt: Salt,
}

impl Stored {
    /// Read PHC text.
    pub(super) fn parse(text: &str) -> Result<Self, PasswordError> {
        if text.len() > MAX_PHC_BYTES {
            return Err(NOT_OURS);
        }
        let phc = PasswordHash::new(text).map_err(|_| NOT_OURS)?;
        let version = phc
            .version
            .and_then(|version| Version::try_from(version).ok());
        if phc.algorithm != ARGON2ID_IDENT || version != Some(Version::V0x13) {
            return Err(NOT_OURS);
        }
        let params = Params::try_from(&phc).map_err(|_| NOT_OURS)?;
        let parameters = Parameters(params);
        let (Some(salt), Some(output)) = (phc.salt, phc.hash) else {
            return Err(NOT_OURS);
        };
        if !parameters.plain() {
            return Err(NOT_OURS);
        }
        if !parameters.affordable() {
            return Err(PasswordError::Invalid(
                "the hash asks for more work than is allowed",
            ));
        }
        Ok(Self {
            parameters,
            output,
            salt,
        })
    }

    /// A fresh salt, and random bytes that no password is known to give.
    pub(super) fn random(parameters: Parameters) -> Result<Self, &'static str> {
        let mut bytes = [0; SALT_BYTES + OUTPUT_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| "random")?;
        let (salt, output) = bytes.split_at(SALT_BYTES);
        Ok(Self {
            parameters,
            salt: Salt::new(salt).map_err(|_| "salt")?,
            output: Output::new(output).map_err(|_| "output")?,
        })
    }

    /// What the password gives with this salt and these parameters.
    pub(super) fn compute(
        &self,
        password: &[u8],
        memory: &mut [Block],
    ) -> Result<Output, &'static str> {
        let argon2 = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            self.parameters.0.clone(),
        );
        let mut bytes = [0; Output::MAX_LENGTH];
        let output = bytes.get_mut(..self.output.len()).ok_or("length")?;
        argon2
            .hash_password_into_with_memory(password, &self.salt, output, memory)
            .map_err(|_| "argon2")?;
        Output::new(output).map_err(|_| "output")
    }

    /// PHC text, to be stored.
    pub(super) fn to_phc(&self) -> String {
        format!(
            "$argon2id$v=19${parameters}${salt}${output}",
            parameters = self.parameters.0,
            salt = self.salt,
            output = self.output,
        )
    }
}

const NOT_OURS: PasswordError = PasswordError::Invalid("the hash is not argon2id in PHC format");
