//! The errors of this service, and the problem that a client receives for each.

use service_kit::problem::{FieldError, Kind, Problem, kinds};
use service_kit::{Failure, SubjectError, TokenRejected, kind, sql};

/// The result of a service function.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a service function failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Error {
    UsernameTaken,
    EmailTaken,
    InvalidCredentials,
    AccountInactive,
    UnknownAudience,
    /// The next attempt is possible after this many seconds.
    TooManyAttempts(u32),
    WrongPassword,
    /// The new password in this field is not acceptable.
    GuessablePassword(&'static str, Guessable),
    PasswordChangedMeanwhile,
    NoSession,
    SessionNotFound,
    TooManySessions,
    UserGone,
    /// The access token of the request is not accepted.
    TokenRejected(TokenRejected),
    KeyReused,
    RequestInProgress,
    Failure(Failure),
}

/// Why a password is easy to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guessable {
    Common,
    Personal,
}

impl Guessable {
    fn at(self, field: &str) -> FieldError {
        let (code, what) = match self {
            Self::Common => ("common", "is one of the most common passwords"),
            Self::Personal => (
                "personal",
                "must not be the name or the e-mail address of the user",
            ),
        };
        FieldError {
            pointer: format!("/{field}"),
            message: format!("`{field}` {what}."),
            code,
        }
    }
}

impl<E: Into<Failure>> From<E> for Error {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

impl Error {
    /// For a statement about the user of a token.
    pub(crate) fn of_subject(error: SubjectError<sql::Error>) -> Self {
        match error {
            SubjectError::Token(rejected) => Self::TokenRejected(rejected),
            SubjectError::Call(error) => error.into(),
        }
    }
}

/// It does not say whether there were too many attempts from one address or for one account.
const TOO_MANY_ATTEMPTS: &Kind = kind!(
    429,
    "too-many-attempts",
    "Too many attempts",
    "There were too many attempts. Try again later.",
    "Try again after the seconds that `Retry-After` says. Each further failure makes the next delay longer, up to a minute. Sessions that have begun are not affected.",
);

/// Status, name, title and detail of each error. Clients branch on the names.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::of(match error {
            Error::UsernameTaken => kind!(
                409,
                "username-taken",
                "Username taken",
                "A user with this name already exists. Names that differ only in case are the same.",
                "Choose another name.",
            ),
            Error::EmailTaken => kind!(
                409,
                "email-taken",
                "E-mail address taken",
                "A user with this e-mail address already exists. In production, this is not told.",
                "Log in instead, or register with another address.",
            ),
            Error::InvalidCredentials => kind!(
                401,
                "invalid-credentials",
                "Invalid credentials",
                "The username or the password is wrong.",
                "Ask for both again. The answer does not say which one is wrong, because that would tell which accounts exist.",
            ),
            Error::AccountInactive => kind!(
                403,
                "account-inactive",
                "Account inactive",
                "This account may not log in.",
                "The operator of the service can activate the account again. Another attempt does not help.",
            ),
            Error::UnknownAudience => {
                return Self::invalid_fields(vec![FieldError {
                    pointer: "/audience".to_owned(),
                    message: "`audience` is not the name of a service that accepts tokens."
                        .to_owned(),
                    code: "unknown",
                }]);
            }
            Error::TooManyAttempts(seconds) => {
                return Self::of(TOO_MANY_ATTEMPTS).with_retry_after(seconds);
            }
            Error::WrongPassword => kind!(
                403,
                "wrong-password",
                "Wrong password",
                "The current password is wrong.",
                "Ask for the current password again.",
            ),
            Error::GuessablePassword(field, why) => {
                return Self::invalid_fields(vec![why.at(field)]);
            }
            Error::PasswordChangedMeanwhile => kind!(
                409,
                "password-changed-meanwhile",
                "Password changed meanwhile",
                "The password was changed by another request at the same time.",
                "Ask for the new password again, which is the current one now.",
            ),
            Error::NoSession => kind!(
                409,
                "no-session",
                "No session",
                "The access token does not belong to a session. It is valid until it expires.",
                "Forget the token. It cannot be revoked earlier.",
            ),
            Error::SessionNotFound => kind!(
                404,
                "not-found",
                "Not found",
                "You do not have a session with this id, or it has ended.",
            ),
            Error::TooManySessions => kind!(
                503,
                "unavailable",
                "Temporarily unavailable",
                "There are too many sessions to end at once. Try again.",
            ),
            Error::UserGone => {
                return Self::invalid_token("The access token's user does not exist.");
            }
            Error::TokenRejected(rejected) => return rejected.into(),
            Error::KeyReused => &kinds::IDEMPOTENCY_KEY_REUSED,
            Error::RequestInProgress => &kinds::REQUEST_IN_PROGRESS,
            Error::Failure(failure) => return failure.into(),
        })
    }
}
