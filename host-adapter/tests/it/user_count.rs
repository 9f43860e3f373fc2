//! `GET /api/v1/users/stats/count`, which costs the same for any number of users.

use serde_json::json;
use sqlx::Executor as _;

use crate::support::{App, HostMode};

/// The count is kept by triggers, so it has to follow what changes users in any way.
#[tokio::test]
async fn the_user_count_follows_every_change() {
    let app = App::start(HostMode::Embedded).await;
    let mut sql = app.admin_connection().await;
    sql.execute("set search_path = \"user\"")
        .await
        .expect("set");
    for name in ["ada", "eve", "bob"] {
        app.register(name).await.expect(201);
    }
    let close_two = "update users set is_active = false where username <> 'ada'";
    for (change, total, active) in [
        ("select 1", 3, 3),
        (close_two, 3, 1),
        (
            "update users set is_active = true where username = 'eve'",
            3,
            2,
        ),
        ("delete from users where username = 'ada'", 2, 1),
        ("begin; delete from users; rollback", 2, 1),
        ("truncate users cascade", 0, 0),
    ] {
        sql.execute(change).await.expect("a change");
        let inactive = total - active;
        let expected =
            json!({ "total_users": total, "active_users": active, "inactive_users": inactive });
        let count = app.get("/api/v1/users/stats/count").send().await;
        assert_eq!(count.expect(200).json()["data"], expected, "{change}");
    }
}
