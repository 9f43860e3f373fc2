//! How long and how often an envelope can be opened.

use super::*;

#[test]
fn envelope_is_valid_for_a_minute_and_not_earlier() {
    let envelopes = envelopes();
    let open_sealed_at = |sealed: u64| {
        let envelope = envelopes
            .seal_at(BODY, seal_request(), sealed)
            .unwrap()
            .envelope;
        envelopes
            .check(&envelope, &expected(), NOW)
            .map(|(opened, _)| opened.payload)
    };
    assert_eq!(open_sealed_at(NOW - 60).as_deref(), Ok(BODY));
    assert_eq!(open_sealed_at(NOW - 61), Err("too-old"));
    assert_eq!(open_sealed_at(NOW + 5).as_deref(), Ok(BODY));
    assert_eq!(open_sealed_at(NOW + 6), Err("from-the-future"));
    assert_eq!(open_sealed_at(0), Err("too-old"));
    assert_eq!(open_sealed_at(u64::MAX), Err("from-the-future"));
}

#[test]
fn envelope_opens_once() {
    let envelopes = envelopes();
    let envelope = seal(&envelopes).envelope;
    envelopes.open_at(&envelope, expected(), NOW).unwrap();
    assert_rejected(&envelopes, &envelope, expected(), "replayed");
    assert_eq!(
        envelopes.check(&envelope, &expected(), NOW + 60).err(),
        Some("replayed")
    );
    assert_eq!(
        envelopes.check(&envelope, &expected(), NOW + 61).err(),
        Some("too-old")
    );
}

#[test]
fn rejected_envelope_can_still_be_opened() {
    let envelopes = envelopes();
    let envelope = seal(&envelopes).envelope;
    assert_rejected(
        &envelopes,
        &envelope,
        ExpectedClaims {
            path: "/other",
            ..expected()
        },
        "wrong-path",
    );
    envelopes.open_at(&envelope, expected(), NOW).unwrap();
}

#[test]
fn full_replay_guard_rejects_until_envelopes_expire() {
    let directory = TempDir::new().unwrap();
    let settings = EnvelopeSettings {
        replay_capacity: 1,
        ..Default::default()
    };
    let envelopes = Envelopes::new(settings, &ring(&directory)).unwrap();
    envelopes
        .open_at(&seal(&envelopes).envelope, expected(), NOW)
        .unwrap();
    assert_rejected(
        &envelopes,
        &seal(&envelopes).envelope,
        expected(),
        "too-many-envelopes",
    );
    let later = envelopes
        .seal_at(BODY, seal_request(), NOW + 61)
        .unwrap()
        .envelope;
    envelopes.open_at(&later, expected(), NOW + 61).unwrap();
}

#[test]
fn old_key_opens_until_it_expires_and_new_key_seals() {
    let directory = TempDir::new().unwrap();
    let before = Envelopes::new(EnvelopeSettings::default(), &ring(&directory)).unwrap();
    let new = KeyRing::generate(directory.path(), "user", true).unwrap();
    let ring = ring(&directory);
    let until = ring
        .keys_of_kind(KeyKind::Envelope)
        .find_map(|ring_key| ring_key.period.readable_until)
        .unwrap();
    let after = Envelopes::new(EnvelopeSettings::default(), &ring).unwrap();
    assert_eq!(after.keys().sealing("user", NOW).unwrap().kid, new.kid);

    for (now, reason) in [(until, None), (until + 1, Some("expired-key"))] {
        let envelope = before.seal_at(BODY, seal_request(), now).unwrap().envelope;
        assert_eq!(after.check(&envelope, &expected(), now).err(), reason);
    }
}
