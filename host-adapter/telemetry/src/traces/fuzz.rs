//! Properties of `traceparent`, for any value.

use proptest::prelude::*;

use super::Position;

proptest! {
    #[test]
    fn any_value_is_read_or_ignored(value in prop_oneof!["(?s).{0,80}", "[0-9a-f-]{50,60}"]) {
        if let Some(position) = Position::parse(&value) {
            prop_assert_eq!(Position::parse(&position.to_string()), Some(position));
        }
    }

    #[test]
    fn a_position_reads_back_the_same(trace in 1_u128.., span in 1_u64.., sampled: bool) {
        let value = format!("00-{trace:032x}-{span:016x}-{:02x}", u8::from(sampled));
        let position = Position::parse(&value);
        prop_assert_eq!(position.map(|position| position.to_string()), Some(value));
    }
}
