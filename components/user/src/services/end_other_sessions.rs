//! The end of all sessions of a user but one.

use serde_json::json;
use service_kit::adapter::postgres::{self, Value};
use service_kit::adapter::tokens;
use service_kit::problem::Problem;
use service_kit::rows::Columns;
use service_kit::{Result, problem};

/// Within what one call of `tokens.end` takes.
const FIND: &str = "select id from sessions \
     where user_id = $1 and id is distinct from $2 and ended_at is null and expires_at > now() \
     limit 500";

const MARK: &str = "update sessions set ended_at = now() where ended_at is null \
     and id in (select value::uuid from jsonb_array_elements_text($1))";

/// Ten thousand sessions within the life of a token are more than passwords can be checked for; who
/// has as many ends the rest by asking again.
const MAX_ROUNDS: usize = 20;

/// End every session of a user except `kept`, and say how many there were.
pub(super) async fn end_other_sessions(user_id: &str, kept: Option<&str>) -> Result<usize> {
    let kept = kept.map_or(Value::Null, |id| Value::Uuid(id.to_owned()));
    let mut ended = 0;
    for _ in 0..MAX_ROUNDS {
        let params = vec![Value::Uuid(user_id.to_owned()), kept.clone()];
        let rows = postgres::fetch(FIND.to_owned(), params).await?.rows;
        if rows.is_empty() {
            return Ok(ended);
        }
        let sessions = rows
            .into_iter()
            .map(|row| Columns::from(row).next())
            .collect::<Result<Vec<String>>>()?;
        let marked = Value::Json(json!(sessions).to_string());
        ended += sessions.len();
        // The tokens first, as when a single session ends.
        tokens::end(sessions).await?;
        postgres::execute(MARK.to_owned(), vec![marked]).await?;
    }
    let detail = "There are too many sessions to end at once. Try again.";
    Err(Problem::new(&problem::kinds::UNAVAILABLE, detail))
}
