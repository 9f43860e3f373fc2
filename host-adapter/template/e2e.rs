//! Notes, end to end.

use rstest::rstest;
use serde_json::json;

use crate::support::{App, HostMode};

const PATH: &str = "/api/v1/notes";

#[rstest]
#[tokio::test]
async fn notes_are_listed_until_their_user_deletes_them(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let ada = app.register_and_log_in("ada").await;
    let eve = app.register_and_log_in("eve").await;
    let create = |body| app.post(PATH).bearer(&ada).json(&body).send();
    for title in ["first", "second"] {
        create(json!({ "title": title })).await.expect(201);
    }
    // template: event
    app.wait_for_event("note_created", &ada).await;
    // template: end
    let wrong = create(json!({ "title": "", "text": 1 })).await;
    assert_eq!(wrong.expect(422).pointers(), ["/text", "/title"]);
    let (items, next) = app.get_page(&format!("{PATH}?limit=1"), &ada).await;
    assert_eq!(items[0]["title"], "second");
    let rest = format!("{PATH}?cursor={}", next.expect("a second page"));
    let (items, next) = app.get_page(&rest, &ada).await;
    assert_eq!((&items[0]["title"], next), (&json!("first"), None));
    let note = format!("{PATH}/{}", items[0]["id"].as_str().expect("an id"));
    let delete = |token| app.request(reqwest::Method::DELETE, &note).bearer(token);
    delete(&eve).send().await.expect_problem(404, "not-found");
    delete(&ada).send().await.expect(200);
    assert_eq!(app.get_page(PATH, &ada).await.0.len(), 1);
}
