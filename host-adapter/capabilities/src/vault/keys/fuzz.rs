//! Properties of key files, for any content.

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::jwk::Key;
use crate::fuzzing::{self, mutation};

/// What a key is made of. A key itself is not `Debug`, so that no log has it.
#[derive(Debug, Clone)]
struct Parts {
    kid: String,
    owner: String,
    created: u64,
    active_from: Option<u64>,
    development: bool,
    secret: [u8; 32],
}

impl Parts {
    fn json(&self) -> Zeroizing<Vec<u8>> {
        let secret = Zeroizing::new(self.secret);
        let kid = self.kid.clone();
        let (created, active_from) = (self.created, self.active_from);
        let owner = &self.owner;
        Key::new(kid, owner, created, active_from, self.development, secret).to_json()
    }
}

fn parts() -> impl Strategy<Value = Parts> {
    let owner = prop_oneof![
        Just("tokens".to_owned()),
        Just("roles".to_owned()),
        "[a-z]{1,20}"
    ];
    let times = (any::<u64>(), any::<Option<u64>>(), any::<bool>());
    let parts = ("[!-~]{1,128}", owner, times, any::<[u8; 32]>());
    parts.prop_map(|(kid, owner, times, secret)| {
        let (created, active_from, development) = times;
        Parts {
            kid,
            owner,
            created,
            active_from,
            development,
            secret,
        }
    })
}

proptest! {
    #[test]
    fn any_text_is_refused(text in fuzzing::text()) {
        prop_assert!(Key::from_json(text.as_bytes()).is_err());
    }

    #[test]
    fn a_key_reads_back_the_same(parts in parts()) {
        let json = parts.json();
        if let Ok(again) = Key::from_json(&json) {
            prop_assert_eq!(&*again.to_json(), &*json);
        }
    }

    #[test]
    fn a_changed_file_is_read_or_refused(parts in parts(), mutation in mutation()) {
        let json = String::from_utf8(parts.json().to_vec()).unwrap();
        let _ = Key::from_json(mutation.apply(&json).as_bytes());
    }
}
