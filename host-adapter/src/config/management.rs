//! Who may see the operators' page.

use std::path::Path;

use adapter_management::Access;
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    databases::{note, place_of, read_variable},
    layers::Layers,
};

/// The variable with the token, or `MANAGEMENT_TOKEN_FILE`.
const TOKEN: &str = "MANAGEMENT_TOKEN";

/// Fewest characters of a token. A shorter one can be guessed.
const MIN_TOKEN: usize = 16;

/// Reads who may see the page: requests with the token if it is set, and otherwise every user of the
/// machine. In production the page is closed unless a token is set.
pub(super) fn read(layers: &mut Layers<'_>, project: &Path, production: bool) -> Access {
    let Some(token) = read_variable(layers, project, TOKEN) else {
        return if production {
            Access::Closed
        } else {
            Access::Open
        };
    };
    if is_token(&token) {
        note(layers, "management", TOKEN);
        return Access::Token(token);
    }
    let place = place_of(layers.environment, TOKEN);
    let text = format!(
        "`{TOKEN}` must have at least {MIN_TOKEN} characters, only letters, digits, `-`, `_` and `.`"
    );
    layers.reject(place, text);
    Access::Closed
}

/// The page stores the token in a cookie, which may have only these characters without quotes.
fn is_token(token: &SecretString) -> bool {
    let text = token.expose_secret();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    text.len() >= MIN_TOKEN && text.bytes().all(allowed)
}
