//! A cryptography provider for the JWT library with a single algorithm: EdDSA over Ed25519 (RFC 8037).
//!
//! The library's own providers include RSA, NIST curves and HMAC. This provider rejects every algorithm
//! except EdDSA, so a token that names another algorithm cannot be verified with it.

use std::sync::Once;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result},
};
use signature::{Error, Signer, Verifier};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    // The library calls these for JSON Web Keys only, and `keys` reads and writes those itself.
    key_utils: KeyUtils::new_unimplemented(),
};

static INSTALLED: Once = Once::new();

/// Makes this provider the library's provider for the whole process. Must be called before the first
/// token is signed or verified.
pub(super) fn install() {
    INSTALLED.call_once(|| {
        // Fails only if another provider is installed. That provider is then used.
        let _ = PROVIDER.install_default();
    });
}

struct EdDsaSigner(SigningKey);

struct EdDsaVerifier(VerifyingKey);

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    use ed25519_dalek::pkcs8::DecodePrivateKey as _;
    check_algorithm(*algorithm)?;
    let key = SigningKey::from_pkcs8_der(key.as_bytes()).map_err(|_| ErrorKind::InvalidEddsaKey)?;
    Ok(Box::new(EdDsaSigner(key)))
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    check_algorithm(*algorithm)?;
    let key = VerifyingKey::try_from(key.try_get_as_bytes()?);
    let key = key.map_err(|_| ErrorKind::InvalidEddsaKey)?;
    Ok(Box::new(EdDsaVerifier(key)))
}

fn check_algorithm(algorithm: Algorithm) -> Result<()> {
    if algorithm == Algorithm::EdDSA {
        Ok(())
    } else {
        Err(ErrorKind::InvalidAlgorithm.into())
    }
}

impl Signer<Vec<u8>> for EdDsaSigner {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        Ok(self.0.sign(message).to_bytes().to_vec())
    }
}

impl JwtSigner for EdDsaSigner {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

impl Verifier<Vec<u8>> for EdDsaVerifier {
    /// Also rejects keys and signatures of small order, which RFC 8032 permits.
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        let signature = Signature::from_slice(signature).map_err(|_| Error::new())?;
        let valid = self.0.verify_strict(message, &signature);
        valid.map_err(|_| Error::new())
    }
}

impl JwtVerifier for EdDsaVerifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}
