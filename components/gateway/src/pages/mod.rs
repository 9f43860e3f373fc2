//! Pages for people: the API reference, and what each kind of problem means.
//!
//! They are plain HTML, made here from the same documents that programs read, with one style sheet and
//! no script. So they work offline, and the browser is told to run nothing.

mod answers;
mod docs;
mod html;
mod problems;
mod schema;

pub(crate) use answers::{JsonOrPage, OpenApi, Page, STYLE_PATH, Style, WantsJson};
pub(crate) use docs::docs;
pub(crate) use problems::{problem, problem_list};
