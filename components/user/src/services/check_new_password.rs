//! Rejects passwords that are easy to guess (NIST SP 800-63B, section 5.1.1.2).

use service_kit::adapter::passwords;

use crate::error::{Error, Guessable, Result};

/// Checks the password that a user with this name and e-mail address wants to have. `field` is where the
/// request has it.
pub(super) async fn check_new_password(
    field: &'static str,
    password: &str,
    username: &str,
    email: &str,
) -> Result<()> {
    if is_personal(password, username, email) {
        return Err(Error::GuessablePassword(field, Guessable::Personal));
    }
    if is_word_of_ours(password) || passwords::is_common(password.to_owned()).await? {
        return Err(Error::GuessablePassword(field, Guessable::Common));
    }
    Ok(())
}

/// Words by which this system is known, with which many would begin to guess (OWASP ASVS 6.2.11).
const WORDS: [&str; 1] = ["spindle"];

/// Whether it is such a word, within digits and signs.
fn is_word_of_ours(password: &str) -> bool {
    WORDS.contains(&letters(password).as_str())
}

/// The text without case, and without the digits and signs around its letters.
fn letters(text: &str) -> String {
    let text = text.to_lowercase();
    let inner = text.trim_matches(|character: char| !character.is_alphabetic());
    inner.to_owned()
}

/// Whether it is the name, the e-mail address, or the part before the `@`, without regard to case. Digits
/// and signs around it make no difference.
fn is_personal(password: &str, username: &str, email: &str) -> bool {
    let local = email.rsplit_once('@').map_or(email, |(local, _)| local);
    [username, email, local].into_iter().any(|personal| {
        let (password_letters, personal_letters) = (letters(password), letters(personal));
        password.eq_ignore_ascii_case(personal)
            || !personal_letters.is_empty() && password_letters == personal_letters
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_ours_are_found_within_digits_and_signs() {
        assert!(is_word_of_ours("Spindle2026!") && is_word_of_ours("..spindle"));
        assert!(!is_word_of_ours("spindles and looms"));
    }

    #[test]
    fn name_and_address_are_found_within_digits_and_signs() {
        let personal = |password| is_personal(password, "ada_99", "lovelace@example.com");
        for password in [
            "ADA_99",
            "ada2026!",
            "11-Ada-11",
            "Lovelace1815",
            "lovelace@example.com",
        ] {
            assert!(personal(password), "{password}");
        }
        for password in ["adamantly", "love lace", "12345678", "lovelace and ada"] {
            assert!(!personal(password), "{password}");
        }
        assert!(!is_personal("12345678", "123", "1@example.com"));
        assert!(is_personal("12345678", "12345678", "1@example.com"));
    }
}
