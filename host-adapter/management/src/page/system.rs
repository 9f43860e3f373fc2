//! `/migrations` and `/settings`.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State as Extract, response::Response};

use super::{render, starting};
use crate::{Migration, State};

#[derive(Template)]
#[template(path = "migrations.html")]
struct Migrations {
    active: &'static str,
    error: String,
    migrations: Vec<Migration>,
}

#[derive(Template)]
#[template(path = "settings.html")]
struct Settings {
    active: &'static str,
    sections: Vec<Section>,
}

struct Section {
    name: String,
    rows: Vec<(String, String)>,
}

pub(super) async fn migrations(Extract(state): Extract<Arc<State>>) -> Response {
    let Some((operations, _)) = state.running() else {
        return starting();
    };
    let (migrations, error) = match operations.migrations().await {
        Ok(migrations) => (migrations, String::new()),
        Err(error) => (Vec::new(), error),
    };
    render(&Migrations {
        active: "/migrations",
        error,
        migrations,
    })
}

pub(super) async fn settings(Extract(state): Extract<Arc<State>>) -> Response {
    let Some((operations, _)) = state.running() else {
        return starting();
    };
    render(&Settings {
        active: "/settings",
        sections: sections(&operations.settings()),
    })
}

/// Splits the text of `host-adapter config check` into sections and their lines.
fn sections(text: &str) -> Vec<Section> {
    let mut sections = vec![Section {
        name: String::new(),
        rows: Vec::new(),
    }];
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            sections.push(Section {
                name: name.to_owned(),
                rows: Vec::new(),
            });
        } else if let Some(section) = sections.last_mut() {
            let (setting, source) = line.split_once(" # ").unwrap_or((line, ""));
            section
                .rows
                .push((setting.trim_end().to_owned(), source.to_owned()));
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_grouped_by_section() {
        let found = sections("production = false\n\n[host]\nthreads = 2     # default\n");
        let names: Vec<_> = found.iter().map(|section| section.name.as_str()).collect();
        assert_eq!(names, ["", "host"]);
        let row = ("threads = 2".to_owned(), "default".to_owned());
        assert_eq!(found.get(1).map(|section| &section.rows), Some(&vec![row]));
    }
}
