//! Properties of access tokens, for any input.

use std::sync::LazyLock;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{
    fuzzing::{self, mutation},
    vault::Policy,
};

const AUDIENCE: &str = "user";

static TOKENS: LazyLock<Tokens> = LazyLock::new(|| {
    let directory = TempDir::new().unwrap();
    let ring = KeyRing::load(directory.path(), &[], &Policy::default()).unwrap();
    let audiences = vec![AUDIENCE.to_owned()];
    let settings = TokenSettings {
        audiences,
        ..TokenSettings::default()
    };
    Tokens::new(settings, &ring).unwrap()
});

proptest! {
    #[test]
    fn any_text_is_rejected(text in fuzzing::text()) {
        prop_assert!(TOKENS.verify(&text, AUDIENCE).is_err());
    }

    #[test]
    fn any_parts_are_rejected(parts in proptest::collection::vec("[A-Za-z0-9_-]{0,60}", 1..5)) {
        prop_assert!(TOKENS.verify(&parts.join("."), AUDIENCE).is_err());
    }

    #[test]
    fn a_changed_token_is_rejected(mutation in mutation()) {
        let token = TOKENS.issue("ada", None).unwrap().token;
        let changed = mutation.apply(&token);
        prop_assume!(changed != token);
        prop_assert!(TOKENS.verify(&changed, AUDIENCE).is_err(), "{}", changed);
    }

    #[test]
    fn a_token_tells_its_subject_and_session(subject in "\\PC{1,60}", session in "\\PC{1,60}") {
        let token = TOKENS.issue(&subject, Some(&session)).unwrap().token;
        // Without the question whether the session has ended.
        let claims = TOKENS.verify_at(&token, AUDIENCE, unix_now()).unwrap();
        prop_assert_eq!((claims.subject, claims.session), (subject, Some(session)));
        prop_assert_eq!(TOKENS.verify(&token, "another"), Err(TokenError::Invalid));
    }
}
