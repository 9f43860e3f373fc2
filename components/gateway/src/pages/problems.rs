//! What a kind of problem means, and the list of all kinds.

use serde::Serialize;
use service_kit::problem::{FieldError, kinds};

use super::Page;
use super::html::{code, escape, page, prose};
use crate::schemas::ProblemKind;

/// The page of one kind.
pub(crate) fn problem(kind: &ProblemKind) -> Page {
    let (status, name, title) = (kind.status, escape(&kind.name), escape(&kind.title));
    let (detail, remedy) = (prose(&kind.detail), prose(&kind.remedy));
    let example = example(kind);
    let head = format!("HTTP/1.1 {status}\ncontent-type: application/problem+json\n\n{example}");
    let main = format!(
        "<h1>{title}</h1>\n<p class=\"badges\"><span class=\"badge\">{status}</span> \
         <code>/problems/{name}</code></p>\n\
         <h2>What it means</h2>\n<p>{detail}</p>\n\
         <h2>What a client should do</h2>\n<p>{remedy}</p>\n\
         <h2>An example</h2>\n{example}\
         <p>Every problem has this form (<abbr title=\"Problem Details for HTTP APIs\">RFC 9457</abbr>). \
         Branch on <code>type</code>; the other texts are for people. A sealed answer holds the same \
         in its envelope.</p>\n<p><a href=\"/problems\">All problems</a></p>\n",
        example = code(&head),
    );
    Page(page(&kind.title, &main).into())
}

/// An answer of this kind. A struct keeps the order in which people read it.
#[derive(Serialize)]
struct Example<'a> {
    r#type: String,
    title: &'a str,
    status: u32,
    detail: &'a str,
    instance: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

fn example(kind: &ProblemKind) -> String {
    let error = FieldError {
        pointer: "/email".to_owned(),
        message: "`email` is required.".to_owned(),
        code: "required",
    };
    let errors = if kind.name == kinds::INVALID_FIELDS.name {
        std::slice::from_ref(&error)
    } else {
        &[]
    };
    let example = Example {
        r#type: format!("/problems/{}", kind.name),
        title: &kind.title,
        status: kind.status,
        detail: &kind.detail,
        instance: "/api/v1/…",
        errors,
    };
    serde_json::to_string_pretty(&example).unwrap_or_default()
}

/// The list of all kinds.
pub(crate) fn problem_list(kinds: &[ProblemKind]) -> Page {
    let mut main = String::from(
        "<h1>Problems</h1>\n<p>A failure is answered as <code>application/problem+json</code> \
         (RFC 9457). Its <code>type</code> is one of these pages.</p>\n<dl class=\"list\">\n",
    );
    for kind in kinds {
        let (status, name, title) = (kind.status, escape(&kind.name), escape(&kind.title));
        let detail = prose(&kind.detail);
        main.push_str(&format!(
            "<dt><span class=\"badge\">{status}</span> <a href=\"/problems/{name}\">{title}</a></dt>\
             <dd>{detail}</dd>\n"
        ));
    }
    main.push_str("</dl>\n");
    Page(page("Problems", &main).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shared_kind_has_a_page_that_explains_it() {
        for kind in kinds::ALL {
            let page = problem(&kind.into());
            let html = page.text();
            assert!(html.contains(&prose(kind.detail)), "{html}");
            assert!(html.contains(&prose(kind.remedy)), "{html}");
        }
    }
}
