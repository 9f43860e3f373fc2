//! What a kind of problem means, and the list of all kinds.

use serde_json::{Value, json};

use super::Page;
use super::html::{code, escape, page, prose};
use crate::schemas::ProblemKind;

/// The page of one kind.
pub(crate) fn problem(kind: &ProblemKind) -> Page {
    let (status, name, title) = (kind.status, escape(&kind.name), escape(&kind.title));
    let (detail, remedy) = (prose(&kind.detail), prose(&kind.remedy));
    let example = serde_json::to_string_pretty(&example(kind)).unwrap_or_default();
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
    Page(page(&kind.title, &main))
}

fn example(kind: &ProblemKind) -> Value {
    let mut example = json!({
        "type": format!("/problems/{}", kind.name), "title": kind.title, "status": kind.status,
        "detail": kind.detail, "instance": "/api/v1/…",
    });
    if kind.name == "invalid-fields" {
        let error =
            json!({"pointer": "/email", "message": "`email` is required.", "code": "required"});
        example["errors"] = json!([error]);
    }
    example
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
    Page(page("Problems", &main))
}

#[cfg(test)]
mod tests {
    use super::*;
    use service_kit::problem::kinds;

    #[test]
    fn every_shared_kind_has_a_page_that_explains_it() {
        for kind in kinds::ALL {
            let Page(html) = problem(&kind.into());
            assert!(html.contains(&prose(kind.detail)), "{html}");
            assert!(html.contains(&prose(kind.remedy)), "{html}");
        }
    }
}
