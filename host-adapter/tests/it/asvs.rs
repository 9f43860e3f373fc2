//! `docs/asvs.md`: every item of the chapters is there once, and every test that it names exists.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::support::project;

/// The items of levels 1 and 2 of OWASP ASVS 5.0.0 in V6, V9, V11, V13 and V16: a section, and its last item. Items
/// of level 3 are the last ones of their section.
const SECTIONS: [(&str, u32); 24] = [
    ("6.1", 3),
    ("6.2", 12),
    ("6.3", 4),
    ("6.4", 4),
    ("6.5", 5),
    ("6.6", 3),
    ("6.8", 4),
    ("9.1", 3),
    ("9.2", 4),
    ("11.1", 2),
    ("11.2", 3),
    ("11.3", 3),
    ("11.4", 4),
    ("11.5", 1),
    ("11.6", 1),
    ("13.1", 1),
    ("13.2", 5),
    ("13.3", 2),
    ("13.4", 5),
    ("16.1", 1),
    ("16.2", 5),
    ("16.3", 4),
    ("16.4", 3),
    ("16.5", 3),
];

const STATES: [&str; 5] = ["yes", "part", "no", "n/a", "operator"];

fn page() -> String {
    std::fs::read_to_string(project().join("docs/asvs.md")).expect("a page")
}

/// The rows of items: the item, and its other cells.
fn rows(page: &str) -> Vec<(&str, Vec<&str>)> {
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.trim_end_matches(" |").split(" | ");
        let item = cells.next()?;
        let is_item = item.split('.').count() == 3;
        is_item.then(|| (item, cells.collect()))
    });
    rows.collect()
}

#[test]
fn every_item_of_asvs_is_listed_once_with_its_state() {
    let expected: Vec<String> = SECTIONS
        .iter()
        .flat_map(|(section, last)| (1..=*last).map(move |item| format!("{section}.{item}")))
        .collect();
    let page = page();
    let rows = rows(&page);
    let items: Vec<&str> = rows.iter().map(|(item, _)| *item).collect();
    assert_eq!(items, expected);
    for (item, cells) in rows {
        let [about, state, why] = cells[..] else {
            panic!("{item} has {} cells", cells.len() + 1);
        };
        assert!(STATES.contains(&state), "{item}: {state}");
        assert!(!about.is_empty() && !why.is_empty(), "{item}");
    }
}

#[test]
fn every_test_that_the_page_of_asvs_names_exists() {
    let sources = sources();
    let page = page();
    let mut tests: Vec<&str> = page.split('`').skip(1).step_by(2).collect();
    tests.retain(|code| code.contains("::") && !code.contains([' ', '/']));
    assert!(tests.len() > 60, "only {} tests are named", tests.len());
    let missing = tests.iter().filter(|test| !exists(&sources, test));
    let missing: Vec<_> = missing.collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Whether `module::test` is a test in a file or an inline module of that path.
fn exists(sources: &BTreeMap<PathBuf, String>, test: &str) -> bool {
    let mut names: Vec<&str> = test.split("::").collect();
    let Some(test) = names.pop() else {
        return false;
    };
    let function = format!("fn {test}(");
    sources.iter().any(|(path, text)| {
        let in_path = |name: &str| path.iter().any(|part| part == name);
        let is_module = |name: &&str| in_path(name) || text.contains(&format!("mod {name} {{"));
        names.iter().all(is_module) && is_test(text, &function)
    })
}

/// An attribute of a test is among the lines above the function.
fn is_test(text: &str, function: &str) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    let found = lines.iter().position(|line| line.contains(function));
    found.is_some_and(|found| {
        let above = lines[..found].iter().rev();
        let mut above = above.take_while(|line| !line.trim().is_empty() && !line.starts_with('}'));
        above.any(|line| line.contains("test]") || line.contains("tokio::test("))
    })
}

/// The texts of all source files, by their paths without the extension.
fn sources() -> BTreeMap<PathBuf, String> {
    let mut sources = BTreeMap::new();
    for folder in ["host-adapter", "components"] {
        collect(&project().join(folder), &mut sources);
    }
    sources
}

fn collect(folder: &Path, sources: &mut BTreeMap<PathBuf, String>) {
    for entry in folder.read_dir().expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file");
            sources.insert(path.with_extension(""), text);
        }
    }
}
