//! Properties of the settings, for any file.

use proptest::prelude::*;

use super::{SHIPPED, load};

/// The lines of the shipped file that give a key a value.
fn keys() -> Vec<usize> {
    let lines = SHIPPED.lines().enumerate();
    let has_value = |line: &str| !line.starts_with('#') && line.contains(" = ");
    let keys = lines.filter(|(_, line)| has_value(line));
    keys.map(|(number, _)| number).collect()
}

proptest! {
    // Each writes a file.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, ..ProptestConfig::default() })]

    #[test]
    fn any_file_is_read_or_refused(file in prop_oneof!["(?s).{0,200}", "[a-z=\"{}\\[\\]\n .0-9_]{0,200}"]) {
        let _ = load(&file, &[]);
    }

    #[test]
    fn any_value_of_a_key_is_read_or_refused(
        line in proptest::sample::select(keys()),
        value in prop_oneof![
            "-?[0-9]{1,20}", "\"[0-9]{0,20}[a-zA-Z]{0,3}\"", "\"\\PC{0,12}\"", "(true|false|\\[\\]|\\{\\}|1.5|1979-05-27)",
        ],
    ) {
        let mut lines: Vec<String> = SHIPPED.lines().map(str::to_owned).collect();
        let key = lines[line].split(" = ").next().unwrap_or_default().to_owned();
        lines[line] = format!("{key} = {value}");
        if let Err(error) = load(&lines.join("\n"), &[]) {
            // It says where.
            let error = error.to_string();
            prop_assert!(error.contains(&key) || error.contains("line "), "{}: {}", lines[line], error);
        }
    }
}
