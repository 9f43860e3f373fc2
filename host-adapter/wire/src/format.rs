//! How arguments and results are written.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A form of the arguments and the result of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// JSON. It has the names of fields and cases, so two sides understand each other if their
    /// `VERSION`s are compatible.
    Json,
    /// postcard's format (version 1 of its specification). Fields and cases have no names and are in the order of
    /// the WIT, so the two sides must be built from the same `TYPES` of adapter-contract.
    Binary,
}

/// Why a value could not be read or written. The text does not repeat it, because it may be a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub(super) String);

impl Format {
    /// Appends a value to `bytes`.
    ///
    /// # Errors
    ///
    /// The value is of a type that the format does not have. None of the contract's is.
    pub fn encode(self, value: &impl Serialize, mut bytes: Vec<u8>) -> Result<Vec<u8>, Malformed> {
        match self {
            Self::Binary => Ok(postcard::to_extend(value, bytes)?),
            Self::Json => {
                let written = serde_json::to_writer(&mut bytes, value);
                written.map_err(|error| Malformed(error.to_string()))?;
                Ok(bytes)
            }
        }
    }

    /// Reads a value, which takes all bytes.
    ///
    /// # Errors
    ///
    /// The bytes are not of this type, or more than it.
    pub fn decode<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, Malformed> {
        match self {
            Self::Binary => match postcard::take_from_bytes(bytes)? {
                (value, []) => Ok(value),
                _ => Err(Malformed("there is more than the value".to_owned())),
            },
            Self::Json => serde_json::from_slice(bytes).map_err(|error| describe(&error)),
        }
    }
}

/// Only the position: serde's own text would repeat the value.
fn describe(error: &serde_json::Error) -> Malformed {
    let problem = if error.is_data() {
        "they are not of the function's types"
    } else {
        "they are not JSON"
    };
    let (line, column) = (error.line(), error.column());
    Malformed(format!("{problem}, at line {line}, column {column}"))
}

impl From<postcard::Error> for Malformed {
    fn from(error: postcard::Error) -> Self {
        Self(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adapter_contract::postgres::Value;

    const BOTH: [Format; 2] = [Format::Json, Format::Binary];

    #[test]
    fn a_value_takes_all_bytes() {
        for format in BOTH {
            let bytes = format
                .encode(&("select 1", vec![Value::Null]), vec![])
                .unwrap();
            let read = |bytes: &[u8]| format.decode::<(String, Vec<Value>)>(bytes);
            assert!(read(&bytes).is_ok());
            assert!(read(&bytes[..bytes.len() - 1]).is_err());
            assert!(read(&[&bytes[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn a_length_without_bytes_behind_it_is_malformed() {
        // Many gigabytes.
        let bytes = [0xff, 0xff, 0xff, 0xff, 0x7f];
        assert!(Format::Binary.decode::<String>(&bytes).is_err());
        assert!(Format::Binary.decode::<Vec<String>>(&bytes).is_err());
    }

    #[test]
    fn an_error_does_not_repeat_the_value() {
        for format in BOTH {
            let bytes = format.encode(&("hidden", "hidden"), vec![]).unwrap();
            let error = format.decode::<(u8, u8)>(&bytes).unwrap_err();
            assert!(!error.to_string().contains("hidden"), "{error}");
        }
    }
}
