//! The known name that is nearest to an unknown one.

/// The name in `known` that is nearest to `name`, if the difference can be a typing error: at most
/// one edit in three characters.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let tolerance = (name.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= tolerance)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The end of an error about an unknown name: the nearest known one, else all of them.
pub(crate) fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(name, known.iter().copied()) {
        Some(candidate) => format!("; did you mean `{candidate}`?"),
        None if known.is_empty() => String::new(),
        None => format!("; known are `{}`", known.join("`, `")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typo_is_recognised_and_other_word_is_not() {
        let known = ["connections", "max_rows", "max_bytes"];
        assert_eq!(nearest("conections", known), Some("connections"));
        assert_eq!(nearest("max_row", known), Some("max_rows"));
        assert_eq!(nearest("timeout", known), None);
    }

    #[test]
    fn without_a_near_name_all_are_listed() {
        assert_eq!(
            suggestion("x", ["alpha", "beta"]),
            "; known are `alpha`, `beta`"
        );
    }
}
