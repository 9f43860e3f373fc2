//! What notes are, and what is done with them: each function reaches only those of one user.

use serde::{Deserialize, Serialize};
use serde_json::json;
use service_kit::collection::filter::eq;
use service_kit::input::{FromFields, rules};
use service_kit::openapi::Schema;
use service_kit::page::{Item, Page, PageRequest};
use service_kit::{Collection, Failure, OffsetDateTime, Uuid, clock, extended_json};

const NOTES: Collection<Note> = Collection::new("notes");

/// What a client sends.
#[derive(FromFields)]
pub(crate) struct NewNote {
    #[rule(rules::text(1, 100))]
    title: String,
    #[rule(rules::text_with_lines(1, 10_000))]
    text: Option<String>,
}

/// As it is listed, read from its document.
#[derive(Deserialize, Item, Schema, Serialize)]
pub(crate) struct Note {
    #[serde(rename(deserialize = "_id"))]
    id: Uuid,
    title: String,
    text: Option<String>,
    #[at]
    #[serde(
        deserialize_with = "extended_json::deserialize",
        serialize_with = "clock::serialize"
    )]
    created_at: OffsetDateTime,
}

pub(crate) async fn create_note(user_id: Uuid, new: NewNote) -> Result<Note, Failure> {
    let note = Note {
        id: Uuid::now_v7(),
        title: new.title,
        text: new.text,
        created_at: OffsetDateTime::now_utc(),
    };
    let document = json!({
        "_id": note.id,
        "user_id": user_id,
        "title": note.title,
        "text": note.text,
        "created_at": extended_json::date(note.created_at),
    });
    NOTES.insert(&document).await?;
    Ok(note)
}

/// The newest first.
pub(crate) async fn list_notes(user_id: Uuid, page: PageRequest) -> Result<Page<Note>, Failure> {
    let notes = NOTES.find(eq("user_id", user_id));
    notes.fetch_page("created_at", &page).await
}

/// Whether there was one.
pub(crate) async fn delete_note(user_id: Uuid, id: Uuid) -> Result<bool, Failure> {
    let removed = NOTES.remove(eq("_id", id).and(eq("user_id", user_id)));
    Ok(removed.await? > 0)
}
