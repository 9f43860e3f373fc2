//! Properties of the adapter's protocol, for any call.

use adapter_contract::postgres::{Message, Statement, Value};
use adapter_wire::{Call, Format, HEAD, Hello, read_answer, read_call};
use proptest::{collection::vec, prelude::*};

use crate::{functions::parse_arguments, protocol};

type Transaction = (Vec<Statement>, Vec<Message>);

fn format() -> impl Strategy<Value = Format> {
    prop_oneof![Just(Format::Json), Just(Format::Binary)]
}

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
    fn arguments_arrive_as_they_were_sent(format in format(), statements in vec(statement(), 0..4)) {
        let sent: Transaction = (statements, vec![]);
        let arguments = format.encode(&sent, vec![]).expect("arguments");
        prop_assert_eq!(parse_arguments::<Transaction>(format, &arguments).ok(), Some(sent));
    }

    #[test]
    fn any_arguments_are_read_or_rejected(text in prop_oneof!["(?s).{0,200}", "[\\[\\]{}\",:a-z0-9 -]{0,200}"]) {
        if let Err(rejection) = parse_arguments::<Transaction>(Format::Json, text.as_bytes()) {
            // It is logged, so it does not repeat what was sent, which may be a secret.
            let message = rejection.to_string();
            prop_assert!(text.len() < 20 || !message.contains(&text), "{}", message);
        }
        let _ = parse_arguments::<(String, String)>(Format::Json, text.as_bytes());
    }

    #[test]
    fn any_bytes_are_read_or_rejected(bytes in vec(any::<u8>(), 0..200)) {
        let _ = parse_arguments::<Transaction>(Format::Binary, &bytes);
        let _ = parse_arguments::<(String, Vec<Value>)>(Format::Binary, &bytes);
        let _ = (Hello::read(&bytes), read_answer(&bytes));
        if let Ok((_, arguments)) = read_call(&bytes) {
            prop_assert!(bytes.ends_with(arguments));
        }
    }

    #[test]
    fn a_frame_is_read_as_it_was_written(
        [function, request_id, traceparent] in ["(?s).{0,40}", "(?s).{0,40}", "(?s).{0,40}"],
        milliseconds: Option<u32>,
        format in format(),
        arguments in vec(any::<u8>(), 0..40),
    ) {
        let call = Call {
            function: &function,
            request_id: &request_id,
            traceparent: &traceparent,
            milliseconds,
            format,
        };
        let frame = call.write(&arguments, vec![]).expect("a frame");
        let (head, frame) = frame.split_first_chunk::<HEAD>().expect("a head");
        prop_assert_eq!(u32::from_le_bytes(*head) as usize, frame.len());
        prop_assert_eq!(read_call(frame).ok(), Some((call, &arguments[..])));
    }

    #[test]
    fn arguments_that_are_cut_are_rejected(
        format in format(),
        statements in vec(statement(), 1..3),
        cut: prop::sample::Index,
    ) {
        let sent: Transaction = (statements, vec![]);
        let arguments = format.encode(&sent, vec![]).expect("arguments");
        let cut = &arguments[..cut.index(arguments.len())];
        prop_assert!(parse_arguments::<Transaction>(format, cut).is_err());
    }

    #[test]
    fn any_version_is_accepted_or_rejected(version in prop_oneof!["[0-9.]{0,12}", "[\t -~]{0,40}"]) {
        let numbers: Vec<Option<u32>> = version.split('.').take(2).map(|part| part.parse().ok()).collect();
        let is_accepted = protocol::check(&version).is_ok();
        prop_assert_eq!(is_accepted, numbers == [Some(0), Some(1)], "{}", version);
    }
}
