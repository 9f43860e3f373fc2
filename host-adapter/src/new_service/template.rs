//! The files of a new service: those of the crate in `host-adapter/template`, with other names.
//!
//! Lines between `template: <when>` and `template: end`, in a comment, are kept only if `<when>` holds.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::names::{Names, capitalised};
use super::{NewService, Store};

const MANIFEST: &str = include_str!("../../template/Cargo.toml");
const REFERENCE: &str = "{}\n";
const ROUTES: &str = include_str!("../../template/src/lib.rs");
const ROWS: &str = include_str!("../../template/src/notes.rs");
const DOCUMENTS: &str = include_str!("../../template/src/documents.rs");
const TEST: &str = include_str!("../../template/e2e.rs");
const TABLE: &str = include_str!("../../template/migrations/0001_notes.up.sql");
const NO_TABLE: &str = include_str!("../../template/migrations/0001_notes.down.sql");
const INDEXES: &str = include_str!("../../template/migrations/0001_notes.indexes.toml");

/// The paths and texts of a service's files.
pub(super) fn files(names: &Names, service: &NewService<'_>) -> Vec<(PathBuf, String)> {
    let Names {
        service: name,
        plural,
        ..
    } = names;
    let component = |path: &str| PathBuf::from(format!("components/{name}/{path}"));
    let migration = |kind: &str| PathBuf::from(format!("migrations/{name}/0001_{plural}.{kind}"));
    let mut files = vec![
        (component("Cargo.toml"), MANIFEST),
        (component("src/lib.rs"), ROUTES),
        (component("e2e.rs"), TEST),
        // `./dev openapi` writes it from the code.
        (component("openapi.json"), REFERENCE),
    ];
    let code = component(&format!("src/{plural}.rs"));
    match service.store {
        Store::Postgres => files.extend([
            (code, ROWS),
            (migration("up.sql"), TABLE),
            (migration("down.sql"), NO_TABLE),
        ]),
        Store::Documents => files.extend([(code, DOCUMENTS), (migration("indexes.toml"), INDEXES)]),
    }
    let files = files.into_iter();
    files
        .map(|(path, text)| (path, rename(&select(text, service), names)))
        .collect()
}

/// The words of the template's code, without those that are replaced.
pub(super) fn words() -> BTreeSet<&'static str> {
    let code = [ROUTES, ROWS, DOCUMENTS, TEST]
        .into_iter()
        .flat_map(str::lines);
    let code = code.filter(|line| !line.trim_start().starts_with("//"));
    let words = code.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
    words
        .filter(|word| !word.is_empty() && !word.to_ascii_lowercase().contains("note"))
        .collect()
}

/// The lines that hold for this service.
fn select(text: &str, service: &NewService<'_>) -> String {
    let mut selected = String::new();
    let mut is_kept = true;
    for line in text.lines() {
        let comment = line
            .trim_start()
            .trim_start_matches(['/', '#'])
            .trim_start();
        match comment.strip_prefix("template: ") {
            Some("end") => is_kept = true,
            Some("event") => is_kept = service.sends_events,
            Some("documents") => is_kept = service.store == Store::Documents,
            Some(_) => is_kept = false,
            None if is_kept => {
                selected.push_str(line);
                selected.push('\n');
            }
            None => {}
        }
    }
    selected
}

fn rename(text: &str, names: &Names) -> String {
    let (plural, singular) = (names.plural_words(), names.singular_words());
    let (plural_title, singular_title) = (capitalised(&plural), capitalised(&singular));
    let upper = names.plural.to_ascii_uppercase();
    // The first that matches counts, so longer ones come first.
    let code = [
        ("service-template", names.service.as_str()),
        ("/api/v1/notes", &format!("/api/v1/{}", names.service)),
        ("\"Notes\"", &format!("\"{plural_title}\"")),
        ("\"Note ", &format!("\"{singular_title} ")),
        ("such note of", &format!("such {singular} of")),
        ("NOTES", &upper),
        ("notes", &names.plural),
        ("Note", &names.type_name),
        ("note", &names.singular),
    ];
    let prose = [
        ("Notes", plural_title.as_str()),
        ("notes", &plural),
        ("Note", &singular_title),
        ("note", &singular),
    ];
    let mut renamed = String::new();
    for line in text.lines() {
        let is_prose = ["//", "--", "# "]
            .iter()
            .any(|mark| line.trim_start().starts_with(mark));
        renamed += &replace(line, if is_prose { &prose } else { &code });
        renamed.push('\n');
    }
    renamed
}

/// Replaces each pattern once, and nothing in a replacement.
fn replace(line: &str, patterns: &[(&str, &str)]) -> String {
    let mut replaced = String::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let found = patterns
            .iter()
            .find_map(|(pattern, name)| Some((rest.strip_prefix(pattern)?, name)));
        if let Some((after, name)) = found {
            replaced.push_str(name);
            rest = after;
        } else {
            replaced.push(first);
            rest = rest.strip_prefix(first).unwrap_or_default();
        }
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, store: Store, sends_events: bool) -> String {
        let service = NewService {
            name,
            store,
            sends_events,
            port: None,
        };
        let names = Names::parse(name).unwrap();
        let files = files(&names, &service).into_iter();
        files
            .map(|(path, text)| format!("== {}\n{text}", path.display()))
            .collect()
    }

    #[test]
    fn nothing_of_the_template_is_left() {
        for (store, sends_events) in [
            (Store::Postgres, true),
            (Store::Postgres, false),
            (Store::Documents, false),
        ] {
            let text = text("order-items", store, sends_events);
            for left in ["note", "Note", "NOTE", "template", "feature"] {
                assert!(!text.contains(left), "{left}: {text}");
            }
            assert_eq!(text.contains("event::user_action"), sends_events, "{text}");
            assert_eq!(
                text.contains("serde_json.workspace"),
                store == Store::Documents,
                "{text}"
            );
        }
    }

    #[test]
    fn each_place_has_its_form_of_the_name() {
        let text = text("order-items", Store::Postgres, true);
        for part in [
            "== components/order-items/src/order_items.rs",
            "== migrations/order-items/0001_order_items.up.sql",
            "\"/api/v1/order-items/{id}\"",
            "Answer::created(\"Order item created\", order_item)",
            "insert into order_items (",
            "struct NewOrderItem {",
            "//! Order items",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_name_that_contains_the_templates_is_replaced_once() {
        let text = text("footnotes", Store::Documents, false);
        assert!(text.contains("FOOTNOTES: Collection<Footnote>"), "{text}");
        assert!(!text.contains("footfoot"), "{text}");
    }
}
