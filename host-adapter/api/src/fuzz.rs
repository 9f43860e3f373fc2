//! Properties of the adapter's protocol, for any call.

use adapter_contract::postgres::{Message, Statement, Value};
use http::{HeaderMap, HeaderValue};
use proptest::{collection::vec, prelude::*};

use crate::{functions::parse_arguments, protocol};

type Transaction = (Vec<Statement>, Vec<Message>);

fn value() -> impl Strategy<Value = Value> {
    let number = any::<f64>().prop_filter("JSON has no such number", |number| number.is_finite());
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Int64),
        number.prop_map(Value::Float64),
        "(?s).{0,20}".prop_map(Value::Text),
        vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
        "(?s).{0,20}".prop_map(Value::Json),
    ]
}

fn statement() -> impl Strategy<Value = Statement> {
    let expected = any::<Option<u64>>();
    ("(?s).{0,40}", vec(value(), 0..4), expected).prop_map(|(sql, params, expected_rows)| {
        Statement {
            sql,
            params,
            expected_rows,
        }
    })
}

proptest! {
    #[test]
    fn arguments_arrive_as_they_were_sent(statements in vec(statement(), 0..4)) {
        let sent: Transaction = (statements, vec![]);
        let arguments = serde_json::to_vec(&sent).expect("JSON");
        prop_assert_eq!(parse_arguments::<Transaction>(&arguments).ok(), Some(sent));
    }

    #[test]
    fn any_arguments_are_read_or_rejected(text in prop_oneof!["(?s).{0,200}", "[\\[\\]{}\",:a-z0-9 -]{0,200}"]) {
        if let Err(rejection) = parse_arguments::<Transaction>(text.as_bytes()) {
            // It is logged, so it does not repeat what was sent, which may be a secret.
            let message = rejection.to_string();
            prop_assert!(text.len() < 20 || !message.contains(&text), "{}", message);
        }
        let _ = parse_arguments::<(String, String)>(text.as_bytes());
    }

    #[test]
    fn arguments_that_are_cut_are_rejected(statements in vec(statement(), 1..3), cut: prop::sample::Index) {
        let sent: Transaction = (statements, vec![]);
        let arguments = serde_json::to_vec(&sent).expect("JSON");
        let cut = &arguments[..cut.index(arguments.len())];
        prop_assert!(parse_arguments::<Transaction>(cut).is_err());
    }

    #[test]
    fn any_version_is_accepted_or_rejected(version in prop_oneof!["[0-9.]{0,12}", "[\t -~]{0,40}"]) {
        let mut headers = HeaderMap::new();
        headers.insert("spindle-adapter-version", HeaderValue::try_from(&version).expect("a value"));
        let numbers: Vec<Option<u32>> = version.split('.').take(2).map(|part| part.parse().ok()).collect();
        let is_accepted = protocol::check(&headers).is_ok();
        prop_assert_eq!(is_accepted, numbers == [Some(0), Some(1)], "{}", version);
    }
}
