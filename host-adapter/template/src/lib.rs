//! Notes of users: created, listed and deleted.

// template: omit
#[cfg_attr(feature = "documents", path = "documents.rs")]
// template: end
mod notes;

use notes::{NewNote, Note};
use service_kit::page::{Page, PageRequest};
use service_kit::problem::{Problem, kinds};
use service_kit::routing::{Id, Routes, delete, get, post};
use service_kit::{Answer, Created, Input, Query, Result, UserId};

service_kit::service!(routes);

fn routes(routes: Routes) -> Routes {
    routes
        .optional("/api/v1/notes", post(create).merge(get(list)))
        .optional(
            "/api/v1/notes/{id}",
            delete(remove).problems([Problem::of(&kinds::NOT_FOUND)]),
        )
}

async fn create(UserId(user): UserId, Input(new): Input<NewNote>) -> Result<Created<Note>> {
    let note = notes::create_note(user, new).await?;
    Ok(Answer::created("Note created", note).private())
}

async fn list(UserId(user): UserId, Query(page): Query<PageRequest>) -> Result<Answer<Page<Note>>> {
    let page = notes::list_notes(user, page).await?;
    Ok(Answer::ok("Notes", page).private())
}

async fn remove(UserId(user): UserId, Id(id): Id) -> Result<Answer<()>> {
    if notes::delete_note(user, id).await? {
        return Ok(Answer::ok("Note deleted", ()));
    }
    let detail = "There is no such note of yours.";
    Err(Problem::new(&kinds::NOT_FOUND, detail))
}
