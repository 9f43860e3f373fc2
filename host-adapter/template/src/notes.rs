//! What notes are, and what is done with them: each function reaches only those of one user.

use serde::Serialize;
use service_kit::input::{FromFields, rules};
use service_kit::openapi::Schema;
use service_kit::page::{Item, Page, PageRequest};
use service_kit::sql::{Error, FromRow, Transaction, sql};
use service_kit::{OffsetDateTime, Uuid, clock};

/// What a client sends.
#[derive(FromFields)]
pub(crate) struct NewNote {
    #[rule(rules::text(1, 100))]
    title: String,
    #[rule(rules::text_with_lines(1, 10_000))]
    text: Option<String>,
}

/// As it is stored and listed.
#[derive(FromRow, Item, Schema, Serialize)]
pub(crate) struct Note {
    id: Uuid,
    title: String,
    text: Option<String>,
    #[at]
    #[serde(serialize_with = "clock::serialize")]
    created_at: OffsetDateTime,
}

// template: event
/// Stores it and the event about it, or nothing.
// template: end
pub(crate) async fn create_note(user_id: Uuid, new: NewNote) -> Result<Note, Error> {
    let note = Note {
        id: Uuid::now_v7(),
        title: new.title,
        text: new.text,
        created_at: OffsetDateTime::now_utc(),
    };
    let insert =
        sql("insert into notes (id, user_id, title, text, created_at) values ($1, $2, $3, $4, $5)")
            .bind(note.id)
            .bind(user_id)
            .bind(&note.title)
            .bind(&note.text)
            .bind(note.created_at);
    Transaction::new()
        .execute(insert)
        // template: event
        .send(service_kit::event::user_action("note_created", user_id)?)
        // template: end
        .commit()
        .await?;
    Ok(note)
}

/// The newest first.
pub(crate) async fn list_notes(user_id: Uuid, page: PageRequest) -> Result<Page<Note>, Error> {
    let all = sql("select id, title, text, created_at from notes where user_id = $1");
    all.bind(user_id).fetch_page("created_at", &page).await
}

/// Whether there was one.
pub(crate) async fn delete_note(user_id: Uuid, id: Uuid) -> Result<bool, Error> {
    let delete = sql("delete from notes where user_id = $1 and id = $2");
    Ok(delete.bind(user_id).bind(id).execute().await? > 0)
}
