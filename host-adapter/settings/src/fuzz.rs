//! Properties of amounts, for any text.

use proptest::prelude::*;

use crate::{
    parse_duration, parse_size,
    quantity::{DURATION_UNITS, SIZE_UNITS, parse, show},
};

proptest! {
    #[test]
    fn any_text_is_an_amount_or_not(text in prop_oneof!["(?s).{0,20}", "[0-9]{0,22} ?[a-zA-Z]{0,3}"]) {
        let _ = (parse_duration(&text), parse_size(&text));
    }

    #[test]
    fn an_amount_reads_back_the_same(amount: u64) {
        for units in [DURATION_UNITS, SIZE_UNITS] {
            prop_assert_eq!(parse(&show(amount, units), units), Some(amount));
        }
    }
}
