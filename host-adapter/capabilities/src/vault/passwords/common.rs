//! Passwords that attackers try first (NIST SP 800-63B, section 5.1.1.2).
//!
//! `common.txt` has those of Django 5.2 (`django/contrib/auth/common-passwords.txt.gz`, BSD license), a list of
//! the 20,000 most frequent ones in leaks, which Royce Williams made: the 8,354 of at least 8 characters,
//! in lower case and sorted. Services require as many characters.

use std::sync::LazyLock;

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

/// Sorted by bytes.
static COMMON: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("common.txt").lines().collect());

/// Whether the password is on the list, without regard to case.
pub(super) fn is_common(password: &SecretString) -> bool {
    let lower = Zeroizing::new(password.expose_secret().to_lowercase());
    COMMON.binary_search(&lower.as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_as_the_search_needs_it() {
        assert!(COMMON.is_sorted());
        for password in COMMON.iter() {
            assert!(password.chars().count() >= 8, "{password}");
            assert_eq!(password.to_lowercase(), *password);
        }
    }

    #[test]
    fn common_passwords_are_found_in_any_case() {
        let is_common = |text: &str| is_common(&SecretString::from(text));
        assert!(is_common("password1") && is_common("PassWord1"));
        assert!(!is_common("correct horse") && !is_common(""));
    }
}
