//! How long, and how often, an envelope opens.

use super::*;

#[test]
fn an_envelope_is_good_for_a_minute_and_not_before_its_time() {
    let envelopes = envelopes();
    let age = |sealed: u64| {
        let envelope = envelopes.seal_at(BODY, sealing(), sealed).unwrap().envelope;
        envelopes
            .check(&envelope, &opening(), NOW)
            .map(|opened| opened.payload)
    };
    assert_eq!(age(NOW - 60).as_deref(), Ok(BODY));
    assert_eq!(age(NOW - 61), Err("too-old"));
    assert_eq!(age(NOW + 5).as_deref(), Ok(BODY));
    assert_eq!(age(NOW + 6), Err("from-the-future"));
    assert_eq!(age(0), Err("too-old"));
    assert_eq!(age(u64::MAX), Err("from-the-future"));
}

#[test]
fn an_envelope_opens_once() {
    let envelopes = envelopes();
    let envelope = seal(&envelopes).envelope;
    envelopes.open_at(&envelope, opening(), NOW).unwrap();
    refuses(&envelopes, &envelope, opening(), "replayed");
    assert_eq!(
        envelopes.check(&envelope, &opening(), NOW + 60).err(),
        Some("replayed")
    );
    assert_eq!(
        envelopes.check(&envelope, &opening(), NOW + 61).err(),
        Some("too-old")
    );
}

#[test]
fn a_refused_envelope_is_not_used_up() {
    let envelopes = envelopes();
    let envelope = seal(&envelopes).envelope;
    refuses(
        &envelopes,
        &envelope,
        Opening {
            path: "/other",
            ..opening()
        },
        "wrong-path",
    );
    envelopes.open_at(&envelope, opening(), NOW).unwrap();
}

#[test]
fn above_the_replay_capacity_envelopes_are_refused_until_others_are_too_old() {
    let directory = TempDir::new().unwrap();
    let settings = EnvelopeSettings {
        replay_capacity: 1,
        ..Default::default()
    };
    let envelopes = Envelopes::new(settings, &ring(&directory)).unwrap();
    envelopes
        .open_at(&seal(&envelopes).envelope, opening(), NOW)
        .unwrap();
    refuses(
        &envelopes,
        &seal(&envelopes).envelope,
        opening(),
        "too-many-envelopes",
    );
    let later = envelopes
        .seal_at(BODY, sealing(), NOW + 61)
        .unwrap()
        .envelope;
    envelopes.open_at(&later, opening(), NOW + 61).unwrap();
}

#[test]
fn an_old_key_opens_until_its_window_ends_and_the_new_one_seals() {
    let directory = TempDir::new().unwrap();
    let before = Envelopes::new(EnvelopeSettings::default(), &ring(&directory)).unwrap();
    let new = KeyRing::generate(directory.path(), "user", true).unwrap();
    let ring = ring(&directory);
    let until = ring
        .of_kind(KeyKind::Envelope)
        .find_map(|ring| ring.readable_until)
        .unwrap();
    let after = Envelopes::new(EnvelopeSettings::default(), &ring).unwrap();
    assert_eq!(after.sealing["user"].kid, new.kid);

    for (now, expected) in [(until, None), (until + 1, Some("expired-key"))] {
        let envelope = before.seal_at(BODY, sealing(), now).unwrap().envelope;
        assert_eq!(after.check(&envelope, &opening(), now).err(), expected);
    }
}
